"""A stretch of recorded operations as one step: what a call recorded once, its repetition goes along without recording each operation.

A `Capture` watches a call; `Shortcut` is what it saw: the nodes where the stretch begins and ends, where each input on the way comes from, and what the
call returned and wrote.  Whoever repeats a call answers for it that Python would do the same again: see `jtorch/compiler.py`.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from .graph import DEAD, Aval, Edge, Node, Trace, Value, here, pending
from .layout import lay
from .lower import Special
from .plan import CUSTOM
from .promote import NUMBERS
from .record import bind, bind_array, bind_number, seen
from .run import flush, host_value
from .tensor import Tensor, wrap

FRESH = 2                                                    # references to an array that only its trace holds: the list of inputs, getrefcount's argument
UNKNOWN = "it reads a tensor that it reaches in an unknown way"
MISSED: Any = object()


class Unrepeatable(Exception):
    """Why a call cannot be repeated without Python."""


class Capture:
    """What is known of a call while it is recorded.

    draws    the host values that were drawn at random, and what draws their like
    checks   what was checked because values were at hand, with the operands
    refused  why the call cannot be repeated without Python
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        if here.trace.boundary:
            flush(here.trace, "step")
        self.trace, self.start, self.inputs = here.trace, here.trace.node, len(here.trace.inputs)
        self.before = {id(t): (t, t._read_value()) for t in tensors}
        self.tables = self._tables()
        self.draws: list[tuple[Value, Callable[[], np.ndarray]]] = []
        self.checks: list[tuple[Callable, Sequence]] = []
        self.refused: str | None = None

    def _tables(self) -> tuple:
        t = self.trace
        return t.mode, len(t.hooks), len(t.customs), len(t.gradients), len(t.guards)

    def __enter__(self) -> Capture:
        here.capture = self
        return self

    def __exit__(self, *error: object) -> None:
        here.capture = None

    def path(self) -> list[Edge]:
        """What was recorded."""
        if self.refused is not None:
            raise Unrepeatable(self.refused)
        if here.trace is not self.trace or self.trace.boundary or self._tables() != self.tables:
            raise Unrepeatable("it runs a program, or changes more than values")
        found, node = [], self.trace.node
        while node is not self.start:
            found.append(node.edge)
            node = node.parent
        for entry in [e.entry for e in found if e.entry is not None]:
            if isinstance(entry.op, Special) or entry.op is CUSTOM or getattr(entry.op, "packs", False):
                raise Unrepeatable(f"it records {entry.op.name}")
        return found[::-1]


class Feed(NamedTuple):
    """An input on the way: its edge and the node before it, and what binds it, given the trace and the values of the tensors and then those drawn."""
    edge: Edge
    node: Node
    bind: Callable[[Trace, Sequence[Value]], Any]


class Same(NamedTuple):
    """One of the tensors that the call was given, or closes over."""
    number: int

    def build(self, tensors: Sequence[Tensor], made: dict[int, Value], built: dict[int, Tensor]) -> Tensor:
        """The tensor."""
        return tensors[self.number]


class Result:
    """A new tensor: the slot of its value, or the number of the tensor that has it, and its strides or how it sees another's memory, if it does."""

    def __init__(self, slot: int, number: int | None, base: Any, step: tuple, writes: int, strides: tuple[int, ...] | None) -> None:
        self.slot, self.number, self.base, self.step, self.writes, self.strides = slot, number, base, step, writes, strides

    def build(self, tensors: Sequence[Tensor], made: dict[int, Value], built: dict[int, Tensor]) -> Tensor:
        """Such a tensor."""
        found = built.get(id(self))
        if found is None:
            value = made[self.slot] if self.number is None else tensors[self.number]._read_value()
            found = wrap(value) if self.base is None else self.base.build(tensors, made, built)._view(*self.step, value)
            if self.writes:
                found._versions = [self.writes]
            if self.strides is not None:
                lay(found, self.strides)
            built[id(self)] = found
        return found


