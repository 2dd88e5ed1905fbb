"""`make_tensor`: random tensors of any type for tests."""
from __future__ import annotations

import math
import warnings
from typing import Any

import jtorch as torch
from jtorch import Tensor

INTEGERS = ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")
LARGEST = 2**63 - 1                                          # PyTorch's bounds of random integers are int64


def make_tensor(*shape: Any, dtype: torch.dtype, device: Any, low: float | None = None, high: float | None = None, requires_grad: bool = False,
                noncontiguous: bool = False, exclude_zero: bool = False, memory_format: Any = None) -> Tensor:
    """A tensor of numbers uniform in [low, high), by default -9 to 9 (unsigned integers 0 to 9, integers -9 to 9).

    noncontiguous  every other element of a larger tensor
    exclude_zero   zeros become the smallest positive normal number, or 1

    >>> torch.testing.make_tensor(2, 3, dtype=torch.int64, device="cpu", low=0, high=1)
    tensor([[0, 0, 0],
            [0, 0, 0]])
    """
    if noncontiguous and memory_format is not None:
        raise ValueError(f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got {noncontiguous=} and {memory_format=}")
    size = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape
    inexact = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not inexact:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}")
    wider = noncontiguous and math.prod(size) > 1
    drawn = (_inexact if inexact else _integers)((*size[:-1], 2 * size[-1]) if wider else size, dtype, device, low, high)
    made = drawn[..., 1::2] if wider else drawn
    if memory_format is not None:
        made = made.clone(memory_format=memory_format)
    if exclude_zero:
        made[made == 0] = torch.finfo(dtype).tiny if inexact else 1
    return made.requires_grad_() if requires_grad else made


def _bounds(low: float | None, high: float | None, default: tuple[float, float], limits: tuple[float, float], dtype: torch.dtype) -> tuple[float, float]:
    low, high = default[0] if low is None else low, default[1] if high is None else high
    if low != low or high != high:
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and (dtype.is_floating_point or dtype.is_complex):
        warnings.warn("Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 and will be removed in 2.3. "
                      "Use `torch.full(...)` instead.", FutureWarning, stacklevel=5)
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < limits[0] or low >= limits[1]:
        raise ValueError(f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only supports [{limits[0]}, {limits[1]})")
    return min(max(low, limits[0]), limits[1]), min(max(high, limits[0]), limits[1])


def _integers(size: tuple[int, ...], dtype: torch.dtype, device: Any, low: float | None, high: float | None) -> Tensor:
    if dtype != torch.bool and dtype.name not in INTEGERS:
        raise TypeError(f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor(). To request support, file an issue at: "
                        "https://github.com/pytorch/pytorch/issues")
    if dtype == torch.bool:
        first, last = _bounds(low, high, (0, 2), (0, 2), dtype)
    else:
        limits = torch.iinfo(dtype)
        first, last = _bounds(low, high, (-9 if limits.min else 0, 10), (limits.min, limits.max + 1), dtype)
    drawn = torch.randint(math.ceil(first), min(math.ceil(last), LARGEST), size, dtype=torch.int64 if dtype == torch.bool else dtype, device=device)
    return drawn.to(dtype)


def _inexact(size: tuple[int, ...], dtype: torch.dtype, device: Any, low: float | None, high: float | None) -> Tensor:
    limits = torch.finfo(dtype)
    first, last = _bounds(low, high, (-9, 9), (limits.min, limits.max), dtype)
    narrow = dtype.itemsize == 1
    made = torch.empty(size, dtype=torch.float32 if narrow else dtype, device=device)
    parts = torch.view_as_real(made) if dtype.is_complex else made
    scale = 1.0                                              # the width of the interval must be a number of the type
    if last - first > limits.max:
        scale = 2.0**64 if limits.bits == 64 else 2.0        # float64 is drawn with exact products, which must not overflow either
    parts.uniform_(first / scale, last / scale)
    if scale > 1:
        parts.mul_(scale)
    return made.to(dtype)
