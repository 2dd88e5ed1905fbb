"""Running what was recorded: find or build the program for the path and the values that are alive, call it, hand out the arrays."""
from __future__ import annotations

import os
import sys
import warnings
from contextlib import nullcontext
from collections.abc import Callable, Container, Sequence
from functools import cache
from itertools import count
from operator import call, itemgetter
from pathlib import Path
from sys import getrefcount
from threading import RLock
from types import FrameType, MappingProxyType
from typing import Any

import jax
import numpy as np

from . import config, host, lower
from .ahead import Early, Forecast
from .device import CPU, META, jax_device
from .dtype import from_numpy
from .fleeting import is_fleeting, note
from .fusion import bounded
from .graph import Array, Node, Trace, Value, aval, computed_on_host, here, roots
from .pack import Layout, Pack, Part, layout
from .versions import note_saved

PACKAGE = str(Path(__file__).parent.parent) + os.sep
NOTHING: Any = MappingProxyType({})                          # what a trace holds of its inputs and values once it is done
lock = RLock()                                               # programs are built and run one at a time
EAGER = config.eager
TRIALS, TRIED = 12, 1 << 25                                 # a thorough compilation pays off after so many runs, and so many elements in all
SINGLE = 1 << 16                                             # elements up to which a program's arrays are small: threads would cost more than they bring
SINGLE_THREADED = (("xla_cpu_multi_thread_eigen", False),)
MANY = 60                                                    # entries from which a program's kernels are bounded, or it might take long to compile
WORTHWHILE, MUCH = 1 << 15, 1 << 26                           # bytes of an input, and of all such, from which their memory is given to results
BUSY = 1 << 13                                               # elements of all results from which XLA's threads run a program while Python goes on
QUICK = (("xla_backend_optimization_level", 0), ("xla_cpu_use_fusion_emitters", False), ("xla_cpu_parallel_codegen_split_count", 1),
         ("xla_cpu_multi_thread_eigen", False))              # for programs that hardly repeat: compiled in a third of the time, at some cost in speed
ROUNDED = (("xla_allow_excess_precision", False),)            # 16-bit results are rounded also where nobody looks at them, as PyTorch's are
LOOK, MAPPED = 50, 0.6                                        # every so many programs `crowded` looks; which share of the limit is too much
clock = count(1)
told: set[str] = set()                                       # what `warn_once` has said
watching: list[Any] = []                                     # the profiler at work, if there is one: see `profiling`
leaving: list[Callable[[Trace], None]] = []                  # who counts what is recorded hears of each trace before it runs: see `counting`
ACCELERATED = jax.default_backend() != "cpu"               # then a CPU program must say that it is one


class Counters:
    """How often the engine did what, since the start or the last `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set every counter to zero."""
        self.compiles = self.launches = self.flushes = self.misses = self.early = self.wasted = self.repeated = self.once = 0
        self.causes: dict[str, int] = {}


counters = Counters()


class Program:
    """A compiled path.

    single  positions of the live values that are arrays of their own, in the order of the returned arrays
    packed  for each returned vector its layout, the positions of the live values that lie in it, and what fetches their slots' references
    traced  positions of the live values with a gradient history
    forecast  of its next inputs, where it is worth starting early
    saved   slots whose arrays are returned, beside those of the live values, for gradients to come
    lifts   whether gradients to come may flow through operations of function transforms
    idle    slots of inputs with a gradient history to which no gradient of the live values flows
    total   how many there are, for the bound
    """
    total = 0
    __slots__ = ("single", "packed", "traced", "saved", "lifts", "idle", "donated", "function", "options", "call", "fresh", "trials", "forecast")

    def __init__(self, live: Sequence[int], saved: tuple[int, ...], packs: list[list[int]], layouts: list[Layout], donated: tuple[int, ...],
                 function: Callable, options: dict | None, trial: dict | None, trials: int, traced: Container[int], busy: bool,
                 lifts: bool, idle: Sequence[int]) -> None:
        self.lifts, self.idle = lifts, idle
        self.saved, self.donated, self.function = saved, frozenset(donated), function
        self.options = options
        self.call, self.fresh = compile(function, donated, trial or options), True
        self.trials = trials if trial else 0                 # how often it runs before it is worth a thorough compilation
        self.forecast = Forecast(self) if busy and not donated else None
        position = {s: n for n, s in enumerate(live)}
        inside = {s for slots in packs for s in slots}
        self.single = [n for n, s in enumerate(live) if s not in inside]
        self.packed = [(of, [position[s] for s in slots], itemgetter(*slots)) for of, slots in zip(layouts, packs, strict=True)]
        self.traced = [n for n, s in enumerate(live) if s in traced]


