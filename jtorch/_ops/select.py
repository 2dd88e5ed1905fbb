"""Reading and writing at indices: gather, scatter, take, look-ups in sorted sequences, counts."""
from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._core.dtype import check_number, dtype
from .._core.op import NONE, SAME, Array, Scalar, op
from .arguments import cast, gradient_only, is_bool, is_complex, is_inexact, plus_at, require_index, takes_zero_dim, unimplemented
from .checks import broadcast_sizes, dimension, scalar_type, sizes
from .nodes import by_tensor
from .ranges import added, flat_places, flattened_places, places, selected
from .single import in_single

COPIED = places(IndexError, "index_copy_(): index {} is out of bounds for dimension {} with size {}")
FILLED = places(IndexError, wraps=True)


# ---- gather and scatter: one index per element

def _places(index: Array, axis: int) -> tuple[Array, ...]:
    """The full coordinates of the elements that `index` names along `axis`."""
    return tuple(index if d == axis else lax.broadcasted_iota(index.dtype, index.shape, d) for d in range(index.ndim))


def _aligned(input: Array, index: Array, dim: int, name: str) -> tuple[Array, Array, int]:
    """A zero-dim input or index counts as a vector here."""
    if index.size or name != "gather":
        require_index(index, f"{name}(): Expected dtype int32/int64 for index")
    axis = dimension(dim, input.ndim)
    input, index = jnp.atleast_1d(input), jnp.atleast_1d(index)
    if index.size and input.ndim != index.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor" if name == "gather" else
                           "Index tensor must have the same number of dimensions as self tensor")
    return input, index, axis


