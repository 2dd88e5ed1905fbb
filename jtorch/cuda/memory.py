"""Memory of a GPU (`torch.cuda.memory`), as far as XLA's allocator tells."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from typing import Any, NoReturn

from .._core.device import accelerators, canonical, device as _Device

NO_RESET = "XLA's allocator can't reset {}: compare {}() before and after instead"
NAMES = {"allocated_bytes.all.current": "bytes_in_use", "allocated_bytes.all.peak": "peak_bytes_in_use", "reserved_bytes.all.current": "bytes_reserved",
         "reserved_bytes.all.peak": "peak_bytes_reserved", "num_alloc_retries": "num_allocs"}


def _statistics(device: Any) -> dict[str, int]:
    """XLA's figures for a GPU, or for another accelerator's `torch.device`; empty where there is none."""
    kind = device.type if isinstance(device, _Device) and device.type != "cpu" else "cuda"
    if not accelerators(kind):
        return {}
    where = canonical("cuda" if device is None else _Device("cuda", device) if isinstance(device, int) else device)
    return accelerators(kind)[where.index or 0].memory_stats() or {}


def memory_allocated(device: Any = None) -> int:
    """Bytes in use on a GPU."""
    return _statistics(device).get("bytes_in_use", 0)


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in use on a GPU."""
    return _statistics(device).get("peak_bytes_in_use", 0)


def memory_reserved(device: Any = None) -> int:
    """Bytes that XLA's allocator holds on a GPU."""
    found = _statistics(device)
    return found.get("pool_bytes", found.get("bytes_reserved", found.get("bytes_in_use", 0)))


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that XLA's allocator held on a GPU."""
    found = _statistics(device)
    return found.get("peak_pool_bytes", found.get("peak_bytes_reserved", found.get("peak_bytes_in_use", 0)))


def memory_cached(device: Any = None) -> int:
    """The older name of `memory_reserved`."""
    warnings.warn("`torch.cuda.memory_cached` has been renamed to `torch.cuda.memory_reserved`", FutureWarning, stacklevel=2)
    return memory_reserved(device)


def max_memory_cached(device: Any = None) -> int:
    """The older name of `max_memory_reserved`."""
    warnings.warn("`torch.cuda.max_memory_cached` has been renamed to `torch.cuda.max_memory_reserved`", FutureWarning, stacklevel=2)
    return max_memory_reserved(device)


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """XLA's figures by PyTorch's names, as far as there are such; empty without a GPU."""
    found = _statistics(device)
    return OrderedDict((ours, found[theirs]) for ours, theirs in NAMES.items() if theirs in found)


def memory_stats_as_nested_dict(device: Any = None) -> dict[str, Any]:
    """`memory_stats` with the parts of its names as levels."""
    nested: dict[str, Any] = {}
    for name, value in memory_stats(device).items():
        *levels, last = name.split(".")
        place = nested
        for level in levels:
            place = place.setdefault(level, {})
        place[last] = value
    return nested


def host_memory_stats() -> OrderedDict[str, int]:
    """Figures of page-locked memory: none are kept."""
    return OrderedDict()


def host_memory_stats_as_nested_dict() -> dict[str, Any]:
    """Figures of page-locked memory: none are kept."""
    return {}


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free bytes and all bytes that XLA may use on a GPU."""
    canonical("cuda")
    return free_and_all(device)


def free_and_all(device: Any) -> tuple[int, int]:
    """Free bytes and all bytes that XLA may use on an accelerator."""
    found = _statistics(device)
    limit = found.get("bytes_limit", 0)
    return limit - found.get("bytes_in_use", 0), limit


def reset_peak_memory_stats(device: Any = None) -> None:
    """XLA's allocator keeps its peaks since the start of the process.  Raises."""
    canonical("cuda")
    raise RuntimeError(NO_RESET.format("its peak figures", "max_memory_allocated"))


def reset_accumulated_memory_stats(device: Any = None) -> None:
    """XLA's allocator counts since the start of the process.  Raises."""
    canonical("cuda")
    raise RuntimeError(NO_RESET.format("what it counted", "memory_stats"))


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats


def memory_snapshot(mempool_id: Any = None, include_traces: bool = True) -> NoReturn:
    """XLA's allocator does not list its blocks.  Raises."""
    canonical("cuda")
    raise RuntimeError("XLA's allocator does not list its blocks: see memory_stats() and memory_summary()")


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> NoReturn:
    """How much memory XLA takes is fixed when it starts.  Raises."""
    canonical("cuda")
    raise RuntimeError(f"XLA takes its part of a GPU's memory when it starts: set XLA_PYTHON_CLIENT_MEM_FRACTION={fraction} before the program does")


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """XLA's figures as a text."""
    return "\n".join(f"{name:<24}{value:>20}" for name, value in sorted(_statistics(device).items()))


def empty_cache() -> None:
    """Give unused memory back; XLA's allocator keeps it for itself."""


def get_allocator_backend() -> str:
    """The allocator of memory."""
    return "xla"