def flush(trace: Trace, cause: str) -> None:
    """Run everything that `trace` holds; its live values become concrete.  A new trace begins."""
    with lock:
        if trace.done:
            if trace.failed is not None:
                raise trace.failed
            return
        for told in leaving:
            told(trace)
        for r in trace.gradients:
            if (gradients := r()) is not None:
                gradients.settle()
        values = list(filter(None, map(call, trace.refs)))
        flows = False
        if values or watching:
            try:
                flows = watching[-1].flush(cause, trace, values) if watching else _launch(trace, values)
            except Exception as error:
                flows, trace.failed = True, _salvage(trace, values, error)
            counters.flushes += 1
            counters.causes[cause] = counters.causes.get(cause, 0) + 1
        trace.done = True
        if not flows:
            trace.sources = NOTHING                          # no gradient will ever flow through here
            trace.guards.clear()
        trace.inputs = trace.refs = trace.leaf_slots = trace.packs = NOTHING
        trace.early = None
        if trace.saved:
            note_saved(trace)
        trace.leave()
    if trace.failed is not None:
        raise trace.failed


def _salvage(trace: Trace, values: list[Value], error: Exception) -> Exception | None:
    """Compute what can be computed where a program failed.  The error, unless nothing is missing then; who reads what is missing meets it again."""
    if Fork.child:                                           # where XLA must not be called
        return error
    with jax.enable_x64(True):
        found = lower.recover(trace.node.path(), trace.inputs)
        for value in values:
            if value.slot in found:
                value.array = jax.numpy.asarray(found[value.slot])
                if value.aval.requires_grad and value.origin is None:
                    value.origin = trace, value.slot
    trace.saved = found
    return error if any(value.array is None for value in values) else None


class Fork:
    """Whether this process was forked from one that ran programs: XLA's threads are not there, so NumPy does the work."""
    child = False


def _before_fork() -> None:
    for trace in list(here.traces.values()):
        flush(trace, "fork")


def _in_child() -> None:
    Fork.child = True


os.register_at_fork(before=_before_fork, after_in_child=_in_child)


def _launch(trace: Trace, values: list[Value]) -> bool:
    """Run the program for what is alive, and hand out its arrays.  Whether gradients may still flow from there through the trace."""
    if Fork.child:
        return _without_xla(trace, values)
    inputs, node = trace.inputs, trace.node
    live = tuple([v.slot for v in values])
    program = node.programs.get(live) if node.programs else None
    if program is None and not watching and is_fleeting(trace, live) and (flows := _once(trace, values, live)) is not None:
        return flows
    if program is None or program.donated:
        free = _free(trace)
        if program is None or not program.donated.issubset(free):
            program = _program(trace, node, live, free)
    node.stamp = next(clock)
    if program.trials:
        program.trials -= 1
        if not program.trials:
            program.call, program.fresh = compile(program.function, tuple(program.donated), program.options), True
    counters.launches += 1
    early, forecast = trace.early, program.forecast
    if early is not None and early.fits(program, inputs):
        arrays = early.arrays
        counters.early += 1
    else:
        arrays = watching[-1].program(program, trace, inputs) if watching else _call(program, trace, inputs)
        if early is not None:
            early.forecast.missed()
            counters.wasted += 1
    if forecast is not None and not program.trials:
        forecast.note(node, inputs, arrays)
    for n, array in zip(program.single, arrays, strict=False):
        values[n].array = array
    if program.packed:
        for (of, places, members), array in zip(program.packed, arrays[-len(program.packed):], strict=True):
            pack = Pack(array, of, members(trace.refs))
            for index, n in enumerate(places):
                values[n].array = part = Part()
                part.pack, part.index = pack, index
    if not program.lifts:
        trace.guards.clear()
    for slot in program.idle:                                # or each step of a loop would keep the graph of the one before
        if type(trace.sources.get(slot)) is tuple:
            del trace.sources[slot]
    flows = False
    for n in program.traced:
        v = values[n]
        if v.origin is None:
            v.origin = trace, v.slot
            flows = True
        elif v.origin.__class__ is tuple:
            flows = True
    if program.saved:
        kept = _input_arrays(node, inputs)
        trace.saved = {s: kept[s] for s in program.saved if s in kept}
        trace.saved.update(zip([s for s in program.saved if s not in kept], arrays[len(program.single):], strict=False))
    return flows


def _call(program: Program, trace: Trace, inputs: list) -> list:
    with jax.enable_x64(True):
        return _first_call(program, trace, inputs) if program.fresh or trace.device is not CPU or ACCELERATED else program.call(*inputs)


