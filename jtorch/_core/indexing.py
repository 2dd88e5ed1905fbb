"""`x[…]` and `x[…] = v`: integers, slices, None and Ellipsis make views; masks and integer tensors gather and scatter."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import layout
from .batched import is_batched
from .device import CPU
from .dtype import BOOL, FLOATING, WIDE, bool_, check_number, float64, int64, uint8
from .graph import Aval, Value, aval, computed, computed_on_host, here
from .hostwrite import written
from .infer import check_broadcast
from .op import Array, Arrays, in_type, op
from .pack import Part
from .record import EAGER, TENSORS, check_values, moved, record, used
from .run import Fork, host_value
from .transfer import on_device, to_host

FULL, NEW = ("full",), ("new",)
WHOLE = slice(None)
PLAIN = (int, type(None))
SEQUENCES = (list, tuple, range, str, np.ndarray)
FEW = 256                                                    # elements that are rather copied by the host than by a program
CUTS, LARGE = 8, 1 << 12                                     # how often a host array is cut into pieces of so many elements before it moves to the device
PLACE = aval((), int64)
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
        value = tensor._read_value()
        known = PARSED.get((value.aval, key))
        if known is None:
            known = _remember(tensor, index, key)
        starts, attrs, literal, seen = known
        fresh = tensor._storage is None or tensor._value is not None and not tensor._storage.shared()
        return tensor._view(Views.basic, starts, attrs, _look(value, starts, attrs, literal, seen) if fresh else None)
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
    """(numbers, attributes) of the view operator, the index as NumPy takes it, and the aval of what is seen."""
    spec, starts, _ = parse(tensor, index)
    if len(PARSED) > 10_000:
        PARSED.clear()
    of, literal = tensor._read_value().aval, literal_index(spec, starts)
    shape = np.broadcast_to(np.int8(0), of.shape)[literal].shape
    found = PARSED[of, key] = starts, (len(starts), spec), literal, aval(shape, of.dtype, of.device)
    return found


def literal_index(spec: Sequence[tuple], starts: Sequence[int]) -> tuple:
    """The view operator's attributes as an index of NumPy's."""
    start, items = iter(starts), []
    for item in spec:
        if item[0] == "int":
            items.append(next(start))
        elif item[0] == "slice":
            first = next(start)
            items.append(slice(first, first + (item[1] - 1) * item[2] + 1 if item[1] else first, item[2]))
        else:
            items.append(None if item[0] == "new" else WHOLE)
    return (*items, ...)                                     # the Ellipsis makes NumPy give a view even of a single element


def _look(value: Value, starts: tuple, attrs: tuple, literal: tuple, seen: Aval) -> Value:
    """What an index of integers and slices sees of a value: on the host, where that is where it lies and no gradient flows, or for a few elements."""
    array = value.array
    if array is None or value.aval.requires_grad or value.aval.levels or EAGER or type(array) is Part or here.capture is not None:
        return record(Views.basic, (value, *starts), attrs)
    if type(array) is np.ndarray:
        if used(value) <= CUTS or seen.shape.numel() < LARGE or Fork.child:
            return computed_on_host(seen, array[literal])
        value.array = on_device(array, value.aval.device)    # cut again and again, as into batches: better in the program that uses it
    elif seen.shape.numel() <= FEW and seen.device is CPU or Fork.child:
        return computed_on_host(seen, np.array(to_host(value, "view")[literal]))   # a copy: a program may give the array's memory to another
    return record(Views.basic, (value, *[computed(PLACE, np.asarray(s)) for s in starts]), attrs)    # next time it will be another place


def set(tensor: Any, index: Any, value: Any) -> None:
    """`tensor[index] = value`."""
    here.mode                                                # from the second thread's first step on, writing holds the lock
    write(tensor, index, value)


def write(tensor: Any, index: Any, value: Any) -> None:
    """What `set` does, at once for other threads."""
    if index is False:
        return
    if index is True:
        index = None
    elif (key := _key(index)) is not None:
        if (made := written(tensor, index, value)) is not None:
            tensor._write(made, "setitem")
            return
        if type(value) in TENSORS and value._storage is not None and _is_there(tensor, index, key, value):
            return
    value = _assignable(tensor, value)
    spec, starts, tensors = parse(tensor, index)
    target = tensor if all(i is FULL for i in spec) else tensor._view(Views.basic, starts, (len(starts), spec))
    if tensors:
        scatter(target, tensors, value)
    else:
        _assign(target, value)


def _is_there(tensor: Any, index: Any, key: Any, value: Any) -> bool:
    """Whether `value` is what `tensor[index]` sees, and so has its contents: Python assigns what `tensor[index] += y` has already written."""
    step = value._step
    if value._storage is not tensor._storage or step.op is not Views.basic or step.parent is not tensor._step or tensor.requires_grad:
        return False
    starts, attrs, *_ = PARSED.get((tensor._aval, key)) or _remember(tensor, index, key)
    if starts != step.numbers or attrs != step.attrs:
        return False
    step.versions[0] += 1
    return True


def _assign(target: Any, value: Any) -> None:
    sizes, given = target.shape, getattr(value, "shape", ())
    if len(given) > len(sizes):
        raise RuntimeError(f"expand({target.type()}{{{list(given)}}}, size={list(sizes)}): the number of sizes provided ({len(sizes)}) must be greater or "
                           f"equal to the number of dimensions in the tensor ({len(given)})")
    for k in range(1, len(given) + 1):
        if given[-k] not in (1, sizes[-k]):
            raise RuntimeError(f"The expanded size of the tensor ({sizes[-k]}) must match the existing size ({given[-k]}) at non-singleton dimension "
                               f"{len(sizes) - k}.  Target sizes: {list(sizes)}.  Tensor sizes: {list(given)}")
    layout.check_overlap(target, (value,))
    target._write(record(FILL.op, (target, value)), "setitem")


def _assignable(tensor: Any, value: Any) -> Any:
    """What is assigned: a tensor without the leading dimensions of size 1, or a number that `tensor` can hold."""
    if type(value) in TENSORS:
        lead = next((k for k, n in enumerate(value.shape) if n != 1), len(value.shape))
        return value.reshape(value.shape[lead:]) if lead else value
    if isinstance(value, np.integer):
        value = int(value)
    if not isinstance(value, bool | int | float | complex):
        kind = type(value)
        raise TypeError(f"can't assign a {'numpy.' * (kind.__module__ == 'numpy')}{kind.__name__} to a {tensor.type()}")
    if isinstance(value, int) and abs(value) >= WIDE:
        raise ValueError("Overflow when unpacking long long")
    check_number(value, float64 if tensor.dtype.is_floating_point and tensor.dtype.itemsize < 4 else tensor.dtype)
    return value


def parse(tensor: Any, index: Any) -> tuple[tuple, tuple, dict[int, Any]]:
    """The basic part of an index as (spec, starts) for the view operator, and the tensors that index dimensions of that view."""
    items = list(index) if isinstance(index, tuple) else _as_items(index)
    shape = tensor.shape
    if not shape and not isinstance(index, tuple):
        _check_scalar(index)
    _check_count(items, shape)
    items = [_as_tensor(tensor, i) if isinstance(i, SEQUENCES) else i for i in items]
    used = _check_count(items, shape)
    at = next((k for k, i in enumerate(items) if i is Ellipsis), None)
    fill = [WHOLE] * (len(shape) - used)
    items = items + fill if at is None else items[:at] + fill + [i for i in items[at + 1:] if i is not Ellipsis]
    starts: list = []
    spec, tensors, dim, out = [], {}, 0, 0
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
            if item.dtype.category >= FLOATING:
                raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
            width = _consumes(item)
            tensors[out] = item if width else item.reshape(1)
            spec += [FULL] * width or [NEW]
            dim, out = dim + width, out + (width or 1)
        else:
            starts.append(_integer(item, dim + spec.count(NEW), shape[dim]))
            spec.append(("int",))
            dim += 1
    _check_masks(tensors, spec, shape)
    return tuple(spec), tuple(starts), tensors


def _as_items(index: Any) -> list:
    """The items of an index that is no tuple: a sequence that holds more than numbers means one index for each dimension."""
    if isinstance(index, list | str) and len(index) < 32 and any(map(_is_no_number, index)):
        return list(index)
    return [index]


def _is_no_number(item: Any) -> bool:
    return isinstance(item, (slice, *SEQUENCES)) or item is None or item is Ellipsis or type(item) in TENSORS


def _as_tensor(tensor: Any, item: Any) -> Any:
    """A sequence as an index: booleans make a mask, numbers are cut to integers."""
    if isinstance(item, np.ndarray):
        return tensor.new_tensor(item.astype(np.int64) if item.dtype.kind == "f" else item)
    return tensor.new_tensor(item, dtype=bool_ if _of_bools(item) else int64)


def _of_bools(item: Any) -> bool:
    if isinstance(item, SEQUENCES) and not isinstance(item, str):
        return len(item) > 0 and all(map(_of_bools, item))
    return isinstance(item, bool)


def _check_scalar(index: Any) -> None:
    """Raise for an integer or a slice that is to index a tensor without dimensions."""
    if isinstance(index, slice):
        _slice(index, 0, [], [])
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if hasattr(index, "__index__") and not isinstance(index, bool) and type(index) not in TENSORS and not isinstance(index, np.ndarray):
        if index:
            _integer(index, 0, 0)
        raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number")


def _check_count(items: Sequence, shape: Sequence[int]) -> int:
    """How many dimensions the items take.  Raises IndexError where there are not so many."""
    used = sum(map(_consumes, items))
    if used > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    return used


def _is_integer_scalar(item: Any) -> bool:
    kind, value = item.dtype, item._read_value()
    return not item.shape and kind.category not in (BOOL, FLOATING) and kind is not uint8 and value.array is not None and not is_batched(value.aval)


def _consumes(item: Any) -> int:
    if item is None or item is Ellipsis or item is True or item is False:
        return 0
    if type(item) in TENSORS and item.dtype in (bool_, uint8):
        return len(item.shape)
    return 1


def _check_masks(tensors: dict[int, Any], spec: Sequence[tuple], shape: Sequence[int]) -> None:
    """Raise where a mask has another shape than the dimensions that it indexes, counted as they are once integers and slices are done."""
    if not any(t.dtype in (bool_, uint8) for t in tensors.values()):
        return
    sizes = iter(shape)
    left = []
    for kind, *rest in spec:
        size = 1 if kind == "new" else next(sizes)
        if kind != "int":
            left.append(rest[0] if kind == "slice" else size)
    for at, mask in tensors.items():
        if mask.dtype in (bool_, uint8):
            for k, n in enumerate(mask.shape):
                if n != left[at + k]:
                    raise IndexError(f"The shape of the mask {list(mask.shape)} at index {k} does not match the shape of the indexed tensor "
                                     f"{left} at index {at + k}")


def _integer(item: Any, dim: int, size: int) -> int:
    if isinstance(item, float) or not hasattr(item, "__index__"):
        raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
                         f"{type(item).__name__})")
    i = item.__index__()
    if abs(i) >= WIDE:
        raise ValueError("Overflow when unpacking long long")
    if not -size <= i < size:
        raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {size}")
    return i % size


def _slice(item: slice, size: int, spec: list, starts: list) -> None:
    step = 1 if item.step is None else item.step
    if step == 0:
        raise ValueError("slice step cannot be zero")
    start, stop, step = item.indices(size)
    if step < 0:
        raise ValueError("step must be greater than zero")
    length = max(0, math.ceil((stop - start) / step))
    if length == size and step == 1:
        spec.append(FULL)
    else:
        spec.append(("slice", length, step))
        starts.append(start)


# Tensors as indices

def gather(tensor: Any, tensors: dict[int, Any]) -> Any:
    """`tensor` indexed by tensors, each at one dimension (a mask at several)."""
    positions, indices = _positions(tensor, tensors)
    v = tensor._read_value()
    _check_range(tensor, positions, indices)
    if type(v.array) is np.ndarray and not v.aval.requires_grad and all(type(i.array) is np.ndarray for i in indices) and here.capture is None:
        where = [WHOLE] * tensor.dim()
        for p, i in zip(positions, indices, strict=True):
            where[p] = i.array
        return type_of(tensor)(host_value(_shaped_like_torch(v.array, positions, where)))
    return type_of(tensor)(record(INDEX.op, (tensor, *_beside(tensor, indices)), (len(indices), positions)))


def scatter(target: Any, tensors: dict[int, Any], value: Any, accumulate: bool = False) -> None:
    """Write `value` where tensors index `target`."""
    if len(tensors) == 1 and not accumulate:
        (at, mask), = tensors.items()
        if mask.dtype in (bool_, uint8) and math.prod(getattr(value, "shape", ())) == 1 and mask.device is target.device:
            if mask.dtype is uint8:
                raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype unsigned char")
            trailing = (1,) * (target.dim() - at - mask.dim())
            cover = mask.bool().reshape(*(1,) * at, *mask.shape, *trailing)
            if type(value) in TENSORS and value.dtype.is_complex and not target.dtype.is_complex:
                value = _assignable(target, value.item())    # which raises where it has an imaginary part
            target._write(record(MASKED.op, (target, cover, value)), "index_put_")
            return
    positions, indices = _positions(target, tensors)
    _check_range(target, positions, indices)
    if type(value) not in TENSORS:
        value = target.new_tensor(value)
    if value.dtype is not target.dtype:
        raise RuntimeError(f"Index put requires the source and destination dtypes match, got {target.dtype.title} for the destination and {value.dtype.title} "
                           "for the source.")
    room = _result_shape(target.shape, positions, indices)
    if len(value.shape) > len(room) or any(a not in (1, b) for a, b in zip(value.shape[::-1], room[::-1], strict=False)):
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of shape {list(room)}")
    layout.check_overlap(target, (value,), False)
    target._write(record(PUT.op, (target, value, *_beside(target, indices)), (len(indices), positions, accumulate)), "index_put_")


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


def _beside(tensor: Any, indices: list[Value]) -> list[Value]:
    """Index values, which may always lie on the CPU, on the device of what they index."""
    where = tensor.device
    return indices if where is CPU else [moved(index, where) if index.aval.device is CPU else index for index in indices]


def _result_shape(shape: Sequence[int], positions: Sequence[int], indices: Sequence[Value]) -> tuple[int, ...]:
    """The shape of what integer tensors choose: theirs takes the place of the dimensions that they index, or comes first if those lie apart."""
    chosen = np.broadcast_shapes(*[i.aval.shape for i in indices])
    rest = [n for d, n in enumerate(shape) if d not in positions]
    at = positions[0] if list(positions) == list(range(positions[0], positions[0] + len(positions))) else 0
    return (*rest[:at], *chosen, *rest[at:])


def _check_range(tensor: Any, positions: Sequence[int], indices: Sequence[Value]) -> None:
    """Raise for an index outside its dimension, where the indices are known without waiting for a program."""
    for p, index in zip(positions, indices, strict=True):
        check_values(partial(_check_index, p, tensor.shape[p]), index)


def _check_index(p: int, size: int, array: Any) -> None:
    if isinstance(array, np.ndarray) and array.size:
        if not size:
            raise IndexError("index is out of bounds for dimension with size 0")
        low, high = array.min(), array.max()
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
    """`input` with `value`, which has its type, at the elements that integer tensors choose."""
    where = [WHOLE] * input.ndim
    for p, i in zip(positions, indices, strict=True):
        where[p] = i
    place = tuple(where)
    if accumulate:
        if input.dtype == bool:
            return input.astype(np.int32).at[place].add(value.astype(np.int32)) > 0
        return input.at[place].add(value)

    @jax.custom_jvp
    def assigned(old: Any, new: Any) -> Any:
        return old.at[place].set(new)

    @assigned.defjvp
    def linear(primals: tuple, tangents: tuple) -> tuple:
        """Every value that was assigned has a gradient, also one that a later one overwrote."""
        written = jnp.zeros(input.shape, bool).at[place].set(True)
        return assigned(*primals), jnp.where(written, 0, tangents[0]).at[place].add(tangents[1])

    return assigned(input, value)


@op(home="", inplace=False, node="IndexPutBackward0")
def mask_set(input: Array, mask: Array, value: Array) -> Array:
    """`input` with one value wherever the mask is true."""
    return jnp.where(mask, in_type(jnp.asarray(value), input.dtype).reshape(()), input)


def _fill_name(entry: Any) -> str:
    if 1 in entry.numbers:
        return "ZeroBackward0" if getattr(entry.operands[1], "number", 1) == 0 else "FillBackward2"
    return "CopyBackwards"


@op(home="", inplace=False, node=_fill_name)
def filled(input: Array, value: Array) -> Array:
    """`value`, broadcast and converted to be the new contents of `input`."""
    value = jnp.asarray(np.asarray(value) if isinstance(value, int) else value)   # NumPy has a type for what is beyond 63 bits
    check_broadcast(input.shape, value.shape)
    shape = np.broadcast_shapes(input.shape, value.shape)
    if shape != input.shape:
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    return in_type(jnp.broadcast_to(value, input.shape), input.dtype)


INDEX, PUT, MASKED, FILL = index, index_set, mask_set, filled
type_of: Any = None                                          # tensor.py puts there what makes a tensor like another from a value