@op(NONE, known=places(), overlap="none")
def gather(input: Array, dim: int, index: Array, *, sparse_grad: bool = False) -> Array:
    """The elements that `index` names along `dim`.    input: (*), index: (*), no larger apart from `dim`  ->  the size of `index`

    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    shape = index.shape
    input, index, axis = _aligned(input, index, dim, "gather")
    if index.size == 0:
        return jnp.zeros(shape, input.dtype)
    for d in range(input.ndim):
        if d != axis and index.shape[d] > input.shape[d]:
            raise RuntimeError(f"Size does not match at dimension {d} expected index {sizes(index)} to be no larger than self {sizes(input)} "
                               f"apart from dimension {axis}")
    return input.at[_places(index, axis)].get(mode="promise_in_bounds").reshape(shape)


def _scatter_target(input: Array, dim: int, index: Array, src: Array | None, name: str) -> tuple[Array, tuple[Array, ...], Array | None]:
    """The input, the places to write, and the part of `src` that is written there."""
    if src is not None and src.dtype != input.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    input, index, axis = _aligned(input, index, dim, name)
    src = None if src is None else jnp.atleast_1d(src)
    if index.size == 0:
        return input, _places(index.reshape((0,) * input.ndim), axis), None if src is None else src.reshape(-1)[:0].reshape((0,) * input.ndim)
    for d, n in enumerate(index.shape):
        if d != axis and n > input.shape[d] or src is not None and n > src.shape[d]:
            beyond = "" if src is None else f" and to be no larger size than src {sizes(src)}"
            raise RuntimeError(f"Expected index {sizes(index)} to be no larger than self {sizes(input)} apart from dimension {axis}{beyond}")
    return input, _places(index, axis), None if src is None else src[tuple(slice(n) for n in index.shape)]


def _written(input: Array, places: tuple[Array, ...], src: Array, reduce: str | None) -> Array:
    if places[0].size == 0:
        return input
    spot = input.at[places]
    if reduce is None:
        return spot.set(src, mode="drop")
    if reduce == "add":
        return plus_at(input, places, src)
    if reduce == "multiply":
        return spot.min(src, mode="drop") if is_bool(input) else _products(input, places, src)
    raise RuntimeError("reduce argument must be either add or multiply.")


@op(NONE, inplace=True, known=places(), overlap="none")
def scatter(input: Array, dim: int, index: Array, src: Array, *, reduce: str | None = None) -> Array:
    """`input` with `src` written at the places that `index` names along `dim`; "add" or "multiply" combines.    input, index, src: (*)  ->  (*)

    >>> torch.scatter(torch.zeros(3), 0, torch.tensor([2, 0]), torch.tensor([5.0, 7.0]))
    tensor([7., 0., 5.])
    """
    target, places, part = _scatter_target(input, dim, index, src, "scatter")
    return _written(target, places, part, reduce).reshape(input.shape)


@op(NONE, name="scatter", inplace=True, node="ScatterBackward1", fits=("value",), known=places(), overlap="whole")
def scatter_value(input: Array, dim: int, index: Array, value: Scalar, *, reduce: str | None = None) -> Array:
    """`input` with the number `value` written at the places that `index` names along `dim`.    input, index: (*)  ->  (*)"""
    target, places, _ = _scatter_target(input, dim, index, None, "scatter")
    return _written(target, places, jnp.broadcast_to(cast(value, input), places[0].shape), reduce).reshape(input.shape)


@op(NONE, inplace=True, known=places(), overlap="none")
def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """`input` with `src` added at the places that `index` names along `dim`.    input, index, src: (*)  ->  (*)"""
    target, places, part = _scatter_target(input, dim, index, src, "scatter")
    return _written(target, places, part, "add").reshape(input.shape)


@op(NONE, inplace=True, known=places(), overlap="none")
def scatter_reduce(input: Array, dim: int, index: Array, src: Array, reduce: str, *, include_self: bool = True) -> Array:
    """`input` combined ("sum", "prod", "mean", "amax", "amin") with `src` at the places that `index` names along `dim`.    (*), (*), (*)  ->  (*)"""
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    target, places, part = _scatter_target(input, dim, index, src, "scatter")
    if places[0].size == 0:
        return input
    return _combined(target, places, part, reduce, include_self).reshape(input.shape)


def _combined(input: Array, places: tuple[Array, ...], src: Array, reduce: str, include_self: bool) -> Array:
    """`input` with every element of `src` that belongs to a place combined into it."""
    touched = jnp.zeros(input.shape, jnp.bool_).at[places].set(True, mode="drop")
    if is_bool(input) and reduce in ("sum", "prod"):
        start = (input if include_self else jnp.where(touched, reduce == "prod", input)).at[places]
        return (start.max if reduce == "sum" else start.min)(src, mode="drop")
    if reduce in ("amax", "amin"):
        return _extremes(input, places, src, reduce, include_self | ~touched)
    if reduce == "prod":
        return in_single(_products)(input if include_self else jnp.where(touched, 1, input), places, src)
    total = plus_at(input if include_self else jnp.where(touched, 0, input), places, src)
    if reduce == "sum":
        return total
    count = jnp.zeros(input.shape, input.dtype).at[places].add(1, mode="drop") + int(include_self)
    count = jnp.maximum(count, 1)
    return in_single(jnp.divide)(total, count) if is_inexact(input) else jnp.floor_divide(total, count)


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _extremes(input: Array, places: tuple[Array, ...], src: Array, reduce: str, counts_self: Array) -> Array:
    """The extreme of each place's elements, of which `input`'s own is one where `counts_self`."""
    base = jnp.where(counts_self, input, _lowest(input) if reduce == "amax" else _highest(input)).at[places]
    return base.max(src, mode="drop") if reduce == "amax" else base.min(src, mode="drop")


@_extremes.defjvp
def _extremes_jvp(reduce: str, primals: tuple[Array, tuple[Array, ...], Array, Array],
                  tangents: tuple[Array, object, Array, object]) -> tuple[Array, Array]:
    # Those that attain the extreme share its gradient, which JAX's own scatter would refuse.  As in PyTorch the input's own element has a share
    # where it does not count, too, and nobody attains nan: 0 / 0.
    (input, places, src, counts_self), (d_input, _, d_src, _) = primals, tangents
    found = _extremes(input, places, src, reduce, counts_self)
    won_self, won_new = (input == found).astype(input.dtype), (src == found[places]).astype(input.dtype)
    winners = won_self.at[places].add(won_new, mode="drop")
    change = jnp.where(counts_self, won_self / winners, 0) * d_input
    return found, change.at[places].add(won_new / winners[places] * d_src, mode="drop")


def _lowest(x: Array) -> Scalar:
    return -jnp.inf if is_inexact(x) else False if is_bool(x) else jnp.iinfo(x.dtype).min


def _highest(x: Array) -> Scalar:
    return jnp.inf if is_inexact(x) else True if is_bool(x) else jnp.iinfo(x.dtype).max


@jax.custom_jvp
def _products(input: Array, places: tuple[Array, ...], src: Array) -> Array:
    """The product of each place's elements."""
    return input.at[places].multiply(src, mode="drop")