def start_early(trace: Trace, forecast: Forecast) -> None:
    """Start the program that is expected at the end of the step: its inputs are there, or known."""
    inputs = forecast.complete(trace.node, trace.inputs) if trace.early is None and not watching else None
    if inputs is not None:
        trace.early = Early(forecast, inputs, _call(forecast.program, trace, inputs))


def _without_xla(trace: Trace, values: list[Value]) -> bool:
    """What `_launch` does, in a forked process."""
    found = host.run(trace.node.path(), trace.inputs, [v.slot for v in values], trace.device)
    flows = False
    for v in values:
        v.array = found[v.slot]
        if v.aval.requires_grad and v.origin is None:
            v.origin, flows = (trace, v.slot), True
    if flows:
        trace.saved = found
    return flows


def _once(trace: Trace, values: list[Value], live: tuple[int, ...]) -> bool | None:
    """What `_launch` does, for a trace that hardly repeats; None where NumPy cannot do it."""
    trace.node.fleeting = {*(trace.node.fleeting or ()), live}
    try:
        flows = _without_xla(trace, values)
    except host.Refused:
        return None
    note(trace.node, next(clock))
    counters.once += 1
    if trace.early is not None:
        trace.early.forecast.missed()
        counters.wasted += 1
    return flows


def _free(trace: Trace) -> list[int]:
    """Positions of the input arrays that nobody but the trace holds: their memory may be given to results."""
    ours = 2                                                 # references to an array: the list of inputs, and the argument of getrefcount
    packs = {id(pack.array) for pack in trace.packs if getrefcount(pack) == 3}   # the dictionary, the loop and the argument
    inputs = trace.inputs
    return [k for k in range(len(inputs)) if getrefcount(inputs[k]) == ours + (id(inputs[k]) in packs)]


def _input_arrays(node: Node, inputs: list) -> dict[int, Array]:
    """The arrays of the input slots of a path."""
    found: dict[int, Array] = {}
    for edge, array in zip([e for e in node.path() if e.entry is None], inputs, strict=True):
        if edge.layout is None:
            found[edge.slot] = array
        else:
            pack = Pack(array, edge.layout)
            found.update((edge.slot + k, pack.part(k)) for k in range(len(edge.layout.avals)))
    return found


