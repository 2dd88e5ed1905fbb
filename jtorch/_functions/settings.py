"""Process-wide settings that PyTorch's programs make."""
from __future__ import annotations

import os
from typing import Any

from .._core import dtype as dt
from .._core import misfit, promote
from .._core.anomaly import Anomaly
from .._core.device import canonical, device
from .._core.dtype import dtype
from .._core.graph import here, mode
from .._core.public import public
from .create import Defaults
from .literals import floating


@public("torch")
def set_default_dtype(d: Any) -> None:
    """Make `d` the type of new floating point tensors."""
    if not isinstance(d, dtype) or d not in (dt.float16, dt.bfloat16, dt.float32, dt.float64):
        raise TypeError(("" if isinstance(d, dtype) else "invalid dtype object: ") + "only floating-point types are supported as the default type")
    promote.Default.floating = d
    here.mode = mode(here.mode.grad, here.mode.inference, d, here.mode.autocast)


@public("torch")
def get_default_dtype() -> dtype:
    """The type of new floating point tensors."""
    return floating()


@public("torch")
def set_default_device(device: Any) -> None:
    """Make `device` the place of new tensors; None restores the CPU."""
    Defaults.device = canonical(device)


@public("torch")
def get_default_device() -> device:
    """The place of new tensors."""
    return Defaults.device


class Threads:
    """How many threads were asked for.  XLA sizes its own pool when it starts, so the number is kept and reported, and changes nothing after."""
    within = os.cpu_count() or 1
    between = os.cpu_count() or 1


def _checked(name: str, count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool):
        raise RuntimeError(f"{name} expects an int, but got {type(count).__name__}")
    if count <= 0:
        raise RuntimeError(f"{name} expects a positive integer")
    return count


@public("torch")
def set_num_threads(int: int) -> None:
    """Ask for so many threads within an operation.  XLA chooses when it starts (see `XLA_FLAGS`); the number is only remembered."""
    Threads.within = _checked("set_num_threads", int)


@public("torch")
def get_num_threads() -> int:
    """The number of threads within an operation that was asked for."""
    return Threads.within


@public("torch")
def set_num_interop_threads(int: int) -> None:
    """Ask for so many threads between operations; the number is only remembered."""
    Threads.between = _checked("set_num_interop_threads", int)


@public("torch")
def get_num_interop_threads() -> int:
    """The number of threads between operations that was asked for."""
    return Threads.between


@public("torch")
def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Whether a backward pass that fails, or makes NaN, names the forward call; see `torch.autograd.detect_anomaly`."""
    if not isinstance(enabled, bool):
        raise misfit.wrong_class("set_anomaly_enabled", "enabled", 1, "bool", enabled)
    Anomaly.enabled, Anomaly.check_nan = enabled, check_nan


class Inside:
    """The default devices outside of the `with torch.device(…):` blocks that are open, outermost first."""
    before: list[device] = []


def enter(self: device) -> device:
    """`with torch.device(…):` makes it the place of new tensors inside."""
    Inside.before.append(Defaults.device)
    set_default_device(self)
    return self


def leave(self: device, *error: object) -> None:
    """The place of new tensors is again what it was."""
    Defaults.device = Inside.before.pop()


device.__enter__, device.__exit__ = enter, leave             # type: ignore[attr-defined]  # the class is of a layer that knows no defaults
