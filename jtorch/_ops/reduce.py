"""Reductions: sums, means, products, variances, truth."""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from .._core.dtype import dtype
from .._core.op import FLOAT, NONE, Array, Dims, op
from .arguments import dimensions, is_complex, is_inexact
from .checks import scalar_type, SCALAR_TYPES, widened
from .derivatives import derived
from .pointwise import ratio
from .single import accumulated, kept
from .nodes import with_dim

SEVERAL = 64                                                 # elements from which PyTorch multiplies by several at a time, in 16 bits


def _summand(input: Array, dtype: dtype | None) -> Array:
    """`input` in the type of its sum: `dtype`, or int64 for every integer."""
    if dtype is not None:
        return input.astype(dtype.numpy)
    return input if is_inexact(input) else input.astype(jnp.int64)


def _total(input: Array, dim: Dims, keepdim: bool) -> Array:
    wide = widened(input)
    return jnp.sum(wide, dimensions(dim, input.ndim), dtype=wide.dtype, keepdims=keepdim).astype(input.dtype)


def count(input: Array, dim: Dims) -> int:
    """How many elements one result reduces."""
    return math.prod(input.shape[d] for d in dimensions(dim, input.ndim))


# ---- sums, means, products

@op(NONE, node=with_dim("Sum"), out="cast")
def sum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """Sum over `dim`, or of all elements; of integers it is an int64.    input: (*)  ->  (*) without `dim`

    >>> torch.sum(torch.tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4, 6])
    """
    return _total(_summand(input, dtype), dim, keepdim)


@op(NONE, out="cast")
def nansum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """Sum over `dim` of the elements that are not nan.    input: (*)  ->  (*) without `dim`"""
    input = _summand(input, dtype)
    return _total(jnp.where(jnp.isnan(input), 0, input), dim, keepdim)


def _averaged(input: Array, dtype: dtype | None, name: str) -> Array:
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name}(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. "
                           f"Got: {SCALAR_TYPES.get(dtype.name, dtype.name)}")
    if dtype is None and not is_inexact(input):
        raise RuntimeError(f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
                           f"Got: {scalar_type(input)}")
    return input if dtype is None else input.astype(dtype.numpy)


@op(NONE, node=with_dim("Mean"), out="cast")
def mean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """Mean over `dim`, or of all elements.    input: (*)  ->  (*) without `dim`

    >>> torch.mean(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([1.5000, 3.5000])
    """
    input = _averaged(input, dtype, "mean")
    return averaged(input, dimensions(dim, input.ndim), keepdim)


def averaged(input: Array, axes: tuple[int, ...], keepdim: bool = False) -> Array:
    """The sum over `axes` divided by their sizes; XLA would multiply by the reciprocal.  Numbers of 16 bits add up in single precision."""
    total = jnp.sum(widened(input), axes, keepdims=keepdim)
    return ratio(total, jnp.asarray(math.prod(input.shape[d] for d in axes), total.dtype)).astype(input.dtype)


@op(NONE, node="DivBackward0", out="cast")
def nanmean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """Mean over `dim` of the elements that are not nan.    input: (*)  ->  (*) without `dim`"""
    if not is_inexact(input):
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {scalar_type(input)}")
    input = _averaged(input, dtype, "mean")
    present = ~jnp.isnan(input)
    return _total(jnp.where(present, input, 0), dim, keepdim) / _total(present.astype(input.dtype), dim, keepdim)