@_products.defjvp
def _products_jvp(primals: tuple[Array, tuple[Array, ...], Array], tangents: tuple[Array, object, Array]) -> tuple[Array, Array]:
    # The gradient of each element is the product of the others, zeros among them included.
    (input, places, src), (d_input, _, d_src) = primals, tangents
    nonzero = _products(jnp.where(input == 0, 1, input), places, jnp.where(src == 0, 1, src))
    zeros = (input == 0).astype(jnp.int32).at[places].add((src == 0).astype(jnp.int32), mode="drop")
    zero = gradient_only(input, input == 0).at[places].add(gradient_only(src, src == 0), mode="drop")
    change = _others(input, nonzero, zeros, zero) * d_input
    return _products(*primals), change.at[places].add(_others(src, nonzero[places], zeros[places], zero[places]) * d_src, mode="drop")


def _others(x: Array, nonzero: Array, zeros: Array, zero: Array) -> Array:
    """The product of all elements at a place but `x`, from the product of the nonzero ones, the number of zeros and their sum.

    The sum is 0, but has a derivative: the product of the others is a zero times the rest where there is one zero among them.
    """
    at_zero = jnp.where(zeros == 1, nonzero, jnp.where(zeros == 2, (zero - gradient_only(x, x == 0)) * nonzero, 0))
    return jnp.where(x == 0, at_zero, jnp.where(zeros == 0, 1, jnp.where(zeros == 1, zero, 0)) * nonzero / jnp.where(x == 0, 1, x))


# ---- index_*: one index per slice

def _slices(index: Array, name: str) -> Array:
    if index.ndim > 1:
        shown = f", but got dim: {index.ndim} with type: {scalar_type(index)} and size: {sizes(index)}" if name == "index_add_" else ""
        raise IndexError(f"{name}(): Index is supposed to be a vector{shown}")
    require_index(index, f"{name}(): Expected dtype int32/int64 for index but got: {scalar_type(index)}" if name == "index_add_" else
                  f"{name}(): Expected dtype int32 or int64 for index")
    return index.reshape(-1)


def _along(axis: int, index: Array) -> tuple[slice | Array, ...]:
    return (slice(None),) * axis + (index,)


@op(NONE, known=selected, overlap="none")
@takes_zero_dim
def index_select(input: Array, dim: int, index: Array) -> Array:
    """The slices along `dim` that `index` names.    input: (..., n, ...), index: (k)  ->  (..., k, ...)

    >>> torch.index_select(torch.tensor([10, 20, 30]), 0, torch.tensor([2, 0]))
    tensor([30, 10])
    """
    return input.at[_along(dimension(dim, input.ndim), _slices(index, "index_select"))].get(mode="promise_in_bounds")


