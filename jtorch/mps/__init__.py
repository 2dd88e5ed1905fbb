"""Apple's GPUs (`torch.mps`): not reached here.  What asks says so; what would need one raises RuntimeError, as PyTorch does without them."""
from __future__ import annotations

import os
from typing import Any, NoReturn

from . import event as event
from . import profiler as profiler
from ._absent import refused
from .event import Event

__all__ = ["Event", "compile_shader", "current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "get_rng_state", "is_available",
           "load_metallib", "manual_seed", "profiler", "recommended_max_memory", "seed", "set_per_process_memory_fraction", "set_rng_state", "synchronize"]
MOST = 2                                                     # times the recommended memory


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no generator to start."""


def seed() -> NoReturn:
    """Raises."""
    raise refused("getDefaultGenerator")


def get_rng_state(device: Any = "mps") -> NoReturn:
    """Raises."""
    raise refused("getDefaultGenerator")


def set_rng_state(new_state: Any, device: Any = "mps") -> NoReturn:
    """Raises."""
    raise refused("getDefaultGenerator")


def synchronize() -> NoReturn:
    """Raises."""
    raise refused("deviceSynchronize")


def empty_cache() -> NoReturn:
    """Raises."""
    raise refused("emptyCache")


def set_per_process_memory_fraction(fraction: float) -> NoReturn:
    """Raises: TypeError for anything but a float, ValueError outside of [0, 2], RuntimeError otherwise."""
    if not isinstance(fraction, float):
        raise TypeError("Invalid type for fraction argument, must be `float`")
    if not 0 <= fraction <= MOST:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~2")
    raise refused("setMemoryFraction")


def current_allocated_memory() -> NoReturn:
    """Raises."""
    raise refused("getCurrentAllocatedMemory")


def driver_allocated_memory() -> NoReturn:
    """Raises."""
    raise refused("getDriverAllocatedMemory")


def recommended_max_memory() -> NoReturn:
    """Raises."""
    raise refused("getRecommendedMaxMemory")


def compile_shader(source: str) -> NoReturn:
    """Raises."""
    raise RuntimeError("MPS is not available")


def load_metallib(source: bytes | str | os.PathLike) -> NoReturn:
    """Raises."""
    if not isinstance(source, bytes | str | os.PathLike):
        raise TypeError(f"expected bytes or path, got {type(source).__name__}")
    raise RuntimeError("MPS is not available")
