"""What is recorded: values, the trie of recorded programs, and the trace whose cursor moves along it.

A program that repeats takes the same path through the trie each time, so recording an operation is one dictionary look-up: the edge
already knows shapes and types of the results.  Everything here is data; `record.py` writes it, `run.py` executes it.
"""
from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary, ref

from .device import CPU, device
from .dtype import dtype
from .promote import Default
from .size import Size

Array = Any                                                  # jax.Array, or np.ndarray for a value that lives on the host


class Level(NamedTuple):
    """One function transform that is at work, as far as operations must know it: `vmap`, whose tensors are batches, or forward-mode derivatives.

    number  larger for those further inside
    size    of the batch; where it is `dual`, one for the value and as many as it has tangents
    """
    number: int
    size: int
    dual: bool = False


class Aval:
    """What is known of a value before it is computed.  Interned: equal means identical.

    tracks  the numbers of the gradient levels that its history belongs to; 0 stands for the user's own `requires_grad`
    levels  the levels that it is a batch or a pair of, outermost first.  Their dimensions come before `shape` in the array
    full    the shape of the array
    """
    __slots__ = ("shape", "dtype", "device", "requires_grad", "tracks", "levels", "full", "plain", "twin", "__weakref__")
    made: dict[tuple, Aval] = {}

    shape: Size
    dtype: dtype
    device: device
    requires_grad: bool
    tracks: frozenset[int]
    levels: tuple[Level, ...]
    full: Size
    plain: Aval                                              # the same without requires_grad
    twin: Aval | None                                        # the same with it, once asked for

    def gradded(self) -> Aval:
        """The same with requires_grad."""
        if self.twin is None:
            self.twin = aval(self.shape, self.dtype, self.device, OWN, self.levels)
        return self.twin

    def within(self, active: tuple[Level, ...]) -> Aval:
        """The same as one element of the batches, or one part of the pairs, of the levels `active`."""
        return aval(self.shape, self.dtype, self.device, self.tracks, tuple([n for n in self.levels if n not in active])) if self.levels and active else self

    def __repr__(self) -> str:
        return f"{self.dtype.name}{list(self.shape)}{' requires_grad' if self.requires_grad else ''}"


UNTRACKED: frozenset[int] = frozenset()
OWN = frozenset((0,))


def aval(shape: tuple[int, ...], dtype: dtype, device: device = CPU, tracks: frozenset[int] = UNTRACKED, levels: tuple[Level, ...] = ()) -> Aval:
    """The interned `Aval` of these facts."""
    key = shape, dtype, device, tracks, levels
    found = Aval.made.get(key)
    if found is None:
        found = Aval()
        found.shape, found.dtype, found.device, found.requires_grad, found.tracks, found.levels = Size(shape), dtype, device, bool(tracks), tracks, levels
        found.full = Size((*[n.size for n in levels], *shape)) if levels else found.shape
        found.plain = aval(shape, dtype, device, UNTRACKED, levels) if tracks else found
        found.twin = found if tracks else None
        found = Aval.made.setdefault(key, found)             # complete, since another thread may look for it too
    return found


class Value:
    """An immutable array: concrete (`array`), or still a slot of a trace.

    origin  what its gradient flows to: a `Leaf`, or the finished trace and slot that computed it
    uses    how often a host array was an input, or was cut into pieces; absent until the first time
    copy    of a host array, on the device; absent until it is made
    """
    __slots__ = ("aval", "trace", "slot", "array", "origin", "uses", "copy", "__weakref__")
    aval: Aval
    trace: Trace | None
    slot: int
    array: Array
    origin: Any
    uses: int
    copy: Array

    def _read_value(self) -> Value:
        return self

    _value = property(_read_value)                           # so that a value can stand for a tensor as an operand


def pending(aval: Aval, trace: Trace, slot: int) -> Value:
    """The value that `trace` will compute at `slot`."""
    v = Value()                                              # an `__init__` would take twice as long, and these are made by the million
    v.aval, v.trace, v.slot, v.array, v.origin = aval, trace, slot, None, None
    return v


def computed(aval: Aval, array: Array, origin: object = None) -> Value:
    """The value that `array` holds."""
    v = Value()
    v.aval, v.trace, v.slot, v.array, v.origin = aval, None, -1, array, origin
    return v


