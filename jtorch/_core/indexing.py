"""`x[…]` and `x[…] = v`: integers, slices, None and Ellipsis make views; masks and integer tensors gather and scatter."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .dtype import BOOL, FLOATING, bool_, uint8
from .graph import Value
from .op import Array, Arrays, op
from .record import TENSORS, record, to_host
from .run import host_value

FULL, NEW = ("full",), ("new",)
WHOLE = slice(None)
PLAIN = (int, type(None))
PARSED: dict[tuple, tuple] = {}                              # indices that were parsed before


class Views:
    """The view operators that indexing uses; `_ops/views.py` is above this module and puts them here."""
    basic: Any


def check_dimension(dim: int, ndim: int) -> int:
    """`dim` counted from the front.  Raises IndexError where there is no such dimension."""
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})")
    return dim % limit


def get(tensor: Any, index: Any) -> Any:
    """`tensor[index]`."""
    key = _key(index)
    if key is not None:
        known = PARSED.get((tensor._read_value().aval, key))
        if known is None:
            known = _remember(tensor, index, key)
        return tensor._view(Views.basic, *known)
    spec, starts, tensors = parse(tensor, index)
    seen = tensor if all(i is FULL for i in spec) and tensors else tensor._view(Views.basic, starts, (len(starts), spec))
    return gather(seen, tensors) if tensors else seen


def _key(index: Any) -> Any:
    """Something hashable that stands for an index of integers, slices, None and Ellipsis; None for any other."""
    kind = type(index)
    if kind is int:
        return index
    if kind is slice:
        a, b, c = index.start, index.stop, index.step
        return (a, b, c) if type(a) in PLAIN and type(b) in PLAIN and type(c) in PLAIN else None
    if kind is not tuple:
        return None
    key = []
    for item in index:
        kind = type(item)
        if kind is slice:
            a, b, c = item.start, item.stop, item.step
            if type(a) not in PLAIN or type(b) not in PLAIN or type(c) not in PLAIN:
                return None
            key.append((a, b, c))
        elif kind is int or item is None or item is Ellipsis:
            key.append(item)
        else:
            return None
    return "tuple", *key


def _remember(tensor: Any, index: Any, key: Any) -> tuple:
    spec, starts, _ = parse(tensor, index)
    if len(PARSED) > 10_000:
        PARSED.clear()
    found = PARSED[tensor._read_value().aval, key] = starts, (len(starts), spec)
    return found


def set(tensor: Any, index: Any, value: Any) -> None:
    """`tensor[index] = value`."""
    spec, starts, tensors = parse(tensor, index)
    target = tensor if all(i is FULL for i in spec) else tensor._view(Views.basic, starts, (len(starts), spec))
    if tensors:
        scatter(target, tensors, value)
    else:
        _assign(target, value)
    if target is not tensor and tensor._storage is None:
        raise AssertionError("a view was written without its base noticing")


def _assign(target: Any, value: Any) -> None:
    if type(value) not in TENSORS and not isinstance(value, bool | int | float | complex):
        value = target.new_tensor(value)
    shape = getattr(value, "shape", ())
    extra = len(shape) - len(target.shape)
    if extra > 0 and all(n == 1 for n in shape[:extra]):
        value = value.reshape(shape[extra:])
    target._write(record(FILL.op, (target, value)), "setitem")


def parse(tensor: Any, index: Any) -> tuple[tuple, tuple, dict[int, Any]]:
    """The basic part of an index as (spec, starts) for the view operator, and the tensors that index dimensions of that view."""
    items = list(index) if isinstance(index, tuple) else _as_items(index)
    shape = tensor.shape
    items = [_as_tensor(tensor, i) if _is_sequence(i) else i for i in items]
    used = sum(_consumes(i) for i in items)
    if used > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    at = next((k for k, i in enumerate(items) if i is Ellipsis), None)
    fill = [WHOLE] * (len(shape) - used)
    items = items + fill if at is None else items[:at] + fill + [i for i in items[at + 1:] if i is not Ellipsis]
    spec, starts, tensors, dim, out = [], [], {}, 0, 0
    for item in items:
        if item is None or item is True or item is False:
            spec.append(NEW)
            if item is not None:
                tensors[out] = tensor.new_tensor(item, dtype=bool_).reshape(1)
            out += 1
        elif isinstance(item, slice):
            _slice(item, shape[dim], spec, starts)
            dim, out = dim + 1, out + 1
        elif type(item) in TENSORS and not _is_integer_scalar(item):
            width = _consumes(item)
            if not width:
                spec.append(NEW)
                tensors[out], out = item.reshape(1), out + 1
                continue
            _check_mask(item, shape, dim)
            tensors[out] = item
            spec += [FULL] * width
            dim, out = dim + width, out + width
        else:
            starts.append(_integer(item, dim, shape[dim] if dim < len(shape) else 0))
            spec.append(("int",))
            dim += 1
    return tuple(spec), tuple(starts), tensors


def _as_items(index: Any) -> list:
    if isinstance(index, list) and any(isinstance(i, slice) or i is None or i is Ellipsis or type(i) in TENSORS and i.dim() for i in index):
        return index
    return [index]


def _is_sequence(item: Any) -> bool:
    return isinstance(item, list | tuple | range | np.ndarray)


def _as_tensor(tensor: Any, item: Any) -> Any:
    made = tensor.new_tensor(np.asarray([int(i) if type(i) in TENSORS else i for i in item] if not isinstance(item, np.ndarray) else item))
    return made.long() if made.dtype.category >= FLOATING and not made.numel() else made


def _is_integer_scalar(item: Any) -> bool:
    return not item.shape and item.dtype.category not in (BOOL, FLOATING) and item.dtype is not uint8 and item._read_value().array is not None


def _consumes(item: Any) -> int:
    if item is None or item is Ellipsis or item is True or item is False:
        return 0
    if type(item) in TENSORS and item.dtype in (bool_, uint8):
        return len(item.shape)
    return 1


def _check_mask(item: Any, shape: Sequence[int], dim: int) -> None:
    if item.dtype.category >= FLOATING:
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    if item.dtype in (bool_, uint8):
        for k, n in enumerate(item.shape):
            if n != shape[dim + k]:
                raise IndexError(f"The shape of the mask {list(item.shape)} at index {k} does not match the shape of the indexed tensor "
                                 f"{list(shape)} at index {dim + k}")


def _integer(item: Any, dim: int, size: int) -> int:
    if isinstance(item, float | str) or not hasattr(item, "__index__"):
        raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
                         f"{type(item).__name__})")
    i = item.__index__()
    if not -size <= i < size:
        raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {size}")
    return i % size


def _slice(item: slice, size: int, spec: list, starts: list) -> None:
    step = 1 if item.step is None else item.step.__index__()
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, stop, step = slice(_bound(item.start), _bound(item.stop), step).indices(size)
    length = max(0, math.ceil((stop - start) / step))
    if length == size and step == 1:
        spec.append(FULL)
    else:
        spec.append(("slice", length, step))
        starts.append(start)


def _bound(end: Any) -> int | None:
    return None if end is None else end.__index__()


# Tensors as indices

def gather(tensor: Any, tensors: dict[int, Any]) -> Any:
    """`tensor` indexed by tensors, each at one dimension (a mask at several)."""
    positions, indices = _positions(tensor, tensors)
    v = tensor._read_value()
    if type(v.array) is np.ndarray and not v.aval.requires_grad and all(type(i.array) is np.ndarray for i in indices):
        _check_range(tensor, positions, indices)
        where = [WHOLE] * tensor.dim()
        for p, i in zip(positions, indices, strict=True):
            where[p] = i.array
        return type_of(tensor)(host_value(_shaped_like_torch(v.array, positions, where)))
    _check_range(tensor, positions, indices)
    return type_of(tensor)(record(INDEX.op, (tensor, *indices), (len(indices), positions)))


def scatter(target: Any, tensors: dict[int, Any], value: Any, accumulate: bool = False) -> None:
    """Write `value` where tensors index `target`."""
    if len(tensors) == 1 and not accumulate:
        (at, mask), = tensors.items()
        if mask.dtype in (bool_, uint8) and math.prod(getattr(value, "shape", ())) == 1 and mask.device is target.device:
            trailing = (1,) * (target.dim() - at - mask.dim())
            cover = mask.bool().reshape(*(1,) * at, *mask.shape, *trailing)
            target._write(record(MASKED.op, (target, cover, value)), "index_put_")
            return
    positions, indices = _positions(target, tensors)
    _check_range(target, positions, indices)
    if type(value) not in TENSORS:
        value = target.new_tensor(value)
    if value.dtype is not target.dtype and value.dim():
        raise RuntimeError(f"Index put requires the source and destination dtypes match, got {target.dtype.title} for the destination and {value.dtype.title} "
                           "for the source.")
    target._write(record(PUT.op, (target, value, *indices), (len(indices), positions, accumulate)), "index_put_")


def _positions(tensor: Any, tensors: dict[int, Any]) -> tuple[tuple[int, ...], list[Value]]:
    """Dimensions and integer index values; masks become the positions of their true elements."""
    positions, indices = [], []
    for at, index in tensors.items():
        if index.dtype in (bool_, uint8):
            for k, found in enumerate(np.nonzero(to_host(index._read_value(), "boolean mask"))):
                positions.append(at + k)
                indices.append(host_value(found))
        else:
            positions.append(at)
            indices.append(index._read_value())
    if len({i.aval.shape for i in indices}) > 1:
        try:
            np.broadcast_shapes(*[i.aval.shape for i in indices])
        except ValueError:
            shapes = ", ".join(str(list(i.aval.shape)) for i in indices)
            raise IndexError(f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}") from None
    return tuple(positions), indices


def _check_range(tensor: Any, positions: Sequence[int], indices: Sequence[Value]) -> None:
    """Raise for an index outside its dimension, where the indices are known without waiting for a program."""
    for p, index in zip(positions, indices, strict=True):
        size = tensor.shape[p]
        if type(index.array) is np.ndarray and index.array.size:
            low, high = index.array.min(), index.array.max()
            if low < -size or high >= size:
                raise IndexError(f"index {high if high >= size else low} is out of bounds for dimension {p} with size {size}")


def _shaped_like_torch(array: Any, positions: Sequence[int], where: list) -> Any:
    return array[tuple(where)]


@op(home="", inplace=False)
def index(input: Array, indices: Arrays, positions: tuple) -> Array:
    """Elements of `input` chosen by integer tensors at the dimensions `positions`."""
    where = [WHOLE] * input.ndim
    for p, i in zip(positions, indices, strict=True):
        where[p] = i
    return input[tuple(where)]


@op(home="", inplace=False, node="IndexPutBackward0")
def index_set(input: Array, value: Array, indices: Arrays, positions: tuple, accumulate: bool) -> Array:
    """`input` with `value` at the elements that integer tensors choose."""
    where = [WHOLE] * input.ndim
    for p, i in zip(positions, indices, strict=True):
        where[p] = i
    value = jnp.asarray(value).astype(input.dtype)
    return input.at[tuple(where)].add(value) if accumulate else input.at[tuple(where)].set(value)


@op(home="", inplace=False, node="IndexPutBackward0")
def mask_set(input: Array, mask: Array, value: Array) -> Array:
    """`input` with one value wherever the mask is true."""
    return jnp.where(mask, jnp.asarray(value).astype(input.dtype).reshape(()), input)


def _fill_name(entry: Any) -> str:
    if 1 in entry.numbers:
        return "ZeroBackward0" if getattr(entry.operands[1], "number", 1) == 0 else "FillBackward2"
    return "CopyBackwards"


@op(home="", inplace=False, node=_fill_name)
def filled(input: Array, value: Array) -> Array:
    """`value`, broadcast and converted to be the new contents of `input`."""
    value = jnp.asarray(value)
    if value.ndim > input.ndim or any(a not in (1, b) for a, b in zip(value.shape[::-1], input.shape[::-1], strict=False)):
        raise RuntimeError(f"The expanded size of the tensor ({input.shape[-1] if input.ndim else 1}) must match the existing size "
                           f"({value.shape[-1]}) at non-singleton dimension {input.ndim - 1}.  Target sizes: {list(input.shape)}.  "
                           f"Tensor sizes: {list(value.shape)}")
    return jnp.broadcast_to(value, input.shape).astype(input.dtype)


INDEX, PUT, MASKED, FILL = index, index_set, mask_set, filled
type_of: Any = None                                          # tensor.py puts there what makes a tensor like another from a value
