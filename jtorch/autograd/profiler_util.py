"""What a profiler measured: events, their averages, and tables of them (`torch.autograd.profiler_util`)."""
from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path
from typing import Any

UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}
WIDTH = 12
PREFIXES = ("", "K", "M", "G", "T", "P")
METRICS = ["self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total", "self_privateuse1_time_total"]


class DeviceType(IntEnum):
    """Where an event took place."""
    CPU = 0
    CUDA = 1


def _format_time(time_us: float) -> str:
    """A time in the unit that fits."""
    unit = "s" if time_us >= 1e6 else "ms" if time_us >= 1e3 else "us"
    return f"{time_us / UNITS[unit]:.3f}{unit}"


def _format_time_share(time_us: float, total_time_us: float) -> str:
    """A time as a percentage."""
    return f"{time_us * 100 / total_time_us:.2f}%" if total_time_us else "NaN"


def _format_memory(nbytes: float) -> str:
    """A number of bytes in the unit that fits."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "KB")):
        if abs(nbytes) >= 1024 ** power:
            return f"{nbytes / 1024 ** power:.2f} {unit}"
    return f"{nbytes} B"


class Interval:
    """A stretch of time, in microseconds."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """How long it is."""
        return self.end - self.start


class Timed:
    """What events and their averages share: their times in several forms."""
    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time_total = self_device_time_total = cuda_time = device_time = 0.0
    device_memory_usage = self_device_memory_usage = 0
    device_type, use_device, is_user_annotation = DeviceType.CPU, None, False

    @property
    def cpu_time(self) -> float:
        """The average time."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        """The average time with its unit."""
        return _format_time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        """The whole time with its unit."""
        return _format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """The time without that of the events within, with its unit."""
        return _format_time(self.self_cpu_time_total)


class FunctionEvent(Timed):
    """One call: its name, thread, start and end in microseconds."""

    def __init__(self, id: int, name: str, thread: int, start_us: float, end_us: float, overload_name: str | None = None, fwd_thread: int | None = None,
                 input_shapes: list | None = None, stack: list[str] | None = None, scope: int = 0, use_device: str | None = None, cpu_memory_usage: int = 0,
                 device_memory_usage: int = 0, is_async: bool = False, is_remote: bool = False, sequence_nr: int = -1, node_id: int = -1,
                 device_type: DeviceType = DeviceType.CPU, is_legacy: bool = False, trace_name: str | None = None, flops: int = 0) -> None:
        self.id, self.node_id, self.name, self.overload_name = id, node_id, name, overload_name
        self.trace_name = name if trace_name is None else trace_name
        self.thread, self.fwd_thread, self.time_range = thread, fwd_thread, Interval(start_us, end_us)
        self.input_shapes, self.stack, self.scope = input_shapes, stack, scope
        self.cpu_memory_usage, self.device_memory_usage = cpu_memory_usage, device_memory_usage
        self.is_async, self.is_remote, self.sequence_nr, self.is_legacy = is_async, is_remote, sequence_nr, is_legacy
        self.use_device, self.device_type, self.count, self.flops = use_device, device_type, 1, flops
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    @property
    def key(self) -> str:
        """What it is averaged by."""
        return self.name

    @property
    def cpu_time_total(self) -> float:                       # type: ignore[override]
        """How long it took."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:                  # type: ignore[override]
        """How long it took without the events within."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """The memory that it took, without the events within."""
        return self.cpu_memory_usage - sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        device = self.use_device
        return (f"<FunctionEvent id={self.id} name={self.name} overload_name={self.overload_name} device_type=DeviceType.{self.device_type.name} "
                f"node_id={self.node_id} cpu_time={self.cpu_time_str} start_us={self.time_range.start} end_us={self.time_range.end} "
                f"cpu_children={[c.id for c in self.cpu_children]} {device}_time={_format_time(self.device_time)} name={self.name} thread={self.thread} "
                f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage} {device}_memory_usage={self.device_memory_usage} "
                f"is_async={self.is_async} is_remote={self.is_remote} seq_nr={self.sequence_nr} is_legacy={self.is_legacy}>")


class FunctionEventAvg(Timed):
    """All calls of one name together."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.count, self.node_id, self.scope = 0, 0, None
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = self.flops = 0
        self.overload_name: str | None = None
        self.input_shapes: Any = None
        self.stack: list[str] | None = None
        self.is_async = self.is_remote = self.is_legacy = False
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    def add(self, other: Any) -> FunctionEventAvg:
        """Count another call, or others' average, in."""
        if self.key is None:
            for name in ("key", "node_id", "is_async", "is_remote", "cpu_parent", "cpu_children", "overload_name", "input_shapes", "stack", "scope",
                         "is_legacy", "device_type", "use_device"):
                setattr(self, name, getattr(other, name))
        for name in ("cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage", "count", "flops"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def __iadd__(self, other: Any) -> FunctionEventAvg:
        return self.add(other)

    def __repr__(self) -> str:
        return (f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} cpu_time={self.cpu_time_str}  self_cuda_time=0.000us "
                f"cuda_time=0.000us input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage} cuda_memory_usage=0>")