def computed_on_host(aval: Aval, array: Array) -> Value:
    """The value of an array that is new on the host: what the next program may be about to read."""
    v = computed(aval, array)
    here.recent.append(ref(v))
    return v


DEAD = ref(Value())                                          # stands in a trace's `refs` for what no value looks at


class Leaf:
    """Where the gradients of one leaf tensor accumulate.  `active` while the tensor requires grad.

    own  the gradient: a Tensor, None, or (`Gradients`, number, slot) of one that nobody has looked at yet
    """
    __slots__ = ("own", "hooks", "after", "owner", "active", "__weakref__")

    def __init__(self, owner: object) -> None:
        self.own: Any = None
        self.hooks: dict | None = None                       # tensor hooks, by handle
        self.after: dict | None = None                       # hooks that run after accumulation
        self.owner: Any = ref(owner)                         # calls to the leaf tensor, or None when it is gone
        self.active = True

    @property
    def grad(self) -> Any:
        """The gradient as a Tensor, or None."""
        if self.own.__class__ is tuple:
            self.own = self.own[0].tensor(*self.own[1:])
        return self.own

    @grad.setter
    def grad(self, grad: Any) -> None:
        self.own = grad


class Gradients:
    """What one backward pass gave, as long as only an optimizer reads it: tensors are made of those that somebody looks at, or that outlive the trace."""
    __slots__ = ("trace", "entry", "leaves", "__weakref__")
    wrap: Callable                                           # the tensor module puts it here

    def __init__(self, trace: Trace, entry: Entry, leaves: list[Leaf]) -> None:
        self.trace, self.entry, self.leaves = trace, entry, leaves

    def tensor(self, number: int, slot: int) -> Any:
        """The gradient as a Tensor."""
        trace = self.trace
        value = trace.refs[slot]()
        if value is None or value.trace is not trace or value.slot != slot:
            value = pending(self.entry.outputs[number], trace, slot)
            trace.refs[slot] = ref(value)
        return Gradients.wrap(value)

    def settle(self) -> None:
        """The trace is about to run: make tensors of what is still there."""
        for leaf in self.leaves:
            if leaf.own.__class__ is tuple and leaf.own[0] is self:
                leaf.own = leaf.grad


class Const:
    """A Python number that a recorded operation holds as a constant."""
    __slots__ = ("number",)

    def __init__(self, number: complex) -> None:
        self.number = number