@op(NONE, inplace=True, fits=("alpha",), known=added, overlap="none")
def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: Scalar = 1) -> Array:
    """`input` with `alpha * source` added to the slices that `index` names.    (..., n, ...), (k), (..., k, ...)  ->  (..., n, ...)"""
    if input.dtype != source.dtype:
        raise RuntimeError(f"index_add_(): self ({scalar_type(input)}) and source ({scalar_type(source)}) must have the same scalar type")
    target, index, axis, source = _index_target(input, dim, index, source, "index_add_")
    part = source & cast(alpha, source) if is_bool(source) else source * cast(alpha, source)
    return plus_at(target, _along(axis, index), part).reshape(input.shape)


def _index_target(input: Array, dim: int, index: Array, source: Array, name: str) -> tuple[Array, Array, int, Array]:
    axis, index = dimension(dim, input.ndim), _slices(index, name)
    target, source = jnp.atleast_1d(input), jnp.atleast_1d(source)
    if source.shape[min(axis, source.ndim - 1)] != index.size:
        mismatch = f"{name}(): Number of indices ({index.size}) should be equal to source.size(dim)"
        if name == "index_copy_":
            raise IndexError(f"{mismatch} ({source.shape[axis]})")
        raise RuntimeError(f"{mismatch}: ({source.shape[axis]}), for dim: {axis}")
    if name == "index_add_" and input.ndim and (*source.shape[:axis], *source.shape[axis + 1:]) != (*input.shape[:axis], *input.shape[axis + 1:]):
        raise RuntimeError("source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
                           f"{sizes(input)} source.shape = {sizes(source)}")
    return target, index, axis, source


@op(NONE, inplace=True, known=COPIED, overlap="none")
def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    """`input` with `source` in place of the slices that `index` names.    (..., n, ...), (k), (..., k, ...)  ->  (..., n, ...)"""
    if input.dtype != source.dtype:
        raise RuntimeError("index_copy_(): self and source expected to have the same dtype, "
                           f"but got (self) {scalar_type(input)} and (source) {scalar_type(source)}")
    target, index, axis, source = _index_target(input, dim, index, source, "index_copy_")
    return target.at[_along(axis, index)].set(source, mode="drop").reshape(input.shape)


def _filling(number: complex, kind: dtype, name: str) -> None:
    if isinstance(number, complex) and not kind.is_complex:
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    check_number(number, kind)


@op(NONE, inplace=True, out=False, node=by_tensor("IndexFill", (2,)), fits=("value",), fitting=_filling, known=FILLED, strides="like")
def index_fill(input: Array, dim: int, index: Array, value: Scalar) -> Array:
    """`input` with the number `value` in the slices that `index` names.    input: (..., n, ...), index: (k)  ->  (..., n, ...)"""
    if index.dtype != jnp.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if jnp.iscomplexobj(value) and not jnp.iscomplexobj(input):
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    axis, index = dimension(dim, input.ndim), _slices(index, "index_fill_")
    return jnp.atleast_1d(input).at[_along(axis, index)].set(cast(value, input), mode="drop").reshape(input.shape)


@op(NONE, name="index_fill", inplace=True, node="IndexFillBackward1", out=False, known=FILLED, strides="like")
def index_fill_tensor(input: Array, dim: int, index: Array, value: Array) -> Array:
    """`input` with the zero-dim tensor `value` in the slices that `index` names.    input: (..., n, ...), index: (k)  ->  (..., n, ...)"""
    if value.ndim:
        raise RuntimeError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
    return index_fill(input, dim, index, value)


@op(NONE, inplace=True, known=places(IndexError, "index out of range in self"), overlap="none")
def index_reduce(input: Array, dim: int, index: Array, source: Array, reduce: str, *, include_self: bool = True) -> Array:
    """`input` combined with `source` in the slices that `index` names: "prod", "mean", "amax" or "amin".    (..., n, ...)  ->  (..., n, ...)"""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    target, index, axis, source = _index_target(input, dim, index, source, "index_reduce_")
    spread = jnp.broadcast_to(index.reshape([-1 if d == axis else 1 for d in range(target.ndim)]), source.shape)
    return _combined(target, _places(spread, axis), source, reduce, include_self).reshape(input.shape)