@op(NONE, node=with_dim("Prod"), out="cast", saves="both")
def prod(input: Array, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Array:
    """Product over `dim`, or of all elements; of integers it is an int64.    input: (*)  ->  (*) without `dim`"""
    input = _summand(input, dtype)
    axes = dimensions(dim, input.ndim)
    return _product(axes, keepdim)(input) if is_inexact(input) else jnp.prod(input, axes, dtype=input.dtype, keepdims=keepdim)


def _product(axes: Any, keepdim: bool) -> Callable[[Array], Array]:
    """The product over `axes`.  PyTorch divides it by each element where none is zero, which by an infinite one gives no number."""
    plain = partial(jnp.prod, axis=axes, keepdims=keepdim)

    def stepwise(x: Array) -> Array:
        rows = jnp.moveaxis(x, axes, range(len(axes))).reshape(-1, *[n for d, n in enumerate(x.shape) if d not in axes])
        return functools.reduce(jnp.multiply, rows).reshape(jax.eval_shape(plain, x).shape)

    def rule(t: Array, _: Array, x: Array) -> Array:
        undefined = jnp.isinf(x) & ~jnp.any(x == 0)
        return jax.jvp(plain, (x,), (t,))[1] + jnp.sum(jnp.where(undefined, jnp.nan, 0) * t, axes, keepdims=keepdim)

    @derived(rule)
    def product(x: Array) -> Array:
        return plain(x) if widened(x) is x or not 0 < count(x, axes) < SEVERAL else stepwise(x)
    return product


@op(NONE, differentiable=False, out=False)
def count_nonzero(input: Array, dim: Dims = None) -> Array:
    """How many elements over `dim` are not 0.    input: (*)  ->  (*) without `dim`, int64"""
    return _total((input != 0).astype(jnp.int64), dim, False)


@op(FLOAT, home="torch Tensor special", inplace=False, saves="both", overlap="any", strides="fresh")
def logsumexp(input: Array, dim: Dims, keepdim: bool = False) -> Array:
    """`log(exp(input).sum(dim))` without overflow.    input: (*)  ->  (*) without `dim`"""
    axes = dimensions(dim, input.ndim)
    if widened(input) is input:
        return special.logsumexp(input, axes, keepdims=keepdim)
    return _log_sum(input, axes, keepdim)


def _log_sum(input: Array, axes: tuple[int, ...], keepdim: bool) -> Array:
    """`logsumexp` of 16-bit numbers, as PyTorch composes it: its value at least, while the derivative is that of the sum in float32."""
    wide = widened(input)
    largest = lax.stop_gradient(jnp.max(wide, axes, keepdims=True, initial=-jnp.inf))
    largest = jnp.where(jnp.isinf(largest), 0, largest)
    total = kept(jnp.sum(kept(jnp.exp(kept(wide - largest, input)), input), axes, keepdims=True), input)
    found = (kept(jnp.log(total), input) + largest).astype(input.dtype)
    return found if keepdim else jnp.squeeze(found, axes)


# ---- truth

@op(NONE, differentiable=False, out="cast")
def all(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """Whether all elements over `dim` are other than 0.    input: (*)  ->  (*) without `dim`, bool"""
    return _truth(input, jnp.all(input != 0, dimensions(dim, input.ndim), keepdims=keepdim))


@op(NONE, differentiable=False, out="cast")
def any(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """Whether any element over `dim` is other than 0.    input: (*)  ->  (*) without `dim`, bool"""
    return _truth(input, jnp.any(input != 0, dimensions(dim, input.ndim), keepdims=keepdim))


def _truth(input: Array, found: Array) -> Array:
    return found.astype(jnp.uint8) if input.dtype == jnp.uint8 else found      # PyTorch's one exception to bool


# ---- variances

def _variance(input: Array, dim: Dims, correction: int | float | None, keepdim: bool) -> tuple[Array, Array]:
    """Variance and mean over `dim`, both in the type that sums accumulate in."""
    if not is_inexact(input):
        raise RuntimeError("std and var only support floating point and complex dtypes")
    axes, free = dimensions(dim, input.ndim), count(input, dim) - (1 if correction is None else correction)
    input = widened(input)
    center = jnp.mean(accumulated(input), axes, keepdims=True)
    return _squares(axes, keepdim, max(free, 0))(input), center if keepdim else jnp.squeeze(center, axes)


def _squares(axes: Any, keepdim: bool, free: float) -> Callable[[Array], Array]:
    """The mean of squared distances from the mean; that the mean moves along makes no difference to its first derivative, unless there are infinities."""
    def off(x: Array) -> Array:
        return x - jnp.mean(x, axes, keepdims=True)

    def rule(t: Array, result: Array, x: Array) -> Array:
        slope = jnp.asarray(2 / free if free else math.inf, x.real.dtype)
        return (jnp.sum((jnp.conj(off(x)) * t).real, axes, keepdims=keepdim) * slope).astype(result.dtype)

    @derived(rule)
    def squares(x: Array) -> Array:
        away = off(accumulated(x))
        total = jnp.sum((away * jnp.conj(away)).real, axes, keepdims=keepdim)
        return total / jnp.asarray(free, total.dtype)
    return squares


def _root(x: Array) -> Array:
    """Square root whose derivative at 0 is 0, as that of PyTorch's deviations."""
    zero = x == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def real_type(like: Array) -> object:
    return like.real.dtype if is_complex(like) else like.dtype


@op(NONE, name="var", out="cast")
def var_of_all(input: Array, unbiased: bool) -> Array:
    """Variance of all elements.    input: (*)  ->  ()"""
    return var(input, correction=int(unbiased))


@op(NONE, name="var", out="cast")
def var_unbiased(input: Array, dim: Dims, unbiased: bool, keepdim: bool = False) -> Array:
    """Variance over `dim`.    input: (*)  ->  (*) without `dim`"""
    return var(input, dim, correction=int(unbiased), keepdim=keepdim)


@op(NONE, out="cast")
def var(input: Array, dim: Dims = None, *, correction: int | float | None = 1, keepdim: bool = False) -> Array:
    """Variance over `dim`, or of all elements, with n - correction degrees of freedom.    input: (*)  ->  (*) without `dim`

    >>> torch.var(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor(1.6667)
    """
    return _variance(input, dim, correction, keepdim)[0].astype(real_type(input))


@op(NONE, name="std", out="cast", saves="both")
def std_of_all(input: Array, unbiased: bool) -> Array:
    """Standard deviation of all elements.    input: (*)  ->  ()"""
    return std(input, correction=int(unbiased))


@op(NONE, name="std", out="cast", saves="both")
def std_unbiased(input: Array, dim: Dims, unbiased: bool, keepdim: bool = False) -> Array:
    """Standard deviation over `dim`.    input: (*)  ->  (*) without `dim`"""
    return std(input, dim, correction=int(unbiased), keepdim=keepdim)


@op(NONE, out="cast", saves="both")
def std(input: Array, dim: Dims = None, *, correction: int | float | None = 1, keepdim: bool = False) -> Array:
    """Standard deviation over `dim`, or of all elements, with n - correction degrees of freedom.    input: (*)  ->  (*) without `dim`"""
    return _root(_variance(input, dim, correction, keepdim)[0]).astype(real_type(input))


@op(NONE, name="var_mean", home="torch", out=False)
def var_mean_of_all(input: Array, unbiased: bool) -> tuple[Array, Array]:
    """Variance and mean of all elements.    input: (*)  ->  (), ()"""
    return var_mean(input, correction=int(unbiased))


@op(NONE, name="var_mean", home="torch", out=False)
def var_mean_unbiased(input: Array, dim: Dims, unbiased: bool, keepdim: bool = False) -> tuple[Array, Array]:
    """Variance and mean over `dim`.    input: (*)  ->  (*) without `dim`, twice"""
    return var_mean(input, dim, correction=int(unbiased), keepdim=keepdim)


@op(NONE, home="torch", out=False)
def var_mean(input: Array, dim: Dims = None, *, correction: int | float | None = 1, keepdim: bool = False) -> tuple[Array, Array]:
    """Variance and mean over `dim`, or of all elements.    input: (*)  ->  (*) without `dim`, twice"""
    spread, center = _variance(input, dim, correction, keepdim)
    return spread.astype(real_type(input)), _running(center, input, dim, keepdim)


def _running(center: Array, input: Array, dim: Dims, keepdim: bool) -> Array:
    """The mean as PyTorch finds it here: from one element to the next, which leads on from an infinite one to no number."""
    if not input.size:
        return center.astype(input.dtype)
    axes = dimensions(dim, input.ndim)
    reduced = range(input.ndim) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    last = input[tuple([slice(-1, None) if d in reduced else slice(None) for d in range(input.ndim)])]
    lost = jnp.isinf(center) & ~jnp.isinf(last if keepdim else jnp.squeeze(last, tuple(reduced)))
    return jnp.where(lost, jnp.nan, center).astype(input.dtype)


@op(NONE, name="std_mean", home="torch", out=False, saves="both")
def std_mean_of_all(input: Array, unbiased: bool) -> tuple[Array, Array]:
    """Standard deviation and mean of all elements.    input: (*)  ->  (), ()"""
    return std_mean(input, correction=int(unbiased))


@op(NONE, name="std_mean", home="torch", out=False, saves="both")
def std_mean_unbiased(input: Array, dim: Dims, unbiased: bool, keepdim: bool = False) -> tuple[Array, Array]:
    """Standard deviation and mean over `dim`.    input: (*)  ->  (*) without `dim`, twice"""
    return std_mean(input, dim, correction=int(unbiased), keepdim=keepdim)


@op(NONE, home="torch", out=False, saves="both")
def std_mean(input: Array, dim: Dims = None, *, correction: int | float | None = 1, keepdim: bool = False) -> tuple[Array, Array]:
    """Standard deviation and mean over `dim`, or of all elements.    input: (*)  ->  (*) without `dim`, twice"""
    spread, center = _variance(input, dim, correction, keepdim)
    return _root(spread).astype(real_type(input)), _running(center, input, dim, keepdim)
