"""Values that an operator cannot take: checked before it runs, where they are on the host, as `@op(known=…)`.

Operands arrive as NumPy arrays where their values are known, else as avals (shape and dtype); numbers as they are.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.dtype import FLOATING, bool_


def first_outside(index: Any, low: int, high: int) -> int | None:
    """The first known integer that is not in [low, high)."""
    if not isinstance(index, np.ndarray) or index.dtype.kind not in "iu" or not index.size:
        return None
    if low == 0 and np.maximum.reduce(index.view(f"u{index.itemsize}"), axis=None) < high or low <= index.min() and index.max() < high:
        return None                                          # the first test is the second at half the cost: a negative number is a large one without sign
    return int(index.flat[int(np.argmax((index < low) | (index >= high)))])


def places(error: type[Exception] = RuntimeError, text: str = "index {} is out of bounds for dimension {} with size {}", wraps: bool = False) -> Callable:
    """A check of indices along `dim`, which count from the end too where it `wraps`."""
    def known(input: Any, dim: int, index: Any, *args: Any, **keywords: Any) -> None:
        axis, size = _along(input, dim)
        wrong = first_outside(index, -size if wraps else 0, size)
        if wrong is not None:
            raise error(text.format(wrong, axis, size))
    return known


def _along(input: Any, dim: int) -> tuple[int, int]:
    shape = input.shape or (1,)
    return dim % len(shape), shape[dim]


def selected(input: Any, dim: int, index: Any) -> None:
    """`index_select`'s: PyTorch has a kernel of its own for the second dimension."""
    axis, size = _along(input, dim)
    wrong = first_outside(index, 0, size)
    if wrong is not None:
        raise RuntimeError(f"INDICES element is out of DATA bounds, id={wrong} axis_dim={size}") if axis == 1 else IndexError("index out of range in self")


def added(input: Any, dim: int, index: Any, *args: Any, **keywords: Any) -> None:
    """`index_add`'s: PyTorch has a kernel of its own for vectors."""
    (places() if len(input.shape) > 1 else places(IndexError, "index out of range in self"))(input, dim, index)


def flat_places(input: Any, index: Any, *args: Any, **keywords: Any) -> None:
    """Indices of the flattened input, which count from the end too."""
    size = int(np.prod(input.shape))
    wrong = first_outside(index, -size, size)
    if wrong is not None:
        raise IndexError(f"out of range: tried to access index {wrong} on a tensor of {size} elements.")


def flattened_places(input: Any, indices: Any, dim: int | None = None) -> None:
    """`take_along_dim`'s where there is no `dim`."""
    size = int(np.prod(input.shape))
    wrong = first_outside(indices, -size, size) if dim is None else None
    if wrong is not None:
        raise RuntimeError(f"index {wrong} is out of bounds for dimension 0 with size {size}")


def class_indices(input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100, *args: Any, **keywords: Any) -> None:
    """Class indices that are to be classes of the input, or `ignore_index`."""
    count = input.shape[0 if len(input.shape) == 1 else 1]
    wrong = first_outside(target, 0, count)
    if wrong == ignore_index:
        wrong = first_outside(target[target != ignore_index], 0, count)
    if wrong is not None:
        raise IndexError(f"Target {wrong} is out of bounds.")


def margin_classes(input: Any, target: Any, *args: Any, **keywords: Any) -> None:
    """Class indices that are to be classes of the input."""
    if first_outside(target, 0, input.shape[-1] if input.shape else 1) is not None:
        raise RuntimeError("target out of range")


def listed_classes(input: Any, target: Any, *args: Any, **keywords: Any) -> None:
    """Lists of class indices, which -1 ends."""
    if first_outside(target, -1, input.shape[-1] if input.shape else 1) is not None:
        raise RuntimeError("argument #2 'target' is out of range")


def probabilities(input: Any, target: Any, *args: Any, **keywords: Any) -> None:
    """Numbers between 0 and 1."""
    for name, x in (("input", input), ("target", target)):
        if isinstance(x, np.ndarray) and x.size and not (x.min() >= 0 and x.max() <= 1):       # nan is not either
            raise RuntimeError(f"all elements of {name} should be between 0 and 1")


def variance(input: Any, target: Any, var: Any, *args: Any, **keywords: Any) -> None:
    """Numbers that are not negative."""
    if isinstance(var, np.ndarray | int | float) and np.any(np.asarray(var) < 0):
        raise ValueError("var has negative entry/entries")


def fractions(input: Any, q: Any, *args: Any, **keywords: Any) -> None:
    """What part of the elements lies below a quantile."""
    if isinstance(q, np.ndarray) and not ((q >= 0) & (q <= 1)).all():
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    if isinstance(q, int | float) and not 0 <= q <= 1:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")


def divisor(input: Any, other: Any, *args: Any, **keywords: Any) -> None:
    """Integers that are divided by, none of them 0."""
    if isinstance(other, np.ndarray):
        zero = other.dtype.kind in "iub" and other.size > 0 and not other.all()
    else:
        zero = isinstance(other, int) and not other % (1 << 8 * _itemsize(input))   # what is left of it in the type of the result
    if zero and _is_whole(input):
        raise RuntimeError("ZeroDivisionError")


def _itemsize(x: Any) -> int:
    """How many bytes an element has in arithmetic; booleans and numbers are integers of 8."""
    return 8 if isinstance(x, int | float | complex) or x.dtype in (np.bool_, bool_) else x.dtype.itemsize


def _is_whole(x: Any) -> bool:
    """Whether these are integers or booleans, at least one."""
    if isinstance(x, np.ndarray):
        return x.size > 0 and x.dtype.kind in "iub"
    return isinstance(x, int) or not isinstance(x, float | complex) and x.dtype.category < FLOATING and 0 not in x.shape
