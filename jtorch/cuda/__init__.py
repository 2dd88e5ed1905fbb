"""NVIDIA GPUs, or whatever accelerator stands for `cuda` (`torch.cuda`).  Everything answers, also where there is none."""
from __future__ import annotations

from typing import Any

from .._core.device import accelerators, canonical, device as _Device
from .._core.graph import here
from .._core.run import flush
from .._functions import draw
from .._functions.convert import LEGACY, LegacyType
from . import amp as amp

globals().update({name: LegacyType(name.removesuffix("Tensor"), old.dtype, "cuda") for name, old in LEGACY.items()})


class _Current:
    index = 0


def is_available() -> bool:
    """Whether there is a GPU."""
    return bool(accelerators("cuda"))


def device_count() -> int:
    """The number of GPUs."""
    return len(accelerators("cuda"))


def current_device() -> int:
    """The index of the current GPU."""
    canonical("cuda")
    return _Current.index


def set_device(device: Any) -> None:
    """Make a GPU the current one."""
    _Current.index = canonical(f"cuda:{device}" if isinstance(device, int) else device).index or 0


def get_device_name(device: Any = None) -> str:
    """The name of a GPU."""
    return accelerators("cuda")[canonical(f"cuda:{device}" if isinstance(device, int) else device or "cuda").index or 0].device_kind


def is_initialized() -> bool:
    """Whether the GPU is in use."""
    return is_available()


def init() -> None:
    """Start using the GPU; nothing needs to be done."""


def synchronize(device: Any = None) -> None:
    """Wait until everything recorded has run."""
    canonical("cuda")
    for trace in list(here.traces.values()):
        flush(trace, "synchronize")


def empty_cache() -> None:
    """Give unused memory back; XLA's allocator keeps it for itself."""


def manual_seed(seed: int) -> None:
    """Start the GPU's generator from `seed`."""
    draw.default_for("cuda").manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Start all GPUs' generators from `seed`."""
    manual_seed(seed)


def seed() -> None:
    """Start the GPU's generator from an unpredictable number."""
    draw.default_for("cuda").seed()


def memory_allocated(device: Any = None) -> int:
    """Bytes in use on a GPU."""
    return _statistic(device, "bytes_in_use")


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in use on a GPU."""
    return _statistic(device, "peak_bytes_in_use")


def _statistic(device: Any, name: str) -> int:
    if not is_available():
        return 0
    return (accelerators("cuda")[canonical("cuda" if device is None else device).index or 0].memory_stats() or {}).get(name, 0)


class device:
    """A context in which a GPU is the current one."""

    def __init__(self, device: Any) -> None:
        self.index = None if device is None else (_Device(device).index or 0)

    def __enter__(self) -> None:
        self.before = _Current.index
        _Current.index = _Current.index if self.index is None else self.index

    def __exit__(self, *error: object) -> None:
        _Current.index = self.before
