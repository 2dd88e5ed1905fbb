"""Strides and offsets, as PyTorch shows them: the view chain is replayed on a NumPy array that has the strides and no memory."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .storage import Step

Layout = tuple[tuple[int, ...], int]                         # strides and offset, in elements
BLANK = np.zeros(1, np.int8)


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a tensor whose elements lie in order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def of(tensor: Any) -> Layout:
    """The strides and offset of a tensor."""
    if tensor._step is None or tensor._step.op is None and tensor._storage.buffer is None:
        return contiguous(tensor.shape), 0
    storage = tensor._storage
    if storage.buffer is not None:
        seen = storage.look(tensor._step)
        start = seen.__array_interface__["data"][0] - storage.buffer.__array_interface__["data"][0]
        return tuple(s // seen.itemsize for s in seen.strides), start // seen.itemsize
    seen, scale = _look(tensor._step, storage)
    return tuple(s // scale for s in seen.strides), (seen.__array_interface__["data"][0] - BLANK.__array_interface__["data"][0]) // scale


def stand_in(shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> np.ndarray:
    """An array of one-byte elements with this layout, of which no element may be read."""
    return np.lib.stride_tricks.as_strided(BLANK, tuple(shape), tuple(strides), writeable=False)[...] if not offset else _moved(shape, strides, offset)


def _moved(shape: Sequence[int], strides: Sequence[int], offset: int) -> np.ndarray:
    start = np.lib.stride_tricks.as_strided(BLANK, (offset + 1,), (1,), writeable=False)[offset:]
    return np.lib.stride_tricks.as_strided(start, tuple(shape), tuple(strides), writeable=False)


def _look(step: Step, storage: Any) -> tuple[np.ndarray, int]:
    if step.op is None:
        shape = storage.value.aval.shape
        return stand_in(shape, contiguous(shape)), 1
    below, scale = _look(step.parent, storage)
    if step.op.name == "strided":
        return stand_in(step.attrs[0], step.attrs[1], step.attrs[2]), scale
    if step.op.name in ("real_part", "imaginary_part", "view_as_real", "view_as_complex", "bits"):
        return _reinterpreted(step, below), scale
    return step.op.run((below, *step.numbers), step.attrs), scale


def _reinterpreted(step: Step, below: np.ndarray) -> np.ndarray:
    offset = below.__array_interface__["data"][0] - BLANK.__array_interface__["data"][0]
    name = step.op.name
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
    if tensor._step is None:
        return True
    expected, given = contiguous(tensor.shape), of(tensor)[0]
    return 0 in tensor.shape or all(a == b or n == 1 for a, b, n in zip(given, expected, tensor.shape, strict=True))


def channels_last(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an image tensor whose channels lie closest."""
    order = (0, *range(2, len(shape)), 1)
    inner = contiguous([shape[d] for d in order])
    strides = [0] * len(shape)
    for d, s in zip(order, inner, strict=True):
        strides[d] = s
    return tuple(strides)
