"""Gradients.  A backward pass is planned once for a recorded path, then recorded as a single entry; where Python must see the gradients on
their way (hooks, custom functions, `create_graph`) the same plan is walked node by node, each step a recorded operation of its own."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import ref

import jax.numpy as jnp
import numpy as np

from . import lower
from .device import device
from .graph import Aval, Const, Edge, Entry, Leaf, Trace, Value, here, mode
from .lower import Special, differentiable, gradient_needs, linearize, pull_back
from .record import advance, bind, bind_array, record
from .run import concrete, flush, user_line

Place = tuple[int, int]                                      # a slot of the graph: (which trace, 0 the newest; slot)
PLAN, TWICE = "plan", ("Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
                       "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if "
                       "you need to backward through the graph a second time or if you need to access saved tensors after calling backward.")


class Plan:
    """The order in which gradients flow from some slots back to the leaves, over the current trace and finished ones.

    steps   (trace, position of the entry), latest first
    leaves  for each leaf the places where it was an input
    reads   places in finished traces whose saved arrays are needed
    """

    def __init__(self, paths: list[list[Edge]], roots: Sequence[Place], wiring: list[dict[int, Any]], targets: Sequence[Place]) -> None:
        self.paths, self.roots, self.targets = paths, tuple(roots), tuple(targets)
        self.avals = [_avals(p) for p in paths]
        self.steps: list[Place] = []
        wanted = set(roots)
        for k, path in enumerate(paths):
            here_wanted = [s for t, s in wanted if t == k]
            for position in lower.history(path, here_wanted):
                self.steps.append((k, position))
                entry = path[position].entry
                wanted.update((k, entry.operands[i]) for i in differentiable(entry))
            wanted.update(w for s, w in wiring[k].items() if (k, s) in wanted and isinstance(w, tuple))
        self.leaves: dict[int, list[Place]] = {}
        for k, wires in enumerate(wiring):
            for slot, wire in sorted(wires.items()):
                if isinstance(wire, int) and (k, slot) in wanted:
                    self.leaves.setdefault(wire, []).append((k, slot))
        self.wires = {(k, s): w for k, wires in enumerate(wiring) for s, w in wires.items() if isinstance(w, tuple)}
        self.reads = sorted({(k, paths[k][i].entry.operands[n]) for k, i in self.steps if k for n in gradient_needs(paths[k][i].entry)})
        self.python = any(paths[k][i].entry.op is CUSTOM for k, i in self.steps)

    def released(self, k: int) -> frozenset[int]:
        """Positions in trace `k` that this pass uses up."""
        return frozenset(i for t, i in self.steps if t == k)


def _avals(path: list[Edge]) -> dict[int, Aval]:
    found = {}
    for edge in path:
        if edge.entry is None:
            found[edge.slot] = edge.aval
        else:
            found.update(enumerate(edge.entry.outputs, edge.entry.first))
    return found


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
            _add(found, place, jnp.ones(a.shape, a.dtype.numpy) if given is None else given)
        saved = {place: next(source) for place in plan.reads}
        for k, position in plan.steps:
            self._step(k, position, found, saved, tape)
        for slot, grad in enumerate(self._results(found, list(source)), entry.first):
            env[slot] = grad

    def _step(self, k: int, position: int, found: dict, saved: dict, tape: dict) -> None:
        plan, entry = self.plan, self.plan.paths[k][position].entry
        cotangents = [found.get((k, s)) for s in range(entry.first, entry.first + len(entry.outputs))]
        if all(c is None for c in cotangents):
            return
        if k:
            operands = [r if r is None else r.number if r.__class__ is Const else saved.get((k, r), _blank(a)) for r, a in
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
            total = sum(grads[1:], grads[0]) if grads else jnp.zeros(a.shape, a.dtype.numpy)
            yield total if before is None else before + total


def _blank(a: Aval | None) -> Any:
    return None if a is None else jnp.zeros(a.shape, a.dtype.numpy)


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

def _locate(value: Value) -> Leaf | tuple[Trace, int]:
    """Where the gradient of `value` starts to flow."""
    if value.origin is not None:
        return value.origin
    return value.trace, value.slot


def _traces(starts: Iterable[Trace]) -> list[Trace]:
    """The traces reachable from `starts`, newest first."""
    found, work = set(), list(starts)
    while work:
        trace = work.pop()
        if trace not in found:
            found.add(trace)
            work.extend(origin[0] for origin in trace.sources.values() if type(origin) is tuple)
    return sorted(found, key=lambda t: -t.serial)


class Route:
    """A plan with the traces and leaves of this occasion."""
    __slots__ = ("plan", "traces", "leaves")

    def __init__(self, plan: Plan, traces: list[Trace], leaves: list[Leaf]) -> None:
        self.plan, self.traces, self.leaves = plan, traces, leaves


def _route(roots: Sequence[tuple[Trace, int]], targets: Sequence[tuple[Trace, int]]) -> Route:
    trace = here.trace
    traces = _traces([*(t for t, _ in roots)])
    if not traces or traces[0] is not trace:
        traces.insert(0, trace)
    number = {t: k for k, t in enumerate(traces)}
    places = tuple([(number[t], s) for t, s in roots])
    goals = tuple([(number.get(t, -1), s) for t, s in targets])
    if len(traces) == 1:
        key: Any = (PLAN, places, goals)
        plan = trace.node.get(key)
        if plan is None:
            leaves = {leaf: slot for slot, leaf in trace.sources.items()}
            plan = _make([trace], places, [dict(zip(leaves.values(), leaves.values(), strict=True))], goals)
            trace.node[key] = plan
        return Route(plan, traces, [trace.sources[w] for w in plan.leaves])
    leaves: dict[Leaf, int] = {}
    wiring = []
    for t in traces:
        wiring.append({s: leaves.setdefault(o, len(leaves)) if type(o) is Leaf else (number[o[0]], o[1]) for s, o in t.sources.items()})
    key = PLAN, places, goals, tuple([(id(t.node), t.freed, *w.items()) for t, w in zip(traces[1:], wiring[1:], strict=True)]), tuple(wiring[0].items())
    plan = trace.node.get(key)
    if plan is None:
        plan = _make(traces, places, wiring, goals)
        plan.nodes = [t.node for t in traces]                # kept, so that their identities in the key stay theirs
        trace.node[key] = plan
    order = list(leaves)
    return Route(plan, traces, [order[w] for w in plan.leaves])


def _make(traces: list[Trace], places: tuple, wiring: list[dict], goals: tuple) -> Plan:
    paths = [t.node.path() for t in traces]
    plan = Plan(paths, places, wiring, [g for g in goals if g[0] >= 0])
    used = {i for e in paths[0] if e.entry is not None and isinstance(e.entry.op, Special) for i in e.entry.op.frees()}
    gone = [used, *[set().union(*t.freed) for t in traces[1:]]]
    for k, i in plan.steps:
        if i in gone[k] and (gradient_needs(paths[k][i].entry) or paths[k][i].entry.op is CUSTOM):
            raise RuntimeError(TWICE)
    return plan


# The public passes

def run(roots: Sequence[Any], gradients: Sequence[Any], retain_graph: bool | None, create_graph: bool, inputs: Any = None) -> None:
    """`torch.autograd.backward`: accumulate into the leaves' `.grad`."""
    if inputs is not None:
        inputs = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
        if not inputs:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        for tensor, found in zip(inputs, grad(roots, inputs, gradients, retain_graph, create_graph, True), strict=True):
            if found is not None and tensor._leaf is not None:
                _accumulate(tensor._leaf, found._value, create_graph)
        return
    values, starts = _starts(roots, gradients, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    for leaf, g in [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is Leaf]:
        _accumulate(leaf, g if g is not None else _ones_for(leaf), create_graph)
    pairs = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is not Leaf]
    if not pairs:
        return
    route = _route([p for p, _ in pairs], ())
    if create_graph or _needs_python(route):
        found = _walk(route, [g for _, g in pairs], create_graph, retain)
        grads = [_total(found, places) for places in route.plan.leaves.values()]
        for leaf, g in zip(route.leaves, grads, strict=True):
            if g is not None:
                _accumulate(leaf, g, create_graph)
        return
    before = [leaf.grad for leaf in route.leaves]
    for leaf, old, value in zip(route.leaves, before, _record(route, [g for _, g in pairs], before, retain), strict=True):
        if old is None:
            leaf.grad = tensor_of(value)
        else:
            old._write(value)


