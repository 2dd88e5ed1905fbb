"""Largest, smallest, middle and most frequent elements."""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, SAME, Array, Dims, Scalar, op
from .arguments import cast, dimensions, gradient_only, is_complex, is_inexact, takes_zero_dim, unimplemented
from .checks import dimension
from .derivatives import derived
from .pointwise import between, larger, smaller
from .ranges import fractions


def _require_elements(input: Array, name: str, dim: Dims) -> None:
    """Raise where an extreme over `dim` would have nothing to choose from."""
    if input.size == 0 and dim is None:
        raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                           "Specify the reduction dim with the 'dim' argument.")
    for d in dimensions(dim, input.ndim):
        if input.shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def _at(input: Array, indices: Array, axis: int, keepdim: bool) -> tuple[Array, Array]:
    """The elements at `indices` (whose size along `axis` is 1) and the indices; a gradient goes to those elements only."""
    values = jnp.take_along_axis(input, indices, axis)
    return (values, indices) if keepdim else (jnp.squeeze(values, axis), jnp.squeeze(indices, axis))


def _require_order(input: Array, kernel: str) -> None:
    if is_complex(input):
        raise unimplemented(kernel, input)


# ---- maximum and minimum

@lru_cache(256)
def _sharing(reduce: Callable, axes: tuple[int, ...], among_nan: bool) -> Callable[[Array], Array]:
    """`reduce` over `axes`, whose sizes stay as 1.  Equal extremes share the derivative; of nan it is nan, or `among_nan` that of the elements that are nan."""
    def rule(t: Array, result: Array, input: Array) -> Array:
        there = input == result
        if among_nan:
            there |= jnp.isnan(input) & jnp.isnan(result)
        count = there.sum(axes, keepdims=True).astype(t.dtype)
        share = jnp.where(there, 1 / count, jnp.where(count == 0, jnp.nan, 0))
        return (jnp.where(there, t * share, 0) if among_nan else t * share).sum(axes, keepdims=True)

    @derived(rule)
    def reduced(input: Array) -> Array:
        return reduce(input, axes, keepdims=True)
    return reduced


def _extreme(input: Array, reduce: Callable, axes: tuple[int, ...], keepdim: bool = False, among_nan: bool = False) -> Array:
    if not is_inexact(input) or is_complex(input):
        return reduce(input, axes, keepdims=keepdim)
    found = _sharing(reduce, axes, among_nan)(input)
    return found if keepdim else found.reshape([n for d, n in enumerate(input.shape) if d not in axes])


def _extreme_along(input: Array, dim: int, keepdim: bool, name: str, place: Callable) -> tuple[Array, Array]:
    _require_order(input, f"{name}_values_cpu")
    axis = dimension(dim, input.ndim)
    _require_elements(input, name, axis)
    return _at(input, place(input, axis, keepdims=True).astype(jnp.int64), axis, keepdim)


@op(SAME, name="max", inplace=False, node="MaximumBackward0", numbers=False)
def max_of_two(input: Array, other: Array) -> Array:
    """The larger of two elements.    input, other: (*)  ->  (*)"""
    return larger(input, other)