class Entry:
    """One recorded operation.

    op        what runs: see `Op.run`
    attrs     its static attributes
    operands  for each operand the slot it reads, a `Const`, or None
    casts     for each operand the type it is converted to, or None
    inputs    the operands' avals (None for constants), outputs the results'
    numbers   positions of the operands that are Python numbers
    first     slot of the first result
    lifted    the levels over which it works, outermost first
    """
    __slots__ = ("op", "attrs", "operands", "casts", "inputs", "outputs", "first", "needs", "numbers", "lifted", "inner")

    def __init__(self, op: Any, attrs: tuple, operands: tuple, casts: tuple, inputs: tuple, outputs: tuple[Aval, ...], first: int) -> None:
        self.op, self.attrs, self.operands, self.casts = op, attrs, operands, casts
        self.inputs, self.outputs, self.first = inputs, outputs, first
        self.numbers: frozenset[int] = frozenset()
        self.needs: Any = None                               # what its gradient reads, found when first asked: see lower.gradient_needs
        self.lifted: tuple[Level, ...] = ()
        self.inner: dict[tuple[Level, ...], Entry] = {}

    def leaves(self) -> set[Level]:
        """The levels that this is a way out of."""
        return {level for a in self.inputs if a is not None for level in a.levels}.difference(self.lifted)

    def within(self, active: tuple[Level, ...]) -> Entry:
        """The same operation as it is for one element of the batches of the levels `active`, or where it is the way into one, for what is inside."""
        if not active or not any(level in active for a in (*self.inputs, *self.outputs) if a is not None for level in a.levels):
            return self
        found = self.inner.get(active)
        if found is None:
            inputs, outputs = [tuple([a if a is None else a.within(active) for a in avals]) for avals in (self.inputs, self.outputs)]
            enters = any(level in active and level not in self.lifted for a in self.outputs for level in a.levels)
            op = self.op.inner() if enters and hasattr(self.op, "inner") else self.op
            found = self.inner[active] = Entry(op, self.attrs, self.operands, self.casts, inputs, outputs, self.first)
            found.numbers, found.lifted = self.numbers, tuple([n for n in self.lifted if n not in active])
        return found

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow through."""
        return any(a.requires_grad for a in self.outputs)


class Edge:
    """One step along the trie: an operation (`entry`), or an input where `entry` is None (several in one vector where there is a `layout`)."""
    __slots__ = ("node", "aval", "slot", "entry", "where", "several", "layout")

    def __init__(self, node: Node, aval: Aval | None, slot: int, entry: Entry | None, where: str) -> None:
        self.node, self.aval, self.slot, self.entry, self.where = node, aval, slot, entry, where
        self.several = entry is not None and len(entry.outputs) != 1
        self.layout: Any = None


class Node(dict):
    """A point reached by one sequence of operations.  Maps what comes next to an `Edge`; also holds the programs that end here."""
    __slots__ = ("parent", "edge", "slots", "length", "programs", "stamp", "varying", "forecast", "trains", "loops", "fleeting", "__weakref__")
    total = 0                                                # how many there are, for the bound

    def __init__(self, parent: Node | None, slots: int) -> None:
        self.parent, self.slots = parent, slots
        self.edge: Any = None
        self.length: int = parent.length + 1 if parent is not None else 0
        self.programs: dict | None = None
        self.varying: set | None = None                      # number-free keys of operations that were seen here with some number
        self.forecast: Any = None                            # where a program can start that ends further on: see `ahead`
        self.trains: bool = parent is not None and parent.trains   # whether gradients flow through the path, or are computed in it
        self.loops = False                                   # whether a loop begins again here: see `loops`
        self.fleeting: set | None = None                     # the live slots with which NumPy ran this path: see `fleeting`
        self.stamp = 0
        Node.total += 1

    def path(self) -> list[Edge]:
        """The edges from the root to here."""
        found: list[Edge] = []
        node = self
        while node.parent is not None:
            found.append(node.edge)
            node = node.parent
        return found[::-1]

    def extend(self, key: object, aval: Aval | None, entry: Entry | None, width: int, where: str) -> Edge:
        """Add the edge `key`, whose operation or input makes `width` slots."""
        node = Node(self, self.slots + width)
        node.edge = self[key] = Edge(node, aval, self.slots, entry, where)
        node.trains |= entry is not None and entry.differentiable
        return node.edge


class Trace:
    """The operations recorded on one thread and device since the last program ran.

    inputs    arrays and numbers, in the order of their input edges
    refs      weak references to the value of each slot: what is alive when the trace runs is what the program returns
    sources   for input slots that require grad, the `Leaf` or the (finished trace, slot) they come from
    saved     after the run: the arrays by slot that gradients still need
    failed    what its program failed with, if it did
    thread    what the thread that records it has of its own, see `State`
    guards    of the levels that its operations may belong to, while gradients can still flow through them
    """
    __slots__ = ("device", "guards", "root", "node", "inputs", "refs", "sources", "leaf_slots", "hooks", "boundary", "done", "failed", "saved", "freed", "serial",
                 "customs", "packs", "overwritten", "leaf_versions", "early", "gradients", "mode", "thread", "__weakref__")
    serials = count()

    def __init__(self, device: device, root: Node, mode: Mode, thread: dict[str, Any]) -> None:
        self.device, self.root, self.node, self.mode, self.thread = device, root, root, mode, thread
        self.inputs: list = []
        self.refs: list = []
        self.sources: dict[int, Any] = {}
        self.leaf_slots: dict[Leaf, int] = {}
        self.packs: dict[Any, int] = {}                      # packs that are inputs, with the slot of their first array
        self.hooks: dict[Any, Any] = {}                      # slot -> hooks of the non-leaf tensor there
        self.customs: dict[int, Any] = {}                    # slot -> context of the autograd.Function that made it
        self.boundary = False                                # the next recorded operation starts a new trace
        self.done = False
        self.failed: Exception | None = None
        self.gradients: list[ref[Gradients]] = []            # of the passes recorded here
        self.early: Any = None                               # the program that has started already
        self.guards: list[Guard] = []
        self.saved: dict[int, Array] | Any = None
        self.freed: tuple = ()                               # backward plans that released what they used, after the run
        self.overwritten: dict[int, Any] = {}                # slot -> the write in place that changed what the tensor there holds
        self.leaf_versions: dict[int, int] = {}              # after the run: slot of a leaf -> the version that it had
        self.serial = next(Trace.serials)

    def begin(self, device: device) -> Trace:
        """A new trace for `device`, which becomes the current one of this one's thread."""
        thread = self.thread
        made = thread["trace"] = thread["traces"][device] = Trace(device, roots.setdefault(device, Node(None, 0)), thread["trace"].mode, thread)
        made.guards.extend(thread["active"])
        return made

    def leave(self) -> None:
        """This trace is done: its thread begins another one, where it is the current one."""
        if self.thread["trace"] is self:
            self.begin(self.device)
        elif self.thread["traces"].get(self.device) is self:
            del self.thread["traces"][self.device]

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """The operations of the path, with their positions."""
        return ((i, e.entry) for i, e in enumerate(self.node.path()) if e.entry is not None)