# ---- flat indices and masks

def _from_end(index: Array, size: int) -> Array:
    return jnp.where(index < 0, index + size, index)


@op(NONE, known=flat_places, overlap="none")
def take(input: Array, index: Array) -> Array:
    """The elements of the flattened `input` that `index` names.    input: (*), index: (*)  ->  the size of `index`"""
    if index.dtype != jnp.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {scalar_type(index)}")
    if index.size and not input.size:
        raise IndexError("take(): tried to take from an empty tensor")
    return input.reshape(-1).at[_from_end(index, input.size)].get(mode="promise_in_bounds")


@op(NONE, node="GatherBackward0", known=flattened_places, overlap="none")
def take_along_dim(input: Array, indices: Array, dim: int | None = None) -> Array:
    """The elements that `indices` names along `dim`, both broadcast to each other; without `dim` of the flattened input.    (*)  ->  (*)"""
    if indices.dtype != jnp.int64:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {scalar_type(indices)}")
    if dim is None:
        return take(input, indices.reshape(-1))
    if input.ndim != indices.ndim:
        raise RuntimeError("torch.take_along_dim(): input and indices should have the same number of dimensions, "
                           f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")
    axis = dimension(dim, input.ndim)
    common = broadcast_sizes(input.shape[:axis] + input.shape[axis + 1:], indices.shape[:axis] + indices.shape[axis + 1:])
    input, indices = (jnp.broadcast_to(x, (*common[:axis], x.shape[axis], *common[axis:])) for x in (input, indices))
    return gather(input, axis, indices)


@op(NONE, inplace=True, out=False, known=flat_places, overlap="none", strides="like")
def put(input: Array, index: Array, source: Array, accumulate: bool = False) -> Array:
    """`input` with `source` written (or added) at the flat places `index`.    input: (*), index: (*), source: (*)  ->  (*)"""
    if index.dtype != jnp.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {scalar_type(index)}")
    if input.dtype != source.dtype:
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got self.dtype = {scalar_type(input)} "
                           f"and source.dtype = {scalar_type(source)}")
    if index.size != source.size:
        raise IndexError(f"put_(): Expected source and index to have the same number of elements, but got source.numel() = {source.size}, "
                           f"index.numel() = {index.size}")
    flat, source, places = input.reshape(-1), source.reshape(-1), _from_end(index.reshape(-1), input.size)
    return (plus_at(flat, places, source) if accumulate else flat.at[places].set(source, mode="drop")).reshape(input.shape)


@op(NONE, inplace=True, out=False)
def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    """`input` with the elements of `source`, in order, where `mask` holds.    input, mask: (*), source: at least as many as `mask` has  ->  (*)"""
    if not is_bool(mask):
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {scalar_type(mask)}")
    if input.dtype != source.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes but got"
                           f"{scalar_type(input)} and {scalar_type(source)}")
    shape = broadcast_sizes(input.shape, mask.shape)
    mask = jnp.broadcast_to(mask, shape)
    if source.size == 0:
        return jnp.broadcast_to(input, shape)
    order = jnp.cumsum(mask.reshape(-1)).reshape(shape) - 1             # how many marked places come before
    return jnp.where(mask, source.reshape(-1)[jnp.clip(order, 0, source.size - 1)], input)


# ---- sorted sequences and counts

def _require_ordered(input: Array) -> None:
    if is_bool(input) or is_complex(input):
        raise unimplemented("searchsorted_out_cpu", input)