def grad(outputs: Sequence[Any], inputs: Sequence[Any], gradients: Sequence[Any], retain_graph: bool | None, create_graph: bool,
         allow_unused: bool) -> list:
    """`torch.autograd.grad`: the gradients of `outputs` with respect to `inputs`, without touching any `.grad`."""
    for tensor in inputs:
        if not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    targets = [tensor._leaf if tensor._leaf is not None else _locate(tensor._read_value()) for tensor in inputs]
    values, starts = _starts(outputs, gradients, create_graph)
    targets = [tensor._leaf if tensor._leaf is not None else _locate(tensor._read_value()) for tensor in inputs]
    retain = create_graph if retain_graph is None else retain_graph
    pairs = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is not Leaf]
    results: list = [None] * len(targets)
    direct = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is Leaf]
    if pairs:
        route = _route([p for p, _ in pairs], [t for t in targets if type(t) is not Leaf])
        found = _walk(route, [g for _, g in pairs], create_graph, retain)
        number = {t: k for k, t in enumerate(route.traces)}
        of_leaf = {leaf: _total(found, places) for leaf, places in zip(route.leaves, route.plan.leaves.values(), strict=True)}
        results = [of_leaf.get(t) if type(t) is Leaf else found.get((number.get(t[0], -1), t[1])) for t in targets]
    for leaf, g in direct:
        for k, t in enumerate(targets):
            if t is leaf:
                results[k] = g if g is not None else _ones_for(leaf)
    if not allow_unused and any(r is None for r in results):
        raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired "
                           "behavior.")
    return [None if r is None else tensor_of(r) for r in results]


