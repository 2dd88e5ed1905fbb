"""NVIDIA GPUs, or whatever accelerator stands for `cuda` (`torch.cuda`).  Everything answers, also where there is none."""
from __future__ import annotations

from typing import Any, NamedTuple

from .._core.device import accelerators, canonical, device as _Device
from .._core.run import finish
from .._functions.convert import LEGACY, LegacyType
from . import amp as amp
from . import memory as memory
from . import random as random
from .streams import (CUDAGraph as CUDAGraph, Event as Event, Stream as Stream, StreamContext as StreamContext, current_stream as current_stream,
                      default_stream as default_stream, graph as graph, set_stream as set_stream, stream as stream)
from .random import get_rng_state, get_rng_state_all, initial_seed, manual_seed, manual_seed_all, seed, seed_all, set_rng_state, set_rng_state_all
from .memory import (empty_cache, get_allocator_backend, host_memory_stats, host_memory_stats_as_nested_dict, max_memory_allocated, max_memory_cached, max_memory_reserved, mem_get_info, memory_allocated, memory_cached,
                     memory_reserved, memory_snapshot, memory_stats, memory_stats_as_nested_dict, memory_summary, reset_accumulated_memory_stats,
                     reset_max_memory_allocated, reset_max_memory_cached, reset_peak_memory_stats, set_per_process_memory_fraction)

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
    """Start using the GPU."""
    canonical("cuda")


def synchronize(device: Any = None) -> None:
    """Wait until everything recorded has run."""
    canonical("cuda")
    finish()


class _CudaDeviceProperties(NamedTuple):
    """What a GPU is."""
    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def _gpu(device: Any) -> Any:
    """JAX's device."""
    where = canonical("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)
    return accelerators("cuda")[where.index or 0]


def get_device_properties(device: Any = None) -> _CudaDeviceProperties:
    """What a GPU is."""
    found = _gpu(device)
    major, minor = get_device_capability(device)
    return _CudaDeviceProperties(found.device_kind, major, minor, (found.memory_stats() or {}).get("bytes_limit", 0), getattr(found, "core_count", 0))


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The version of a GPU's instructions; 0, 0 of accelerators of other makers."""
    major, _, minor = str(getattr(_gpu(device), "compute_capability", "0.0")).partition(".")
    return int(major), int(minor or 0)


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether there is a GPU: XLA computes with bfloat16 on all."""
    return is_available()


def is_tf32_supported() -> bool:
    """Whether the GPU has products of fewer digits."""
    return is_available() and get_device_capability()[0] >= 8


def get_arch_list() -> list[str]:
    """The instructions that kernels were compiled for: none before they are needed."""
    return []


def get_gencode_flags() -> str:
    """The compiler's options for them: none."""
    return ""


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether a GPU reads another's memory: XLA copies where it must."""
    canonical("cuda")
    return False


def ipc_collect() -> None:
    """Free memory that other processes let go: there is none."""
    canonical("cuda")


class device:
    """A context in which a GPU is the current one."""

    def __init__(self, device: Any) -> None:
        self.index = None if device is None else (_Device(device).index or 0)

    def __enter__(self) -> None:
        self.before = _Current.index
        _Current.index = _Current.index if self.index is None else self.index

    def __exit__(self, *error: object) -> None:
        _Current.index = self.before
