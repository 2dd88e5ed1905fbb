"""Watching the engine: when programs are built and run, and how long each recorded operation takes in them, from XLA's own measurements.

While a profiler is on, each program is waited for, and none starts before its step is recorded to the end.  XLA says how long each of its kernels took, and
which recorded operation a kernel comes from is in its name: `lower` puts it there.  An operation that is fused with others has the time of the kernels that are
named after it, which may be none; a product or convolution has the time of what it is fused with.
"""
from __future__ import annotations

import math
import re
import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter_ns as now
from typing import Any, NamedTuple

import jax

from . import lower, run
from .device import META
from .graph import Edge, Trace, Value, here, pending
from .op import Op
from .update import Rule

PROGRAM = "jtorch program "                                  # how XLA's record calls a run of a program, with its number
LABEL = re.compile(r"\.(\d+)(?=[)/]|$)")                     # the slot in an operation's name
COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.\-]+) \(.*\{$")     # a line of XLA's text: the head of a computation, and an instruction with its source
KERNEL = re.compile(r'^\s*(?:ROOT )?%?([\w.\-]+) = .*op_name="([^"]*)"')
CALLS = re.compile(r" fusion\(.*calls=%?([\w.\-]+)")
HEAVY = re.compile(r" (?:dot|convolution)\(")                # what a fused kernel's time is for, if it is in it

# Of the shapes of the operands and of the result, for the operations that PyTorch counts for
FLOPS: dict[str, Callable[[list, list], int]] = {
    **dict.fromkeys(("mm", "bmm", "matmul", "linear"), lambda shapes, out: 2 * math.prod(out) * shapes[0][-1]),
    **dict.fromkeys(("addmm", "baddbmm"), lambda shapes, out: 2 * math.prod(out) * shapes[1][-1]),
    "conv2d": lambda shapes, out: 2 * math.prod(out) * math.prod(shapes[1][1:]),
    **dict.fromkeys(("add", "mul"), lambda shapes, out: math.prod(out)),
}


class Span(NamedTuple):
    """Something that took a while, in nanoseconds."""
    name: str
    thread: int
    start: int
    end: int
    shapes: list = []
    where: str = ""
    nbytes: int = 0
    flops: int = 0


class Launch(NamedTuple):
    """One run of a program."""
    call: Any
    inputs: list
    path: list[Edge]
    thread: int
    start: int
    end: int


def annotation(name: str) -> AbstractContextManager:
    """A range that JAX's profiler shows."""
    return jax.profiler.TraceAnnotation(name)


def flush_all() -> None:
    """Run everything that is recorded."""
    for trace in list(here.traces.values()):
        run.flush(trace, "profiler")


class Watch:
    """What happens between `start` and `stop`: `spans`."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.launches: list[Launch] = []
        self.folder = ""

    def start(self) -> None:
        """Begin.  What was recorded before runs first."""
        flush_all()
        self.folder = tempfile.mkdtemp(prefix="jtorch-profile-")
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0
        jax.profiler.start_trace(self.folder, profiler_options=options)
        run.watching.append(self)

    def stop(self) -> None:
        """End.  What was recorded meanwhile runs first."""
        flush_all()
        run.watching.remove(self)
        jax.profiler.stop_trace()
        kernels = _kernels(Path(self.folder))
        shutil.rmtree(self.folder)
        names: dict[int, dict[str, str]] = {}
        for number, launch in enumerate(self.launches):
            if id(launch.call) not in names:
                names[id(launch.call)] = _sources(launch)
            self.spans += _operations(launch, kernels[number], names[id(launch.call)])
        self.launches.clear()

    def note(self, name: str, start: int, nbytes: int = 0) -> None:
        """Something took from `start` until now."""
        self.spans.append(Span(name, threading.get_ident(), start, now(), nbytes=nbytes))

    def flush(self, cause: str, trace: Trace, values: list[Value]) -> bool:
        """Run what `trace` holds, also what nobody looks at any more: who measures a model often throws its result away."""
        start = now()
        values = sorted([*values, *_unseen(trace, values)], key=lambda v: v.slot)
        if not values:
            return False
        flows = run._launch(trace, values)
        self.note(f"jtorch::run ({cause})", start)
        return flows

    def program(self, program: run.Program, trace: Trace, inputs: list) -> list:
        """Call a program and wait for it."""
        if trace.device is META:
            return run._call(program, trace, inputs)
        known = [jax.ShapeDtypeStruct(x.shape, x.dtype) if hasattr(x, "shape") else x for x in inputs]
        start, fresh = now(), program.fresh
        with annotation(f"{PROGRAM}{len(self.launches)}"):
            arrays = run._call(program, trace, inputs)
            sent = now()
            jax.block_until_ready(arrays)
        end = now()
        if fresh:
            self.spans.append(Span("jtorch::compile", threading.get_ident(), start, sent))
        self.spans.append(Span("jtorch::program", threading.get_ident(), start, end, nbytes=sum(a.nbytes for a in arrays)))
        self.launches.append(Launch(program.call, known, trace.node.path(), threading.get_ident(), sent if fresh else start, end))
        return arrays


def _unseen(trace: Trace, values: list[Value]) -> list[Value]:
    """The results that no operation takes and nobody looks at."""
    path = trace.node.path()
    used = {v.slot for v in values}.union(*[edge.entry.operands for edge in path if edge.entry is not None])
    slots = [range(edge.entry.first, edge.entry.first + len(edge.entry.outputs)) for edge in path if edge.entry is not None]
    avals = lower.avals_of(path)
    return [pending(avals[s], trace, s) for several in slots if used.isdisjoint(several) for s in several]


def _kernels(folder: Path) -> dict[int, dict[str, float]]:
    """For each run of a program the nanoseconds that XLA's kernels took, without those within them."""
    found: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    files = sorted(folder.rglob("*.xplane.pb"))
    planes = list(jax.profiler.ProfileData.from_file(str(files[-1])).planes) if files else []
    lines = [[(e.start_ns, e.start_ns + e.duration_ns, e.name, dict(e.stats)) for e in line.events] for plane in planes for line in plane.lines]
    runs = sorted((start, end, int(name.removeprefix(PROGRAM))) for line in lines for start, end, name, _ in line if name.startswith(PROGRAM))
    for line in lines:
        for start, end, name in _exclusive([(start, end, str(stats["hlo_op"])) for start, end, _, stats in line if "hlo_op" in stats]):
            number = next((n for first, last, n in runs if first <= start <= last), None)
            if number is not None:
                found[number][name] += end - start
    return found


def _exclusive(events: list[tuple[float, float, str]]) -> Iterator[tuple[float, float, str]]:
    """The events of one thread, each shortened by those within it."""
    open_: list[list] = []
    for start, end, name in sorted(events, key=lambda e: (e[0], -e[1])):
        while open_ and open_[-1][1] <= start:
            yield tuple(open_.pop()[2:])
        if open_:
            open_[-1][3] -= end - start
        open_.append([start, end, start, end, name])
    for left in open_:
        yield tuple(left[2:])


def _sources(launch: Launch) -> dict[str, str]:
    """For each kernel of a program the name that `lower` gave to what it comes from."""
    with jax.enable_x64(True):
        text = launch.call.lower(*launch.inputs).compile().as_text()
    found, heavy, fused, inside = {}, {}, {}, ""
    for line in text.splitlines():
        head, kernel, calls = COMPUTATION.match(line), KERNEL.match(line), CALLS.search(line)
        if head:
            inside = head[1]
        if kernel:
            found[kernel[1]] = kernel[2]
            if HEAVY.search(line):
                heavy[inside] = kernel[2]
            if calls:
                fused[kernel[1]] = calls[1]
    return {kernel: heavy.get(fused.get(kernel, ""), name) for kernel, name in found.items()}


def _operations(launch: Launch, kernels: dict[str, float], sources: dict[str, str]) -> list[Span]:
    """The recorded operations as spans within the run, one after another."""
    times: dict[tuple[int, bool], float] = defaultdict(float)
    for kernel, took in kernels.items():
        source = sources.get(kernel, "")
        label = LABEL.search(source)
        if label:
            times[int(label[1]), "transpose(" in source] += took
    operations = list(_calls(launch.path))
    whole = sum(times[slot, back] for slot, back, *_ in operations)
    share = min(1.0, (launch.end - launch.start) / whole) if whole else 1.0      # kernels that ran side by side share the time
    spans, at = [], float(launch.start)
    for slot, back, name, shapes, where, flops in operations:
        end = at + times[slot, back] * share
        spans.append(Span(name, launch.thread, int(at), int(end), shapes, where, flops=flops))
        at = end
    return spans


def _calls(path: list[Edge]) -> Iterator[tuple[int, bool, str, list, str, int]]:
    """The operations of a path: slot, whether backward, name, shapes of the operands, line of the program, floating point operations."""
    for edge in path:
        entry = edge.entry
        if entry is None:
            continue
        if isinstance(entry.op, lower.Special):
            for k in sorted(entry.op.tapes(), reverse=True):
                before = path[k].entry
                name = before.op.node_name(before) if isinstance(before.op, Op) else f"{before.op.name}Backward0"
                yield before.first, True, name, [list(a.shape) for a in before.outputs], path[k].where, 0
            continue
        shapes = [[] if a is None else list(a.shape) for a in entry.inputs]
        count = FLOPS.get(getattr(entry.op, "name", ""))
        yield entry.first, False, _name(entry.op), shapes, edge.where, count(shapes, list(entry.outputs[0].shape)) if count else 0


def _name(op: Any) -> str:
    if not isinstance(op, Op):
        return f"Optimizer.step#{op.name}.step" if isinstance(op, Rule) else f"jtorch::{op.name}"
    home = op.facts.get("home", ())
    return f"aten::{'' if 'torch' in home or 'Tensor' in home else 'linalg_' if 'linalg' in home else 'special_' if 'special' in home else ''}{op.name}"
