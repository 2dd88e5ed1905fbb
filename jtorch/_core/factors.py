"""JAX's primitive operations in NumPy (see host.py): factorizations of matrices, and solving with them."""
from __future__ import annotations

from typing import Any

import numpy as np

from .primitives import Array, rule


@rule("cholesky")
def cholesky(x: Array) -> Array:
    """The lower factor of each matrix; NaN where there is none."""
    found = np.empty_like(x)
    for k in np.ndindex(x.shape[:-2]):
        try:
            found[k] = np.linalg.cholesky(x[k])
        except np.linalg.LinAlgError:
            found[k] = np.nan
    return found


@rule("lu")
def lu(x: Array) -> tuple[Array, Array, Array]:
    """Both factors in one matrix, the row swaps, and the order of rows that they lead to."""
    factors = x.copy()
    rows, rank = x.shape[-2], min(x.shape[-2:])
    pivots = np.zeros((*x.shape[:-2], rank), np.int32)
    for batch in np.ndindex(x.shape[:-2]):
        a = factors[batch]
        for k in range(rank):
            p = pivots[(*batch, k)] = k + int(np.argmax(np.absolute(a[k:, k])))
            a[[k, p]] = a[[p, k]]
            if a[k, k] != 0:
                a[k + 1:, k] /= a[k, k]
            a[k + 1:, k + 1:] -= np.outer(a[k + 1:, k], a[k, k + 1:])
    return factors, pivots, permutation(pivots, permutation_size=rows)


@rule("lu_pivots_to_permutation")
def permutation(pivots: Array, *, permutation_size: int) -> Array:
    """The order of rows after these swaps."""
    found = np.broadcast_to(np.arange(permutation_size, dtype=np.int32), (*pivots.shape[:-1], permutation_size)).copy()
    for batch in np.ndindex(pivots.shape[:-1]):
        for k, p in enumerate(pivots[batch]):
            found[batch][[k, p]] = found[batch][[p, k]]
    return found


@rule("triangular_solve")
def triangular_solve(a: Array, b: Array, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool, unit_diagonal: bool) -> Array:
    """The x with a x = b, or x a = b, row by row."""
    a = a.conj() if conjugate_a else a
    if transpose_a != (not left_side):
        a, lower = np.swapaxes(a, -1, -2), not lower
    b = b if left_side else np.swapaxes(b, -1, -2)
    x = np.zeros_like(b)
    size = a.shape[-1]
    for k in range(size) if lower else reversed(range(size)):
        rest = slice(0, k) if lower else slice(k + 1, size)
        row = b[..., k, :] - (a[..., k, None, rest] @ x[..., rest, :])[..., 0, :]
        x[..., k, :] = row if unit_diagonal else row / a[..., k, k, None]
    return x if left_side else np.swapaxes(x, -1, -2)


@rule("eigh")
def eigh(x: Array, *, lower: bool) -> tuple[Array, Array]:
    """Eigenvectors and eigenvalues of a Hermitian matrix."""
    values, vectors = np.linalg.eigh(x, "L" if lower else "U")
    return vectors, values


@rule("svd")
def svd(x: Array, *, full_matrices: bool, compute_uv: bool) -> tuple[Array, ...]:
    """Singular values, and the vectors on both sides."""
    if not compute_uv:
        return np.linalg.svd(x, compute_uv=False),
    left, values, right = np.linalg.svd(x, full_matrices)
    return values, left, right


@rule("qr")
def qr(x: Array, *, full_matrices: bool) -> Any:
    """An orthogonal and an upper triangular factor."""
    return np.linalg.qr(x, "complete" if full_matrices else "reduced")


@rule("geqrf")
def geqrf(x: Array) -> tuple[Array, Array]:
    """Reflections below the upper triangular factor, and their scales."""
    factors, scales = np.linalg.qr(x, "raw")
    return np.swapaxes(factors, -1, -2), scales


@rule("householder_product")
def householder_product(x: Array, scales: Array) -> Array:
    """The first columns of the product of reflections."""
    rows, columns = x.shape[-2:]
    found = np.broadcast_to(np.eye(rows, columns, dtype=x.dtype), x.shape).copy()
    for k in reversed(range(scales.shape[-1])):
        v = np.where(np.arange(rows) > k, x[..., k], np.arange(rows) == k).astype(x.dtype)
        found -= scales[..., k, None, None] * v[..., None] * (v.conj()[..., None, :] @ found)
    return found
