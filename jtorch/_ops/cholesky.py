"""Solutions and inverses from a Cholesky factor."""
from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from .._core.layout import columns
from .._core.op import NONE, Array, op
from .arguments import transposed
from .checks import broadcast_sizes
from .linalg import solve_triangular
from .singular import SINGULAR, first_zero, raises


@op(NONE, out="cast", saves="both", strides=columns)
def cholesky_solve(input: Array, L: Array, upper: bool = False) -> Array:
    """X of `A X = input` for the A whose Cholesky factor is L.    input: (*, n, k), L: (*, n, n)  ->  (*, n, k)"""
    lower = transposed(L) if upper else L
    fixed = jnp.tril(lax.stop_gradient(lower))
    lower = lower + lax.stop_gradient(fixed - lower)         # PyTorch's gradient is that of L Lᴴ for a full L

    def solve(_: Callable, right: Array) -> Array:
        half = solve_triangular(fixed, right, upper=False)
        return solve_triangular(transposed(fixed), half, upper=True)
    batch = broadcast_sizes(L.shape[:-2], input.shape[:-2])
    right = jnp.broadcast_to(input, (*batch, *input.shape[-2:]))
    return lax.custom_linear_solve(lambda x: lower @ (transposed(lower) @ x), right, solve, lambda _, y: solve(_, y.conj()).conj())


@op(NONE, out="cast", saves="both", fails=raises("cholesky_inverse", SINGULAR), strides=columns)
def cholesky_inverse(L: Array, upper: bool = False) -> tuple[Array, Array]:
    """Inverse of the matrix whose Cholesky factor is L.    L: (*, n, n)  ->  (*, n, n)"""
    found = cholesky_solve(jnp.broadcast_to(jnp.eye(L.shape[-1], dtype=L.dtype), L.shape), L, upper)
    return found, first_zero(L)