class Shortcut:
    """A stretch of the trie, and how to go along it at once.

    avals    of the tensors that the call reads
    places   their slots where they were in the trace before, None for those that the call brings in
    groups   pairs of tensors, by number, that had one value, which they must have again
    feeds    the inputs on the way
    writes   the numbers of tensors that are written to, with the slots of their new contents
    draws    what draws random values, in order
    checks   of values that are at hand
    returned what the call returned, with a `Result` or a `Same` in the place of each tensor
    made     the avals of the slots that are alive afterwards
    """

    def __init__(self, capture: Capture, tensors: Sequence[Tensor], returned: Any) -> None:
        path, self.trace = capture.path(), capture.trace
        self.first, self.end = capture.start.slots, self.trace.node
        before = [capture.before[id(t)][1] if id(t) in capture.before else t._read_value() for t in tensors]
        slots = [v.slot if v.trace is self.trace else None for v in before]
        self.computed = {s for e in path if e.entry is not None for s in range(e.entry.first, e.entry.first + len(e.entry.outputs))}
        if not self.computed.isdisjoint(slots):
            raise Unrepeatable("it writes to a tensor that it closes over")
        self.number = {s: k for k, s in reversed([*enumerate(slots)]) if s is not None}
        if any(s.__class__ is int and s < self.first and s not in self.number for e in path if e.entry is not None for s in e.entry.operands):
            raise Unrepeatable(UNKNOWN)
        self.avals = [v.aval for v in before]
        self.places = [s if s is not None and s < self.first else None for s in slots]
        earliest: dict[int, int] = {}
        self.groups = [(earliest[id(v)], k) for k, v in enumerate(before) if earliest.setdefault(id(v), k) != k]
        self.feeds = self._feeds(capture, path)
        if any(all(value.array is not x for x in self.trace.inputs[capture.inputs:]) for value, _ in capture.draws):
            raise Unrepeatable("it draws random numbers that do not enter the program as they are")
        self.draws = [draw for _, draw in capture.draws]
        after = [t._read_value() for t in tensors]
        self.writes = [(k, new.slot) for k, (old, new) in enumerate(zip(before, after, strict=True)) if new is not old]
        if any(s not in self.computed or tensors[k]._storage is not None or after[k].aval.requires_grad for k, s in self.writes):
            raise Unrepeatable("it writes to memory that is shared, or that has a history")
        self.made: dict[int, Aval] = {s: after[k].aval for k, s in self.writes}
        self.same = {id(t): k for k, t in enumerate(tensors)}
        self.values = {id(v): k for k, v in enumerate(before)}
        self.results: dict[int, Result] = {}
        self.returned = self._described(returned)
        self.checks = [(check, [self._checked(x) for x in operands]) for check, operands in capture.checks]
        del self.trace, self.computed, self.number, self.same, self.values, self.results

    def _feeds(self, capture: Capture, path: list[Edge]) -> list[Feed]:
        found: list[Feed] = []
        node = capture.start
        for edge in path:
            if edge.entry is None:
                found.append(Feed(edge, node, self._source(edge, capture, capture.inputs + len(found))))
            node = edge.node
        return found

    def _source(self, edge: Edge, capture: Capture, place: int) -> Callable[[Trace, Sequence[Value]], Any]:
        """What binds an input like the one at `place` of the trace's."""
        inputs = self.trace.inputs
        for slot in range(edge.slot, edge.slot + (1 if edge.layout is None else len(edge.layout.avals))):
            if slot in self.number:
                k = self.number[slot]
                return lambda trace, values: bind(trace, values[k])
        if type(inputs[place]) in NUMBERS:
            number = inputs[place]
            return lambda trace, values: bind_number(trace, number)
        for n, (value, _) in enumerate(capture.draws):
            if value.array is inputs[place]:
                k = n - len(capture.draws)
                return lambda trace, values: bind(trace, values[k])
        if type(inputs[place]) is not np.ndarray or getrefcount(inputs[place]) != FRESH:
            raise Unrepeatable(UNKNOWN)
        array = inputs[place]
        return lambda trace, values: bind_array(trace, array, edge.aval)

    def _described(self, x: Any) -> Any:
        """What was returned, without the tensors themselves."""
        if isinstance(x, Tensor):
            return Same(self.same[id(x)]) if id(x) in self.same else self.results.get(id(x)) or self._result(x)
        if type(x) in (tuple, list):
            return type(x)([self._described(item) for item in x])
        if isinstance(x, tuple) and hasattr(x, "_fields"):
            return type(x)(*[self._described(item) for item in x])
        if type(x) is dict:
            return {key: self._described(item) for key, item in x.items()}
        if x is None or type(x) in (*NUMBERS, str):
            return x
        raise Unrepeatable(f"it returns an object of the class {type(x).__name__}")

    def _result(self, x: Tensor) -> Result:
        v = x._value
        if type(x) is not Tensor or x._storage is not None or x._leaf is not None or x._tracked or v is None:
            raise Unrepeatable("it returns a tensor that is more than a value")
        number = self.values.get(id(v))
        if number is None and (v.trace is not self.trace or v.slot not in self.computed):
            raise Unrepeatable("it returns a value that it did not compute")
        if number is None:
            self.made[v.slot] = v.aval
        base = None if x._seen_from is None else self._described(x._seen_from[0])
        step = () if x._seen_from is None else x._seen_from[1:]
        found = self.results[id(x)] = Result(v.slot, number, base, step, x._versions[0] if x._versions else 0, x._strides)
        return found

    def _checked(self, x: Any) -> Any:
        """An operand of a check: the number of the tensor whose values it looks at, or what is known of it."""
        slot = x._read_value().slot if isinstance(x, Tensor | Value) else None
        return Same(self.number[slot]) if slot in self.number else seen(x)

    def go(self, tensors: Sequence[Tensor]) -> Any:
        """Move the trace's cursor along the stretch; returns what the call returns, or `MISSED` where the tensors do not fit."""
        trace = here.trace
        values = [t._read_value() for t in tensors]
        for v, a, place in zip(values, self.avals, self.places, strict=True):
            if v.aval is not a or (v.slot != place if v.trace is trace else place is not None):
                return MISSED
        if any(values[k] is not values[n] for k, n in self.groups):
            return MISSED
        for check, operands in self.checks:
            check(*[seen(values[x.number]) if x.__class__ is Same else x for x in operands])
        values += [host_value(draw()) for draw in self.draws]
        refs = trace.refs
        for feed in self.feeds:
            refs.extend([DEAD] * (feed.edge.slot - len(refs)))
            trace.node = feed.node
            feed.bind(trace, values)
            if trace.node is not feed.edge.node:
                return MISSED
        refs.extend([DEAD] * (self.end.slots - len(refs)))
        trace.node = self.end
        made = {slot: pending(a, trace, slot) for slot, a in self.made.items()}
        for slot, v in made.items():
            refs[slot] = ref(v)
        for k, slot in self.writes:
            tensors[k]._write(made[slot])
        return _rebuilt(self.returned, tensors, made, {})


def _rebuilt(x: Any, tensors: Sequence[Tensor], made: dict[int, Value], built: dict[int, Tensor]) -> Any:
    if type(x) in (Result, Same):
        return x.build(tensors, made, built)
    if type(x) in (tuple, list):
        return type(x)([_rebuilt(item, tensors, made, built) for item in x])
    if isinstance(x, tuple):
        return type(x)(*[_rebuilt(item, tensors, made, built) for item in x])
    return {key: _rebuilt(item, tensors, made, built) for key, item in x.items()} if type(x) is dict else x
