"""From a recorded path to a function of arrays, and what gradients need of it."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .graph import Array, Aval, Const, Edge, Entry
from .lift import lift
from .op import Op, Put, View, in_type
from .pack import Layout, concatenated, is_small

Env = dict[int, Array]                                       # slot -> array, while a path is replayed
Tape = dict[int, Callable]                                   # position of an entry -> its vjp


def fetch(entry: Entry, env: Env) -> list:
    """The operands of `entry`, before conversion."""
    return [ref if ref is None else ref.number if ref.__class__ is Const else env[ref] for ref in entry.operands]


def evaluate(entry: Entry, operands: Sequence) -> tuple:
    """The results of `entry` on these operands."""
    if entry.lifted:
        return lift(partial(_evaluate, entry), entry, operands)
    return _evaluate(entry, operands)


def _evaluate(entry: Entry, operands: Sequence) -> tuple:
    # By the name a profiler knows XLA's kernels: see `profiling`.  Nobody warns of a number that is infinite in its type.
    with jax.named_scope(f"{entry.op.name}.{entry.first}"), np.errstate(all="ignore"):
        converted = [x if cast is None else _convert(x, cast.numpy) for x, cast in zip(operands, entry.casts, strict=True)]
        results = entry.op.run(converted, entry.attrs)
    return results if results.__class__ is tuple else (results,)


def _convert(x: Any, to: np.dtype) -> Any:
    if isinstance(x, bool | int | float | complex):
        return np.asarray(x).astype(to)                      # still NumPy's, by which a body can tell a constant
    return in_type(x, to)


def differentiable(entry: Entry) -> list[int]:
    """Positions of the operands that gradients flow to."""
    return [k for k, a in enumerate(entry.inputs) if a is not None and a.requires_grad]


def linearize(entry: Entry, operands: Sequence) -> tuple[tuple, Callable]:
    """The results of `entry`, and the function from the cotangents of its differentiable results (None: there is none) to those of its operands."""
    flows = differentiable(entry)
    results: list = []

    def run(*arrays: Array) -> tuple[tuple, tuple]:
        full = list(operands)
        for k, array in zip(flows, arrays, strict=True):
            full[k] = array
        outs = evaluate(entry, full)
        smooth = [o for o, a in zip(outs, entry.outputs, strict=True) if a.requires_grad]
        rest = [o for o, a in zip(outs, entry.outputs, strict=True) if not a.requires_grad]
        return tuple(smooth), tuple(rest)

    given = [jnp.asarray(operands[k]) for k in flows]
    smooth, vjp, rest = jax.vjp(run, *given, has_aux=True)
    sources = {True: iter(smooth), False: iter(rest)}
    results.extend(next(sources[a.requires_grad]) for a in entry.outputs)

    def pull(cotangents: Sequence[Array | None]) -> tuple:
        there = [k for k, c in enumerate(cotangents) if c is not None]
        if len(there) == len(cotangents) or not getattr(entry.op, "splits", False):
            return vjp(tuple(jnp.zeros_like(s) if c is None else c for c, s in zip(cotangents, smooth, strict=True)))
        return jax.vjp(lambda *arrays: [run(*arrays)[0][k] for k in there], *given)[1]([cotangents[k] for k in there])
    return tuple(results), pull


def pull_back(entry: Entry, vjp: Callable, cotangents: Sequence[Array | None]) -> list[tuple[int, Array]]:
    """The cotangents of `entry`'s operands, as (slot, array), from those of its results (None where none arrived)."""
    full = [None if c is None else _conjugate(c) for c, a in zip(cotangents, entry.outputs, strict=True) if a.requires_grad]
    return [(entry.operands[k], _conjugate(g)) for k, g in zip(differentiable(entry), vjp(full), strict=True)]


def _conjugate(x: Array) -> Array:
    """PyTorch's gradient by a complex number is the conjugate of JAX's; where that has no imaginary part, it is 0 and not -0."""
    return jax.lax.complex(x.real, 0 - x.imag) if jnp.issubdtype(x.dtype, jnp.complexfloating) else x


