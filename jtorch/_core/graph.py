"""What is recorded: values, the trie of recorded programs, and the trace whose cursor moves along it.

A program that repeats takes the same path through the trie each time, so recording an operation is one dictionary look-up: the edge
already knows shapes and types of the results.  Everything here is data; `record.py` writes it, `run.py` executes it.
"""
from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from weakref import ref

from .device import CPU, device
from .dtype import dtype
from .promote import Default
from .size import Size

Array = Any                                                  # jax.Array, or np.ndarray for a value that lives on the host


class Aval:
    """What is known of a value before it is computed.  Interned: equal means identical."""
    __slots__ = ("shape", "dtype", "device", "requires_grad", "plain", "twin", "__weakref__")
    made: dict[tuple, Aval] = {}

    shape: Size
    dtype: dtype
    device: device
    requires_grad: bool
    plain: Aval                                              # the same without requires_grad
    twin: Aval | None                                        # the same with it, once asked for

    def gradded(self) -> Aval:
        """The same with requires_grad."""
        if self.twin is None:
            self.twin = aval(self.shape, self.dtype, self.device, True)
        return self.twin

    def __repr__(self) -> str:
        return f"{self.dtype.name}{list(self.shape)}{' requires_grad' if self.requires_grad else ''}"


def aval(shape: tuple[int, ...], dtype: dtype, device: device = CPU, requires_grad: bool = False) -> Aval:
    """The interned `Aval` of these facts."""
    key = shape, dtype, device, requires_grad
    found = Aval.made.get(key)
    if found is None:
        found = Aval.made[key] = Aval()
        found.shape, found.dtype, found.device, found.requires_grad = Size(shape), dtype, device, requires_grad
        found.plain = aval(shape, dtype, device) if requires_grad else found
        found.twin = found if requires_grad else None
    return found


class Value:
    """An immutable array: concrete (`array`), or still a slot of a trace.

    origin  what its gradient flows to: a `Leaf`, or the finished trace and slot that computed it
    uses    how often a host array was an input, or was cut into pieces; absent until the first time
    """
    __slots__ = ("aval", "trace", "slot", "array", "origin", "uses", "__weakref__")
    aval: Aval
    trace: Trace | None
    slot: int
    array: Array
    origin: Any
    uses: int

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
    """
    __slots__ = ("op", "attrs", "operands", "casts", "inputs", "outputs", "first", "needs", "numbers")

    def __init__(self, op: Any, attrs: tuple, operands: tuple, casts: tuple, inputs: tuple, outputs: tuple[Aval, ...], first: int) -> None:
        self.op, self.attrs, self.operands, self.casts = op, attrs, operands, casts
        self.inputs, self.outputs, self.first = inputs, outputs, first
        self.numbers: frozenset[int] = frozenset()
        self.needs: Any = None                               # what its gradient reads, found when first asked: see lower.gradient_needs

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
    __slots__ = ("parent", "edge", "slots", "length", "programs", "stamp", "varying", "forecast", "__weakref__")
    total = 0                                                # how many there are, for the bound

    def __init__(self, parent: Node | None, slots: int) -> None:
        self.parent, self.edge, self.slots = parent, None, slots
        self.length = parent.length + 1 if parent is not None else 0
        self.programs: dict | None = None
        self.varying: set | None = None                      # number-free keys of operations that were seen here with some number
        self.forecast: Any = None                            # where a program can start that ends further on: see `ahead`
        self.stamp = 0
        Node.total += 1

    def path(self) -> list[Edge]:
        """The edges from the root to here."""
        found, node = [], self
        while node.parent is not None:
            found.append(node.edge)
            node = node.parent
        return found[::-1]

    def extend(self, key: object, aval: Aval | None, entry: Entry | None, width: int, where: str) -> Edge:
        """Add the edge `key`, whose operation or input makes `width` slots."""
        node = Node(self, self.slots + width)
        node.edge = self[key] = Edge(node, aval, self.slots, entry, where)
        return node.edge


class Trace:
    """The operations recorded on one thread and device since the last program ran.

    inputs    arrays and numbers, in the order of their input edges
    refs      weak references to the value of each slot: what is alive when the trace runs is what the program returns
    sources   for input slots that require grad, the `Leaf` or the (finished trace, slot) they come from
    saved     after the run: the arrays by slot that gradients still need
    """
    __slots__ = ("device", "root", "node", "inputs", "refs", "sources", "leaf_slots", "hooks", "boundary", "done", "saved", "freed", "serial",
                 "customs", "packs", "overwritten", "leaf_versions", "early", "gradients", "mode", "__weakref__")
    serials = count()

    def __init__(self, device: device, root: Node, mode: Mode) -> None:
        self.device, self.root, self.node, self.mode = device, root, root, mode
        self.inputs: list = []
        self.refs: list = []
        self.sources: dict[int, Any] = {}
        self.leaf_slots: dict[Leaf, int] = {}
        self.packs: dict[Any, int] = {}                      # packs that are inputs, with the slot of their first array
        self.hooks: dict[int, Any] = {}                      # slot -> hooks of the non-leaf tensor there
        self.customs: dict[int, Any] = {}                    # slot -> context of the autograd.Function that made it
        self.boundary = False                                # the next recorded operation starts a new trace
        self.done = False
        self.gradients: list[ref[Gradients]] = []            # of the passes recorded here
        self.early: Any = None                               # the program that has started already
        self.saved: dict[int, Array] | None = None
        self.freed: tuple = ()                               # backward plans that released what they used, after the run
        self.overwritten: dict[int, Any] = {}                # slot -> the write in place that changed what the tensor there holds
        self.leaf_versions: dict[int, int] = {}              # after the run: slot of a leaf -> the version that it had
        self.serial = next(Trace.serials)

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """The operations of the path, with their positions."""
        return ((i, e.entry) for i, e in enumerate(self.node.path()) if e.entry is not None)


class Mode:
    """The settings that the meaning of an operation depends on.  Interned: part of each operation's key."""
    __slots__ = ("grad", "inference", "floating", "autocast")
    made: dict[tuple, Mode] = {}

    grad: bool
    inference: bool
    floating: dtype
    autocast: tuple


def mode(grad: bool, inference: bool, floating: dtype, autocast: tuple = ()) -> Mode:
    """The interned `Mode` of these settings."""
    key = grad, inference, floating, autocast
    found = Mode.made.get(key)
    if found is None:
        found = Mode.made[key] = Mode()
        found.grad, found.inference, found.floating, found.autocast = key
    return found


class State(threading.local):
    """What each thread has of its own: the trace being recorded and the mode."""

    def __init__(self) -> None:
        self.traces: dict[device, Trace] = {}
        self.recent: deque[ref] = deque(maxlen=8)            # the newest values that were made from arrays on the host
        self.trace = self.traces[CPU] = Trace(CPU, roots.setdefault(CPU, Node(None, 0)), mode(True, False, Default.floating))

    @property
    def mode(self) -> Mode:
        """The settings in force, which the current trace holds: looking a thread's own things up takes long."""
        return self.trace.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self.trace.mode = mode

    def start(self, device: device) -> Trace:
        """Begin a new trace for `device` and make it the current one."""
        self.trace = self.traces[device] = Trace(device, roots.setdefault(device, Node(None, 0)), self.trace.mode)
        return self.trace

    def switch(self, device: device) -> Trace:
        """Make the trace of `device` the current one."""
        found = self.traces.get(device)
        if found is None or found.done:
            return self.start(device)
        found.mode, self.trace = self.trace.mode, found
        return found


roots: dict[device, Node] = {}
here = State()
