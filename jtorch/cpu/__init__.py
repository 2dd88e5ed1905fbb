"""The CPU as a device like the others (`torch.cpu`)."""
from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from .._core.run import finish
from . import amp
from .capabilities import get_capabilities

__all__ = ["Event", "Stream", "StreamContext", "amp", "current_device", "current_stream", "device_count", "get_capabilities", "is_available", "is_initialized",
           "set_device", "stream", "synchronize"]


def is_available() -> bool:
    """Always True."""
    return True


def is_initialized() -> bool:
    """Always True."""
    return True


def device_count() -> int:
    """Always 1."""
    return 1


def current_device() -> str:
    """Always "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing: there is one CPU."""


def synchronize(device: Any = None) -> None:
    """Run everything recorded."""
    finish()


class Stream:
    """A queue of work, so that code for GPUs runs: the CPU does everything in order."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Nothing: work is in order."""

    def record_event(self) -> None:
        """Nothing: work is in order."""

    def wait_event(self, event: Any) -> None:
        """Nothing: work is in order."""


class Event:
    """A moment in a stream's work, so that code for GPUs runs."""

    def query(self) -> bool:
        """Always True."""
        return True

    def record(self, stream: Any = None) -> None:
        """Nothing: work is in order."""

    def synchronize(self) -> None:
        """Nothing: work is in order."""

    def wait(self, stream: Any = None) -> None:
        """Nothing: work is in order."""


class _Current:
    stream = Stream()


def current_stream(device: Any = None) -> Stream:
    """The stream that `stream` chose."""
    return _Current.stream


class StreamContext(AbstractContextManager):
    """A context in which a stream is the current one; None changes nothing.

    >>> s = torch.cpu.Stream()
    >>> with torch.cpu.StreamContext(s):
    ...     torch.cpu.current_stream() is s
    True
    """

    def __init__(self, stream: Stream | None) -> None:
        self.stream, self.prev_stream = stream, _Current.stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.prev_stream = _Current.stream
            _Current.stream = self.stream

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.stream is not None:
            _Current.stream = self.prev_stream


def stream(stream: Stream | None) -> StreamContext:
    """A context in which a stream is the current one."""
    return StreamContext(stream)