def _starts(roots: Sequence[Any], gradients: Sequence[Any], create_graph: bool) -> tuple[list, list]:
    """Where the pass begins, and the gradients (as values, None for one) that it begins with."""
    checked = []
    for root, given in zip(roots, gradients, strict=True):
        if not root.requires_grad:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        checked.append(_start_gradient(root, given))
    device_of = roots[0].device
    if here.trace.device is not device_of:
        here.switch(device_of)
    if here.trace.boundary:
        flush(here.trace, "step")
    for root in roots:
        v = root._read_value()
        if v.array is None and v.trace is not here.trace:
            flush(v.trace, "backward")
    for value in [g for g in checked if g is not None]:
        _bound(value)
    return [root._leaf if root._leaf is not None else _locate(root._read_value()) for root in roots], checked


def _start_gradient(root: Any, given: Any) -> Value | None:
    if given is None:
        if root.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if not root.dtype.is_floating_point:
            raise RuntimeError(f"grad can be computed only for real scalar outputs but got {root.dtype}")
        return None
    if given.shape != root.shape:
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {given.shape} and output[0] has a shape of {root.shape}.")
    return given._read_value()


def _bound(value: Value) -> int:
    """The slot of `value` in the current trace."""
    while value.trace is not here.trace:
        bind(here.trace, value)
    return value.slot


def _ones_for(leaf: Leaf) -> Value:
    a = leaf.owner()._aval
    with_ones = np.ones(a.shape, a.dtype.numpy)
    return Value(a.plain, None, -1, with_ones)


def _record(route: Route, starts: list, before: list, retain: bool) -> tuple[Value, ...]:
    """The pass as one entry of the current trace."""
    plan, trace = route.plan, here.trace
    slots = [None if g is None else _bound(g) for g in starts]
    for k, slot in plan.reads:
        of = route.traces[k]
        slots.append(bind_array(trace, of.saved[slot], plan.avals[k][slot]))
    slots += [None if g is None else _bound(g._read_value()) for g in before]
    key = plan, retain, tuple(slots)
    edge = trace.node.get(key)
    if edge is None:
        outputs = tuple(plan.avals[k][s].plain for (k, s), *_ in plan.leaves.values())
        inputs = (None,) * len(slots)
        entry = Entry(Backward(plan, not retain), (), tuple(slots), inputs, inputs, outputs, trace.node.slots)
        edge = trace.node.extend(key, None, entry, len(outputs), user_line())
    trace.node = edge.node
    if not retain:
        _release(route)
    return advance(trace, edge)


