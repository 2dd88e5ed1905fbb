"""A backward pass step by step, where Python must see the gradients on their way: each step is a recorded operation, itself differentiable."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import numpy as np

from . import lower
from .anomaly import Anomaly
from .gradgraph import NODE, STRIDED, hooked, sum_of, tensor_of
from .graph import Aval, Const, Entry, Leaf, Trace, Value, computed, here, mode, pending
from .lower import gradient_needs, linearize, pull_back
from .plan import CUSTOM, Freed, Place, Route, blank
from .record import record
from .run import concrete, user_line

def needs_python(route: Route) -> bool:
    """Whether the pass must be walked in Python: for custom functions, hooks, or to look at values, and inside `vmap` for each element."""
    if Anomaly.enabled or here.mode.levels or route.plan.python:
        return True
    return any(t.hooks for t in route.traces) or any(leaf.hooks or leaf.after for leaf in route.leaves)


class Vjp:
    """The gradient of one recorded entry, as an operation of its own; itself differentiable.

    Its attributes are the entry, which of its results have cotangents, and the positions of the operands whose gradients are of use (others are not computed).
    splits  a result without a cotangent takes no part in the gradient: zeros in its place would become nan where a derivative is infinite
    """
    name, kind, differentiable, splits = "vjp", "none", True, True

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Sequence, attrs: tuple) -> tuple:
        """The cotangents of the entry's differentiable operands."""
        entry, present, _ = attrs
        count = len(entry.operands)
        own = [r.number if r.__class__ is Const else blank(a) if x is None else x for r, a, x in
               zip(entry.operands, entry.inputs, operands[:count], strict=True)]
        given = iter(operands[count:])
        cotangents = [next(given) if here_too else None for here_too in present]
        vjp = linearize(entry, own)[1]
        return tuple(g for _, g in pull_back(entry, vjp, cotangents))


VJP = Vjp()


def value_at(trace: Trace, slot: int, of: Aval) -> Value:
    """The value of a slot of an unfinished trace."""
    v = trace.refs[slot]()
    if v is None or v.trace is not trace or v.slot != slot:
        v = pending(of, trace, slot)
        if of.requires_grad and slot in trace.sources:
            v.origin = trace.sources[slot]
        trace.refs[slot] = ref(v)
    return v


def _operand_values(route: Route, k: int, entry: Entry) -> list[Value | None]:
    """What the gradient of `entry` reads, as values that stay alive during the walk."""
    trace, needs = route.traces[k], gradient_needs(entry)
    found: list = []
    for n, (slot, of) in enumerate(zip(entry.operands, entry.inputs, strict=True)):
        if n not in needs or slot.__class__ is not int:
            found.append(None)
        elif not trace.done:
            found.append(value_at(trace, slot, of))
        else:
            origin = trace.sources.get(slot, (trace, slot)) if of.requires_grad else None
            found.append(computed(of, trace.saved[slot], origin))
    return found


def walk(route: Route, starts: list, create_graph: bool, retain: bool, arrived: Callable[[Leaf, Value], None] | None = None) -> dict[Place, Value]:
    """The pass step by step; returns the gradient of every place.  Each leaf's gradient is given to `arrived` as soon as it is complete."""
    plan, before = route.plan, here.mode
    operands = {step: _operand_values(route, step[0], plan.entry(step)) for step in plan.steps if plan.entry(step).op is not CUSTOM}
    leaves = dict(zip(plan.leaves, route.leaves, strict=True))
    found: dict[Place, Value] = {}
    left = {level for step in plan.steps for level in plan.entry(step).leaves()} if before.levels else ()
    here.mode = mode(create_graph, False, before.floating, before.autocast, tuple([n for n in before.levels if n not in left]))
    try:
        for place, given in zip(plan.roots, starts, strict=True):
            a = plan.avals[place[0]][place[1]].within(here.mode.levels).plain
            _add_value(found, place, given if given is not None else computed(a, np.ones(a.full, a.dtype.numpy)))
        for step in plan.steps:
            _step(route, step, operands.get(step), found)
            for leaf in plan.complete.get(step, ()) if arrived is not None else ():
                grad = total(found, plan.leaves[leaf])
                if grad is not None:
                    arrived(leaves[leaf], grad)
    finally:
        here.mode = before
    if not retain:
        release(route)
        _mark_freed(route)
    return found