@op(NONE, name="max", returns="values indices", saves="nothing", overlap="none")
@takes_zero_dim
def max_along(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The largest elements along `dim` and their (first) indices.    input: (*)  ->  (*) without `dim`, twice

    >>> torch.max(torch.tensor([[1, 5], [7, 2]]), dim=1).indices
    tensor([1, 0])
    """
    return _extreme_along(input, dim, keepdim, "max", jnp.argmax)


@op(NONE, name="max", node="MaxBackward1", out="cast", saves="both")
def max_of_all(input: Array) -> Array:
    """The largest element; equal ones share its gradient.    input: (*)  ->  ()"""
    _require_elements(input, "max", None)
    _require_order(input, "max_all")
    return _extreme(input, jnp.max, tuple(range(input.ndim)), among_nan=True)


@op(SAME, name="min", inplace=False, node="MinimumBackward0", numbers=False)
def min_of_two(input: Array, other: Array) -> Array:
    """The smaller of two elements.    input, other: (*)  ->  (*)"""
    return smaller(input, other)


@op(NONE, name="min", returns="values indices", saves="nothing", overlap="none")
@takes_zero_dim
def min_along(input: Array, dim: int, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest elements along `dim` and their (first) indices.    input: (*)  ->  (*) without `dim`, twice"""
    return _extreme_along(input, dim, keepdim, "min", jnp.argmin)


@op(NONE, name="min", node="MinBackward1", out="cast", saves="both")
def min_of_all(input: Array) -> Array:
    """The smallest element; equal ones share its gradient.    input: (*)  ->  ()"""
    _require_elements(input, "min", None)
    _require_order(input, "min_all")
    return _extreme(input, jnp.min, tuple(range(input.ndim)), among_nan=True)


@op(NONE, saves="both")
def amax(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """The largest elements over `dim`; equal ones share the gradient.    input: (*)  ->  (*) without `dim`"""
    _require_elements(input, "amax", None if dim == () else dim)
    return _extreme(input, jnp.max, dimensions(dim, input.ndim), keepdim)


@op(NONE, saves="both")
def amin(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """The smallest elements over `dim`; equal ones share the gradient.    input: (*)  ->  (*) without `dim`"""
    _require_elements(input, "amin", None if dim == () else dim)
    return _extreme(input, jnp.min, dimensions(dim, input.ndim), keepdim)


@op(NONE, returns="min max", saves="both")
def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest and the largest elements over `dim`, or of all.    input: (*)  ->  (*) without `dim`, twice"""
    axes = dimensions(dim, input.ndim)
    if dim is not None and input.ndim and not input.shape[axes[0]]:
        raise IndexError(f"aminmax: Expected reduction dim {axes[0]} to have non-zero size.")
    if input.size == 0 and not any(input.shape[d] for d in axes):
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
    return _extreme(input, jnp.min, axes, keepdim), _extreme(input, jnp.max, axes, keepdim)


def _index_of(input: Array, dim: int | None, keepdim: bool, name: str, place: Callable) -> Array:
    if dim is None and input.size == 0:
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    if dim is None or input.ndim == 0:
        dimensions(dim, input.ndim)
        found = place(input.reshape(-1)).astype(jnp.int64)
        return found.reshape((1,) * input.ndim) if keepdim else found
    axis = dimension(dim, input.ndim)
    _require_elements(input, name, axis)
    return place(input, axis, keepdims=keepdim).astype(jnp.int64)


@op(NONE, differentiable=False)
def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the (first) largest element along `dim`, or among all.    input: (*)  ->  (*) without `dim`, int64

    >>> torch.argmax(torch.tensor([[1, 5], [7, 2]]), dim=1)
    tensor([1, 0])
    """
    return _index_of(input, dim, keepdim, "argmax", jnp.argmax)


@op(NONE, differentiable=False)
def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """The index of the (first) smallest element along `dim`, or among all.    input: (*)  ->  (*) without `dim`, int64"""
    return _index_of(input, dim, keepdim, "argmin", jnp.argmin)


# ---- order statistics

def _missing(input: Array) -> Array:
    return jnp.isnan(input) if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


def _middle_of_all(input: Array, skip_nan: bool) -> Array:
    """The lower median of all elements; equal elements share its gradient."""
    if input.size == 0:
        return jnp.full((), jnp.nan if is_inexact(input) else jnp.iinfo(input.dtype).min, input.dtype)
    held = lax.stop_gradient(input).reshape(-1)
    missing = jnp.sum(_missing(held))
    ordered = jnp.sort(held)                                            # nan comes last
    rank = (held.size - missing - 1) // 2 if skip_nan else jnp.where(missing > 0, held.size - 1, (held.size - 1) // 2)
    middle = ordered[jnp.maximum(rank, 0)]
    equal = (input == middle) | _missing(input) & _missing(middle)
    if not is_inexact(input):
        return middle
    return middle + jnp.sum(gradient_only(input, equal)) / cast(jnp.sum(equal), input)


def _middle_along(input: Array, dim: int, keepdim: bool, skip_nan: bool, name: str) -> tuple[Array, Array]:
    axis = dimension(dim, input.ndim)
    _require_elements(input, name, axis)
    order = jnp.argsort(lax.stop_gradient(input), axis, stable=True)
    missing = jnp.sum(_missing(input), axis, keepdims=True)
    size = input.shape[axis]
    rank = jnp.maximum(size - missing - 1, 0) // 2 if skip_nan else jnp.where(missing > 0, size - missing, (size - 1) // 2)
    return _at(input, jnp.take_along_axis(order, rank, axis).astype(jnp.int64), axis, keepdim)


@op(NONE, name="median", out=False, saves="both")
def median_of_all(input: Array) -> Array:
    """The middle element, the lower of two.    input: (*)  ->  ()

    >>> torch.median(torch.tensor([3.0, 1.0, 2.0, 4.0]))
    tensor(2.)
    """
    return _middle_of_all(input, skip_nan=False)


@op(NONE, returns="values indices", node="MedianBackward1", saves="nothing")
@takes_zero_dim
def median(input: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The middle elements along `dim`, the lower of two, and their indices.    input: (*)  ->  (*) without `dim`, twice"""
    return _middle_along(input, dim, keepdim, False, "median")


@op(NONE, name="nanmedian", out=False, saves="both")
def nanmedian_of_all(input: Array) -> Array:
    """The middle of the elements that are not nan.    input: (*)  ->  ()"""
    return _middle_of_all(input, skip_nan=True)


@op(NONE, returns="values indices", node="NanmedianBackward1", saves="nothing")
@takes_zero_dim
def nanmedian(input: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The middle of the elements along `dim` that are not nan, and their indices.    input: (*)  ->  (*) without `dim`, twice"""
    return _middle_along(input, dim, keepdim, True, "nanmedian")


@op(NONE, returns="values indices", saves="nothing", overlap="none")
@takes_zero_dim
def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The `k`-th smallest elements along `dim`, counted from 1, and their indices.    input: (*)  ->  (*) without `dim`, twice"""
    axis = dimension(dim, input.ndim)
    _require_elements(input, "kthvalue", axis)
    if not 1 <= k <= input.shape[axis]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    order = jnp.argsort(lax.stop_gradient(input), axis, stable=True)
    return _at(input, lax.slice_in_dim(order, k - 1, k, axis=axis).astype(jnp.int64), axis, keepdim)


@op(NONE, returns="values indices", saves="nothing", overlap="none")
@takes_zero_dim
def mode(input: Array, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The most frequent (then smallest) elements along `dim` and their last indices.    input: (*)  ->  (*) without `dim`, twice"""
    axis = dimension(dim, input.ndim)
    _require_elements(input, "mode", axis)
    held = lax.stop_gradient(input)
    order = jnp.argsort(held, axis, stable=True)
    ordered = jnp.take_along_axis(held, order, axis)
    place = lax.broadcasted_iota(jnp.int64, input.shape, axis)
    fresh = jnp.concatenate([jnp.ones_like(lax.slice_in_dim(place, 0, 1, axis=axis), jnp.bool_),
                             lax.slice_in_dim(ordered, 1, None, axis=axis) != lax.slice_in_dim(ordered, 0, -1, axis=axis)], axis)
    run = place - lax.cummax(jnp.where(fresh, place, 0), axis)          # how many equal elements precede
    return _at(input, jnp.take_along_axis(order, jnp.argmax(run, axis, keepdims=True), axis).astype(jnp.int64), axis, keepdim)


def _at_quantile(input: Array, q: Array, axis: int | None, method: str, keepdim: bool, skips_nan: bool) -> Array:
    """Between the two elements whose ranks are next to `q * (n - 1)`, which is found in the elements' type."""
    rows = input.reshape(-1) if axis is None else jnp.moveaxis(input, axis, -1)
    missing = jnp.isnan(rows)
    ordered = jnp.sort(rows, -1)                                        # nan come last
    last = (~missing).sum(-1, keepdims=True).astype(input.dtype) - 1 if skips_nan else jnp.full((*rows.shape[:-1], 1), rows.shape[-1] - 1, input.dtype)
    rank = q.reshape(-1) * jnp.maximum(last, 0)
    if not skips_nan:
        rank = jnp.where(missing.any(-1, keepdims=True), last, rank)
    rank = {"lower": jnp.floor, "higher": jnp.ceil, "nearest": jnp.round}.get(method, lambda x: x)(rank)
    below, above = (jnp.take_along_axis(ordered, part(rank).astype(jnp.int64), -1) for part in (jnp.floor, jnp.ceil))
    if method in ("linear", "midpoint"):
        below = between(below, above, rank - jnp.floor(rank) if method == "linear" else jnp.full_like(rank, 0.5))
    found = jnp.moveaxis(below, -1, 0).reshape(*q.shape, *below.shape[:-1])
    return found if not keepdim else found.reshape(*q.shape, *[1] * input.ndim) if axis is None else jnp.expand_dims(found, q.ndim + axis)


def _checked_quantile(input: Array, q: Array, dim: int | None, keepdim: bool, interpolation: str, skips_nan: bool) -> Array:
    if input.size == 0:
        raise RuntimeError("quantile() input tensor must be non-empty")
    if q.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if input.dtype not in (jnp.float32, jnp.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if q.dtype != input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}")
    axis = None if dim is None or input.ndim == 0 else dimension(dim, input.ndim)
    return _at_quantile(input, q, axis, interpolation, keepdim and input.ndim > 0, skips_nan)


@op(NONE, node="SqueezeBackward4", known=fractions)
def quantile(input: Array, q: Array, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Array:
    """The elements below which a part `q` of the elements along `dim` lie.    input: (*), q: (Q) or ()  ->  (Q, *) or (*), without `dim`

    >>> torch.quantile(torch.tensor([1.0, 2.0, 3.0, 4.0]), 0.5)
    tensor(2.5000)
    """
    return _checked_quantile(input, q, dim, keepdim, interpolation, False)


@op(NONE, name="quantile", node="SqueezeBackward4", known=fractions)
def quantile_at(input: Array, q: Scalar, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Array:
    """The element below which a part `q` of the elements along `dim` lie.    input: (*)  ->  (*) without `dim`"""
    return _checked_quantile(input, cast(q, input), dim, keepdim, interpolation, False)


@op(NONE, node="SqueezeBackward4", known=fractions)
def nanquantile(input: Array, q: Array, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Array:
    """`quantile` of the elements that are not nan.    input: (*), q: (Q) or ()  ->  (Q, *) or (*), without `dim`"""
    return _checked_quantile(input, q, dim, keepdim, interpolation, True)


@op(NONE, name="nanquantile", node="SqueezeBackward4", known=fractions)
def nanquantile_at(input: Array, q: Scalar, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Array:
    """`quantile` of the elements that are not nan.    input: (*)  ->  (*) without `dim`"""
    return _checked_quantile(input, cast(q, input), dim, keepdim, interpolation, True)