def _program(trace: Trace, node: Node, live: tuple[int, ...], free: list[int]) -> Program:
    """The program for these live slots; one that donates less serves too."""
    if Program.total >= config.programs or Program.total % LOOK == LOOK - 1 and crowded():
        prune()
    Program.total += 1
    if node.programs is None:
        node.programs = {}
    path = node.path()
    freed = {i for e in path if e.entry is not None and isinstance(e.entry.op, lower.Special) for i in e.entry.op.frees()}
    taking = [v for r in trace.refs if (v := r()) is not None and v.aval.requires_grad]
    roots = [v.slot for v in taking if v.trace is trace]
    with jax.enable_x64(True):
        saved = tuple(lower.saved_slots(path, roots, freed))
    lifts = any(a.levels for i in lower.history(path, roots) if i not in freed for a in (*path[i].entry.inputs, *path[i].entry.outputs) if a is not None)
    known = lower.avals_of(path)
    fed = {s for i in lower.history(path, roots) for s in path[i].entry.operands}
    idle = [e.slot for e in path if e.entry is None and e.layout is None and e.aval.requires_grad and e.slot not in fed]
    inputs = [range(e.slot, e.slot + (1 if e.layout is None else len(e.layout.avals))) for e in path if e.entry is None]
    arrays = {s for slots in inputs for s in slots}
    packs = lower.packable(path, live)
    packed = {s for slots in packs for s in slots}
    layouts = [layout(tuple([known[s].plain for s in slots])) for slots in packs]
    outputs = [s for s in live if s not in packed] + [s for s in saved if s not in arrays]
    kept = [k for k, slots in enumerate(inputs) if not set(slots).isdisjoint(saved)]
    shapes = [(known[s].full, known[s].dtype) for s in outputs] + [((of.size,), of.dtype) for of in layouts]
    given = [k for k in free if k not in kept and getattr(trace.inputs[k], "nbytes", 0) >= WORTHWHILE]
    donated = lower.donatable(path, shapes, given) if sum(trace.inputs[k].nbytes for k in given) >= MUCH else ()
    trains = any(e.entry is not None and (isinstance(e.entry.op, lower.Special) or getattr(e.entry.op, "packs", False)) for e in path)
    options = trial = None
    busy = trace.device is not META and sum(a.shape.numel() for e in path if e.entry is not None for a in e.entry.outputs) >= BUSY
    trials = max(TRIALS, TRIED // max(1, sum(a.shape.numel() for a in known.values())))
    if trace.device is CPU:
        small = all(a.shape.numel() <= SINGLE for e in path if e.entry is not None for a in e.entry.outputs)
        options = accepted(SINGLE_THREADED) if small else None
        trial = None if trains or saved else accepted(QUICK)
    function = lower.replay(path, outputs, packs, alike=trace.device is CPU)
    if trace.device is CPU and len(path) >= MANY:
        function = bounded(function)
    program = node.programs[live] = Program(live, saved, packs, layouts, donated, function, options, trial, trials,
                                             {s for s in live if known[s].requires_grad}, busy, lifts, idle)
    note(node, next(clock))
    _explain(node)
    return program


def compile(function: Callable, donated: tuple[int, ...], options: dict | None = None) -> Callable:
    """`function` as one XLA program."""
    counters.compiles += 1
    _use_disk_cache()
    function.__name__ = "jtorch_step"
    return jax.jit(function, donate_argnums=donated, compiler_options={**(options or {}), **(accepted(ROUNDED) or {})})


@cache
def accepted(options: tuple[tuple[str, Any], ...]) -> dict | None:
    """XLA's compile options as JAX takes them; None where this release does not know them all."""
    if jax.__version_info__[:2] != (0, 10):
        try:
            jax.jit(lambda x: x + 1, compiler_options=dict(options)).lower(0).compile()
        except (ValueError, jax.errors.JaxRuntimeError):
            return None
    return dict(options)


def _first_call(program: Program, trace: Trace, inputs: list) -> list:
    """Call a program that is still to be compiled, or that must be told its device."""
    if trace.device is META:
        return jax.eval_shape(program.function, *inputs)     # a tensor without data holds what is known of its array
    told = jax.default_device(jax_device(trace.device)) if trace.device is not CPU or ACCELERATED else nullcontext()
    with told, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some donated buffers were not usable")   # no news to the user
        program.fresh = False
        return program.call(*inputs)


def _use_disk_cache() -> None:
    """Point JAX's cache of compiled programs at the user's cache folder, unless the user has set one."""
    if config.cache and getattr(jax.config, "jax_compilation_cache_dir") is None:
        jax.config.update("jax_compilation_cache_dir", config.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def user_frame() -> tuple[FrameType, int]:
    """The innermost frame outside jtorch, and which it is as seen from the caller, who is the first."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith((PACKAGE, "<jtorch")):
        frame, level = frame.f_back, level + 1
    return frame, level


def warn_once(message: str) -> None:
    """Warn on the user's line, the first time that there is reason to."""
    if message not in told:
        told.add(message)
        warnings.warn(message, stacklevel=user_frame()[1])


def user_line() -> str:
    """The innermost file:line outside jtorch."""
    frame, _ = user_frame()
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
    if type(value.array) is Part:
        value.array = value.array.array()
    return value.array


def finish() -> None:
    """Run everything recorded, and wait until every device has done its work."""
    for trace in list(here.traces.values()):
        flush(trace, "synchronize")
    jax.block_until_ready(jax.live_arrays())


def host_value(array: np.ndarray) -> Value:
    """A concrete value on the CPU; the array must not be written to any more."""
    return computed_on_host(aval(array.shape, from_numpy(array.dtype)), array)


def crowded() -> bool:
    """Whether this process uses up the pieces of memory that Linux lets it map, of which a program takes 8 to 16: past the limit it would die."""
    try:
        with open("/proc/self/maps", "rb") as maps, open("/proc/sys/vm/max_map_count", "rb") as limit:
            return sum(1 for _ in maps) > int(limit.read()) * MAPPED
    except OSError:                                          # systems without this limit, or that do not tell it
        return False


def prune() -> None:
    """Forget the least recently used half of all recorded paths, and their programs."""
    ends = sorted((n for root in roots.values() for n in _nodes(root) if n.programs), key=lambda n: n.stamp)
    newest = ends[len(ends) // 2:]
    keep: dict[int, Node] = {}                               # by identity: nodes are dictionaries
    for node in [*newest, *roots.values(), *(t.node for t in here.traces.values())]:
        while node is not None and id(node) not in keep:
            keep[id(node)] = node
            node = node.parent
    for node in keep.values():
        for key in [k for k, e in node.items() if getattr(e, "node", None) is not None and id(e.node) not in keep]:
            del node[key]
    for node in ends[:len(ends) // 2]:                       # those on the way to newer ones stay, without programs
        node.programs = None
    Node.total, Program.total = len(keep), sum(len(n.programs or ()) for n in newest)


def _nodes(root: Node) -> list[Node]:
    found, work = [], [root]
    while work:
        node = work.pop()
        found.append(node)
        work.extend(e.node for e in node.values() if hasattr(e, "node"))
    return found
