"""Streams and events: orders of work on a device.  XLA keeps its own; on the CPU there is one stream and no event, as in PyTorch."""
from __future__ import annotations

from typing import Any, NoReturn

from .._core.device import Where, device as Device
from .._core.public import public
from .._core.run import finish

NO_IPC = "torch.Event ipc is not supported: wait for what is recorded with synchronize(), and tell other processes by a queue"
NO_EVENTS = "{} backend doesn't support events."


def _place(device: Any) -> Device:
    where = Device("cpu" if device is None else device)
    if where.type == "cuda":
        raise RuntimeError("PyTorch is not linked with support for cuda devices")
    return where


@public("torch")
class Stream:
    """The order of work on a device.

    >>> torch.Stream().query()
    True
    """
    stream_id, device_index, device_type = 0, -1, 0

    def __init__(self, device: Where = None, *, priority: int = 0, stream_id: int = 0, device_index: int = -1, device_type: int = 0) -> None:
        self.device, self.priority = _place(device), priority

    def query(self) -> bool:
        """Whether all work is done; what is recorded runs when it is needed."""
        return True

    def synchronize(self) -> None:
        """Run everything recorded."""
        finish()

    def record_event(self, event: Any = None) -> NoReturn:
        """There are no events on the CPU."""
        raise RuntimeError(NO_EVENTS.format(self.device.type))

    def wait_event(self, event: Event) -> None:
        """Nothing: it was never recorded."""

    def wait_stream(self, stream: Stream) -> NoReturn:
        """There are no events on the CPU."""
        raise RuntimeError(NO_EVENTS.format(self.device.type))

    def is_capturing(self) -> bool:
        """False: nothing is captured into a graph by hand here."""
        return False

    @property
    def native_handle(self) -> NoReturn:
        """The address of the driver's object: XLA shows none.  Raises."""
        raise RuntimeError("Backend doesn't support getting stream native handle.")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.device is self.device

    def __hash__(self) -> int:
        return hash(self.device)

    def __repr__(self) -> str:
        return f"torch.Stream device_type={self.device.type}, device_index=-1, stream_id=0"


@public("torch")
class Event:
    """A moment in a stream."""
    event_id = 0

    def __init__(self, device: Where = None, *, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self.device, self.enable_timing = _place(device), enable_timing

    def record(self, stream: Stream | None = None) -> NoReturn:
        """There are no events on the CPU."""
        raise RuntimeError(NO_EVENTS.format(self.device.type))

    def wait(self, stream: Stream | None = None) -> None:
        """Nothing: it was never recorded."""

    def query(self) -> bool:
        """Whether it has happened: True for one that was never recorded."""
        return True

    def synchronize(self) -> None:
        """Nothing: it was never recorded."""

    def elapsed_time(self, end_event: Event) -> NoReturn:
        """Only recorded events have a time."""
        if not self.enable_timing or not end_event.enable_timing:
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        raise ValueError("Both events must be recorded before calculating elapsed time.")

    @classmethod
    def from_ipc_handle(cls, device: Where, ipc_handle: bytes) -> NoReturn:
        """Events of other processes are not reached.  Raises."""
        raise NotImplementedError(NO_IPC)

    def ipc_handle(self) -> NoReturn:
        """Other processes do not reach it.  Raises."""
        raise NotImplementedError(NO_IPC)

    def __repr__(self) -> str:
        return f"torch.Event device_type={self.device.type}, device_index=-1, event_flag=0, event_id=0"


@public("torch")
def thread_safe_generator() -> None:
    """The generator of a worker thread of a DataLoader; None elsewhere, and everywhere here: workers are processes."""
    return None