@op(SAME, home="torch", inplace=False, differentiable=False, overlap="any", strides="fresh")
def bucketize(input: Array, boundaries: Array, *, out_int32: bool = False, right: bool = False) -> Array:
    """The bucket between sorted `boundaries` that each element falls in.    input: (*), boundaries: (n)  ->  (*), int64

    >>> torch.bucketize(torch.tensor([1, 4, 9]), torch.tensor([2, 4, 6]))
    tensor([0, 1, 3])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    _require_ordered(input)
    return jnp.searchsorted(boundaries, input, side="right" if right else "left").astype(jnp.int32 if out_int32 else jnp.int64)


@op(SAME, home="torch", inplace=False, differentiable=False, keeps=("sorter",), overlap="any", strides="fresh")
def searchsorted(sorted_sequence: Array, input: Array, *, out_int32: bool = False, right: bool = False, side: str | None = None,
                 sorter: Array | None = None) -> Array:
    """Where each element would have to be put into its sorted sequence.    sorted_sequence: (*, n) or (n), input: (*, m)  ->  (*, m), int64"""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True")
    if sorted_sequence.ndim != 1 and sorted_sequence.shape[:-1] != input.shape[:-1]:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
                           f"and input value tensor must match, but we got boundaries tensor {sizes(sorted_sequence)} "
                           f"and input value tensor {sizes(input)}")
    _require_ordered(input)
    if sorter is not None:
        sorted_sequence = jnp.take_along_axis(sorted_sequence, sorter, -1)
    side = "right" if right or side == "right" else "left"
    result = jnp.int32 if out_int32 else jnp.int64
    if sorted_sequence.ndim == 1:
        return jnp.searchsorted(sorted_sequence, input, side=side).astype(result)
    rows = jax.vmap(lambda row, values: jnp.searchsorted(row, values, side=side))
    found = rows(sorted_sequence.reshape(-1, sorted_sequence.shape[-1]), input.reshape(-1, input.shape[-1]))
    return found.reshape(input.shape).astype(result)


@op(NONE, home="nn.functional", out=False, differentiable=False)
def one_hot(tensor: Array, num_classes: int = -1) -> Array:
    """1 at each element's class, elsewhere 0.    tensor: (*)  ->  (*, num_classes), int64

    >>> nn.functional.one_hot(torch.tensor([0, 2]), num_classes=3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype != jnp.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    return (tensor[..., None] == jnp.arange(num_classes)).astype(jnp.int64)


@op(NONE, differentiable=False)
def histc(input: Array, bins: int = 100, min: Scalar = 0, max: Scalar = 0) -> Array:
    """How many elements lie in each of `bins` equal parts of [min, max], by default of the range of the elements.    input: (*)  ->  (bins)"""
    if not is_inexact(input) or is_complex(input):
        raise unimplemented("histogram_cpu", input)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    flat, low, high = input.reshape(-1), cast(min, input), cast(max, input)
    unset = low == high
    low, high = (jnp.where(unset, found, given) for found, given in ((flat.min(), low), (flat.max(), high))) if flat.size else (low, high)
    low, high = jnp.where(low == high, low - 1, low), jnp.where(low == high, high + 1, high)
    place = jnp.floor((flat - low) / (high - low) * bins).astype(jnp.int64)
    inside = (flat >= low) & (flat <= high)
    return jnp.zeros(bins, input.dtype).at[jnp.where(inside, jnp.clip(place, 0, bins - 1), bins)].add(1, mode="drop")


@op(NONE, out=False, differentiable=False)
def bincount(input: Array, weights: Array | None = None, minlength: int = 0) -> Array:
    """How often (or with which total weight) each number below `minlength` occurs.    input, weights: (n)  ->  (minlength)"""
    if input.ndim != 1:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if is_inexact(input) or is_bool(input):
        raise unimplemented("bincount_cpu", input)
    if weights is None:
        return jnp.zeros(minlength, jnp.int64).at[input].add(1, mode="drop")
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    weights = weights if weights.dtype == jnp.float32 else weights.astype(jnp.float64)
    return jnp.zeros(minlength, weights.dtype).at[input].add(weights, mode="drop")
