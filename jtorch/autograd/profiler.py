"""Measuring where time goes (`torch.autograd.profiler`): recorded operations, by XLA's own record, runs of programs, compilations, the user's ranges."""
from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from enum import Enum
from time import perf_counter_ns
from types import TracebackType
from typing import Any

from .._core.device import accelerators
from .._core.profiling import Span, Watch, annotation, flush_all
from .._core.run import watching
from .profiler_util import EventList, FunctionEvent, FunctionEventAvg, write_chrome_trace

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "ProfilerActivity", "emit_itt", "emit_nvtx", "kineto_available", "profile", "record_function",
           "supported_activities"]


class ProfilerActivity(Enum):
    """What can be watched."""
    CPU, XPU, CUDA, HPU, MTIA, PrivateUse1 = range(6)


def supported_activities() -> set[ProfilerActivity]:
    """What can be watched on this machine."""
    return {ProfilerActivity.CPU, ProfilerActivity.CUDA} if accelerators("cuda") else {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """Whether traces can be written: always."""
    return True


class record_function:
    """A named range, for `with` or as a decorator.  It costs next to nothing while no profiler is on.

    With a profiler on, what is recorded inside runs before the range ends, as programs of its own.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self.record: Any = None

    def __enter__(self) -> record_function:
        if not isinstance(self.name, str):
            raise RuntimeError("profiler::_record_function_enter_new() Expected a value of type 'str' for argument 'name' but instead found type "
                               f"'{type(self.name).__name__}'.")
        self.record = annotation(self.name)
        self.record.__enter__()
        if watching:
            flush_all()
        self.start = perf_counter_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.record is None:
            raise AssertionError("Expected record to be set")
        if watching:
            if error is None:
                flush_all()
            watching[-1].note(self.name, self.start)
        self.record.__exit__(kind, error, trace)

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)
        return inside


class profile:
    """Measure what happens inside a `with` block.

    record_shapes   whether to keep the shapes of operands
    profile_memory  whether to keep the sizes of programs' results
    with_stack      whether to keep the line of the program that recorded an operation
    with_flops      whether to count the floating point operations of products, 2-D convolutions, additions and multiplications

    >>> with torch.autograd.profiler.profile() as prof:
    ...     total = torch.ones(3).exp().sum().item()
    >>> [event.count for event in prof.key_averages() if event.key == "aten::exp"]
    [1]
    """

    def __init__(self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None, record_shapes: bool = False, with_flops: bool = False,
                 profile_memory: bool = False, with_stack: bool = False, with_modules: bool = False, use_kineto: bool = False, use_cpu: bool = True,
                 experimental_config: Any = None, acc_events: bool = False, custom_trace_id_callback: Callable | None = None,
                 post_processing_timeout_s: float | None = None, activity_filters: Any = None) -> None:
        self.enabled, self.record_shapes, self.profile_memory, self.with_stack, self.with_flops = enabled, record_shapes, profile_memory, with_stack, with_flops
        self.entered, self.function_events = False, None
        self.facts: dict[str, Any] = {}
        self.watch = Watch()

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        if watching:
            raise RuntimeError("Profiler is already enabled on this thread")
        self.entered = True
        self.watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.enabled:
            self.watch.stop()
            self.function_events = self._events(self.watch.spans)

    def _events(self, spans: list[Span]) -> EventList:
        main = threading.main_thread().ident
        threads = {main: 1}
        spans = sorted(spans, key=lambda s: (s.start, -s.end))
        zero = spans[0].start if spans else 0
        made = EventList([FunctionEvent(
            k, s.name, threads.setdefault(s.thread, len(threads) + 1), (s.start - zero) / 1e3, (s.end - zero) / 1e3, overload_name="",
            input_shapes=s.shapes if self.record_shapes else [], stack=[s.where] if s.where and self.with_stack else [],
            cpu_memory_usage=s.nbytes if self.profile_memory else 0, flops=s.flops if self.with_flops else 0) for k, s in enumerate(spans)],
            profile_memory=self.profile_memory, with_flops=self.with_flops)
        for event in made:
            event.is_user_annotation = "::" not in event.name
            event.trace_name = event.name
            if event.name.startswith("ProfilerStep#"):
                event.name = "ProfilerStep*"
        made._build_tree()
        for event in reversed(made):                         # those within come after what they are in
            if event.cpu_parent is not None:
                event.cpu_parent.cpu_memory_usage += event.cpu_memory_usage
        return made

    def _found(self) -> EventList:
        return EventList() if self.function_events is None else self.function_events

    def __repr__(self) -> str:
        return "<unfinished torch.autograd.profile>" if self.function_events is None else repr(self.function_events)

    def __str__(self) -> str:
        return "<unfinished torch.autograd.profile>" if self.function_events is None else str(self.function_events)

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75, max_name_column_width: int = 55,
              max_shapes_column_width: int = 80, header: str | None = None, top_level_events_only: bool = False, time_unit: str | None = None) -> str:
        """All events as a table."""
        return self._found().table(sort_by, row_limit, max_src_column_width, max_name_column_width, max_shapes_column_width, header, top_level_events_only,
                                   time_unit)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False) -> EventList:
        """The events of one name together."""
        return self._found().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self) -> FunctionEventAvg:
        """All events together."""
        return self._found().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all events, in microseconds."""
        return self._found().self_cpu_time_total

    def export_chrome_trace(self, path: str) -> None:
        """The events as a file for `chrome://tracing` or Perfetto."""
        write_chrome_trace(self._found(), path, self.facts)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """A file for flame graphs."""
        if self.function_events is None:
            raise AssertionError("Expected profiling results")
        if not self.with_stack:
            raise AssertionError("export_stacks() requires with_stack=True")
        self.function_events.export_stacks(path, metric)


class emit_nvtx:
    """NVTX ranges for each operation: a GPU's tools see XLA's own ranges instead, with the names of the recorded operations."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self) -> emit_nvtx | None:
        if not self.enabled:
            return None
        if not accelerators("cuda"):
            raise AssertionError("Torch not compiled with CUDA enabled")
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was begun."""


class emit_itt(emit_nvtx):
    """ITT ranges for each operation: without Intel's collector, which XLA does not feed, there is nothing to see."""

    def __enter__(self) -> emit_itt | None:
        return self if self.enabled else None
