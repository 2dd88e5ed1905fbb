"""The accelerator of this machine, whatever it is (`torch.accelerator`)."""
from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from ._core.device import accelerators, device
from ._core.device import device as _Device
from .cuda import synchronize

__all__ = ["current_accelerator", "device_count", "get_device_module", "is_available", "synchronize"]
MODULES = ("cpu", "cuda")


def _kind() -> str | None:
    return next((kind for kind in ("cuda", "xla") if accelerators(kind)), None)


def is_available() -> bool:
    """Whether there is an accelerator."""
    return _kind() is not None


def device_count() -> int:
    """How many accelerators there are."""
    kind = _kind()
    return len(accelerators(kind)) if kind else 0


def current_accelerator(check_available: bool = False) -> Any:
    """The type of the accelerator as a device, or None."""
    kind = _kind()
    return device(kind) if kind else None


def get_device_module(device: Any = None) -> ModuleType:
    """The module of a type of device, such as `torch.cuda`; by default the accelerator's."""
    if not isinstance(device, str | _Device | None):
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    kind = _Device(device).type if device is not None else _kind() or "cpu"
    if kind not in MODULES:
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return importlib.import_module(f"jtorch.{kind}")
