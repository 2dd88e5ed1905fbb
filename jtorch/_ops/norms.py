"""Norms of vectors and matrices."""
from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp

from .._core.dtype import dtype
from .._core.op import NONE, SAME, Array, Dims, op
from .arguments import dimensions, is_complex, require_inexact
from .checks import dimension, widened
from .derivatives import direction, magnitude
from .nodes import norm as norm_name
from .reduce import count, real_type


def p_norm(input: Array, p: float, axes: tuple[int, ...], keepdim: bool) -> Array:
    """The p-norm over `axes`; its derivative is 0 wherever it does not exist."""
    wide = widened(input)
    if math.isinf(p):
        if not input.size and count(input, axes) == 0:
            raise RuntimeError(f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because the operation does not have an identity")
        found = (jnp.max if p > 0 else jnp.min)(magnitude(wide), axes, keepdims=True)
    elif p == 0:
        found = jnp.sum((wide != 0).astype(real_type(wide)), axes, keepdims=True)
    elif p == 1:
        found = jnp.sum(magnitude(wide), axes, keepdims=True)
    else:
        found = _power_norm(wide, p, axes)
    return (found if keepdim else jnp.squeeze(found, axes)).astype(real_type(input))


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _power_norm(x: Array, p: float, axes: tuple[int, ...]) -> Array:
    if p == 2:
        return jnp.sqrt(jnp.sum((x * jnp.conj(x)).real, axes, keepdims=True))
    return jnp.sum(jnp.abs(x) ** p, axes, keepdims=True) ** (1 / p)


@_power_norm.defjvp
def _power_norm_jvp(p: float, axes: tuple[int, ...], primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # Where the slope is 0 by definition, its own slope is nan in PyTorch: with p = 2 for all elements of a zero vector, below also for each that is 0
    x, norm = primals[0], _power_norm(*primals, p, axes)
    zero = norm == 0
    if p == 2:
        slope = jnp.where(zero, 0, x / norm)
    elif p < 2:
        size = jnp.abs(x)
        slope = (direction(x) if is_complex(x) else jnp.sign(x)) * jnp.where(size == 0, 0, size ** (p - 1)) * jnp.where(zero, 0, norm ** (1 - p))
    else:
        slope = x * magnitude(x) ** (p - 2) * jnp.where(zero, 0, jnp.where(zero, 1, norm) ** (1 - p))
    return norm, jnp.sum((jnp.conj(slope) * tangents[0]).real, axes, keepdims=True)


def _in_type(input: Array, dtype: dtype | None, name: str) -> Array:
    require_inexact(input, name)
    return input if dtype is None else input.astype(dtype.numpy)


@op(NONE, node=norm_name, saves="both")
def norm(input: Array, p: int | float | str | None = "fro", dim: Dims = None, keepdim: bool = False, dtype: dtype | None = None) -> Array:
    """The `p`-norm over `dim`, or of all elements; "fro" is the 2-norm, "nuc" the sum of the singular values.    input: (*)  ->  (*) without `dim`

    >>> torch.norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    if p == "nuc":
        return matrix_norm(input, "nuc", tuple(range(input.ndim)) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


@op(NONE, home="linalg", node=norm_name, saves="both")
def vector_norm(x: Array, ord: int | float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """The `ord`-norm of vectors that lie along `dim`, or of all elements.    x: (*)  ->  (*) without `dim`"""
    x = _in_type(x, dtype, "linalg.vector_norm")
    return p_norm(x, float(ord), dimensions(dim, x.ndim), keepdim)


@op(NONE, home="linalg", node=norm_name, saves="both")
def matrix_norm(A: Array, ord: int | float | str = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *,
                dtype: dtype | None = None) -> Array:
    """The norm of matrices that lie along the two dimensions `dim`: "fro", "nuc", inf, -inf, 1, -1, 2 or -2.    A: (*, m, n)  ->  (*)"""
    A = _in_type(A, dtype, "linalg.matrix_norm")
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    rows, columns = (dimension(d, A.ndim) for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({rows}, {columns})")
    if ord == "fro":
        return p_norm(A, 2.0, (rows, columns), keepdim)
    if ord in ("nuc", 2, -2):
        values = jnp.linalg.svd(jnp.moveaxis(A, (rows, columns), (-2, -1)), compute_uv=False)
        found = jnp.sum(values, -1) if ord == "nuc" else (jnp.max if ord == 2 else jnp.min)(values, -1)
        return jnp.expand_dims(found, sorted((rows, columns))) if keepdim else found
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = (rows, columns) if ord in (1, -1) else (columns, rows)
    sums = p_norm(A, 1.0, (first,), True)
    found = (jnp.max if ord > 0 else jnp.min)(sums, second, keepdims=True)
    return found if keepdim else jnp.squeeze(found, (rows, columns))


@op(NONE, name="norm", home="linalg", node=norm_name, saves="both")
def linalg_norm(A: Array, ord: int | float | str | None = None, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """A vector's or a matrix's norm, by the number of dimensions in `dim`; without `ord` the 2-norm of all.    A: (*)  ->  (*) without `dim`"""
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                           f"Got {A.ndim}D.")
    axes = dimensions(dim, A.ndim)
    if len(axes) > 2:
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(axes)}")
    if isinstance(ord, str) or len(axes) == 2:
        return matrix_norm(A, ord, axes, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


@op(SAME, inplace=False, out=False, saves="both", numbers=False, strides="fresh")
def dist(input: Array, other: Array, p: int | float = 2) -> Array:
    """The `p`-norm of `input - other`.    input, other: (*)  ->  ()"""
    gap = input - other
    return p_norm(gap, float(p), tuple(range(gap.ndim)), False)
