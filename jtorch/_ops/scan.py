"""Running results along a dimension: cumulative sums and extremes, differences, the trapezoid rule."""
from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from .._core.dtype import dtype
from .._core.op import FLOAT, NONE, Array, Scalar, op
from .arguments import cast, is_bool, is_complex, is_inexact, takes_zero_dim, unimplemented
from .checks import dimension, widened
from .derivatives import derived
from .elementary import log_add_exp
from .single import accumulated, apart


def _scanned(scan: Callable, input: Array, dim: int, dtype: dtype | None) -> Array:
    axis = dimension(dim, input.ndim)
    if dtype is not None:
        input = input.astype(dtype.numpy)
    elif not is_inexact(input):
        input = input.astype(jnp.int64)
    return scan(accumulated(input), axis).astype(input.dtype) if input.size else input


@op(NONE, inplace="exact", out="cast", overlap="whole")
@takes_zero_dim
def cumsum(input: Array, dim: int, *, dtype: dtype | None = None) -> Array:
    """Sum of the elements up to each one along `dim`; of integers it is an int64.    input: (*)  ->  (*)

    >>> torch.cumsum(torch.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    return _scanned(lax.cumsum, input, dim, dtype)


@op(NONE, inplace="exact", out="cast", saves="both", overlap="whole")
@takes_zero_dim
def cumprod(input: Array, dim: int, *, dtype: dtype | None = None) -> Array:
    """Product of the elements up to each one along `dim`; of integers it is an int64.    input: (*)  ->  (*)"""
    return _scanned(_products, input, dim, dtype)


def _products(input: Array, axis: int) -> Array:
    def factors(result: Array, x: Array) -> tuple[Array, Array]:
        return x, jnp.where(jnp.isinf(x) & ~jnp.any(x == 0, axis, keepdims=True), jnp.nan, _before(result, axis, 1))   # PyTorch divides the product by it
    return _with_carry(lax.cumprod, factors, axis)(input)


def _with_carry(scan: Callable, factors: Callable, axis: int) -> Callable[[Array], Array]:
    """`scan(input, axis)`, whose change at each place is that of the place before and that of the input there, each times its factor."""
    def rule(t: Array, result: Array, input: Array) -> Array:
        carried, fresh = lax.optimization_barrier(factors(result, input))   # or each step of the scan would compute them anew
        undefined = jnp.isnan(fresh)                         # that is this place's own affair, and is not carried on
        return _carried(carried, jnp.where(undefined, 0, fresh) * t, axis) + jnp.where(undefined, jnp.nan, 0) * t

    @derived(rule)
    def scanned(input: Array) -> Array:
        return scan(input, axis)
    return scanned


def _carried(factor: Array, new: Array, axis: int) -> Array:
    """The sequence in which each element is that before it times its factor, and what is new."""
    return lax.associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (factor, new), axis=axis)[1]


def _before(x: Array, axis: int, first: float) -> Array:
    """The element before each one along `axis`."""
    return jnp.concatenate([jnp.full_like(lax.slice_in_dim(x, 0, 1, axis=axis), first), lax.slice_in_dim(x, 0, x.shape[axis] - 1, axis=axis)], axis)


@op(NONE, saves="both", overlap="whole")
@takes_zero_dim
def logcumsumexp(input: Array, dim: int) -> Array:
    """`log(exp(input).cumsum(dim))` without overflow.    input: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("logcumsumexp_out_cpu", input)
    if is_complex(input):
        return lax.associative_scan(log_add_exp, input, axis=dimension(dim, input.ndim))
    return _scanned(_log_sums, input, dim, None)


def _log_sums(input: Array, axis: int) -> Array:
    """By sums relative to the largest element so far, which are at least 1."""
    def scan(x: Array, axis: int) -> Array:
        largest = lax.cummax(x, axis)
        before = _before(largest, axis, -jnp.inf)
        stays, new = lax.optimization_barrier((_ratio(before, largest), _ratio(x, largest)))
        return largest + jnp.log(_carried(stays, new, axis))

    def factors(result: Array, x: Array) -> tuple[Array, Array]:
        return _ratio(_before(result, axis, -jnp.inf), result), jnp.exp(x - result)
    return _with_carry(scan, factors, axis)(input)


