"""What went wrong in a decomposition: found by the program itself, told by an exception on the user's line."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.op import Array


class _LinAlgError(RuntimeError):
    """A matrix has no inverse, or a decomposition does not exist."""


LinAlgError = _LinAlgError                                   # PyTorch's public name for it
LinAlgError.__module__ = "torch._C"

SINGULAR = "The diagonal element {} is zero, the inversion could not be completed because the input matrix is singular."
UNSOLVED = "The solver failed because the input matrix is singular."
INDEFINITE = "The factorization could not be completed because the input is not positive-definite (the leading minor of order {} is not positive-definite)."
DIVIDES = ("U[{0},{0}] is zero and using it on lu_solve would result in a division by zero. If you still want to perform the factorization, consider "
           "calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")
NOT_FINITE = "linalg.svd: {}The algorithm failed to converge because the input matrix contained non-finite values."


def raises(name: str, text: str, error: type[Exception] = LinAlgError) -> Callable:
    """What raises for the first matrix of a batch whose info is not 0; only where they ask for it, for ops that have `check_errors`."""
    def fails(read: Callable, *args: Any, check_errors: bool = True, **keywords: Any) -> None:
        info = read() if check_errors else np.zeros(())
        wrong = np.flatnonzero(info)
        if wrong.size:
            first = int(wrong[0])
            place = f"(Batch element {first}): " if info.ndim else ""
            raise error(f"{name}: {place}{text.format(info.flat[first])}")
    return fails


def raises_below_zero(read: Callable, A: Any, n: int) -> None:
    """For powers of matrices: only negative ones need an inverse."""
    if n < 0:
        raises("linalg.inv", SINGULAR)(read)


def raises_for_nan(read: Callable, *args: Any, **keywords: Any) -> None:
    """LAPACK's least squares take no NaN."""
    if np.any(read()):
        raise RuntimeError("torch.linalg.lstsq: the matrix or the right-hand side contains NaN.")


def require_finite(A: Any, *args: Any, **keywords: Any) -> None:
    """Raise where the values of A are known, and not finite."""
    if isinstance(A, np.ndarray) and A.ndim > 1 and not np.isfinite(A).all():
        place = int(np.flatnonzero(~np.isfinite(A).all((-2, -1)))[0])
        raise LinAlgError(NOT_FINITE.format(f"(Batch element {place}): " if A.ndim > 2 else ""))


def require_finite_eig(A: Any) -> None:
    """Raise where the values of A are known, and not finite."""
    if isinstance(A, np.ndarray) and not np.isfinite(A).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")


def zero_pivot(A: Array) -> Array:
    """The place of the first zero on the diagonal of A's U, counted from 1; 0 where there is none.    A: (*, n, n)  ->  (*) int32"""
    return first_zero(lax.linalg.lu(lax.stop_gradient(A))[0])


def first_zero(A: Array) -> Array:
    """The place of the first zero on A's diagonal, counted from 1; 0 where there is none.    A: (*, n, m)  ->  (*) int32"""
    zero = jnp.diagonal(A, axis1=-2, axis2=-1) == 0
    if not zero.shape[-1]:
        return jnp.zeros(A.shape[:-2], jnp.int32)
    return jnp.where(zero.any(-1), jnp.argmax(zero, -1) + 1, 0).astype(jnp.int32)


def failing_minor(A: Array, factor: Array) -> Array:
    """The order of A's first leading minor that is not positive; 0 where its Cholesky factor exists.    A, factor: (*, n, n)  ->  (*) int32

    By elimination, which runs only where the factor has a nan.
    """
    A, factor = lax.stop_gradient((A, factor))
    missing, n = jnp.isnan(factor).any((-2, -1)), A.shape[-1]

    def step(k: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        rest, order = state
        column = lax.dynamic_index_in_dim(rest, k, -1, False)
        pivot = lax.dynamic_index_in_dim(column, k, -1, False).real
        order = jnp.where((order == 0) & ~(pivot > 0), k + 1, order).astype(jnp.int32)
        scale = jnp.where(pivot > 0, pivot, 1)[..., None, None].astype(rest.dtype)
        return rest - column[..., :, None] * jnp.conj(column)[..., None, :] / scale, order

    none = jnp.zeros(A.shape[:-2], jnp.int32)
    order = lax.cond(missing.any(), lambda: lax.fori_loop(0, n, step, (A, none))[1], lambda: none)
    return jnp.where(missing, jnp.where(order == 0, n, order), 0).astype(jnp.int32)