def _step(route: Route, step: Place, operands: list | None, found: dict[Place, Value]) -> None:
    """Take the gradients of one entry's results to its operands, through the hooks on the way."""
    plan, k = route.plan, step[0]
    entry, hooks = plan.entry(step), route.traces[k].hooks
    places = [(k, s) for s in range(entry.first, entry.first + len(entry.outputs))]
    for place in places:
        if place in found and place[1] in hooks:
            found[place] = hooks[place[1]].apply(found[place])
    if not any(p in found for p in places):
        return
    grads = [found.get(p) for p in places]
    around = hooks.get((NODE, step[1]))
    if around is not None:
        grads = around.enter(grads)
    if Anomaly.enabled:
        with Anomaly.watching(route.traces[k], step[1], entry):
            passed = _passed(route, step, operands, grads)
            Anomaly.check(route.traces[k], step[1], entry, passed)
    else:
        passed = _passed(route, step, operands, grads)
    if around is not None:
        passed = around.leave(passed, grads, entry)
    for place, g in zip(plan.passes(step), passed, strict=True):
        if g is not None:
            _add_value(found, place, g)
            if place in plan.wires:
                _add_value(found, plan.wires[place], g)


def _passed(route: Route, step: Place, operands: list | None, grads: list[Value | None]) -> list[Value | None]:
    """The gradients of the differentiable operands of an entry."""
    entry, trace = route.plan.entry(step), route.traces[step[0]]
    if entry.op is CUSTOM:
        return trace.customs[entry.first].pull_back(trace, step[1], entry, [g for g, a in zip(grads, entry.outputs, strict=True) if a.requires_grad])
    present = tuple([g is not None and a.requires_grad for g, a in zip(grads, entry.outputs, strict=True)])
    given = [g if g.__class__ is Value else g.to_dense()._read_value() for g, there in zip(grads, present, strict=True) if there]
    results = record(VJP, (*operands, *given), (entry.within(here.mode.levels), present, route.plan.wanted[step]))
    return list(results) if type(results) is tuple else [results]


def _mark_freed(route: Route) -> None:
    trace, positions = route.traces[0], route.plan.released(0)
    if trace.done or not positions:
        trace.freed = (*trace.freed, positions)
        return
    key = "freed", positions
    edge = trace.node.get(key)
    if edge is None:
        edge = trace.node.extend(key, None, Entry(Freed(positions), (), (), (), (), (), trace.node.slots), 0, user_line())
    trace.node = edge.node


def _add_value(found: dict[Place, Value], place: Place, grad: Value) -> None:
    before = found.get(place)
    found[place] = grad if before is None else sum_of(before, grad)


def total(found: dict[Place, Value], places: list[Place]) -> Value | None:
    total = None
    for g in [found[p] for p in places if p in found]:
        total = g if total is None else sum_of(total, g)
    return total


def accumulate(leaf: Leaf, grad: Value, create_graph: bool) -> None:
    """Run the leaf's hooks and add to its `.grad`."""
    if leaf.hooks:
        grad = hooked(leaf.hooks, grad)
    if leaf.grad is None:
        leaf.grad = tensor_of(grad if create_graph else _plain(grad))
    elif create_graph:
        leaf.grad = tensor_of(sum_of(leaf.grad, grad))
    else:
        before = here.mode
        here.mode = mode(False, False, before.floating, before.autocast)
        total = sum_of(leaf.grad, grad)
        if leaf.grad.layout is STRIDED:
            leaf.grad._write(total)
        else:
            leaf.grad = tensor_of(total)
        here.mode = before
    for hook in list((leaf.after or {}).values()):
        hook(leaf.owner())


def _plain(value: Any) -> Any:
    if value.__class__ is not Value:
        return value.detach()
    return computed(value.aval.plain, concrete(value, "gradient")) if value.aval.requires_grad else value


def release(route: Route) -> None:
    """Let go of what finished traces saved for the steps of this pass."""
    for step in route.plan.steps if route.plan.python else ():
        if route.plan.entry(step).op is CUSTOM:
            route.traces[step[0]].customs[route.plan.entry(step).first].let_go()
    for k, trace in enumerate(route.traces):
        if k and trace.done:
            trace.freed = (*trace.freed, route.plan.released(k))
            if trace.saved:
                kept = set(lower.saved_slots(trace.node.path(), range(trace.node.slots), set().union(*trace.freed)))
                trace.saved = {s: a for s, a in trace.saved.items() if s in kept}
