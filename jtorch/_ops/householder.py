"""Householder reflections, equations between tensors of any dimensions, and the renormalisation of slices."""
from __future__ import annotations

import math
from functools import partial

import jax.numpy as jnp
from jax import lax

from .._core.layout import columns
from .._core.op import FLOAT, NONE, Array, Dims, Scalar, op
from .arguments import is_bool, require_matrices, transposed
from .checks import dimension, is_floating, widened
from .linalg import inv_ex, solve_ex
from .singular import SINGULAR, UNSOLVED, raises
from .strides import inverted
from .norms import p_norm
from .single import kept

algebra = partial(op, NONE, home="linalg")


# ---- Householder reflections

@op(NONE, returns="a tau", out="cast", strides=columns)
def geqrf(input: Array) -> tuple[Array, Array]:
    """R above the diagonal, and below it and in `tau` the reflections that make up Q.    input: (*, n, m)  ->  (*, n, m), (*, k)"""
    require_matrices(input, "geqrf")
    packed, tau = jnp.linalg.qr(input, mode="raw")
    return jnp.swapaxes(packed, -1, -2), tau


@algebra(out="cast", node="LinalgHouseholderProductBackward0", strides=columns)
def householder_product(input: Array, tau: Array) -> Array:
    """The first columns of the product of reflections.    input: (*, n, m), tau: (*, k)  ->  (*, n, m)"""
    _check_reflections(input, tau, "torch.linalg.householder_product")
    n, m = input.shape[-2:]
    return jnp.eye(n, m, dtype=input.dtype) - _block(input, tau, m)


@op(NONE, out="cast", node="LinalgHouseholderProductBackward0", strides=columns)
def orgqr(input: Array, input2: Array) -> Array:
    """The first columns of the product of reflections.    input: (*, n, m), input2: (*, k)  ->  (*, n, m)"""
    return householder_product(input, input2)


@op(NONE, strides=columns)
def ormqr(input: Array, input2: Array, input3: Array, left: bool = True, transpose: bool = False) -> Array:
    """`input3` multiplied by the Q of reflections, from the left or the right.    (*, n, k), (*, k), (*, n, m)  ->  (*, n, m)"""
    _check_reflections(input, input2, "torch.ormqr")
    n = input.shape[-2]
    reflections = jnp.eye(n, dtype=input.dtype) - _block(input, input2, n)
    reflections = transposed(reflections) if transpose else reflections
    return reflections @ input3 if left else input3 @ reflections


def _block(input: Array, tau: Array, width: int) -> Array:
    """The first columns of what the product of reflections takes from the identity, in the compact form (Schreiber & Van Loan 1989)."""
    k = tau.shape[-1]
    v = jnp.tril(input[..., :k], -1) + jnp.eye(input.shape[-2], k, dtype=input.dtype)
    inner = jnp.triu(transposed(v) @ v, 1)
    scaled = jnp.eye(k, dtype=input.dtype) + tau[..., None] * inner
    return v @ lax.linalg.triangular_solve(scaled, tau[..., None] * transposed(v[..., :width, :]), left_side=True, lower=False)


def _check_reflections(input: Array, tau: Array, name: str) -> None:
    require_matrices(input, name)
    if input.shape[-2] < input.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if tau.ndim != input.ndim - 1 or tau.shape[-1] > input.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")


# ---- equations between tensors

