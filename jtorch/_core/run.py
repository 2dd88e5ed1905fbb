"""Running what was recorded: find or build the program for the path and the values that are alive, call it, hand out the arrays."""
from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from itertools import count
from pathlib import Path
from sys import getrefcount
from threading import RLock

import jax
import numpy as np

from . import config, lower
from .device import CPU, jax_device
from .dtype import from_numpy
from .graph import Array, Node, Trace, Value, aval, here, roots

PACKAGE = str(Path(__file__).parent.parent) + os.sep
OURS = 3                                                     # references to an input array that only the trace holds: list, loop, getrefcount
lock = RLock()                                               # programs are built and run one at a time
clock = count(1)
ACCELERATED = jax.default_backend() != "cpu"               # then a CPU program must say that it is one


class Counters:
    """How often the engine did what, since the start or the last `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set every counter to zero."""
        self.compiles = self.launches = self.flushes = self.misses = 0
        self.causes: dict[str, int] = {}


counters = Counters()


class Program:
    """A compiled path.

    live   the slots whose arrays it returns first, then those of `saved`
    """
    __slots__ = ("live", "saved", "donated", "call", "fresh")

    def __init__(self, live: tuple[int, ...], saved: tuple[int, ...], donated: tuple[int, ...], call: Callable) -> None:
        self.live, self.saved, self.donated, self.call, self.fresh = live, saved, donated, call, True


def flush(trace: Trace, cause: str) -> None:
    """Run everything that `trace` holds; its live values become concrete.  A new trace begins."""
    if trace.done:
        return
    with lock:
        values = [v for r in trace.refs if r is not None and (v := r()) is not None and v.array is None]
        if values:
            _launch(trace, values)
            counters.flushes += 1
            counters.causes[cause] = counters.causes.get(cause, 0) + 1
        trace.done = True
        if not any(v.aval.requires_grad and v.origin is not None and v.origin[0] is trace for v in values if type(v.origin) is tuple):
            trace.sources = {}                               # no gradient will ever flow through here
        trace.inputs, trace.refs, trace.leaf_slots = [], [], {}
        if here.traces.get(trace.device) is trace:
            following = here.start(trace.device) if here.trace is trace else None
            if following is None:
                del here.traces[trace.device]


def _launch(trace: Trace, values: list[Value]) -> None:
    inputs, node = trace.inputs, trace.node
    live = tuple([v.slot for v in values])
    free = tuple([k for k, a in enumerate(inputs) if getrefcount(a) == OURS])
    program = node.programs.get(live) if node.programs else None
    if program is None or not set(program.donated).issubset(free):
        program = _program(trace, node, live, free)
    node.stamp = next(clock)
    counters.launches += 1
    with jax.enable_x64(True):
        if program.fresh or trace.device is not CPU or ACCELERATED:
            arrays = _first_call(program, trace, inputs)
        else:
            arrays = program.call(*inputs)
    for v, array in zip(values, arrays, strict=False):
        v.array = array
        if v.aval.requires_grad and v.origin is None:
            v.origin = trace, v.slot
    if program.saved:
        kept = dict(zip(_input_slots(node), inputs, strict=True))
        trace.saved = {s: kept[s] for s in program.saved if s in kept}
        trace.saved.update(zip([s for s in program.saved if s not in kept], arrays[len(live):], strict=True))


def _input_slots(node: Node) -> list[int]:
    return [e.slot for e in node.path() if e.entry is None]


def _program(trace: Trace, node: Node, live: tuple[int, ...], free: tuple[int, ...]) -> Program:
    """The program for these live slots; one that returns more, or donates less, serves too."""
    if node.programs is None:
        node.programs = {}
    for known in node.programs.values():
        if known.live == live and set(known.donated) <= set(free):
            return known
    path = node.path()
    freed = {i for e in path if e.entry is not None and isinstance(e.entry.op, lower.Special) for i in e.entry.op.frees()}
    taking = [v for r in trace.refs if r is not None and (v := r()) is not None and v.aval.requires_grad]
    with jax.enable_x64(True):
        saved = tuple(lower.saved_slots(path, [v.slot for v in taking if v.trace is trace], freed))
        arrays = {e.slot for e in path if e.entry is None}
        outputs = live + tuple(s for s in saved if s not in arrays)
        kept = [k for k, e in enumerate([e for e in path if e.entry is None]) if e.slot in saved]
        donated = lower.donatable(path, outputs, [k for k in free if k not in kept])
    call = compile(lower.replay(path, outputs), donated)
    program = node.programs[live] = Program(live, saved, donated, call)
    _explain(node)
    return program


def compile(function: Callable, donated: tuple[int, ...]) -> Callable:
    """`function` as one compiled XLA program."""
    counters.compiles += 1
    _use_disk_cache()
    function.__name__ = "jtorch_step"
    return jax.jit(function, donate_argnums=donated)


def _first_call(program: Program, trace: Trace, inputs: list) -> list:
    """Call a program that is still to be compiled, or that must be told its device."""
    with jax.default_device(jax_device(trace.device)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some donated buffers were not usable")   # no news to the user
        program.fresh = False
        return program.call(*inputs)


def _use_disk_cache() -> None:
    """Point JAX's cache of compiled programs at the user's cache folder, unless the user has set one."""
    if config.cache and jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", config.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def user_line() -> str:
    """The innermost file:line outside jtorch."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((PACKAGE, "<jtorch")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _explain(node: Node) -> None:
    """On request say what made this compile necessary: where the path left what was known."""
    if "recompiles" not in config.log:
        return
    path = node.path()
    fork = next((e for e in path if len(e.node.parent) > 1), None)
    if fork is None or len(node.programs) > 1:
        reason = "other values are alive at its end" if len(node.programs) > 1 else "a new sequence"
    else:
        siblings = [repr(k) for k, e in fork.node.parent.items() if e is not fork]
        what = f"input {fork.aval}" if fork.entry is None else f"{fork.entry.op} attributes {fork.entry.attrs}"
        reason = f"{fork.where}: {what}; known there: {'; '.join(siblings[-3:])}"
    sys.stderr.write(f"jtorch: compiling {len(path)} recorded entries ({path[-1].where}): {reason}\n")


def concrete(value: Value, cause: str) -> Array:
    """The array of `value`, running its trace if it is pending."""
    if value.array is None:
        flush(value.trace, cause)
    return value.array


def host_value(array: np.ndarray) -> Value:
    """A concrete value on the CPU; the array must not be written to any more."""
    return Value(aval(array.shape, from_numpy(array.dtype)), None, -1, array)


def prune() -> None:
    """Forget the least recently used half of all recorded paths."""
    ends = sorted((n for root in roots.values() for n in _nodes(root) if n.programs), key=lambda n: n.stamp)
    keep = set()
    for node in [*ends[len(ends) // 2:], *(t.node for t in here.traces.values())]:
        while node is not None and node not in keep:
            keep.add(node)
            node = node.parent
    for root in roots.values():
        for node in [n for n in _nodes(root) if n in keep]:
            for key in [k for k, e in node.items() if getattr(e, "node", None) is not None and e.node not in keep]:
                del node[key]
    Node.total = len(keep)


def _nodes(root: Node) -> list[Node]:
    found, work = [], [root]
    while work:
        node = work.pop()
        found.append(node)
        work.extend(e.node for e in node.values() if hasattr(e, "node"))
    return found
