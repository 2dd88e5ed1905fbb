"""The plan of a backward pass, found once for a recorded path, and the single entry that carries it out."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import jax.numpy as jnp

from . import lower
from .graph import Aval, Const, Edge, Entry, Leaf, Node, Trace, Value, here
from .lower import Special, differentiable, gradient_needs, history, keeps_nothing, linearize, pull_back
from .versions import saved_by_pytorch, seen_through

Place = tuple[int, int]                                      # a slot of the graph: (which trace, 0 the newest; slot)
PLAN, CUT, FED = "plan", "cut plan", "fed"
TWICE = ("Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
         "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if "
         "you need to backward through the graph a second time or if you need to access saved tensors after calling backward.")


class Custom:
    """Results of an `autograd.Function`: its operands are the inputs and what `forward` computed from them."""
    name, kind, differentiable = "custom", "none", True

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Sequence, attrs: tuple) -> tuple:
        """What `forward` computed."""
        return tuple(operands[attrs[0]:])


CUSTOM = Custom()


class Add:
    """The sum of two gradients of equal shape."""
    name, kind, differentiable = "add", "none", True

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return None, None

    def run(self, operands: Sequence, attrs: tuple) -> Any:
        """The sum."""
        return operands[0] + operands[1]


ADD = Add()


class Plan:
    """The order in which gradients flow from some slots back to the leaves, over the current trace and finished ones.

    steps     (trace, position of the entry), latest first
    leaves    for each leaf the places where it was an input
    targets   the places whose gradients are asked for
    complete  for each step the leaves whose gradients are complete after it
    reads     places in finished traces whose saved arrays are needed
    `cut`     what made the goals is not gone through, so that their gradients are partial derivatives
    """

    def __init__(self, paths: list[list[Edge]], roots: Sequence[Place], wiring: list[dict[int, Any]], goals: Sequence[Any] | None, cut: bool) -> None:
        self.nodes: list[Node] = []                          # of older traces: kept, so that their identities in a key stay theirs
        self.paths, self.roots = paths, tuple(roots)
        self.avals = [lower.avals_of(p) for p in paths]
        self.steps: list[Place] = []
        wanted = set(roots)
        ends = {g for g in goals or () if cut and isinstance(g, tuple)}
        for k, path in enumerate(paths):
            here_wanted = [s for t, s in wanted if t == k]
            for position in lower.history(path, here_wanted, _makers(path, {s for t, s in ends if t == k})):
                self.steps.append((k, position))
                entry = path[position].entry
                wanted.update((k, entry.operands[i]) for i in differentiable(entry))
            wanted.update(w for s, w in wiring[k].items() if (k, s) in wanted and isinstance(w, tuple))
        self.leaves: dict[int, list[Place]] = {}
        for k, wires in enumerate(wiring):
            for slot, wire in sorted(wires.items()):
                if isinstance(wire, int) and (k, slot) in wanted and (goals is None or wire in goals):
                    self.leaves.setdefault(wire, []).append((k, slot))
        self.wires = {(k, s): w for k, wires in enumerate(wiring) for s, w in wires.items() if isinstance(w, tuple)}
        self.targets = tuple([g for g in goals or () if g in wanted])
        if goals is not None:
            self._prune()
        self.reads = sorted({(k, paths[k][i].entry.operands[n]) for k, i in self.steps if k for n in gradient_needs(paths[k][i].entry)})
        self.python = any(paths[k][i].entry.op is CUSTOM for k, i in self.steps)

    def entry(self, step: Place) -> Entry:
        """The recorded entry of a step."""
        return self.paths[step[0]][step[1]].entry

    def passes(self, step: Place) -> list[Place]:
        """Where a step's gradients go: places of operands."""
        entry = self.entry(step)
        return [(step[0], entry.operands[n]) for n in differentiable(entry)]

    def _prune(self) -> None:
        """Leave out the steps that lead to none of the targets and leaves."""
        useful = {*self.targets, *[p for places in self.leaves.values() for p in places]}
        kept = []
        for step in reversed(self.steps):
            if any(p in useful or self.wires.get(p) in useful for p in self.passes(step)):
                entry = self.entry(step)
                useful.update((step[0], s) for s in range(entry.first, entry.first + len(entry.outputs)))
                kept.append(step)
        self.steps = kept[::-1]

    @cached_property
    def wanted(self) -> dict[Place, tuple[int, ...]]:
        """For each step the positions of the operands whose gradients go on to a leaf or a target."""
        made = {(k, s) for k, i in self.steps for e in [self.entry((k, i))] for s in range(e.first, e.first + len(e.outputs))}
        useful = made.union(self.targets, *self.leaves.values())
        return {step: tuple([n for n, place in zip(differentiable(self.entry(step)), self.passes(step), strict=True)
                             if place in useful or self.wires.get(place) in useful]) for step in self.steps}

    @cached_property
    def complete(self) -> dict[Place, list[int]]:
        """For each step the numbers of the leaves whose gradients are complete after it."""
        last = {p: step for step in self.steps for p in self.passes(step)}
        found: dict = {}
        order = {step: k for k, step in enumerate(self.steps)}
        for leaf, places in self.leaves.items():
            ends = [last[p] for p in places if p in last]
            if ends:
                found.setdefault(max(ends, key=order.__getitem__), []).append(leaf)
        return found

    @cached_property
    def keeps(self) -> dict[Place, list[tuple[Place, Place]]]:
        """What PyTorch would keep for this pass: for each place that must not be overwritten the steps that need it, and their own place for it."""
        makers = [{s: e.entry for e in p if e.entry is not None for s in range(e.entry.first, e.entry.first + len(e.entry.outputs))} for p in self.paths]
        found: dict[Place, list[tuple[Place, Place]]] = {}
        for step in self.steps:
            for slot in saved_by_pytorch(self.entry(step)):
                place: Place | None = (step[0], slot)
                while place is not None:
                    chain = [(place[0], s) for s in seen_through(place[1], makers[place[0]])]
                    for p in chain:
                        found.setdefault(p, []).append((step, (step[0], slot)))
                    place = self.wires.get(chain[-1])
        return found

    def released(self, k: int) -> frozenset[int]:
        """Positions in trace `k` that this pass uses up."""
        return frozenset(i for t, i in self.steps if t == k)