class Special:
    """An operation that works on the replay itself: `replay(entry, env, tape)` writes its results into `env`."""

    def replay(self, entry: Entry, path: list[Edge], env: Env, tape: Tape) -> None:
        raise AssertionError

    def tapes(self) -> Iterable[int]:
        """Positions of the entries of the same path whose vjp it will call."""
        return ()

    def frees(self) -> Iterable[int]:
        """Positions of the entries whose gradients can't be asked for again."""
        return ()


def replay(path: list[Edge], outputs: Sequence[int], packs: Sequence[Sequence[int]] = (), alike: bool = False) -> Callable[..., list]:
    """The path as one function from its input arrays to the arrays of the slots `outputs`, and for each of `packs` its slots as one vector.

    alike  whether all but updates read the arrays of packs at places unknown to the compiler: see `Layout.split_alike`
    """
    taped = _taped(path)

    def run(*inputs: Array) -> list:
        fixed = _given(path, inputs)
        env, tape = _given(path, inputs, Layout.split_alike) if alike else fixed, dict[int, Callable]()
        for i, edge in enumerate(path):
            if edge.entry is not None:
                update = alike and getattr(edge.entry.op, "packs", False)
                _perform(i, edge.entry, path, env, tape, taped, fixed if update else {})
        return [env[s] for s in outputs] + [concatenated([env[s] for s in slots]) for slots in packs]
    return run


def recover(path: list[Edge], inputs: Sequence[Array]) -> Env:
    """The arrays of all slots that can be computed, one operation after another, where the program of the path failed."""
    env, tape, taped = _given(path, inputs), dict[int, Callable](), _taped(path)
    for i, edge in enumerate(path):
        for derivatives in (taped, ()) if edge.entry is not None else ():
            try:
                _perform(i, edge.entry, path, env, tape, derivatives, {})
                break
            except Exception:                                # what comes from it is absent too, maybe only its gradient
                continue
    return env


def _taped(path: list[Edge]) -> set[int]:
    """Positions of the entries whose vjp is asked for."""
    return {i for e in path if e.entry is not None and isinstance(e.entry.op, Special) for i in e.entry.op.tapes()}


def _given(path: list[Edge], inputs: Iterable[Array], split: Callable[[Layout, Array], list[Array]] = Layout.split) -> Env:
    """The arrays of the slots of a path's inputs."""
    env, source = {}, iter(inputs)
    for edge in path:
        if edge.entry is None and edge.layout is None:
            env[edge.slot] = next(source)
        elif edge.entry is None:
            env.update(enumerate(split(edge.layout, next(source)), edge.slot))
    return env


def _perform(place: int, entry: Entry, path: list[Edge], env: Env, tape: Tape, taped: Container[int], fixed: Env) -> None:
    """Put the results of one operation into `env`.  Its operands are there too, or in `fixed`, at places of packs that the compiler knows."""
    if isinstance(entry.op, Special):
        entry.op.replay(entry, path, env, tape)
        return
    operands = fetch(entry, {**env, **fixed} if fixed else env)
    if place in taped:
        results, tape[place] = linearize(entry, operands)
    else:
        results = evaluate(entry, operands)
    env.update(zip(range(entry.first, entry.first + len(results)), results, strict=True))


def gradient_needs(entry: Entry) -> frozenset[int]:
    """Positions of the operands whose arrays the gradient of `entry` reads; the others need not be kept."""
    return frozenset(k for k in _reads(entry) if entry.operands[k].__class__ is int)


def keeps_nothing(entry: Entry) -> bool:
    """Whether PyTorch saves no tensor for the gradient of `entry`, so that it can be had again and again.  Positions and factors are no tensors."""
    if isinstance(entry.op, View | Put) or not _reads(entry):
        return True
    roles = entry.op.roles(entry.attrs) if isinstance(entry.op, Op) else ()
    return bool(roles) and all(roles[k] == "scalar" for k in _reads(entry))


def _reads(entry: Entry) -> frozenset[int]:
    if entry.needs is None:
        with jax.enable_x64(True):
            entry.needs = _find_needs(entry)
    return entry.needs


