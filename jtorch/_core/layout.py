"""Strides and offsets, as PyTorch shows them: the view chain is replayed on a NumPy array that has the strides and no memory."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .storage import Step

Layout = tuple[tuple[int, ...], int]                         # strides and offset, in elements
Seen = tuple[Any, tuple, tuple]                              # a view's operator, numbers and attributes
BLANK = np.zeros(1, np.int8)
MOST = 1 << 14


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a tensor whose elements lie in order."""
    return _contiguous(tuple(shape))


@lru_cache(MOST)
def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def of(tensor: Any) -> Layout:
    """The strides and offset of a tensor."""
    if tensor._in_order:
        return contiguous(tensor.shape), 0
    steps: list[Seen] = []
    while tensor._seen_from is not None:
        tensor, *seen = tensor._seen_from
        steps.append(tuple(seen))
    if tensor._step is None:
        shape, strides = tensor.shape, tensor._strides or contiguous(tensor.shape)
    else:
        steps += _steps(tensor._step)
        shape, strides = _base(tensor._storage)
    return _seen(shape, strides, tuple(steps)) if steps else (strides, 0)


@lru_cache(MOST)
def _seen(shape: tuple[int, ...], strides: tuple[int, ...], steps: tuple[Seen, ...]) -> Layout:
    found = _look(shape, strides, steps)
    return found.strides, _offset(found)


def _steps(step: Step) -> list[Seen]:
    """The steps from here to the base."""
    found = []
    while step.op is not None:
        found.append((step.op, step.numbers, step.attrs))
        step = step.parent
    return found


