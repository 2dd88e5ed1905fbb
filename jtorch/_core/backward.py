"""`backward()` and `autograd.grad`: what is checked, where a pass starts, and where its gradients go."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .gradgraph import Doors, tensor_of
from .graph import Entry, Leaf, Value, here
from .plan import PLAN, Backward, Route, locate, route_to
from .record import advance, bind, bind_array
from .run import flush, user_line
from .walk import accumulate, needs_python, release, total, walk

new = object.__new__


def run(roots: Sequence[Any], gradients: Sequence[Any], retain_graph: bool | None, create_graph: bool, inputs: Any = None) -> None:
    """`torch.autograd.backward`: accumulate into the leaves' `.grad`."""
    if inputs is None and not create_graph and len(roots) == 1 and gradients[0] is None and _run_known(roots[0], bool(retain_graph)):
        return
    if inputs is not None:
        inputs = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
        if not inputs:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        for tensor, found in zip(inputs, grad(roots, inputs, gradients, retain_graph, create_graph, True), strict=True):
            if found is not None and tensor._leaf is not None:
                accumulate(tensor._leaf, found._value, create_graph)
        return
    values, starts = _starts(roots, gradients, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    for leaf, g in [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is Leaf]:
        accumulate(leaf, g if g is not None else _ones_for(leaf), create_graph)
    pairs = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is not Leaf]
    if not pairs:
        return
    route = route_to([p for p, _ in pairs], ())
    if create_graph or needs_python(route):
        found = walk(route, [g for _, g in pairs], create_graph, retain)
        grads = [total(found, places) for places in route.plan.leaves.values()]
        for leaf, g in zip(route.leaves, grads, strict=True):
            if g is not None:
                accumulate(leaf, g, create_graph)
        return
    before = [leaf.grad for leaf in route.leaves]
    for leaf, old, value in zip(route.leaves, before, _record(route, [g for _, g in pairs], before, retain), strict=True):
        if old is None:
            leaf.grad = tensor_of(value)
        else:
            old._write(value)


def _run_known(root: Any, retain: bool) -> bool:
    """The usual case in few steps: a loss of the current trace, a pass that was recorded here before, and leaves without gradients or hooks."""
    value, trace = root._value, here.trace
    if value is None or value.trace is not trace or value.array is not None or trace.hooks:
        return False
    plan = trace.node.get((PLAN, ((0, value.slot),), ()))
    edge = trace.node.get((plan, retain)) if plan is not None else None
    if edge is None:
        return False
    sources = trace.sources
    leaves = [sources[slot] for slot in plan.leaves]
    for leaf in leaves:
        if leaf.grad is not None or leaf.hooks or leaf.after:
            return False
    trace.node = edge.node
    for leaf, value in zip(leaves, advance(trace, edge), strict=True):
        leaf.grad = grad = new(Doors.tensor)
        grad._value = value
    return True


def grad(outputs: Sequence[Any], inputs: Sequence[Any], gradients: Sequence[Any], retain_graph: bool | None, create_graph: bool,
         allow_unused: bool) -> list:
    """`torch.autograd.grad`: the gradients of `outputs` with respect to `inputs`, without touching any `.grad`."""
    for tensor in inputs:
        if not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    targets = [tensor._leaf if tensor._leaf is not None else locate(tensor._read_value()) for tensor in inputs]
    values, starts = _starts(outputs, gradients, create_graph)
    targets = [tensor._leaf if tensor._leaf is not None else locate(tensor._read_value()) for tensor in inputs]
    retain = create_graph if retain_graph is None else retain_graph
    pairs = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is not Leaf]
    results: list = [None] * len(targets)
    direct = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is Leaf]
    if pairs:
        route = route_to([p for p, _ in pairs], [t for t in targets if type(t) is not Leaf])
        found = walk(route, [g for _, g in pairs], create_graph, retain)
        number = {t: k for k, t in enumerate(route.traces)}
        of_leaf = {leaf: total(found, places) for leaf, places in zip(route.leaves, route.plan.leaves.values(), strict=True)}
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
    return [root._leaf if root._leaf is not None else locate(root._read_value()) for root in roots], checked


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
    key = (plan, retain, tuple(slots)) if any(s is not None for s in slots) else (plan, retain)
    edge = trace.node.get(key)
    if edge is None:
        outputs = tuple(plan.avals[k][s].plain for (k, s), *_ in plan.leaves.values())
        inputs = (None,) * len(slots)
        entry = Entry(Backward(plan, not retain), (), tuple(slots), inputs, inputs, outputs, trace.node.slots)
        edge = trace.node.extend(key, None, entry, len(outputs), user_line())
    trace.node = edge.node
    if not retain:
        release(route)
    return advance(trace, edge)
