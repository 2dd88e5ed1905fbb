"""Strides and offsets, as PyTorch shows them: the view chain is replayed on a NumPy array that has the strides and no memory."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .storage import Step

Layout = tuple[tuple[int, ...], int]                         # strides and offset, in elements
BLANK = np.zeros(1, np.int8)
MOST = 1 << 14
KNOWN: dict[tuple, Layout] = {}                              # those found before


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a tensor whose elements lie in order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def of(tensor: Any) -> Layout:
    """The strides and offset of a tensor."""
    if tensor._seen_from is not None:
        tensor._share()
    if tensor._step is None:
        return contiguous(tensor.shape), 0
    if tensor._step.op is None and tensor._storage.buffer is None:
        return tensor._storage.strides or contiguous(tensor.shape), 0
    key = _key(tensor._step, tensor._storage)
    found = KNOWN.get(key)
    if found is None:
        seen, scale = _look(tensor._step, tensor._storage)
        found = tuple(s // scale for s in seen.strides), _offset(seen) // scale
        if len(KNOWN) < MOST:
            KNOWN[key] = found
    return found


def _key(step: Step, storage: Any) -> tuple:
    """What a layout depends on: the base's, and the steps to what is seen."""
    found: list = []
    while step.op is not None:
        found += step.op, step.numbers, step.attrs
        step = step.parent
    base = storage.buffer if storage.buffer is not None else storage.value.aval
    return (*found, base.shape, base.strides if base is storage.buffer else storage.strides, base.dtype)


def covers(step: Step, storage: Any) -> bool:
    """Whether all of the memory is seen from here, in order."""
    if step.op is None:
        return True
    seen, scale = _look(step, storage)
    total = storage.value.aval.shape.numel() if storage.buffer is None else storage.buffer.size
    in_order = all(s == scale * t for n, s, t in zip(seen.shape, seen.strides, contiguous(seen.shape), strict=True) if n > 1)
    return in_order and not _offset(seen) and seen.size == total