def _release(route: Route) -> None:
    """Let go of what finished traces saved for the steps of this pass."""
    for k, trace in enumerate(route.traces):
        if k and trace.done:
            trace.freed = (*trace.freed, route.plan.released(k))
            if trace.saved:
                kept = set(lower.saved_slots(trace.node.path(), range(trace.node.slots), set().union(*trace.freed)))
                trace.saved = {s: a for s, a in trace.saved.items() if s in kept}


# Walking in Python

def _needs_python(route: Route) -> bool:
    return route.plan.python or any(t.hooks for t in route.traces) or any(leaf.hooks or leaf.after for leaf in route.leaves)


class Vjp:
    """The gradient of one recorded entry, as an operation of its own; itself differentiable."""
    name, kind, differentiable = "vjp", "none", True

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Sequence, attrs: tuple) -> tuple:
        """The cotangents of the entry's differentiable operands."""
        entry, present = attrs
        count = len(entry.operands)
        own = [r.number if r.__class__ is Const else _blank(a) if x is None else x for r, a, x in
               zip(entry.operands, entry.inputs, operands[:count], strict=True)]
        given = iter(operands[count:])
        cotangents = [next(given) if here_too else None for here_too in present]
        vjp = linearize(entry, own)[1]
        return tuple(g for _, g in pull_back(entry, vjp, cotangents))


class Custom:
    """Results of an `autograd.Function`: its operands are the inputs and what `forward` computed from them."""
    name, kind, differentiable = "custom", "none", True

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Sequence, attrs: tuple) -> tuple:
        """What `forward` computed."""
        return tuple(operands[attrs[0]:])


VJP, CUSTOM = Vjp(), Custom()


def _value_at(trace: Trace, slot: int, of: Aval) -> Value:
    """The value of a slot of an unfinished trace."""
    known = trace.refs[slot]
    v = known() if known is not None else None
    if v is None or v.trace is not trace or v.slot != slot:
        v = Value(of, trace, slot)
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
            found.append(_value_at(trace, slot, of))
        else:
            origin = trace.sources.get(slot, (trace, slot)) if of.requires_grad else None
            found.append(Value(of, None, -1, trace.saved[slot], origin))
    return found


def _walk(route: Route, starts: list, create_graph: bool, retain: bool) -> dict[Place, Value]:
    """The pass step by step; returns the gradient of every place."""
    plan, before = route.plan, here.mode
    operands = {step: _operand_values(route, step[0], plan.paths[step[0]][step[1]].entry) for step in plan.steps
                if plan.paths[step[0]][step[1]].entry.op is not CUSTOM}
    customs = {step: route.traces[step[0]].customs[plan.paths[step[0]][step[1]].entry.first] for step in plan.steps
               if plan.paths[step[0]][step[1]].entry.op is CUSTOM}
    hooks = [t.hooks for t in route.traces]
    found: dict[Place, Value] = {}
    here.mode = mode(create_graph, False, before.floating, before.autocast)
    try:
        for place, given in zip(plan.roots, starts, strict=True):
            a = plan.avals[place[0]][place[1]]
            _add_value(found, place, given if given is not None else Value(a.plain, None, -1, np.ones(a.shape, a.dtype.numpy)))
        for step in plan.steps:
            entry = plan.paths[step[0]][step[1]].entry
            places = [(step[0], s) for s in range(entry.first, entry.first + len(entry.outputs))]
            for place in places:
                if place in found and place[1] in hooks[place[0]]:
                    found[place] = hooks[place[0]][place[1]].apply(found[place])
            if not any(p in found for p in places):
                continue
            grads = [found.get(p) for p, a in zip(places, entry.outputs, strict=True) if a.requires_grad]
            if entry.op is CUSTOM:
                passed = customs[step].pull_back(grads, create_graph)
            else:
                results = record(VJP, (*operands[step], *[g for g in grads if g is not None]), (entry, _present(entry, places, found)))
                passed = list(results) if type(results) is tuple else [results]
            for slot, g in zip([entry.operands[n] for n in differentiable(entry)], passed, strict=True):
                if g is not None:
                    _add_value(found, (step[0], slot), g)
                    if (step[0], slot) in plan.wires:
                        _add_value(found, plan.wires[step[0], slot], g)
    finally:
        here.mode = before
    if not retain:
        _release(route)
        _mark_freed(route)
    return found


