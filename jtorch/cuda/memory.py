"""Memory of a GPU (`torch.cuda.memory`), as far as XLA's allocator tells."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any

from .._core.device import accelerators, canonical, device as _Device

NAMES = {"allocated_bytes.all.current": "bytes_in_use", "allocated_bytes.all.peak": "peak_bytes_in_use", "reserved_bytes.all.current": "bytes_reserved",
         "reserved_bytes.all.peak": "peak_bytes_reserved", "num_alloc_retries": "num_allocs"}


def _statistics(device: Any) -> dict[str, int]:
    if not accelerators("cuda"):
        return {}
    where = canonical("cuda" if device is None else _Device("cuda", device) if isinstance(device, int) else device)
    return accelerators("cuda")[where.index or 0].memory_stats() or {}


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


memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """XLA's figures by PyTorch's names, as far as there are such; empty without a GPU."""
    found = _statistics(device)
    return OrderedDict((ours, found[theirs]) for ours, theirs in NAMES.items() if theirs in found)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free bytes and all bytes that XLA may use on a GPU."""
    canonical("cuda")
    found = _statistics(device)
    limit = found.get("bytes_limit", 0)
    return limit - found.get("bytes_in_use", 0), limit


def reset_peak_memory_stats(device: Any = None) -> None:
    """XLA's allocator keeps its peaks since the start of the process.  Raises."""
    canonical("cuda")
    raise RuntimeError("XLA's allocator can't reset its peak figures: compare max_memory_allocated() before and after instead")


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """XLA's figures as a text."""
    return "\n".join(f"{name:<24}{value:>20}" for name, value in sorted(_statistics(device).items()))


def empty_cache() -> None:
    """Give unused memory back; XLA's allocator keeps it for itself."""
