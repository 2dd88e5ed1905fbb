"""Intel's GPUs (`torch.xpu`): JAX does not drive them by this name.  What asks says so; what would need one raises, as PyTorch does without them."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NoReturn

from ._functions.streams import Event as _Event, Stream as _Stream

ABSENT = "Torch not compiled with XPU enabled"
default_generators: tuple = ()


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def is_tf32_supported() -> bool:
    """False."""
    return False


def get_arch_list() -> list[str]:
    """None."""
    return []


def get_gencode_flags() -> str:
    """None."""
    return ""


# Random numbers: what would start a generator does nothing

def manual_seed(seed: int) -> None:
    """Nothing: there is no generator to start.  Raises where `seed` is no number."""
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Nothing: there is no generator to start.  Raises where `seed` is no number."""
    int(seed)


def seed() -> None:
    """Nothing: there is no generator to start."""


def seed_all() -> None:
    """Nothing: there is no generator to start."""


def get_rng_state_all() -> list:
    """None."""
    return []


def set_rng_state(new_state: Any, device: Any = "xpu") -> None:
    """Nothing: there is no generator to set."""
    new_state.clone()


def set_rng_state_all(new_states: Iterable) -> None:
    """Nothing: there is no generator to set."""
    for state in new_states:
        set_rng_state(state)


# Memory: none is in use

def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """None."""
    return OrderedDict()


def memory_stats_as_nested_dict(device: Any = None) -> dict[str, Any]:
    """None."""
    return {}


def memory_snapshot(mempool_id: Any = None) -> list:
    """None."""
    return []


def empty_cache() -> None:
    """Nothing: no memory is held."""


# What needs a device

def _absent(name: str) -> Callable[..., NoReturn]:
    """A function that says that there is none."""
    def function(*args: Any, **options: Any) -> NoReturn:
        raise AssertionError(ABSENT)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Raises AssertionError: it needs a device."
    return function


init, synchronize, current_device, set_device = [_absent(name) for name in ("init", "synchronize", "current_device", "set_device")]
current_stream = _absent("current_stream")
get_device_name, get_device_properties = [_absent(name) for name in ("get_device_name", "get_device_properties")]
get_device_capability, can_device_access_peer = [_absent(name) for name in ("get_device_capability", "can_device_access_peer")]
get_rng_state, initial_seed = [_absent(name) for name in ("get_rng_state", "initial_seed")]
mem_get_info, get_stream_from_external = [_absent(name) for name in ("mem_get_info", "get_stream_from_external")]
get_per_process_memory_fraction = _absent("get_per_process_memory_fraction")
set_per_process_memory_fraction = _absent("set_per_process_memory_fraction")
reset_peak_memory_stats, reset_accumulated_memory_stats = _absent("reset_peak_memory_stats"), _absent("reset_accumulated_memory_stats")


class Stream(_Stream):
    """A queue of work.  Raises."""

    def __init__(self, device: Any = None, priority: int = 0, **options: Any) -> None:
        raise RuntimeError(f"torch.xpu.Stream: {ABSENT}")


class Event(_Event):
    """A moment in a stream's work.  Raises."""

    def __init__(self, enable_timing: bool = False) -> None:
        raise RuntimeError(f"torch.xpu.Event: {ABSENT}")


def set_stream(stream: Stream | None) -> None:
    """Have work go to a stream from now on: None changes nothing, and there are no others."""
    if stream is not None:
        raise AssertionError(ABSENT)


class device:
    """A context in which a device is the current one.  Raises when it is entered."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> NoReturn:
        raise NotImplementedError("PyTorch was compiled without XPU support")

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


class device_of(device):
    """A context in which a tensor's device is the current one.  Raises when it is entered."""


class StreamContext:
    """A context in which work goes to a stream: with None, nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


def stream(stream: Stream | None) -> StreamContext:
    """A context in which work goes to a stream: with None, nothing."""
    return StreamContext(stream)