def _present(entry: Entry, places: list[Place], found: dict) -> tuple[bool, ...]:
    return tuple([p in found and a.requires_grad for p, a in zip(places, entry.outputs, strict=True)])


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
    found[place] = grad if before is None else record(ADD, (before, grad))


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


def _total(found: dict[Place, Value], places: list[Place]) -> Value | None:
    total = None
    for g in [found[p] for p in places if p in found]:
        total = g if total is None else record(ADD, (total, g))
    return total


def _accumulate(leaf: Leaf, grad: Value, create_graph: bool) -> None:
    """Run the leaf's hooks and add to its `.grad`."""
    if leaf.hooks:
        grad = _hooked(leaf.hooks, grad)
    if leaf.grad is None:
        leaf.grad = tensor_of(grad if create_graph else _plain(grad))
    elif create_graph:
        leaf.grad = tensor_of(record(ADD, (leaf.grad, grad)))
    else:
        before = here.mode
        here.mode = mode(False, False, before.floating, before.autocast)
        leaf.grad._write(record(ADD, (leaf.grad, grad)))
        here.mode = before
    for hook in list((leaf.after or {}).values()):
        hook(leaf.owner())


def _plain(value: Value) -> Value:
    return Value(value.aval.plain, None, -1, concrete(value, "gradient")) if value.aval.requires_grad else value


# Hooks

class Hooks:
    """What is to happen when the gradient of one non-leaf tensor is known."""

    def __init__(self) -> None:
        self.calls: dict[int, Callable] = {}
        self.retain: Any = None                              # weak reference to the tensor that keeps its gradient

    def apply(self, grad: Value) -> Value:
        """The gradient after the hooks."""
        grad = _hooked(self.calls, grad)
        tensor = self.retain() if self.retain is not None else None
        if tensor is not None:
            kept = tensor.__dict__.get("_retained")
            tensor._retained = tensor_of(grad) if kept is None else tensor_of(record(ADD, (kept, grad)))
        return grad


def _hooked(hooks: dict, grad: Value) -> Value:
    for hook in list(hooks.values()):
        given = tensor_of(grad)
        changed = hook(given)
        grad = given._read_value() if changed is None else changed._read_value()
    return grad


class Handle:
    """Removes a hook."""
    next_id = 0

    def __init__(self, hooks: dict) -> None:
        self.hooks, self.id = hooks, Handle.next_id
        Handle.next_id += 1

    def remove(self) -> None:
        """Take the hook away; further calls do nothing."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def _hooks_of(tensor: Any) -> Hooks:
    trace, slot = _locate(tensor._read_value())
    return trace.hooks.setdefault(slot, Hooks())


def add_hook(tensor: Any, hook: Callable) -> Handle:
    """Call `hook` with the gradient of `tensor`."""
    if tensor._leaf is not None:
        if tensor._leaf.hooks is None:
            tensor._leaf.hooks = {}
        hooks = tensor._leaf.hooks
    else:
        hooks = _hooks_of(tensor).calls
    handle = Handle(hooks)
    hooks[handle.id] = hook
    return handle


def add_after_hook(leaf: Leaf, hook: Callable) -> Handle:
    """Call `hook` with the leaf's tensor after accumulation."""
    if leaf.after is None:
        leaf.after = {}
    handle = Handle(leaf.after)
    leaf.after[handle.id] = hook
    return handle


