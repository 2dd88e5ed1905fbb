"""Random numbers that belong to tensors: what the host drew, joined to the values that it depends on.  All gradients are zero, as PyTorch's are."""
from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, Array, op


@op(NONE, home="", inplace=False, out=False, node="BernoulliBackward0")
def below(p: Array, uniform: Array) -> Array:
    """One where the uniform number is below `p`, else zero."""
    return (uniform < p).astype(p.dtype)


@op(NONE, home="", inplace=False, out=False, node="BernoulliBackward1")
def below_into(input: Array, p: Array, uniform: Array) -> Array:
    """The same as new contents of `input`."""
    return (uniform < p).astype(input.dtype)


@op(NONE, home="", inplace=False, out=False, node=lambda entry: f"{entry.attrs[0]}Backward{entry.attrs[1]}")
def redrawn(input: Array, made: Array, family: str, number: int) -> Array:
    """What was drawn in the place of `input`, or from it."""
    return made


def _normal(entry: Any) -> str:
    return f"NormalBackward{2 if 0 in entry.numbers else 1 if 1 in entry.numbers else 3}"


@op(NONE, home="", inplace=False, out=False, node=_normal)
def spread(mean: Array, std: Array, normal: Array) -> Array:
    """Standard normal numbers, moved to these means and standard deviations."""
    mean, std = [lax.stop_gradient(jnp.asarray(x).astype(normal.dtype)) for x in (mean, std)]
    return normal * std + mean