def _makers(path: list[Edge], slots: set[int]) -> list[int]:
    """Positions of the entries that made the slots."""
    return [i for i, e in enumerate(path) if slots and e.entry is not None and not slots.isdisjoint(range(e.entry.first, e.entry.first + len(e.entry.outputs)))]


class Backward(Special):
    """The recorded entry of one backward pass: operands are the root gradients, the saved arrays, and gradients to add to."""

    def __init__(self, plan: Plan, frees: bool) -> None:
        self.plan, self.name = plan, "backward"
        self.freed = plan.released(0) if frees else frozenset()

    def tapes(self) -> Iterable[int]:
        return self.plan.released(0)

    def frees(self) -> Iterable[int]:
        """Positions of the entries that can't be gone through again."""
        return self.freed

    def replay(self, entry: Entry, path: list[Edge], env: dict, tape: dict) -> None:
        plan = self.plan
        source = iter(lower.fetch(entry, env))
        found: dict[Place, Any] = {}
        for place in plan.roots:
            given = next(source)
            a = plan.avals[place[0]][place[1]]
            _add(found, place, jnp.ones(a.full, a.dtype.numpy) if given is None else given)
        saved = {place: next(source) for place in plan.reads}
        for k, position in plan.steps:
            self._step(k, position, found, saved, tape)
        for slot, grad in enumerate(self._results(found, list(source)), entry.first):
            env[slot] = grad

    def _step(self, k: int, position: int, found: dict, saved: dict, tape: dict) -> None:
        plan = self.plan
        entry: Any = plan.paths[k][position].entry
        cotangents = [found.get((k, s)) for s in range(entry.first, entry.first + len(entry.outputs))]
        if all(c is None for c in cotangents):
            return
        if k:
            operands = [r if r is None else r.number if r.__class__ is Const else saved.get((k, r), blank(a)) for r, a in
                        zip(entry.operands, entry.inputs, strict=True)]
            vjp = linearize(entry, operands)[1]
        else:
            vjp = tape[position]
        for slot, grad in pull_back(entry, vjp, cotangents):
            _add(found, (k, slot), grad)
            if (k, slot) in plan.wires:
                _add(found, plan.wires[k, slot], grad)

    def _results(self, found: dict, existing: list) -> Iterable[Any]:
        for places, before in zip([*self.plan.leaves.values(), *[[t] for t in self.plan.targets]], existing, strict=True):
            grads = [found[p] for p in places if p in found]
            a = self.plan.avals[places[0][0]][places[0][1]]
            total = sum(grads[1:], grads[0]) if grads else jnp.zeros(a.full, a.dtype.numpy)
            yield total if before is None else before + total


def blank(a: Aval | None) -> Any:
    return None if a is None else jnp.zeros(a.full, a.dtype.numpy)


def _add(found: dict[Place, Any], place: Place, grad: Any) -> None:
    before = found.get(place)
    found[place] = grad if before is None else before + grad