def _base(storage: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape and strides of a storage's contents."""
    if storage.buffer is None:
        shape = storage.value.aval.shape
        return shape, storage.strides or contiguous(shape)
    b = storage.buffer
    return b.shape, tuple([s // b.itemsize for s in b.strides]) if b.size else contiguous(b.shape)


def covers(step: Step, storage: Any) -> bool:
    """Whether all of the memory is seen from here, in order."""
    if step.op is None:
        return True
    seen = _look(*_base(storage), _steps(step))
    total = storage.value.aval.shape.numel() if storage.buffer is None else storage.buffer.size
    in_order = all(s == t for n, s, t in zip(seen.shape, seen.strides, contiguous(seen.shape), strict=True) if n > 1)
    return in_order and not _offset(seen) and seen.size == total


def stand_in(shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> np.ndarray:
    """An array of one-byte elements with this layout, of which no element may be read."""
    return np.lib.stride_tricks.as_strided(BLANK, tuple(shape), tuple(strides), writeable=False)[...] if not offset else _moved(shape, strides, offset)


def _moved(shape: Sequence[int], strides: Sequence[int], offset: int) -> np.ndarray:
    start = np.lib.stride_tricks.as_strided(BLANK, (offset + 1,), (1,), writeable=False)[offset:]
    return np.lib.stride_tricks.as_strided(start, tuple(shape), tuple(strides), writeable=False)


def _look(shape: Sequence[int], strides: Sequence[int], steps: Sequence[Seen]) -> np.ndarray:
    """What is seen of a base of this layout, from which the last of the steps is the first."""
    seen = stand_in(shape, strides)
    for op, numbers, attrs in reversed(steps):
        rule = RULES.get(op.name)
        if op.name == "strided":
            shape, strides, offset = attrs
            seen = stand_in(shape, strides, offset + _offset(seen))
        elif op.name in REINTERPRETING:
            seen = _reinterpreted(op.name, seen)
        elif rule is None:
            seen = op.run((seen, *numbers), attrs)
        else:
            shape, strides, shift = rule(seen, numbers, attrs)
            seen = stand_in(shape, strides, _offset(seen) + shift)
    return seen


def _offset(seen: np.ndarray) -> int:
    return seen.__array_interface__["data"][0] - BLANK.__array_interface__["data"][0]


# Where NumPy chooses other strides for dimensions of size 1 than PyTorch: the new sizes, strides and the shift of the first element

def _unsqueezed(below: np.ndarray, numbers: tuple, attrs: tuple) -> tuple[list, list, int]:
    d, shape, strides = attrs[0] % (below.ndim + 1), list(below.shape), list(below.strides)
    strides.insert(d, shape[d] * strides[d] if d < len(shape) else 1)
    shape.insert(d, 1)
    return shape, strides, 0


def _indexed(below: np.ndarray, numbers: tuple, attrs: tuple) -> tuple[list, list, int]:
    starts, shape, strides, shift, done = iter(numbers), [], [], 0, 0
    for item in attrs[1]:
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


def _expanded(below: np.ndarray, numbers: tuple, attrs: tuple) -> tuple[list, list, int]:
    size, shape, strides = attrs[0], list(below.shape), list(below.strides)
    while len(shape) < len(size):
        strides.insert(0, shape[0] * strides[0] if shape else 1)
        shape.insert(0, 1)
    full = [n if w == -1 else w for n, w in zip(shape, size, strict=True)]
    return full, [s if n == w else 0 for s, n, w in zip(strides, shape, full, strict=True)], 0


def _reshaped(below: np.ndarray, numbers: tuple, attrs: tuple) -> tuple[Sequence, Sequence, int]:
    shape = attrs[0]
    if not below.size:
        return shape, contiguous(shape), 0
    long = iter(below.reshape([n for n in shape if n != 1]).strides)
    inner, strides = below.strides[-1] if below.ndim else 1, []
    for n, s in reversed([(n, next(long) if n != 1 else None) for n in shape]):   # one of size 1 is as if its inner neighbour went on
        strides.append(inner if s is None else s)
        inner = n * strides[-1]
    return shape, strides[::-1], 0


RULES = {"unsqueeze": _unsqueezed, "basic_index": _indexed, "expanded": _expanded, "reshaped": _reshaped}


REINTERPRETING = "real_part", "imaginary_part", "view_as_real", "view_as_complex", "bits"


def _reinterpreted(name: str, below: np.ndarray) -> np.ndarray:
    offset = _offset(below)
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
    if tensor._in_order:
        return True
    return 0 in tensor.shape or same(tensor.shape, of(tensor)[0], contiguous(tensor.shape))


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
    return _preserved(tensor.shape, of(tensor)[0])


@lru_cache(MOST)
def _preserved(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    if dense(shape, strides) and 0 not in shape:
        return strides
    if 0 in strides:
        return contiguous(shape)
    return ordered(shape, in_memory(strides))


def channels_last(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an image tensor whose channels lie closest."""
    return ordered(shape, (0, *range(2, len(shape)), 1))


def in_place(array: np.ndarray, strides: Sequence[int] | None) -> np.ndarray:
    """A copy of an array that owns its memory, where the elements lie as these strides say."""
    if strides is None:
        return np.array(array, order="C")
    order = in_memory(strides)
    return np.array(np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order)), order="K")


def lay(made: Any, strides: tuple[int, ...]) -> Any:
    """A new tensor, with these strides."""
    if strides != contiguous(made.shape):
        made._strides, made._in_order = strides, False
    return made


def arrange(made: Any, operands: Sequence) -> Any:
    """The new result of a pointwise operation, with the strides that it has in PyTorch: the dimensions in the order that they have in the operands."""
    result = made._value.aval
    layouts = []
    ordered = True
    for x in operands:
        in_order = getattr(x, "_in_order", None)             # what is no tensor says nothing
        if in_order is not None:
            layouts.append((x.shape, None if in_order else of(x)[0]))
            ordered = ordered and in_order
    return made if ordered or result.levels else lay(made, _arranged(result.shape, tuple(layouts)))


def channels_as(made: Any, operands: Sequence) -> Any:
    """The new result, with its channels last where they are so in the first two operands, as in PyTorch an image and the weights of a convolution."""
    shape = made._value.aval.shape
    if len(shape) in (4, 5) and not made._value.aval.levels and any(has_channels_last(x) for x in operands[:2]):
        return lay(made, channels_last(shape))
    return made


def columns(made: Any, *given: Any) -> Any:
    """The new results of a routine of LAPACK: matrices lie column by column, as Fortran has them.  What has another rank than all operands is no matrix."""
    ranks = {len(x.shape) for x in given if hasattr(x, "shape")}
    for one in made if isinstance(made, tuple) else (made,):
        rank = len(one.shape)
        if rank > 1 and rank in ranks:
            lay_in(one, (*range(rank - 2), rank - 1, rank - 2))
    return made


def lay_in(made: Any, order: Sequence[int]) -> Any:
    """A new tensor, whose dimensions lie in this order in memory, that with the largest stride first."""
    aval = made._value.aval
    return made if aval.levels or 0 in aval.shape else lay(made, ordered(aval.shape, order))


def has_channels_last(x: Any) -> bool:
    """Whether `x` is a batch of images (or volumes) whose strides say that the channels lie closest."""
    if getattr(x, "_in_order", True) or len(x.shape) not in (4, 5) or 0 in x.shape:
        return False
    strides, least = of(x)[0], 0
    for d in (1, *range(len(x.shape) - 1, 1, -1), 0):
        if strides[d] < least or not d and least == strides[1]:
            return False
        least = strides[d] * x.shape[d]
    return True


@lru_cache(MOST)
def _arranged(shape: tuple[int, ...], known: tuple[tuple[tuple[int, ...], tuple[int, ...] | None], ...]) -> tuple[int, ...]:
    layouts = [(size, strides or contiguous(size)) for size, strides in known]
    first = layouts[0][1]
    if 0 in shape or any(len(size) > len(shape) for size, _ in layouts):   # the latter: a loss that is the mean, say
        return contiguous(shape)
    if all(size == shape for size, _ in layouts):
        for usual in (contiguous(shape), *([channels_last(shape)] if len(shape) in (4, 5) else ())):
            if all(same(shape, strides, usual) for _, strides in layouts):
                return usual
        if all(strides == first for _, strides in layouts) and dense(shape, first):
            return first
    full = [[0] * (len(shape) - len(size)) + [0 if n == 1 != m else s for n, m, s in zip(size, shape[len(shape) - len(size):], strides, strict=True)]
            for size, strides in layouts]
    order = [*reversed(range(len(shape)))]                   # that with the smallest stride first
    for last in range(1, len(order)):
        at = last
        for k in reversed(range(last)):
            closer = _closer(order[at], order[k], full, shape)
            if closer:
                order[at], order[k], at = order[k], order[at], k
            elif closer is False:
                break
    return ordered(shape, order[::-1])


def ordered(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The strides of a tensor without gaps whose dimensions lie in this order in memory, that with the largest stride first."""
    found = [0] * len(shape)
    for d, s in zip(order, contiguous([shape[d] for d in order]), strict=True):
        found[d] = s
    return tuple(found)


def same(shape: Sequence[int], strides: Sequence[int], others: Sequence[int]) -> bool:
    """Whether elements lie at the same places with either strides."""
    return all(a == b or n == 1 for a, b, n in zip(strides, others, shape, strict=True))


def _closer(d: int, other: int, full: Sequence[Sequence[int]], shape: Sequence[int]) -> bool | None:
    """Whether elements along `d` lie closer together than along `other`, as the first operand says that has strides along both; None if none says."""
    for strides in full:
        if strides[d] and strides[other]:
            if strides[d] != strides[other]:
                return strides[d] < strides[other]
            if shape[d] < shape[other]:
                return True
    return None
