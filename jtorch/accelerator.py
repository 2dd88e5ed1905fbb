"""The accelerator of this machine, whatever it is (`torch.accelerator`)."""
from __future__ import annotations

from typing import Any

from ._core.device import accelerators, device
from .cuda import synchronize

__all__ = ["current_accelerator", "device_count", "is_available", "synchronize"]


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