class EventList(list):
    """Events, or averages of them, which `table` shows."""

    def __init__(self, *args: Iterable, use_device: str | None = None, profile_memory: bool = False, with_flops: bool = False) -> None:
        super().__init__(*args)
        self._use_device, self._profile_memory, self._with_flops, self._tree_built = use_device, profile_memory, with_flops, False

    def _build_tree(self) -> None:
        """Find each event's parent: the shortest of the same thread that contains it."""
        open_: dict[int, list[FunctionEvent]] = {}
        for event in sorted(self, key=lambda e: (e.time_range.start, -e.time_range.end)):
            around = open_.setdefault(event.thread, [])
            while around and (around[-1].time_range.end <= event.time_range.start or around[-1].time_range.end < event.time_range.end):
                around.pop()
            if around:
                event.cpu_parent = around[-1]
                around[-1].cpu_children.append(event)
            around.append(event)
        self._tree_built = True

    def __str__(self) -> str:
        return self.table()

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all events, each moment counted once."""
        return sum(e.self_cpu_time_total for e in self)

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75, max_name_column_width: int = 55,
              max_shapes_column_width: int = 80, header: str | None = None, top_level_events_only: bool = False, time_unit: str | None = None) -> str:
        """The events as a table, those with the largest `sort_by` (such as "cpu_time_total") first."""
        if not self:
            return ""
        table = _Table(self, max_src_column_width, max_name_column_width, max_shapes_column_width, time_unit)
        return table.text(sort_by, row_limit, header, top_level_events_only)

    def key_averages(self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False) -> EventList:
        """The events of one name together; on request those of one name, shapes and first lines of the stack."""
        found: dict[tuple, FunctionEventAvg] = {}
        for event in self:
            shapes = str(event.input_shapes) if group_by_input_shapes else ""
            overload = event.overload_name if group_by_overload_name else ""
            key = event.key, event.node_id, event.is_legacy, shapes, overload, tuple((event.stack or [])[:group_by_stack_n])
            found.setdefault(key, FunctionEventAvg()).add(event)
        for average in found.values():
            average.stack = (average.stack or [])[:group_by_stack_n]
            if not group_by_input_shapes:
                average.input_shapes = ""
            if not group_by_overload_name:
                average.overload_name = ""
        return EventList(found.values(), use_device=self._use_device, profile_memory=self._profile_memory, with_flops=self._with_flops)

    def total_average(self) -> FunctionEventAvg:
        """All events together."""
        total = FunctionEventAvg()
        for event in self:
            total += event
            total.key = None
        total.key = "Total"
        return total

    def supported_export_stacks_metrics(self) -> list[str]:
        """What `export_stacks` can count."""
        return METRICS

    def export_stacks(self, path: str, metric: str) -> None:
        """A file for flame graphs: a line per stack, outermost first, with the metric."""
        if metric not in METRICS:
            raise ValueError(f"metric should be one of: {METRICS}")
        spaces = str.maketrans(" ;\t\n", "____")
        with open(path, "w") as file:
            for event in self:
                if event.stack:
                    value = int(getattr(event, metric, 0))
                    if value > 0:
                        file.write(";".join(line.translate(spaces) for line in reversed(event.stack)) + f" {value}\n")

    def export_chrome_trace(self, path: str) -> None:
        """The events as a file for `chrome://tracing` or Perfetto."""
        write_chrome_trace(self, path, {})


class _Table:
    """The text of a table."""

    def __init__(self, events: EventList, src_width: int, name_width: int, shapes_width: int, unit: str | None) -> None:
        self.events, self.src_width, self.unit = events, src_width, unit
        self.total = events.self_cpu_time_total
        self.name_limit = name_width
        self.columns: list[tuple[str, int, Callable[[Any], str]]] = [
            ("Name", min(max(len(e.key) for e in events) + 4, name_width), self._name),
            ("Self CPU %", WIDTH, lambda e: _format_time_share(e.self_cpu_time_total, self.total)),
            ("Self CPU", WIDTH, lambda e: self._time(e.self_cpu_time_total)),
            ("CPU total %", WIDTH, lambda e: _format_time_share(e.cpu_time_total, self.total) if not e.is_async else "0"),
            ("CPU total", WIDTH, lambda e: self._time(e.cpu_time_total)),
            ("CPU time avg", WIDTH, lambda e: self._time(e.cpu_time))]
        if events._profile_memory:
            self.columns += [("CPU Mem", WIDTH, lambda e: _format_memory(e.cpu_memory_usage)),
                             ("Self CPU Mem", WIDTH, lambda e: _format_memory(e.self_cpu_memory_usage))]
        self.columns.append(("# of Calls", WIDTH, lambda e: str(e.count)))
        if any(e.input_shapes for e in events):
            wanted = max(len(str(e.input_shapes)) for e in events) + 4
            width = min(wanted, shapes_width)
            self.columns.append(("Input Shapes", width, lambda e: str(e.input_shapes)[:width]))
        counts = [e.flops for e in events if e.flops]
        if events._with_flops and counts:
            power = min(int(math.log10(min(counts)) // 3), len(PREFIXES) - 1)
            self.columns.append((f"Total {PREFIXES[power]}FLOPs", WIDTH, lambda e: f"{e.flops / 1000 ** power:.3f}" if e.flops else "--"))
        lines = [line for e in events for line in e.stack or ()]
        self.source = min(max(map(len, lines)) + 4, src_width) if lines else 0

    def _name(self, event: Any) -> str:
        limit = self.name_limit
        return event.key if len(event.key) < limit else f"{event.key[:limit - 3]}..."

    def _time(self, time_us: float) -> str:
        return _format_time(time_us) if self.unit is None else f"{time_us / UNITS[self.unit]:.3f}{self.unit}"

    def _row(self, cells: Iterable[str]) -> str:
        return "".join(f"{cell:>{width}}  " for cell, (_, width, _) in zip(cells, self.columns, strict=True))

    def _place(self, line: str) -> str:
        return line if len(line) <= self.src_width else f"...{line[3 - self.src_width:]}"

    def text(self, sort_by: str | None, row_limit: int, header: str | None, top_level_only: bool) -> str:
        events: list = list(self.events)
        if sort_by is not None:
            events.sort(key=lambda e: getattr(e, sort_by), reverse=True)
        if top_level_only:
            events = [e for e in events if e.cpu_parent is None]
        rule = "".join(f"{'-' * width}  " for _, width, _ in self.columns)
        titles = self._row(name for name, *_ in self.columns)
        if self.source:
            rule, titles = f"{rule}{'-' * self.source}  ", f"{titles}{'Source Location':<{self.source}}  "
        parts = [] if header is None and not top_level_only else ["=" * (len(rule) - 2)]
        if header is not None:
            parts += [header] if not top_level_only else [header, "=" * (len(rule) - 2)]
        if top_level_only:
            parts.append("This report only display top-level ops statistics")
        parts += [rule, titles, rule]
        for event in events[:row_limit] if row_limit != -1 else events:
            parts += self._lines(event)
        return "\n".join([*parts, rule, f"Self CPU time total: {self._time(self.total)}", ""])

    def _lines(self, event: Any) -> list[str]:
        row = self._row(cell(event) for *_, cell in self.columns)
        if not self.source:
            return [row]
        blank = self._row("" for _ in self.columns)
        stack = [f"{self._place(line):<{self.source}}  " for line in event.stack or ()] or [" " * self.source + "  "]
        return [row + stack[0], *[blank + line for line in stack[1:]], blank + " " * self.source + "  "]


def write_chrome_trace(events: Iterable[FunctionEvent], path: str | os.PathLike, facts: dict[str, Any]) -> None:
    """A file in Chrome's format for traces."""
    pid = os.getpid()
    found: list[dict] = [{"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": "python"}}]
    for event in events:
        shapes = {"Input Dims": event.input_shapes} if event.input_shapes else {}
        where = {"Call stack": ";".join(event.stack)} if event.stack else {}
        found.append({"ph": "X", "cat": "user_annotation" if event.is_user_annotation else "cpu_op", "name": event.trace_name, "pid": pid,
                      "tid": event.thread, "ts": event.time_range.start, "dur": event.cpu_time_total, "args": {"External id": event.id, **shapes, **where}})
    Path(path).write_text(json.dumps({"schemaVersion": 1, "displayTimeUnit": "ms", **facts, "traceEvents": found, "traceName": str(path)}))
