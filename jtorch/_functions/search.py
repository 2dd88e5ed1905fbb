"""Operations whose result's shape or Python value depends on the data: what is pending runs, the host looks, the program goes on."""
from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

from .._core import dtype as dt
from .._core import layout, misfit
from .._core.batched import is_batched, refuse
from .._core.derive import into, write_out
from .._core.indexing import check_dimension
from .._core.op import Scalar
from .._core.public import public
from .._core.infer import check_broadcast
from .._core.record import record
from .._core.transfer import to_host
from .._core.returns import named_tuple, written
from .._core.run import host_value
from .._core.tensor import Tensor, wrap
from .._ops.compare import _allclose, _equal
from .._ops.join import repeat_interleave as repeated
from .._ops.join import repeat_interleave_each as repeated_each
from .._ops.pointwise import where as choose
from .._ops.select import bincount as counted
from .._ops.select import one_hot as encoded


Bins = named_tuple("histogram", "hist bin_edges", out=True)


def values(input: Tensor, cause: str) -> np.ndarray:
    """The values on the host, waiting for them."""
    return input._host() if input._storage is not None else to_host(input._value, cause)


def fresh(array: np.ndarray, like: Tensor) -> Tensor:
    """A host result as a tensor on the device of `like`."""
    return wrap(host_value(array)).to(like.device)


@public()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and the same elements."""
    for place, x in enumerate((input, other), 1):
        if not isinstance(x, Tensor):
            raise misfit.wrong_class("equal", "input" if place == 1 else "other", place, "Tensor", x)
    return input.shape == other.shape and bool(to_host(record(_equal.op, (input, other)), "equal"))


@public()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether `|input - other| <= atol + rtol * |other|` for all elements."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.title} did not match {other.dtype.title}")
    check_broadcast(input.shape, other.shape)
    return bool(to_host(record(_allclose.op, (input, other, rtol, atol), (equal_nan,)), "allclose"))


@overload
def nonzero(input: Tensor, *, as_tuple: Literal[False] = False, out: Tensor | None = None) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
@public()
def nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor | None = None) -> Any:
    """The positions of the elements that are not zero.    (*)  ->  (n, dimensions), or a tuple of vectors"""
    if out is not None and not isinstance(out, Tensor):
        raise TypeError(f"nonzero(): argument 'out' must be Tensor, not {type(out).__name__}")
    if as_tuple and out is not None:
        raise RuntimeError("nonzero does not support the out kwarg when as_tuple is True")
    found = np.nonzero(np.atleast_1d(values(input, "nonzero")))
    if as_tuple:
        return tuple([fresh(f, input) for f in found])
    stacked = fresh(np.stack(found, 1)[:, :input.dim()] if input.dim() else np.zeros((len(found[0]), 0), np.int64), input)
    return layout.lay_in(stacked, (1, 0)) if out is None else out._resize(stacked.shape)._write(stacked._value)


@public("torch")
def argwhere(input: Tensor) -> Tensor:
    """The positions of the elements that are not zero.    (*)  ->  (n, dimensions)"""
    return nonzero(input)


public("Tensor", name="argwhere")(argwhere)


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Tensor | Scalar, other: Tensor | Scalar, *, out: Tensor | None = None) -> Tensor: ...
@public("torch")
def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """Elements of `input` where the condition is true, of `other` where not; with a condition alone, the positions where it is true."""
    if input is None and other is None:
        refuse(condition._aval, "where")
        return nonzero(condition, as_tuple=True)
    if not isinstance(condition, Tensor):
        raise TypeError(f"where(): argument 'condition' (position 1) must be Tensor, not {type(condition).__name__}")
    made = layout.arrange(wrap(record(choose.op, (condition, input, other))), (condition, input, other))
    if out is not None and out.dtype is not made.dtype:
        raise RuntimeError(f"Expected out type to be {made.dtype.title} but got {out.dtype.title}")
    return made if out is None else write_out(choose.op, out, made, (condition, input, other))


@public("Tensor", name="where")
def where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """Elements of the tensor where the condition is true, of `other` where not."""
    return where(condition, self, other)


@overload
def unique(input: Tensor, sorted: bool = True, return_inverse: Literal[False] = False, return_counts: Literal[False] = False,
           dim: int | None = None) -> Tensor: ...
@overload
def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any: ...
@public()
def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The distinct elements (or parts along `dim`) in order, with where each element went and how often each occurs."""
    array = values(input, "unique")
    axis = dim if dim is None else check_dimension(dim, input.dim())
    found, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    inverse = inverse.reshape(array.shape if axis is None else (array.shape[axis],))
    return _several(input, found, inverse.astype(np.int64), counts.astype(np.int64), return_inverse, return_counts)