@algebra(out="cast", node="ReshapeAliasBackward0", fails=raises("inv", SINGULAR), strides=inverted)
def tensorinv(A: Array, ind: int = 2) -> tuple[Array, Array]:
    """The inverse of `A` as a map from its last dimensions to its first `ind`.    A: (a…, b…)  ->  (b…, a…)"""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = math.prod(A.shape[:ind]), math.prod(A.shape[ind:])
    if rows != columns:
        raise RuntimeError(f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {columns} != {rows}")
    found, info = inv_ex(A.reshape(rows, columns))
    return found.reshape(*A.shape[ind:], *A.shape[:ind]), info


@algebra(out="cast", node="ViewBackward0", fails=raises("torch.linalg.solve", UNSOLVED))
def tensorsolve(A: Array, B: Array, dims: Dims = None) -> tuple[Array, Array]:
    """The X of `tensordot(A, X, X.ndim) = B`.    A: (b…, x…), B: (b…)  ->  (x…)"""
    if dims is not None:
        moved = [dimension(d, A.ndim) for d in (dims if isinstance(dims, tuple) else (dims,))]
        A = jnp.moveaxis(A, moved, range(A.ndim - len(moved), A.ndim))
    rows, columns = math.prod(A.shape[:B.ndim]), math.prod(A.shape[B.ndim:])
    if rows != columns:
        raise RuntimeError(f"Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got "
                           f"{columns} != {rows}")
    found, info = solve_ex(A.reshape(rows, columns), B.reshape(-1))
    return found.reshape(A.shape[B.ndim:]), info


# ---- slices and slopes

@op(FLOAT, strides="fresh")
def renorm(input: Array, p: int | float, dim: int, maxnorm: Scalar) -> Array:
    """Each part of `input` at one position of `dim` scaled down to a `p`-norm of at most `maxnorm`.    input: (*)  ->  (*)

    >>> torch.renorm(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if isinstance(maxnorm, complex):
        raise RuntimeError("renorm: maxnorm must be real-valued")
    if isinstance(maxnorm, int | float) and not maxnorm >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    along, wide = dimension(dim, input.ndim), widened(input)
    axes = tuple(d for d in range(input.ndim) if d != along)
    size = p_norm(lax.stop_gradient(wide), float(p), axes, True)
    limit = jnp.asarray(maxnorm).astype(size.dtype)
    large = jnp.where(size > limit, wide, 1)                # so that no derivative of a norm is taken that is not used, and may be nan
    factor = kept(limit / (p_norm(large, float(p), axes, True) + 1e-7), input if is_floating(input) else size)
    return jnp.where(size > limit, large * factor, wide).astype(input.dtype)


@op(NONE, home="", inplace=False, out=False, node="CatBackward0")
def slope(input: Array, coordinates: Array | None, spacing: Scalar, dim: int, edge_order: int) -> Array:
    """The derivative along a dimension by second-order differences; at the edges by `edge_order`."""
    if input.dtype == jnp.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if is_bool(input):
        raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.")
    values = jnp.moveaxis(input if jnp.issubdtype(input.dtype, jnp.inexact) else input.astype(jnp.float32), dim, -1)
    n = values.shape[-1]
    if n < edge_order + 1:
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    gaps = jnp.diff(coordinates) if coordinates is not None else jnp.broadcast_to(jnp.asarray(spacing).astype(values.dtype), (n - 1,))
    a, b = gaps[:-1], gaps[1:]
    if coordinates is None:
        inside = (values[..., 2:] - values[..., :-2]) / (a + b)
    else:
        inside = (-b / (a * (a + b))) * values[..., :-2] + ((b - a) / (a * b)) * values[..., 1:-1] + (a / (b * (a + b))) * values[..., 2:]
    first = _edge(values[..., :3], gaps[:2], edge_order)
    last = -_edge(values[..., ::-1][..., :3], gaps[::-1][:2], edge_order)
    return jnp.moveaxis(jnp.concatenate([first, inside, last], -1), -1, dim)


def _edge(values: Array, gaps: Array, order: int) -> Array:
    """The derivative at the first of the values."""
    if order == 1:
        return (values[..., 1:2] - values[..., :1]) / gaps[0]
    a, b = gaps
    return (-(2 * a + b) / (a * (a + b)) * values[..., :1] + (a + b) / (a * b) * values[..., 1:2] - a / (b * (a + b)) * values[..., 2:3])


@op(NONE, differentiable=False)
def nonzero_static(input: Array, *, size: int, fill_value: int = -1) -> Array:
    """The first `size` positions of elements that are not zero, and `fill_value` where there are fewer.    input: (*)  ->  (size, dimensions)"""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    if not input.ndim:
        return jnp.zeros((size, 0), jnp.int64)
    return jnp.stack(jnp.nonzero(input, size=size, fill_value=fill_value), -1).astype(jnp.int64)