class Guard:
    """Keeps the number of a function transform from being given to another one: while it runs, and while gradients can flow back through it.

    kind        "vmap", "grad" or "jvp", or "dual" for `forward_ad.dual_level`
    randomness  what it does with random numbers: "error", "different" (only `vmap`) or "same"
    """
    taken: WeakValueDictionary[int, Guard] = WeakValueDictionary()
    number: int

    def __init__(self, kind: str, size: int = 2, randomness: str = "same") -> None:
        lowest = here.active[-1].number + 1 if here.active else 1
        self.kind, self.number, self.randomness = kind, next(n for n in count(lowest) if n not in Guard.taken), randomness
        self.level = Level(self.number, size, kind != "vmap")
        Guard.taken[self.number] = self


class Mode:
    """The settings that the meaning of an operation depends on.  Interned: part of each operation's key."""
    __slots__ = ("grad", "inference", "floating", "autocast", "levels")
    made: dict[tuple, Mode] = {}

    grad: bool
    inference: bool
    floating: dtype
    autocast: tuple
    levels: tuple[Level, ...]


def mode(grad: bool, inference: bool, floating: dtype, autocast: tuple = (), levels: tuple[Level, ...] | None = None) -> Mode:
    """The interned `Mode` of these settings; the levels are those at work unless they are given."""
    key = grad, inference, floating, autocast, here.trace.mode.levels if levels is None else levels
    found = Mode.made.get(key)
    if found is None:
        found = Mode.made[key] = Mode()
        found.grad, found.inference, found.floating, found.autocast, found.levels = key
    return found


class State(threading.local):
    """What each thread has of its own: the trace being recorded and the mode.

    threads  how many there were so far
    shared   called in each but the first; the module `threads`, which is above this one, puts it here
    """
    threads = 0
    shared: Callable[[], None]

    def __init__(self) -> None:
        State.threads += 1
        if State.threads > 1:
            State.shared()
        self.traces: dict[device, Trace] = {}
        self.recent: deque[ref] = deque(maxlen=8)            # the newest values that were made from arrays on the host
        self.active: list[Guard] = []                        # the function transforms at work, outermost first
        self.capture: Any = None                             # what watches a call that may be repeated at once: see `shortcut`
        self.trace = self.traces[CPU] = Trace(CPU, roots.setdefault(CPU, Node(None, 0)), mode(True, False, Default.floating, (), ()), self.__dict__)

    @property
    def mode(self) -> Mode:
        """The settings in force, which the current trace holds: looking a thread's own things up takes long."""
        return self.trace.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self.trace.mode = mode

    def start(self, device: device) -> Trace:
        """Begin a new trace for `device` and make it the current one."""
        return self.trace.begin(device)

    def switch(self, device: device) -> Trace:
        """Make the trace of `device` the current one."""
        found = self.traces.get(device)
        if found is None or found.done:
            return self.start(device)
        found.mode, self.trace = self.trace.mode, found
        found.guards.extend(self.active)
        return found


roots: dict[device, Node] = {}
here = State()