class Freed(Special):
    """Marks on the path that a walk in Python used up some entries."""
    name = "freed"

    def __init__(self, positions: frozenset[int]) -> None:
        self.positions = positions

    def frees(self) -> Iterable[int]:
        """Positions of the entries that can't be gone through again."""
        return self.positions

    def replay(self, entry: Entry, path: list[Edge], env: dict, tape: dict) -> None:
        """Nothing is computed."""


# Planning

def locate(value: Value) -> Leaf | tuple[Trace, int]:
    """Where the gradient of `value` starts to flow."""
    if value.origin is not None:
        return value.origin
    return value.trace, value.slot


def _traces(roots: Sequence[tuple[Trace, int]]) -> list[Trace]:
    """The traces that gradients of the `roots` can reach, newest first."""
    found, work = set(), [t for t, _ in roots]
    while work:
        trace = work.pop()
        if trace not in found:
            found.add(trace)
            older = {slot: origin[0] for slot, origin in trace.sources.items() if type(origin) is tuple}
            if older and not trace.done:                     # a flush drops what no gradient flows to
                fed = _fed(trace, tuple([s for t, s in roots if t is trace]))
                older = {slot: t for slot, t in older.items() if slot in fed}
            work.extend(older.values())
    return sorted(found, key=lambda t: -t.serial)


def _fed(trace: Trace, slots: tuple[int, ...]) -> frozenset[int]:
    """The slots of a trace that gradients of some of its `slots` flow through."""
    fed = trace.node.get((FED, slots))
    if fed is None:
        path = trace.node.path()
        fed = trace.node[FED, slots] = frozenset([s for i in history(path, slots) for s in path[i].entry.operands])
    return fed


class Route:
    """A plan with the traces and leaves of this occasion."""
    __slots__ = ("plan", "traces", "leaves")

    def __init__(self, plan: Plan, traces: list[Trace], leaves: list[Leaf]) -> None:
        self.plan, self.traces, self.leaves = plan, traces, leaves


def route_to(roots: Sequence[tuple[Trace, int]], wanted: Sequence[Leaf | tuple[Trace, int]] | None = None, cut: bool = False) -> Route:
    """The way from some slots to all leaves, or to what is wanted; where it is `cut`, not past that."""
    trace = here.trace
    traces = _traces(roots)
    if not traces or traces[0] is not trace:
        traces.insert(0, trace)
    number = {t: k for k, t in enumerate(traces)}
    places = tuple([(number[t], s) for t, s in roots])
    if len(traces) == 1:
        goals = _goals(wanted, number, trace.leaf_slots)
        key: Any = (CUT if cut else PLAN, places, goals)
        plan = trace.node.get(key)
        if plan is None:
            plan = _make([trace], places, [{slot: trace.leaf_slots[leaf] for slot, leaf in trace.sources.items() if type(leaf) is Leaf}], goals, cut)
            trace.node[key] = plan
        return Route(plan, traces, [trace.sources[w] for w in plan.leaves])
    leaves: dict[Leaf, int] = {}
    wiring = []
    for t in traces:
        wiring.append({s: leaves.setdefault(o, len(leaves)) if type(o) is Leaf else (number[o[0]], o[1]) for s, o in t.sources.items()
                       if type(o) is Leaf or o[0] in number})   # the current trace may use graphs that this pass does not touch
    goals = _goals(wanted, number, leaves)
    older = tuple([(id(t.node), t.freed, *w.items()) for t, w in zip(traces[1:], wiring[1:], strict=True)])
    key = CUT if cut else PLAN, places, goals, older, tuple(wiring[0].items())
    plan = trace.node.get(key)
    if plan is None:
        plan = _make(traces, places, wiring, goals, cut)
        plan.nodes = [t.node for t in traces]
        trace.node[key] = plan
    order = list(leaves)
    return Route(plan, traces, [order[w] for w in plan.leaves])


def _goals(wanted: Sequence[Leaf | tuple[Trace, int]] | None, number: dict[Trace, int], leaves: dict[Leaf, int]) -> tuple | None:
    return None if wanted is None else tuple([leaves.get(w, -1) if isinstance(w, Leaf) else (number.get(w[0], -1), w[1]) for w in wanted])


def _make(traces: list[Trace], places: tuple, wiring: list[dict], goals: tuple | None, cut: bool) -> Plan:
    paths = [t.node.path() for t in traces]
    plan = Plan(paths, places, wiring, goals, cut)
    gone = [set().union(*t.freed, *[e.entry.op.frees() for e in p if e.entry is not None and isinstance(e.entry.op, Special)])
            for t, p in zip(traces, paths, strict=True)]
    for k, i in plan.steps:
        if i in gone[k] and not keeps_nothing(paths[k][i].entry):
            raise RuntimeError(TWICE)
    return plan