def stand_in(shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> np.ndarray:
    """An array of one-byte elements with this layout, of which no element may be read."""
    return np.lib.stride_tricks.as_strided(BLANK, tuple(shape), tuple(strides), writeable=False)[...] if not offset else _moved(shape, strides, offset)


def _moved(shape: Sequence[int], strides: Sequence[int], offset: int) -> np.ndarray:
    start = np.lib.stride_tricks.as_strided(BLANK, (offset + 1,), (1,), writeable=False)[offset:]
    return np.lib.stride_tricks.as_strided(start, tuple(shape), tuple(strides), writeable=False)


def _look(step: Step, storage: Any) -> tuple[np.ndarray, int]:
    if step.op is None:
        if storage.buffer is not None:
            b = storage.buffer
            return stand_in(b.shape, [s // b.itemsize for s in b.strides] if b.size else contiguous(b.shape)), 1
        shape = storage.value.aval.shape
        return stand_in(shape, storage.strides or contiguous(shape)), 1
    below, scale = _look(step.parent, storage)
    if step.op.name == "strided":
        return stand_in(step.attrs[0], step.attrs[1], step.attrs[2]), scale
    if step.op.name in ("real_part", "imaginary_part", "view_as_real", "view_as_complex", "bits"):
        return _reinterpreted(step, below), scale
    rule = RULES.get(step.op.name)
    if rule is None:
        return step.op.run((below, *step.numbers), step.attrs), scale
    shape, strides, shift = rule(below, step)
    return stand_in(shape, strides, _offset(below) + shift), scale


def _offset(seen: np.ndarray) -> int:
    return seen.__array_interface__["data"][0] - BLANK.__array_interface__["data"][0]


# Where NumPy chooses other strides for dimensions of size 1 than PyTorch: the new sizes, strides and the shift of the first element

def _unsqueezed(below: np.ndarray, step: Step) -> tuple[list, list, int]:
    d, shape, strides = step.attrs[0] % (below.ndim + 1), list(below.shape), list(below.strides)
    strides.insert(d, shape[d] * strides[d] if d < len(shape) else 1)
    shape.insert(d, 1)
    return shape, strides, 0


def _indexed(below: np.ndarray, step: Step) -> tuple[list, list, int]:
    starts, shape, strides, shift, done = iter(step.numbers), [], [], 0, 0
    for item in step.attrs[1]:
        if item[0] == "new":                                 # as if the dimension that comes next, which is still whole, were one step of the new one
            strides.append(below.shape[done] * below.strides[done] if done < below.ndim else 1)
            shape.append(1)
            continue
        size, stride = below.shape[done], below.strides[done]
        done += 1
        shift += 0 if item[0] == "full" else next(starts) * stride
        if item[0] != "int":
            shape.append(size if item[0] == "full" else item[1])
            strides.append(stride if item[0] == "full" else stride * item[2])
    return shape, strides, shift


def _expanded(below: np.ndarray, step: Step) -> tuple[list, list, int]:
    size, shape, strides = step.attrs[0], list(below.shape), list(below.strides)
    while len(shape) < len(size):
        strides.insert(0, shape[0] * strides[0] if shape else 1)
        shape.insert(0, 1)
    full = [n if w == -1 else w for n, w in zip(shape, size, strict=True)]
    return full, [s if n == w else 0 for s, n, w in zip(strides, shape, full, strict=True)], 0


def _reshaped(below: np.ndarray, step: Step) -> tuple[Sequence, Sequence, int]:
    shape = step.attrs[0]
    if not below.size:
        return shape, contiguous(shape), 0
    long = iter(below.reshape([n for n in shape if n != 1]).strides)
    inner, strides = below.strides[-1] if below.ndim else 1, []
    for n, s in reversed([(n, next(long) if n != 1 else None) for n in shape]):   # one of size 1 is as if its inner neighbour went on
        strides.append(inner if s is None else s)
        inner = n * strides[-1]
    return shape, strides[::-1], 0


RULES = {"unsqueeze": _unsqueezed, "basic_index": _indexed, "expanded": _expanded, "reshaped": _reshaped}


def _reinterpreted(step: Step, below: np.ndarray) -> np.ndarray:
    offset, name = _offset(below), step.op.name
    if name == "bits":
        return below
    if name == "view_as_complex":
        return stand_in(below.shape[:-1], [s // 2 for s in below.strides[:-1]], offset // 2)
    doubled = [s * 2 for s in below.strides]
    if name == "view_as_real":
        return stand_in((*below.shape, 2), (*doubled, 1), offset * 2)
    return stand_in(below.shape, doubled, offset * 2 + (name == "imaginary_part"))


def viewable(tensor: Any, shape: Sequence[int]) -> bool:
    """Whether `tensor` can be seen in another shape without a copy."""
    strides, offset = of(tensor)
    if math.prod(tensor.shape) == 0 or strides == contiguous(tensor.shape):
        return True
    try:
        np.reshape(stand_in(tensor.shape, strides), tuple(shape), copy=False)
    except ValueError:
        return False
    return True


def is_contiguous(tensor: Any) -> bool:
    """Whether the elements lie in order without gaps."""
    if tensor._step is None and tensor._seen_from is None:
        return True
    expected, given = contiguous(tensor.shape), of(tensor)[0]
    return 0 in tensor.shape or all(a == b or n == 1 for a, b, n in zip(given, expected, tensor.shape, strict=True))


def repeats(tensor: Any) -> bool:
    """Whether the tensor sees an element more than once through a dimension without a stride."""
    step = tensor._step
    while step.op is not None and not step.op.overlaps:
        step = step.parent
    return step.op is not None and 0 not in tensor.shape and any(s == 0 and n > 1 for s, n in zip(of(tensor)[0], tensor.shape, strict=True))


def memory_of(tensor: Any) -> Any:
    """An object that stands for the memory that a tensor looks at."""
    while tensor._storage is None and tensor._seen_from is not None:
        tensor = tensor._seen_from[0]
    return tensor if tensor._storage is None else tensor._storage


def check_single(written: Any) -> None:
    """Raise where elements of a tensor that is written share memory with each other."""
    if written._seen_from is not None:
        written._share()
    if written._step is not None and repeats(written):
        raise RuntimeError("unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() "
                           "the tensor before performing the operation.")


def check_overlap(written: Any, operands: Sequence, whole: bool = True) -> None:
    """Raise where an operand looks at part of the memory that is written; where `whole`, it may look at exactly the same."""
    for x in operands:
        if x is written and whole or not hasattr(x, "_seen_from") or memory_of(x) is not memory_of(written):
            continue
        if overlap(written, x, whole):
            raise RuntimeError("unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
                               "Please clone() the tensor before performing the operation.")


def overlap(a: Any, b: Any, whole: bool) -> bool:
    """Whether two tensors without gaps in the same memory overlap, and not just because both are the `whole`.  Of others PyTorch does not know."""
    (strides, start), (others, begin) = of(a), of(b)
    if 0 in a.shape or 0 in b.shape or not dense(a.shape, strides) or not dense(b.shape, others):
        return False
    start, begin = start * a.dtype.itemsize, begin * b.dtype.itemsize
    end, stop = start + a.numel() * a.dtype.itemsize, begin + b.numel() * b.dtype.itemsize
    if (start, end) != (begin, stop):
        return start < stop and begin < end
    order, other = ([(n, s) for n, s in zip(x.shape, seen, strict=True) if n != 1] for x, seen in ((a, strides), (b, others)))
    return not whole or order != other


def dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the elements lie without gaps and without overlap, in any order of the dimensions."""
    expected = 1
    for s, n in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if s != expected:
            return False
        expected *= n
    return True


def in_memory(strides: Sequence[int]) -> tuple[int, ...]:
    """The dimensions in the order in which they lie in memory, that with the largest stride first."""
    return tuple(sorted(range(len(strides)), key=lambda d: -strides[d]))


def preserved(tensor: Any) -> tuple[int, ...]:
    """The strides of a copy of `tensor`: its own, or where it has gaps those of its dimensions in the same order."""
    strides, shape = of(tensor)[0], tensor.shape
    if dense(shape, strides) and 0 not in shape:
        return strides
    if 0 in strides:
        return contiguous(shape)
    order, found = in_memory(strides), [0] * len(shape)
    for d, s in zip(order, contiguous([shape[d] for d in order]), strict=True):
        found[d] = s
    return tuple(found)


def channels_last(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an image tensor whose channels lie closest."""
    order = (0, *range(2, len(shape)), 1)
    inner = contiguous([shape[d] for d in order])
    strides = [0] * len(shape)
    for d, s in zip(order, inner, strict=True):
        strides[d] = s
    return tuple(strides)
