"""In-place writes that NumPy makes in arrays on the host: filling a tensor bit by bit, or counting in one, runs no program.

An array that nobody else looks at is written to as it is; any other is copied first.
"""
from __future__ import annotations

import math
from sys import getrefcount
from typing import Any

import numpy as np

from .device import CPU
from .dtype import INTEGRAL, bool_, dtype, float32, float64, int32, int64
from .graph import Value, computed_on_host, here
from .record import EAGER, TENSORS
from .run import watching

ALONE = 2                                                    # references to what only its owner holds: attribute, getrefcount
BIG = 1 << 20                                                # bytes that are not copied for a write
EXACT, LARGEST = 1 << 24, 3e38                               # integers that float32 holds, and numbers that it has room for


def on_host(value: Value | None) -> bool:
    """Whether it is an array on the host, and all there is to it."""
    if value is None or type(value.array) is not np.ndarray:
        return False
    of = value.aval
    return not of.requires_grad and not of.levels and of.device is CPU


def written(tensor: Any, index: Any, value: Any) -> Value | None:
    """What `tensor` holds after `value` is written at a basic index; None where that is not for NumPy to do."""
    if not on_host(tensor._value) or tensor._leaf is not None or not _is_base(tensor) or not _goes_forward(index):
        return None
    of = tensor._value.aval
    given = _converted(value, of.dtype)
    if given is None or not _allowed():
        return None
    alone = getrefcount(tensor._value) == ALONE and getrefcount(tensor._value.array) == ALONE
    array = _own(tensor._value.array, alone)
    try:
        array[index] = given
    except (IndexError, ValueError, TypeError):              # also of None, which is too large to copy; what is wrong is told in PyTorch's words
        return None
    return computed_on_host(of, array)


def written_through(storage: Any, step: Any, new: Value) -> Value | None:
    """What the base of `storage` holds after `new` is written to the part that `step` sees; None where that is not for NumPy to do."""
    if step.op is None or not on_host(storage.value) or not on_host(new) or not _allowed():
        return None
    chain = []
    while step.op is not None:
        if not step.op.on_host or step.op.overlaps or step.leaf is not None or step.history is not None:
            return None
        chain.append(step)
        step = step.parent
    for alias in storage.aliases:                            # they look again anyway: what they saw is no reason for a copy
        tensor = alias()
        if tensor is not None and on_host(tensor._value) and tensor._value.trace is None:
            tensor._value = None
    of = storage.value.aval
    alone = getrefcount(storage.value) == ALONE and getrefcount(storage.value.array) == ALONE
    array = seen = _own(storage.value.array, alone)
    if array is None:
        return None
    for s in reversed(chain):
        seen = s.op.run((seen, *s.numbers), s.attrs)
        if type(seen) is not np.ndarray or not np.may_share_memory(seen, array):
            return None
    seen[...] = new.array
    return computed_on_host(of, array)


def _own(array: np.ndarray, alone: bool) -> Any:
    """`array` where it may be written to, otherwise a copy; None of a large one."""
    if alone and array.flags.owndata and array.flags.writeable:
        return array
    return np.array(array) if array.nbytes <= BIG else None


def _allowed() -> bool:
    return not EAGER and not watching and here.capture is None


def _is_base(tensor: Any) -> bool:
    """Whether it is no view of another tensor, and shares its memory with nobody outside."""
    storage = tensor._storage
    return tensor._seen_from is None and (storage is None or storage.buffer is None and tensor._step.op is None)


def _goes_forward(index: Any) -> bool:
    """Whether NumPy understands a basic index as PyTorch does."""
    return not any(type(i) is slice and i.step is not None and i.step < 1 for i in (index if type(index) is tuple else (index,)))


def _converted(value: Any, kind: dtype) -> Any:
    """What is assigned as NumPy takes it, if both convert it alike; else None."""
    if isinstance(value, float):
        return value if kind in (float32, float64) and not LARGEST <= abs(value) < math.inf else None
    if type(value) is bool:
        return value if kind is bool_ else None
    if type(value) is int:
        exact = abs(value) <= EXACT if kind in (float32, float64, int32, int64) else 0 <= value < 128 and kind.category == INTEGRAL
        return value if exact else None
    if type(value) not in TENSORS or value._leaf is not None or not on_host(value._value) or value._value.aval.dtype is not kind:
        return None
    return value._value.array