@public()
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The elements (or parts along `dim`) without repetitions of the one before."""
    array = values(input, "unique_consecutive")
    dim = dim if dim is None else check_dimension(dim, input.dim())
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, dim, 0)
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).reshape(len(rows) - 1, -1).any(1) if len(rows) > 1 else new[1:]
    starts = np.flatnonzero(new)
    inverse = (np.cumsum(new) - 1).astype(np.int64).reshape(array.shape if dim is None else (-1,))
    counts = np.diff(np.append(starts, len(rows))).astype(np.int64)
    found = rows[starts] if dim is None else np.moveaxis(rows[starts], 0, dim)
    return _several(input, np.ascontiguousarray(found), inverse, counts, return_inverse, return_counts)


def _several(input: Tensor, found: np.ndarray, inverse: np.ndarray, counts: np.ndarray, with_inverse: bool, with_counts: bool) -> Any:
    parts = [fresh(found, input)] + [fresh(inverse, input)] * with_inverse + [fresh(counts, input)] * with_counts
    return parts[0] if len(parts) == 1 else tuple(parts)


@public()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 occurs, or the sums of their weights.    (n)  ->  (k)"""
    array = values(input, "bincount")
    if array.dtype.kind not in "iu":
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{input.dtype.title}'")
    if array.dtype.kind in "iu" and array.ndim == 1 and array.size and array.min() < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    return wrap(record(counted.op, (input, weights), (max(minlength, int(array.max()) + 1 if array.size and array.dtype.kind in "iu" else 0),)))


@public("nn.functional")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Vectors that are 1 at the class and 0 elsewhere.    tensor: (*)  ->  (*, classes)

    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if is_batched(tensor._aval) and num_classes > 0:
        return wrap(record(encoded.op, (tensor,), (num_classes,)))
    array = values(tensor, "one_hot")
    if tensor.dtype is not dt.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if array.size and array.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        if not array.size:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(array.max()) + 1
    elif array.size and array.max() >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return wrap(record(encoded.op, (tensor,), (num_classes,)))


def require_finite_range(points: np.ndarray) -> None:
    """Raise where the range of a dimension, which the bins would divide, is not finite.    points: (n, dimensions)"""
    for d, (low, high) in enumerate(zip(points.min(0), points.max(0), strict=True) if len(points) else ()):
        if not np.isfinite([low, high]).all():
            raise RuntimeError(f"torch.histogramdd: dimension {d}'s range [{low:g}, {high:g}] is not finite")


@public()
def histogram(input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None, density: bool = False, out: Any = None) -> Any:
    """Counts and edges of bins of equal width, or of given edges."""
    edges, held = bins._host() if isinstance(bins, Tensor) else bins, values(input, "histogram")
    if not isinstance(edges, np.ndarray) and range is None:
        require_finite_range(held.reshape(-1, 1))
    found, at = np.histogram(held, edges, range, density, None if weight is None else weight._host())
    made = [fresh(a.astype(input.dtype.numpy), input) for a in (found, at)]
    return Bins(made) if out is None else written(Bins(made), [into(o, m) for o, m in zip(out, made, strict=True)])


@public()
def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each element repeated, all equally often or as a tensor says; with one tensor alone, each of its positions as often as it says.

    >>> torch.repeat_interleave(torch.tensor([5, 7]), torch.tensor([1, 2]))
    tensor([5, 7, 7])
    """
    if repeats is None:
        counts = values(input, "repeat_interleave")
        return fresh(np.repeat(np.arange(counts.size), counts), input)
    if not isinstance(repeats, Tensor):
        return wrap(record(repeated.op, (input,), (int(repeats), dim, output_size)))
    counts = values(repeats, "repeat_interleave")
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    if counts.size == 1:
        return wrap(record(repeated.op, (input,), (int(counts.reshape(())), dim, None)))
    return wrap(record(repeated_each.op, (input, repeats), (dim, int(counts.sum()))))