def _ratio(a: Array, b: Array) -> Array:
    """`exp(a - b)`, and 1 where both are the same infinity."""
    return jnp.exp(jnp.where((a == b) & jnp.isinf(b), 0, a - b))


def _record(input: Array, dim: int, extreme: Callable) -> tuple[Array, Array]:
    """The running extreme and the last place that attained it."""
    axis = dimension(dim, input.ndim)
    place = lax.broadcasted_iota(jnp.int64, input.shape, axis)
    held = lax.stop_gradient(input.astype(jnp.int8) if is_bool(input) else input)
    attained = held == extreme(held, axis)
    if is_inexact(input):
        attained |= jnp.isnan(held)
    indices = lax.cummax(jnp.where(attained, place, 0), axis)
    return jnp.take_along_axis(input, indices, axis), indices


@op(NONE, returns="values indices")
@takes_zero_dim
def cummax(input: Array, dim: int) -> tuple[Array, Array]:
    """The largest element so far along `dim`, and its index.    input: (*)  ->  (*), (*)"""
    return _record(input, dim, lax.cummax)


@op(NONE, returns="values indices")
@takes_zero_dim
def cummin(input: Array, dim: int) -> tuple[Array, Array]:
    """The smallest element so far along `dim`, and its index.    input: (*)  ->  (*), (*)"""
    return _record(input, dim, lax.cummin)


@op(NONE, node=lambda entry: "SubBackward0" if entry.attrs[0] else "CopyBackwards", out="cast")
def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array | None = None, append: Array | None = None) -> Array:
    """The `n`-th differences of neighbours along `dim`.    input: (..., k, ...)  ->  (..., k - n, ...)

    >>> torch.diff(torch.tensor([1, 3, 6]))
    tensor([2, 3])
    """
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = dimension(dim, input.ndim)
    if n and not (prepend is None and append is None):
        input = jnp.concatenate([x for x in (prepend, input, append) if x is not None], axis)
    for _ in range(min(n, input.shape[axis])):
        later, earlier = (lax.slice_in_dim(input, start, input.shape[axis] - 1 + start, axis=axis) for start in (1, 0))
        input = later ^ earlier if is_bool(input) else later - earlier
    return input


def _areas(y: Array, x: Array | None, dx: Scalar, dim: int) -> Array:
    """The area below each segment between neighbours along `dim`."""
    axis = dimension(dim, y.ndim)
    later, earlier = (lax.slice_in_dim(y, start, max(y.shape[axis] - 1, 0) + min(start, y.shape[axis]), axis=axis) for start in (1, 0))
    if x is None:
        return (later + earlier) * (jnp.asarray(dx).astype(y.dtype) / 2)
    if x.ndim == 1:
        x = x.reshape([-1 if d == axis else 1 for d in range(y.ndim)])
    return (later + earlier) * jnp.diff(x, axis=axis - y.ndim) / 2


@op(FLOAT, home="torch", inplace=False, out=False, aliases=("trapz",),
    node=lambda entry: "MulBackward1" if entry.operands[1] is None else "DivBackward1", numbers=False, strides="fresh")
def trapezoid(y: Array, x: Array | None = None, *, dx: Scalar = 1, dim: int = -1) -> Array:
    """Integral along `dim` by the trapezoid rule.    y: (*)  ->  (*) without `dim`

    >>> torch.trapezoid(torch.tensor([1.0, 5.0, 10.0]))
    tensor(10.5000)
    """
    axis = dimension(dim, y.ndim)
    if x is not None or widened(y) is y or not y.size:
        return jnp.sum(_areas(y, x, dx, dim), axis)
    ends = apart(0.5 * (jnp.take(y, 0, axis) + jnp.take(y, -1, axis)))   # as PyTorch adds up, which shows in 16 bits
    return (jnp.sum(y, axis) - ends) * cast(dx, y)


@op(FLOAT, home="torch", inplace=False, out=False, node=lambda entry: "CumsumBackward0" if entry.operands[1] is None else "DivBackward1",
    numbers=False, strides="fresh")
def cumulative_trapezoid(y: Array, x: Array | None = None, *, dx: Scalar = 1, dim: int = -1) -> Array:
    """Running integral along `dim` by the trapezoid rule.    y: (..., k, ...)  ->  (..., k - 1, ...)"""
    return _scanned(lax.cumsum, apart(_areas(y, x, dx, dim)), dim, None)