def _find_needs(entry: Entry) -> frozenset[int]:
    if isinstance(entry.op, Special) or not entry.differentiable:
        return frozenset()
    arrays = [k for k, ref in enumerate(entry.operands) if ref is not None]
    shapes = [jax.ShapeDtypeStruct((), np.asarray(entry.operands[k].number).dtype) if entry.inputs[k] is None else
              jax.ShapeDtypeStruct(entry.inputs[k].full, entry.inputs[k].dtype.numpy) for k in arrays]
    cotangents = tuple(jax.ShapeDtypeStruct(a.full, a.dtype.numpy) for a in entry.outputs if a.requires_grad)

    def gradients(operands: Sequence[Array], cotangents: tuple) -> tuple:
        full: list = [None] * len(entry.operands)
        for k, x in zip(arrays, operands, strict=True):
            full[k] = x
        return linearize(entry, full)[1](cotangents)

    jaxpr = jax.make_jaxpr(gradients)(shapes, cotangents).jaxpr
    read = _read_inputs(jaxpr, [True] * len(jaxpr.outvars))
    return frozenset(k for k, used in zip(arrays, read, strict=False) if used)


def _read_inputs(jaxpr: Any, wanted: Sequence[bool]) -> list[bool]:
    """Which inputs of `jaxpr` the wanted outputs depend on, looking into nested programs."""
    live = {v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w and not hasattr(v, "val")}
    for equation in reversed(jaxpr.eqns):
        wanted_here = [v in live for v in equation.outvars]
        if any(wanted_here):
            inner = equation.params.get("jaxpr")
            if equation.primitive.name in ("jit", "pjit", "closed_call") and inner is not None:
                reads = _read_inputs(getattr(inner, "jaxpr", inner), wanted_here)
            else:
                reads = [True] * len(equation.invars)
            live.update(v for v, r in zip(equation.invars, reads, strict=True) if r and not hasattr(v, "val"))
    return [v in live for v in jaxpr.invars]


def history(path: list[Edge], slots: Iterable[int], freed: Iterable[int] = ()) -> list[int]:
    """Positions of the entries that the gradients of `slots` flow through, latest first."""
    wanted, freed, found = set(slots), set(freed), []
    for i in range(len(path) - 1, -1, -1):
        entry = path[i].entry
        if entry is None or i in freed or not entry.differentiable or not differentiable(entry):
            continue                                         # of gradient levels, the last also where one begins
        if any(entry.first + k in wanted for k, a in enumerate(entry.outputs) if a.requires_grad):
            found.append(i)
            wanted.update(entry.operands[k] for k in differentiable(entry))
    return found


def saved_slots(path: list[Edge], live: Iterable[int], freed: Iterable[int]) -> list[int]:
    """The slots that must outlive the program, so that the gradients of the `live` slots can be found later."""
    freed = set(freed)
    return sorted({path[i].entry.operands[k] for i in history(path, live) if i not in freed for k in gradient_needs(path[i].entry)})


def avals_of(path: list[Edge]) -> dict[int, Aval]:
    """What is known of each slot of a path."""
    found: dict[int, Aval] = {}
    for edge in path:
        if edge.entry is not None:
            found.update(enumerate(edge.entry.outputs, edge.entry.first))
        elif edge.layout is not None:
            found.update(enumerate(edge.layout.avals, edge.slot))
        else:
            found[edge.slot] = edge.aval
    return found


def packable(path: list[Edge], live: Iterable[int]) -> list[list[int]]:
    """The live slots of small arrays that an update made, those of one role and type together."""
    groups: dict = {}
    alive = set(live)
    for position, edge in enumerate(path):
        if edge.entry is None or not getattr(edge.entry.op, "packs", False):
            continue
        for slot, a in enumerate(edge.entry.outputs, edge.entry.first):
            if slot in alive and is_small(a):
                role = edge.entry.op.role(slot - edge.entry.first, edge.entry.attrs)
                groups.setdefault((position, role, a.dtype), []).append(slot)
    return [slots for slots in groups.values() if len(slots) > 1]


def donatable(path: list[Edge], outputs: Iterable[tuple], free: Iterable[int]) -> tuple[int, ...]:
    """Of the inputs `free`, those whose memory an output of the same shape and type (given as such pairs) can take."""
    inputs = [((e.layout.size,), e.layout.dtype) if e.layout is not None else (e.aval.full, e.aval.dtype) for e in path if e.entry is None]
    room = Counter(outputs)
    chosen = []
    for k in free:
        if room[inputs[k]]:
            room[inputs[k]] -= 1
            chosen.append(k)
    return tuple(chosen)
