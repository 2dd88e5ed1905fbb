"""Creating tensors of numbers in sequence: ranges, and positions in matrices."""
from __future__ import annotations

import math
import warnings
from operator import index
from typing import Any

import numpy as np

from .._core import dtype as dt
from .._core import misfit
from .._core.device import Where
from .._core.dtype import FLOATING, IN_C, chosen, dtype
from .._core.format import layout
from .._core.public import public
from .._core.tensor import Tensor
from .create import finish, put_in
from .literals import cast_array, floating
from .options import creating


@public("torch")
@creating("arange.start_out", flat=True)
def arange(start: Any = None, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None,
           device: Where = None,
           requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """The numbers from `start` (0 if only `end` is given) up to, without, `end`, `step` apart.

    >>> torch.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    start, end, step = [x.item() if isinstance(x, Tensor | np.generic) else x for x in (start, end, step)]
    if start is None and end is None:
        raise misfit.missing("arange", ("end",))
    if start is None:
        start = 0
    elif end is None:
        start, end = 0, start
    for name, x in (("start", start), ("end", end), ("step", step)):
        if not isinstance(x, bool | int | float):
            raise misfit.wrong_class("arange", name, 1 + (name != "start") * bool(start) + (name == "step"), "Number", x)
    kind = chosen(dtype, floating() if any(isinstance(x, float) for x in (start, end, step)) else dt.int64)
    if out is not None and dtype is None and out.dtype.category < FLOATING and not int(step):
        raise ValueError("step must be nonzero")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if kind.is_complex or kind == dt.bool_:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{kind.title}'")
    if kind == dt.int64:
        start, end, step = int(start), int(end), int(step)
    return put_in(out, finish(_counted(start, step, math.ceil((end - start) / step), kind), device, requires_grad))


def _counted(start: float, step: float, count: int, kind: dtype) -> np.ndarray:
    """start + k · step, as PyTorch rounds it: from the last multiple of 32 bytes, whose own number is rounded to the type; the last odd 64 bytes directly."""
    k = np.arange(count)
    if kind.category < FLOATING:
        return (int(start) + int(step) * k).astype(kind.numpy)
    width = 32 // kind.itemsize
    full = count - count % (2 * width)
    block = np.where(k < full, k - k % width, k)
    wide = np.longdouble  # one rounding, as of a fused multiply-add
    first = cast_array((start + wide(step) * block).astype(np.float64), kind).astype(np.float64)
    return cast_array((first + wide(step) * (k - block)).astype(np.float64), kind)


@public("torch")
@creating("range.out", flat=True)
def range(start: Any = 0, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None,
          device: Where = None, requires_grad: bool = False) -> Tensor:
    """The numbers from `start` to `end`, both included."""
    warnings.warn("torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with Python's range builtin. "
                  "Instead, use torch.arange, which produces values in [start, end).", UserWarning, stacklevel=3)
    kind = chosen(dtype, floating())
    if kind.is_complex:
        raise NotImplementedError(f"\"range_cpu\" not implemented for '{kind.title}'")
    count = math.floor((end - start) / step) + 1
    return put_in(out, finish(cast_array(start + step * np.arange(count), kind), device, requires_grad))


@public("torch")
@creating("linspace.out", flat=True)
def linspace(start: Any, end: Any, steps: int, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
             pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """`steps` numbers from `start` to `end`, evenly spaced, both included."""
    start, end, steps, kind = _bounds("linspace", start, end, steps, dtype)
    if kind is dt.bool_:
        raise NotImplementedError("\"linspace_cpu\" not implemented for 'Bool'")
    for x in (start, end):
        dt.check_number(x, kind)
    if kind.category < FLOATING:
        start, end = (np.array(int(x)).astype(kind.numpy).item() for x in (start, end))
    return put_in(out, finish(_spaced(start, end, steps, kind), device, requires_grad))


def _bounds(name: str, start: Any, end: Any, steps: int, dtype: dtype | None) -> tuple[Any, Any, int, dtype]:
    """Start, end, number of steps and type, checked."""
    steps = index(steps)
    if not misfit.fits("Number", start) or not misfit.fits("Number", end):
        raise TypeError(f"{name}() received an invalid combination of arguments - got ({type(start).__name__}, {type(end).__name__}, int)")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    start, end = [x.item() if isinstance(x, Tensor) else x for x in (start, end)]
    if isinstance(start + end, complex) and dtype is not None and not chosen(dtype, dtype).is_complex:
        raise RuntimeError(f"torch.{name}(): inferred dtype c10::complex<{IN_C[floating().name]}> can't be safely cast to passed dtype "
                           f"{chosen(dtype, dtype).title}")
    return start, end, steps, chosen(dtype, floating().to_complex() if isinstance(start, complex) or isinstance(end, complex) else floating())


def _spaced(start: Any, end: Any, steps: int, kind: dtype) -> np.ndarray:
    """PyTorch's way: from both ends towards the middle, in the type itself."""
    if kind.category < FLOATING:
        step = (float(end) - float(start)) / max(steps - 1, 1)
        k = np.arange(steps)
        if steps == 1:
            return np.array([start]).astype(kind.numpy)
        return np.where(k < steps // 2, start + step * k, end - step * (steps - k - 1)).astype(kind.numpy)
    with np.errstate(all="ignore"):                          # infinite ends
        return _between(start, end, steps, kind)


def _between(start: Any, end: Any, steps: int, kind: dtype) -> np.ndarray:
    work = np.float32 if kind.itemsize == 2 else kind.numpy.type
    a, b = work(start), work(end)
    if steps == 1:
        return np.array([a]).astype(kind.numpy)
    step, k = (b - a) / work(max(steps - 1, 1)), np.arange(steps)
    wide = np.clongdouble if kind.is_complex else np.longdouble  # one rounding, as of a fused multiply-add
    low = (wide(a) + wide(step) * k.astype(wide)).astype(work)
    high = (wide(b) - wide(step) * (steps - k - 1).astype(wide)).astype(work)
    return np.where(k < steps // 2, low, high).astype(kind.numpy)


@public("torch")
@creating("logspace.out", flat=True)
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None,
             device: Where = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """`base` to powers evenly spaced from `start` to `end`."""
    start, end, steps, kind = _bounds("logspace", start, end, steps, dtype)
    base = base.item() if isinstance(base, Tensor) else base
    powers = _spaced(start, end, steps, kind if kind.category >= FLOATING else dt.float64)
    wide = np.complex128 if kind.is_complex or isinstance(base, complex) else np.float64
    return put_in(out, finish(cast_array(np.power(wide(base), powers.astype(wide)), kind), device, requires_grad))


@public("torch")
@creating("eye.m_out", flat=True)
def eye(n: int, m: int | None = None, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
        pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """A matrix with ones on the diagonal."""
    for name, size in (("n", n), ("m", m or 0)):
        if index(size) < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return put_in(out, finish(np.eye(n, n if m is None else m, dtype=chosen(dtype, floating()).numpy), device, requires_grad))


def _positions(name: str, found: tuple[np.ndarray, np.ndarray], kind: dtype) -> np.ndarray:
    if kind.is_complex:
        raise NotImplementedError(f"\"{name}\" not implemented for '{kind.title}'")
    return np.array(found).astype(kind.numpy)


@public("torch")
@creating("tril_indices")
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: dtype = dt.int64, device: Where = None, layout: layout | None = None,
                 pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """The positions of a lower triangle.    ->  (2, n)"""
    return finish(_positions("tril_indices", np.tril_indices(row, offset, col), dtype), device, requires_grad)


@public("torch")
@creating("triu_indices")
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: dtype = dt.int64, device: Where = None, layout: layout | None = None,
                 pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """The positions of an upper triangle.    ->  (2, n)"""
    return finish(_positions("triu_indices", np.triu_indices(row, offset, col), dtype), device, requires_grad)
