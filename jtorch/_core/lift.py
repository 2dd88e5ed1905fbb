"""Operations on batches and on pairs of value and tangent: what `vmap` and forward-mode derivatives make of a recorded operation."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .graph import Entry

Run = Callable[[Sequence], tuple]


def lift(run: Run, entry: Entry, operands: Sequence) -> tuple:
    """The results of `run`, which knows nothing of levels, on operands with the dimensions of the entry's levels."""
    for level in reversed(entry.lifted):
        members = [a is not None and level in a.levels for a in entry.inputs]
        run = _along(run, members, [level in a.levels for a in entry.outputs]) if level.dual else _batched(run, members)
    return run(operands)


def _filled(operands: Sequence, members: Sequence[bool], given: Sequence) -> list:
    """`operands` with those given in the places of the members."""
    source = iter(given)
    return [next(source) if member else x for x, member in zip(operands, members, strict=True)]


def _members(operands: Sequence, members: Sequence[bool]) -> list:
    return [x for x, member in zip(operands, members, strict=True) if member]


def _batched(run: Run, members: Sequence[bool]) -> Run:
    def over(operands: Sequence) -> tuple:
        return jax.vmap(lambda *one: run(_filled(operands, members, one)))(*_members(operands, members))
    return over


def _along(run: Run, members: Sequence[bool], smooth: Sequence[bool]) -> Run:
    """`run` on pairs: results that are pairs, of those that are `smooth`."""
    def over(operands: Sequence) -> tuple:
        pairs = _members(operands, members)
        primals, tangents = [x[0] for x in pairs], [x[1:] for x in pairs]

        def parts(*given: Any) -> tuple[tuple, tuple]:
            results = run(_filled(operands, members, given))
            return tuple(_members(results, smooth)), tuple(results)

        if not any(smooth):
            return parts(*primals)[1]
        forward = _by_gradients if _has_own_gradient(jax.make_jaxpr(parts)(*primals).jaxpr) else _directly
        values, results = parts(*primals)
        slopes = jax.vmap(lambda *along: forward(parts, primals, along))(*tangents)      # the values are the same for all, and are computed once
        return tuple(_filled(results, smooth, [jnp.concatenate([v[None], s]) for v, s in zip(values, slopes, strict=True)]))
    return over


def _directly(parts: Callable, primals: Sequence, tangents: Sequence) -> tuple:
    return jax.jvp(parts, tuple(primals), tuple(tangents), has_aux=True)[1]


def _by_gradients(parts: Callable, primals: Sequence, tangents: Sequence) -> tuple:
    """The gradient of vᵀJ, which is linear in v: for what has a gradient rule of its own, which JAX cannot use forwards."""
    values, pull, _ = jax.vjp(parts, *primals, has_aux=True)
    return jax.vjp(pull, jax.tree.map(jnp.zeros_like, values))[1](tuple(tangents))[0]


def _has_own_gradient(jaxpr: Any) -> bool:
    if any(e.primitive.name.startswith("custom_vjp_call") for e in jaxpr.eqns):
        return True
    inner = [getattr(p, "jaxpr", p) for e in jaxpr.eqns for q in e.params.values() for p in (q if isinstance(q, tuple | list) else (q,))]
    return any(_has_own_gradient(j) for j in inner if hasattr(j, "eqns"))
