"""Streams and events of GPUs.  XLA puts work in order by itself: a stream changes nothing, an event tells when work was done."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from .._core.device import canonical
from .._core.run import finish
from .._functions.streams import Event as AnyEvent, Stream as AnyStream


class Stream(AnyStream):
    """A queue of work.  There is one for each device here, however many are made.

    device    its GPU
    priority  accepted: there is nothing to prefer
    """

    def __init__(self, device: Any = None, priority: int = 0, **options: Any) -> None:
        self.device = canonical(f"cuda:{device}" if isinstance(device, int) else device or "cuda")
        self.priority = priority

    def query(self) -> bool:
        """Whether all work is done; it is waited for."""
        finish()
        return True

    def wait_stream(self, stream: AnyStream) -> None:         # type: ignore[override]
        """Let what comes wait for another stream's work: it does in any case."""

    def record_event(self, event: Event | None = None) -> Event:         # type: ignore[override]
        """An event after all work so far."""
        found = event or Event()
        found.record(self)
        return found

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device}>"


class Event(AnyEvent):
    """A moment in a stream's work.

    enable_timing  whether `elapsed_time` may ask for it
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, external: bool = False) -> None:
        self.device, self.enable_timing, self.time = canonical("cuda"), enable_timing, float("nan")

    def record(self, stream: AnyStream | None = None) -> None:         # type: ignore[override]
        """This is the moment when all work so far is done, which is waited for."""
        finish()
        self.time = perf_counter()

    def elapsed_time(self, end_event: Event) -> float:         # type: ignore[override]
        """Milliseconds from this event to another one.  Raises ValueError where either does not take the time, RuntimeError where it was not recorded."""
        if not (self.enable_timing and end_event.enable_timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        took = (end_event.time - self.time) * 1e3
        if took != took:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return took


class CUDAGraph:
    """Work that is recorded once and launched as one: what jtorch does by itself."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise RuntimeError(f"torch.cuda.{type(self).__name__}: jtorch launches each step of a loop as one program by itself; call the code as it is")


class graph(CUDAGraph):
    """A block whose work is recorded as a graph."""


def current_stream(device: Any = None) -> Stream:
    """The stream that work goes to."""
    return Stream(device)


default_stream = current_stream


@contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """Have work go to a stream."""
    yield


StreamContext = stream


def set_stream(stream: Stream) -> None:
    """Have work go to a stream from now on."""
