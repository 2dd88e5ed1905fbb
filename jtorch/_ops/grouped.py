"""Products of groups of matrices, as in mixtures of experts."""
from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .._core.dtype import dtype
from .._core.op import NONE, Array, op
from .checks import scalar_type

FLOATS = ("float32", "bfloat16", "float16")


def _check(mat_a: Array, mat_b: Array, offs: Array | None, bias: Array | None, out_dtype: dtype | None) -> None:
    for name, given in (("mat_a", mat_a), ("mat_b", mat_b)):
        if given.dtype.name not in FLOATS:
            raise RuntimeError(f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got {scalar_type(given)}")
    for name, given in (("mat_a", mat_a), ("mat_b", mat_b)):
        if given.ndim not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
    if mat_a.shape[-1] != mat_b.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    if (offs is None) == (mat_a.ndim == 2 or mat_b.ndim == 2):
        raise RuntimeError("Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d")
    if offs is not None and offs.dtype != jnp.int32:
        raise RuntimeError("Offsets have to be int32")
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype is not None and out_dtype.numpy != mat_a.dtype:
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
    if mat_a.ndim == 3 == mat_b.ndim and mat_a.shape[0] != mat_b.shape[0]:
        raise RuntimeError("batched dimension has to match")
    groups = mat_a.shape[0] if mat_a.ndim == 3 else mat_b.shape[0] if mat_b.ndim == 3 else None
    if offs is not None and groups is not None and offs.shape != (groups,):
        raise RuntimeError("matrix batch sizes have to match")


@op(NONE, home="nn.functional", inplace=False, out=False)
def grouped_mm(mat_a: Array, mat_b: Array, *, offs: Array | None = None, bias: Array | None = None, out_dtype: dtype | None = None) -> Array:
    """One product per group; `offs` says where each group ends in the dimension that a 2-D operand has them in.

    (G, M, K), (G, K, N)  ->  (G, M, N);   (M, K), (G, K, N)  ->  (M, N), groups of rows;   (G, M, K), (K, N)  ->  (M, N), groups of columns;
    (M, K), (K, N)  ->  (G, M, N), groups along K
    """
    _check(mat_a, mat_b, offs, bias, out_dtype)
    if offs is None:
        return mat_a @ mat_b
    if mat_b.ndim == 3:
        return lax.ragged_dot(mat_a, mat_b, jnp.diff(offs, prepend=0))
    if mat_a.ndim == 3:
        return lax.ragged_dot(mat_b.T, mat_a.swapaxes(1, 2), jnp.diff(offs, prepend=0)).T
    place = jnp.arange(mat_a.shape[1])
    own = (place < offs[:, None]) & (place >= jnp.concatenate([jnp.zeros(1, offs.dtype), offs[:-1]])[:, None])
    return jnp.where(own[:, None], mat_a, 0) @ mat_b