def retain(tensor: Any) -> None:
    """Keep the gradient of a non-leaf tensor."""
    _hooks_of(tensor).retain = ref(tensor)


def retains(tensor: Any) -> bool:
    """Whether `retain` was called."""
    v = tensor._read_value()
    if not v.aval.requires_grad:
        return False
    trace, slot = _locate(v)
    return slot in trace.hooks and trace.hooks[slot].retain is not None


def retained_grad(tensor: Any) -> Any:
    """The gradient that a non-leaf tensor kept, or None."""
    return tensor.__dict__.get("_retained")


# Custom functions and the graph as PyTorch shows it

def attach(context: Any, inputs: Sequence[Any], results: Sequence[Any]) -> list[Value]:
    """Values for the results of a custom function, whose gradients `context.pull_back` takes to the inputs."""
    values = record(CUSTOM, (*inputs, *results), (len(inputs),))
    values = values if type(values) is tuple else (values,)
    values[0].trace.customs[values[0].slot] = context
    return list(values)


class GradNode:
    """A node of the gradient graph, as `grad_fn` shows it."""

    def __init__(self, trace: Trace, position: int, entry: Entry) -> None:
        self._trace, self._position, self._entry = trace, position, entry

    def name(self) -> str:
        """Its name, such as `AddBackward0`."""
        if self._entry.op is CUSTOM:
            return type(self._trace.customs[self._entry.first]).__name__
        given = getattr(self._entry.op, "facts", {}).get("node")
        return given or "".join(w.capitalize() for w in self._entry.op.name.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple:
        """The nodes that gradients flow on to, each with the number of its result."""
        found = []
        for k in differentiable(self._entry):
            found.append(_node_at(self._trace, self._entry.operands[k]))
        return tuple(found)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradNode) and (other._trace, other._position) == (self._trace, self._position)

    def __hash__(self) -> int:
        return hash((id(self._trace), self._position))

    def register_hook(self, hook: Callable) -> Handle:
        """Call `hook(grad_inputs, grad_outputs)` when the node has run: through the gradient of its first result."""
        hooks = self._trace.hooks.setdefault(self._entry.first, Hooks()).calls
        handle = Handle(hooks)
        hooks[handle.id] = lambda g: (hook((g,), (g,)), None)[1]
        return handle


class AccumulateGrad:
    """The end of the gradient graph at a leaf."""

    def __init__(self, leaf: Leaf) -> None:
        self._leaf = leaf

    @property
    def variable(self) -> Any:
        """The leaf tensor."""
        return self._leaf.owner()

    @property
    def next_functions(self) -> tuple:
        """Nothing follows."""
        return ()

    def name(self) -> str:
        """Its name."""
        return "torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


def _node_at(trace: Trace, slot: int) -> tuple:
    source = trace.sources.get(slot)
    if type(source) is Leaf:
        return AccumulateGrad(source), 0
    if source is not None:
        trace, slot = source
    for position, entry in trace.entries():
        if entry.first <= slot < entry.first + len(entry.outputs):
            return named_node(trace, position, entry), slot - entry.first
    return None, 0


def grad_fn(value: Value) -> GradNode | None:
    """The node that made `value`."""
    return _node_at(*_locate(value))[0] if value.aval.requires_grad else None


def output_number(value: Value) -> int:
    """Which of its node's results `value` is."""
    return _node_at(*_locate(value))[1] if value.aval.requires_grad and type(value.origin) is not Leaf else 0


def named_node(trace: Trace, position: int, entry: Entry) -> GradNode:
    """The node of an entry, of a class that bears its name: `type(t.grad_fn).__name__` is what PyTorch's users look at."""
    node = GradNode(trace, position, entry)
    node.__class__ = _classes.setdefault(node.name(), type(node.name(), (GradNode,), {}))
    return node


_classes: dict[str, type] = {}


def move(tensor: Any, where: device) -> Any:
    """A tensor with gradient history on another device."""
    return MOVE(tensor, where)


MOVE: Callable[[Any, device], Any]
tensor_of: Callable[[Value], Any]                            # tensor.py puts its `wrap` here: this module lies below it
