"""The settings of `torch.autocast` on this thread: for each kind of device whether it is on, and the lower type."""
from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from .._core.device import device
from .._core.dtype import bfloat16, dtype, float16
from .._core.graph import here, mode
from .._core.public import public

LOWER = {"cpu": bfloat16, "cuda": float16, "hpu": bfloat16, "ipu": float16, "maia": bfloat16, "mps": float16, "mtia": float16, "xla": bfloat16,
         "xpu": float16}                                     # the kinds of devices that know autocast, and their types at first


class Settings(threading.local):
    """What holds also while autocast is off; whether it is on is part of the mode."""

    def __init__(self) -> None:
        self.types = dict(LOWER)
        self.cache = True
        self.depth = 0


settings = Settings()


def _kind(device_type: Any, function: str) -> str:
    if not isinstance(device_type, str):
        given = "torch.device" if isinstance(device_type, device) else type(device_type).__name__
        raise TypeError(f"{function}(): argument 'device_type' (position 1) must be str, not {given}")
    return device(device_type).type


def _expect(function: str, name: str, position: int, x: Any, kind: type, called: str) -> None:
    if not isinstance(x, kind):
        raise TypeError(f"{function}(): argument '{name}' (position {position}) must be {called}, not {type(x).__name__}")


def _known(device_type: Any, function: str) -> str:
    kind = _kind(device_type, function)
    if kind not in LOWER:
        raise RuntimeError("unsupported scalarType" if "dtype" in function else
                           "unknown device type for autocast in get_autocast_dispatch_key_from_device_type")
    return kind


def _apply(on: dict[str, dtype]) -> None:
    now = here.mode
    here.mode = mode(now.grad, now.inference, now.floating, tuple(sorted(on.items())))


def is_autocast_available(device_type: str) -> bool:
    """Whether there is autocast for such devices."""
    return _kind(device_type, "_is_autocast_available") in LOWER


@public("torch")
def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether operations on such devices choose their types themselves."""
    return _known(device_type, "is_autocast_enabled") in dict(here.mode.autocast)


@public("torch")
def set_autocast_enabled(*args: Any, **kwargs: Any) -> None:
    """Turn autocast on or off: `set_autocast_enabled(device_type, enabled)`, or for `cuda` with one argument."""
    given = dict(zip(("device_type", "enabled") if len(args) + len(kwargs) > 1 else ("enabled",), args, strict=False), **kwargs)
    if not {"enabled"} <= given.keys() <= {"device_type", "enabled"} or len(args) + len(kwargs) > 2:
        shown = ", ".join(type(x).__name__ for x in args)
        raise TypeError(f"set_autocast_enabled() received an invalid combination of arguments - got ({shown}), but expected one of:\n"
                        " * (str device_type, bool enabled)\n * (bool enabled)\n")
    kind = _known(given.get("device_type", "cuda"), "set_autocast_enabled")
    _expect("set_autocast_enabled", "enabled", len(given), given["enabled"], bool, "bool")
    on = dict(here.mode.autocast)
    on.pop(kind, None)
    _apply({**on, kind: settings.types[kind]} if given["enabled"] else on)


@public("torch")
def get_autocast_dtype(device_type: str) -> dtype:
    """The lower type that autocast uses on such devices."""
    return settings.types[_known(device_type, "get_autocast_dtype")]


@public("torch")
def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Choose the lower type that autocast uses on such devices."""
    kind = _known(device_type, "set_autocast_dtype")
    _expect("set_autocast_dtype", "dtype", 2, dtype, bfloat16.__class__, "torch.dtype")
    settings.types[kind] = dtype
    on = dict(here.mode.autocast)
    if kind in on:
        _apply({**on, kind: dtype})


@public("torch")
def is_autocast_cache_enabled() -> bool:
    """Whether autocast may convert a weight once for several uses.  XLA does so anyway."""
    return settings.cache


@public("torch")
def set_autocast_cache_enabled(enabled: bool) -> None:
    """Say whether autocast may convert a weight once for several uses; changes no result."""
    _expect("set_autocast_cache_enabled", "enabled", 1, enabled, bool, "bool")
    settings.cache = enabled


@public("torch")
def clear_autocast_cache() -> None:
    """Nothing: conversions live in the compiled program only."""


@public("torch")
def autocast_increment_nesting() -> int:
    """Count one more `autocast` inside another; returns how many there are."""
    settings.depth += 1
    return settings.depth


@public("torch")
def autocast_decrement_nesting() -> int:
    """Count one `autocast` less; returns how many there are."""
    settings.depth -= 1
    return settings.depth


# The older names, one for each kind of device

def _older(name: str, now: Callable, kind: str, shown: str) -> None:
    instead = f"torch.{now.__name__}({', '.join(filter(None, (repr(kind), shown)))})"
    text = f"torch.{name}({shown}) is deprecated. Please use {instead} instead."

    def older(*args: Any) -> Any:
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return now(kind, *args)
    older.__name__, older.__doc__ = name, f"The same as `{instead}`."
    public("torch", name=name)(older)


for _kind_of, _spelled in {"cpu": "cpu", "xla": "xla", "ipu": "ipu", "cuda": "gpu"}.items():
    if _spelled != "gpu":
        _older(f"is_autocast_{_spelled}_enabled", is_autocast_enabled, _kind_of, "")
        _older(f"set_autocast_{_spelled}_enabled", set_autocast_enabled, _kind_of, "enabled")
    _older(f"get_autocast_{_spelled}_dtype", get_autocast_dtype, _kind_of, "")
    _older(f"set_autocast_{_spelled}_dtype", set_autocast_dtype, _kind_of, "dtype")
