"""The LU decomposition, and inverses and solutions that report whether they exist."""
from __future__ import annotations

from functools import partial

import jax.numpy as jnp
from jax import lax

from .._core.layout import columns
from .._core.op import NONE, Array, op
from .arguments import require_matrices, transposed
from .checks import broadcast_sizes
from .singular import DIVIDES, first_zero, raises
from .strides import columns_where_left

algebra = partial(op, NONE, home="linalg")


@algebra(returns="LU pivots", node="LinalgLuFactorExBackward0", saves="result", fails=raises("torch.linalg.lu_factor", DIVIDES, RuntimeError), strides=columns)
def lu_factor(A: Array, *, pivot: bool = True) -> tuple[Array, Array, Array]:
    """L (below the diagonal) and U in one matrix, and the row exchanged with each, counted from 1.    A: (*, n, m)  ->  (*, n, m), (*, k) int32"""
    return lu_factor_ex(A, pivot=pivot)


@algebra(returns="LU pivots info", saves="result", fails=raises("torch.linalg.lu_factor_ex", DIVIDES, RuntimeError), strides=columns)
def lu_factor_ex(A: Array, *, pivot: bool = True, check_errors: bool = False) -> tuple[Array, Array, Array]:
    """`lu_factor`, and the place of the first zero on U's diagonal, counted from 1.    A: (*, n, m)  ->  (*, n, m), (*, k) int32, (*) int32"""
    require_matrices(A, "torch.linalg.lu_factor_ex")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    factored, pivots, _ = lax.linalg.lu(A)
    return factored, pivots + 1, first_zero(lax.stop_gradient(factored))


@algebra(returns="P L U", differentiable=(1, 2), saves="result")
def lu(A: Array, *, pivot: bool = True) -> tuple[Array, Array, Array]:
    """Permutation P, lower L with unit diagonal and upper U with `A = P L U`.    A: (*, n, m)  ->  (*, n, n), (*, n, k), (*, k, m)"""
    require_matrices(A, "linalg.lu")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    factored, _, order = lax.linalg.lu(A)
    n, k = A.shape[-2], min(A.shape[-2:])
    lower = jnp.tril(factored[..., :k], -1) + jnp.eye(n, k, dtype=A.dtype)
    return jnp.swapaxes(jnp.eye(n, dtype=A.dtype)[order], -1, -2), lower, jnp.triu(factored[..., :k, :])


@algebra(strides=columns_where_left)
def lu_solve(LU: Array, pivots: Array, B: Array, *, left: bool = True, adjoint: bool = False) -> Array:
    """X of `A X = B` (or `X A = B`, or with Aᴴ) from `lu_factor(A)`.    LU: (*, n, n), pivots: (*, n), B: (*, n, k)  ->  (*, n, k)"""
    if not left:
        return transposed(lu_solve(LU, pivots, transposed(B), adjoint=not adjoint))
    batch = broadcast_sizes(LU.shape[:-2], B.shape[:-2])
    LU, B = (jnp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (LU, B))
    order = jnp.broadcast_to(lax.linalg.lu_pivots_to_permutation(pivots - 1, LU.shape[-1]), (*batch, LU.shape[-1]))
    substitute = partial(lax.linalg.triangular_solve, LU, left_side=True)
    if not adjoint:
        half = substitute(jnp.take_along_axis(B, order[..., None], -2), lower=True, unit_diagonal=True)
        return substitute(half, lower=False)
    half = substitute(B, lower=False, transpose_a=True, conjugate_a=True)
    whole = substitute(half, lower=True, unit_diagonal=True, transpose_a=True, conjugate_a=True)
    return jnp.take_along_axis(whole, jnp.argsort(order, -1)[..., None], -2)


@op(NONE, name="lu_solve", node="LinalgLuSolveBackward0", strides=columns)
def torch_lu_solve(b: Array, LU_data: Array, LU_pivots: Array) -> Array:
    """X of `A X = b` from A's `lu_factor`.    b: (*, n, k)  ->  (*, n, k)"""
    return lu_solve(LU_data, LU_pivots, b)


@op(NONE, home="torch", returns="P L U", differentiable=(1, 2))
def lu_unpack(LU_data: Array, LU_pivots: Array, unpack_data: bool = True, unpack_pivots: bool = True) -> tuple[Array, Array, Array]:
    """P, L and U from what `lu_factor` gave.    LU_data: (*, n, m), LU_pivots: (*, k)  ->  (*, n, n), (*, n, k), (*, k, m)"""
    n, k = LU_data.shape[-2], min(LU_data.shape[-2:])
    nothing = jnp.zeros((0,), LU_data.dtype)
    order = lax.linalg.lu_pivots_to_permutation(LU_pivots - 1, n)
    permutation = jnp.swapaxes(jnp.eye(n, dtype=LU_data.dtype)[order], -1, -2) if unpack_pivots else nothing
    if not unpack_data:
        return permutation, nothing, nothing
    return permutation, jnp.tril(LU_data[..., :k], -1) + jnp.eye(n, k, dtype=LU_data.dtype), jnp.triu(LU_data[..., :k, :])
