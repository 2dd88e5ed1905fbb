"""Running statistics."""
from __future__ import annotations

from .._core.op import NONE, Array, Scalar, op


@op(NONE, home="", inplace=False, out=False, differentiable=False)
def running_update(running_mean: Array, running_var: Array, mean: Array, var: Array, momentum: Scalar) -> tuple[Array, Array]:
    """Running statistics moved towards a batch's: `(1 - momentum) * running + momentum * found`.    each: (C)  ->  (C) twice"""
    for name, given in (("running_mean", running_mean), ("running_var", running_var)):
        if given.size != mean.size:
            raise RuntimeError(f"{name} should contain {mean.size} elements not {given.size}")

    def moved(running: Array, found: Array) -> Array:
        return ((1 - momentum) * running + momentum * found).astype(running.dtype)
    return moved(running_mean, mean), moved(running_var, var)
