"""The accelerator of this machine, whatever it is (`torch.accelerator`).  Where there is none, what needs one raises RuntimeError."""
from __future__ import annotations

import importlib
import warnings
from collections import OrderedDict
from functools import cache
from types import ModuleType
from typing import Any, NoReturn

from ._core import dtype as _dtype
from ._core.device import accelerators, device
from ._core.device import device as _Device
from ._core.run import finish
from ._functions.streams import Stream as _Stream
from .cuda import Stream as _CudaStream
from .cuda import _Current
from .cuda import memory as _memory

__all__ = ["Graph", "current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count", "device_index", "empty_cache",
           "empty_host_cache", "get_device_capability", "get_device_module", "get_memory_info", "is_available", "max_memory_allocated", "max_memory_reserved",
           "memory_allocated", "memory_reserved", "memory_stats", "reset_accumulated_memory_stats", "reset_peak_memory_stats", "set_device_idx",
           "set_device_index", "set_stream", "synchronize"]
MODULES = ("cpu", "cuda", "mps", "xpu")
NONE = "Cannot access accelerator device when none is available."


def _kind() -> str | None:
    return next((kind for kind in ("cuda", "xla") if accelerators(kind)), None)


def _needed() -> str:
    """The accelerator's type."""
    kind = _kind()
    if kind is None:
        raise RuntimeError(NONE)
    return kind


def _one(wanted: Any) -> device:
    """One accelerator: that of an index or a device, by default the current one.  Raises for other devices."""
    if isinstance(wanted, str | _Device):
        given = _Device(wanted)
        if given.type == "cpu" or _kind() is None:
            raise RuntimeError("Accelerator expected")
        if given.type != _kind():
            raise ValueError(f"{given.type} doesn't match the current accelerator {_kind()}.")
        wanted = given.index
    kind = _needed()
    return _Device(kind, _Current.index if wanted is None else wanted)


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


def synchronize(device: Any = None, /) -> None:
    """Wait until everything recorded has run."""
    _one(device)
    finish()


# The current one

def current_device_index() -> int:
    """The index of the current accelerator."""
    _needed()
    return _Current.index


def set_device_index(device: Any, /) -> None:
    """Make an accelerator the current one; a negative index changes nothing."""
    found = _Device(device) if isinstance(device, str) else device
    if not isinstance(found, int | _Device) or isinstance(found, _Device) and found.type == _kind() and found.index is None:
        raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")
    if not isinstance(device, int) or device >= 0:
        _Current.index = _one(device).index or 0


def current_device_idx() -> int:
    """The older name of `current_device_index`."""
    warnings.warn("Use `current_device_index` instead.", FutureWarning, stacklevel=2)
    return current_device_index()


def set_device_idx(device: Any, /) -> None:
    """The older name of `set_device_index`."""
    warnings.warn("Use `set_device_index` instead.", FutureWarning, stacklevel=2)
    set_device_index(device)


class device_index:
    """A context in which an accelerator is the current one; None changes nothing."""

    def __init__(self, device: int | None, /) -> None:
        self.idx, self.prev_idx = device, -1

    def __enter__(self) -> None:
        if self.idx is not None:
            self.prev_idx = current_device_index()
            set_device_index(self.idx)

    def __exit__(self, *error: object) -> None:
        if self.idx is not None:
            set_device_index(self.prev_idx)


@cache
def get_device_capability(device: Any = None, /) -> dict[str, Any]:
    """What an accelerator can do: "supported_dtypes", the types of elements that it computes with."""
    _one(device)
    return {"supported_dtypes": set(_dtype.ALL)}


def current_stream(device: Any = None, /) -> _Stream:
    """The stream that work goes to."""
    found = _one(device)
    return _CudaStream(found) if found.type == "cuda" else _Stream(found)


def set_stream(stream: _Stream) -> None:
    """Have work go to a stream from now on, and make its accelerator the current one."""
    if not isinstance(stream, _Stream):
        raise TypeError(f"set_stream(): argument must be a torch.Stream, not {type(stream).__name__}")
    _needed()
    set_device_index(_one(stream.device).index or 0)


class Graph:
    """Work that is recorded once and launched as one: what jtorch does by itself.  Raises."""

    def __init__(self, keep_graph: bool = False, **options: Any) -> None:
        _needed()
        raise RuntimeError("torch.accelerator.Graph: jtorch launches each step of a loop as one program by itself; call the code as it is")


# Memory

def empty_cache() -> None:
    """Give unused memory back; XLA's allocator keeps it for itself."""
    _needed()


def empty_host_cache() -> None:
    """Give unused page-locked memory back: there is none."""
    _needed()


def _held(device: Any) -> device:
    _needed()
    return _one(device)


def memory_allocated(device_index: Any = None, /) -> int:
    """Bytes in use on an accelerator."""
    return _memory.memory_allocated(_held(device_index))


def max_memory_allocated(device_index: Any = None, /) -> int:
    """The most bytes that were in use on an accelerator."""
    return _memory.max_memory_allocated(_held(device_index))


def memory_reserved(device_index: Any = None, /) -> int:
    """Bytes that XLA's allocator holds on an accelerator."""
    return _memory.memory_reserved(_held(device_index))


def max_memory_reserved(device_index: Any = None, /) -> int:
    """The most bytes that XLA's allocator held on an accelerator."""
    return _memory.max_memory_reserved(_held(device_index))


def memory_stats(device_index: Any = None, /) -> OrderedDict[str, int]:
    """XLA's figures by PyTorch's names, as far as there are such."""
    return _memory.memory_stats(_held(device_index))


def get_memory_info(device_index: Any = None, /) -> tuple[int, int]:
    """Free bytes and all bytes that XLA may use on an accelerator."""
    return _memory.free_and_all(_one(device_index))


def reset_accumulated_memory_stats(device_index: Any = None, /) -> NoReturn:
    """XLA's allocator counts since the start of the process.  Raises."""
    _held(device_index)
    raise RuntimeError(_memory.NO_RESET.format("what it counted", "memory_stats"))


def reset_peak_memory_stats(device_index: Any = None, /) -> NoReturn:
    """XLA's allocator keeps its peaks since the start of the process.  Raises."""
    _held(device_index)
    raise RuntimeError(_memory.NO_RESET.format("its peak figures", "max_memory_allocated"))
