"""`backward()` and `autograd.grad`: what is checked, where a pass starts, and where its gradients go."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

import jax.numpy as jnp
import numpy as np

from .anomaly import Anomaly
from .gradgraph import STRIDED, AccumulateGrad, grad_fn, hooked, node_at, sum_of, tensor_of, value_of
from .graph import DEAD, Entry, Gradients, Leaf, Trace, Value, computed, here
from .levels import BACKWARD, transforming
from .plan import PLAN, Backward, Place, Route, locate, route_to
from .record import EAGER, advance, bind, bind_array, record
from .run import flush, user_line
from .versions import Overwrite, changed
from .walk import accumulate, needs_python, release, walk

new = object.__new__


def run(roots: Sequence[Any], gradients: Sequence[Any], retain_graph: bool | None, create_graph: bool, inputs: Any = None) -> None:
    """`torch.autograd.backward`: accumulate into the leaves' `.grad`."""
    alone = inputs is None and not create_graph and len(roots) == len(gradients) == 1 and gradients[0] is None and not here.active
    if alone and _run_known(roots[0], bool(retain_graph)):
        return
    if transforming():
        raise RuntimeError(BACKWARD)
    values, starts = _starts(roots, gradients)
    targets = None if inputs is None else _targets_of(inputs if hasattr(inputs, "_read_value") else list(inputs))
    retain = create_graph if retain_graph is None else retain_graph
    for leaf, g in [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is Leaf]:
        if targets is None or leaf in targets:
            accumulate(leaf, g if g is not None else _ones_for(leaf), create_graph)
    pairs = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is not Leaf]
    if not pairs:
        return
    route, starts = route_to([p for p, _ in pairs], targets), [g for _, g in pairs]
    _check_overwritten(route)
    if create_graph or needs_python(route):
        found = walk(route, starts, create_graph, retain, lambda leaf, grad: accumulate(leaf, grad, create_graph))
        _end_hooks(route, found, True)
        return
    before = [leaf.grad for leaf in route.leaves]
    dense = [old if old is None or old.layout is STRIDED else None for old in before]
    for leaf, old, value in zip(route.leaves, before, _record(route, starts, dense, retain), strict=False):
        if old is None:
            leaf.grad = tensor_of(value)
        elif old.layout is not STRIDED:
            leaf.grad = tensor_of(sum_of(old, value))
        else:
            old._write(value)


def _check_overwritten(route: Route) -> None:
    """Raise where something that the pass needs was written to since."""
    if Edge.lenient or not any(t.overwritten or t.leaf_versions for t in route.traces):
        return
    plan = route.plan
    for k, trace in enumerate(route.traces):
        for slot, write in trace.overwritten.items():
            for step, place in plan.keeps.get((k, slot), ()):
                if not _changes_itself(route.traces[step[0]], plan.entry(step), place[1], write):
                    raise RuntimeError(_modified(route, place, (k, slot), write))
        for slot, version in trace.leaf_versions.items():
            owner = trace.sources[slot].owner() if slot in trace.sources else None
            if owner is not None and owner._version != version and (k, slot) in plan.keeps:
                raise RuntimeError(changed(owner._aval, None, 0, owner._version, version))


def _changes_itself(trace: Trace, entry: Entry, slot: int, write: Overwrite) -> bool:
    """Whether an operation in place overwrote its own first operand: PyTorch keeps a copy of that."""
    own = write.by[0] == trace.serial and write.by[1] - entry.first in range(len(entry.outputs))
    return own and entry.operands[0] == slot and entry.operands.count(slot) == 1


def _modified(route: Route, place: Place, written: Place, write: Overwrite) -> str:
    """The error's text: `place` was needed, `written` is the memory that it is part of."""
    of, becomes = route.plan.avals[place[0]][place[1]], write.becomes()
    node, number = node_at(route.traces[place[0]], place[1]) if of.requires_grad else (None, 0)
    if node is None or isinstance(node, AccumulateGrad):
        name = None
    elif _made_at(route, place) != _made_at(route, written):
        name = "AsStrided"
    else:
        latest = grad_fn(becomes) if becomes is not None and not any(place[1] in range(e.first, e.first + len(e.outputs)) for e in _users(route, place)) else None
        name = (latest or node).name()
    return changed(of, name, number, write.versions[0], write.expected)


def _made_at(route: Route, place: Place) -> Place:
    """Where the value of a place was made, if a trace has it from an older one."""
    source = route.traces[place[0]].sources.get(place[1])
    while type(source) is tuple and source[0] in route.traces:
        place = route.traces.index(source[0]), source[1]
        source = source[0].sources.get(source[1])
    return place


def _users(route: Route, place: Place) -> list[Entry]:
    return [route.plan.entry(step) for step, kept in route.plan.keeps[place] if kept == place]


def _targets_of(inputs: Any) -> list[Leaf | tuple[Trace, int]]:
    """Where gradients are to accumulate; results of operations keep theirs."""
    inputs = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    if not inputs:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for tensor in inputs:
        if tensor._leaf is None:
            tensor.retain_grad()
    return [_target(tensor) for tensor in inputs]


def _target(tensor: Any) -> Leaf | tuple[Trace, int]:
    return tensor._leaf if tensor._leaf is not None else locate(tensor._read_value())


def _end_hooks(route: Route, found: dict, keep: bool) -> None:
    """Run the hooks of targets whose own entry the pass did not go through."""
    passed = {(k, s) for k, i in route.plan.steps for e in [route.plan.entry((k, i))] for s in range(e.first, e.first + len(e.outputs))}
    for place in route.plan.targets:
        hooks = route.traces[place[0]].hooks.get(place[1])
        if hooks is not None and place in found and place not in passed:
            found[place] = hooks.apply(found[place]) if keep else hooked(hooks.calls, found[place])


def _run_known(root: Any, retain: bool) -> bool:
    """The usual case in few steps: a loss of the current trace, a pass that was recorded here before, and leaves without gradients or hooks."""
    value, trace = root._value, here.trace
    if value is None or value.trace is not trace or value.array is not None or trace.hooks or Anomaly.enabled:
        return False
    plan = trace.node.get((PLAN, ((0, value.slot),), None))
    edge = trace.node.get((plan, retain)) if plan is not None else None
    if edge is None or trace.overwritten and any((0, s) in plan.keeps for s in trace.overwritten):
        return False
    leaves = list(map(trace.sources.__getitem__, plan.leaves))
    for leaf in leaves:
        if leaf.own is not None or leaf.hooks or leaf.after:
            return False
    if EAGER:
        for leaf, value in zip(leaves, advance(trace, edge), strict=True):
            leaf.own = tensor_of(value)
        return True
    trace.node = edge.node
    trace.refs.extend([DEAD] * len(leaves))
    gradients = Gradients(trace, edge.entry, leaves)
    trace.gradients.append(ref(gradients))
    slot = edge.entry.first
    for number, leaf in enumerate(leaves):
        leaf.own = gradients, number, slot + number
    return True


def grad(outputs: Sequence[Any], inputs: Sequence[Any], gradients: Sequence[Any], retain_graph: bool | None, create_graph: bool,
         allow_unused: bool) -> list:
    """`torch.autograd.grad`: the gradients of `outputs` with respect to `inputs`, without touching any `.grad`."""
    values, starts = _starts(outputs, gradients)
    for tensor in inputs:
        if not isinstance(tensor, Edge) and not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    targets = [tensor.target if isinstance(tensor, Edge) else _target(tensor) for tensor in inputs]
    retain = create_graph if retain_graph is None else retain_graph
    pairs = [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is not Leaf]
    results: list = [None] * len(targets)
    if pairs:
        results = _reach(route_to([p for p, _ in pairs], targets), targets, [g for _, g in pairs], create_graph, retain)
    for leaf, g in [(p, g) for p, g in zip(values, starts, strict=True) if type(p) is Leaf]:
        for k, t in enumerate(targets):
            if t is leaf:
                results[k] = g if g is not None else _ones_for(leaf)
    unused = next((k for k, r in enumerate(results) if r is None), None)
    if not allow_unused and unused is not None:
        raise RuntimeError(f"The differentiated Tensor at index {unused} appears to not have been used in the graph. Set allow_unused=True if this is the "
                           "desired behavior.")
    return [None if r is None else tensor_of(r) for r in results]


def _reach(route: Route, targets: Sequence[Leaf | tuple[Trace, int]], starts: list, create_graph: bool, retain: bool) -> list[Value | None]:
    """The gradients of the targets; None where none flows."""
    _check_overwritten(route)
    number = {t: k for k, t in enumerate(route.traces)}
    places = [t if isinstance(t, Leaf) else (number.get(t[0], -1), t[1]) for t in targets]
    if create_graph or needs_python(route):
        found: dict[Any, Value] = {}
        found.update(walk(route, starts, create_graph, retain, found.__setitem__))
        _end_hooks(route, found, False)
        for leaf in route.leaves:
            if leaf in found and leaf.hooks:
                found[leaf] = hooked(leaf.hooks, found[leaf])
    else:
        found = dict(zip([*route.leaves, *route.plan.targets], _record(route, starts, [None] * len(route.leaves), retain), strict=True))
    return [found.get(p) for p in places]


def _starts(roots: Sequence[Any], gradients: Sequence[Any]) -> tuple[list, list]:
    """Where the pass begins, and the gradients (as values, None for one) that it begins with."""
    checked = []
    if len(roots) != len(gradients):
        raise RuntimeError(f"got {len(roots)} tensors and {len(gradients)} gradients")
    for given in gradients:
        if given is not None and not hasattr(given, "_read_value"):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(given).__name__}")
    for k, (root, given) in enumerate(zip(roots, gradients, strict=False)):
        if not root.requires_grad:
            raise RuntimeError(f"element {k} of tensors does not require grad and does not have a grad_fn")
        checked.append(_start_gradient(root, given, k))
    for device_of in {root.device for root in roots[:1]}:
        if here.trace.device is not device_of:
            here.switch(device_of)
    if here.trace.boundary:
        flush(here.trace, "step")
    for root in roots:
        v = root._read_value()
        if v.array is None and v.trace is not here.trace:
            flush(v.trace, "backward")
    for value in [g for g in checked if g.__class__ is Value]:
        _bound(value)
    return [_target(root) for root in roots], checked


class Stack:
    """Tensors of equal shape as one, along a new first dimension."""
    name, kind, differentiable = "stack", "none", True

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Sequence, attrs: tuple) -> Any:
        """The stack."""
        return jnp.stack(operands)


STACK = Stack()


def stacked(tensors: Sequence[Any]) -> Any:
    """Gradients that were taken one by one, as one tensor."""
    return tensor_of(record(STACK, tuple(tensors)))


class Edge:
    """A place of the gradient graph that stands for a tensor: what `torch.autograd.graph.get_gradient_edge` gives.

    lenient  whether passes may need what was overwritten since
    """
    lenient = False

    def __init__(self, tensor: Any) -> None:
        self.target = _target(tensor)


def _start_gradient(root: Any, given: Any, position: int) -> Value | None:
    if given is None:
        if root.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if not root.dtype.is_floating_point:
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {root.dtype}")
        return None
    if not hasattr(given, "_read_value"):
        given, = tuple(given)
    if given.shape != root.shape:
        raise RuntimeError(f"Mismatch in shape: grad_output[{position}] has a shape of {given.shape} and output[{position}] has a shape of {root.shape}.")
    given = given if given.layout is STRIDED or root.layout is not STRIDED else given.to_dense()
    return value_of(given if given.dtype is root.dtype else given.to(root.dtype))


def _bound(value: Value) -> int:
    """The slot of `value` in the current trace."""
    while value.trace is not here.trace:
        bind(here.trace, value)
    return value.slot


def _ones_for(leaf: Leaf) -> Value:
    a = leaf.owner()._aval
    with_ones = np.ones(a.shape, a.dtype.numpy)
    return computed(a.plain, with_ones)


def _record(route: Route, starts: list, before: list, retain: bool) -> tuple[Value, ...]:
    """The pass as one entry of the current trace."""
    plan, trace = route.plan, here.trace
    slots = [None if g is None else _bound(g) for g in starts]
    for k, slot in plan.reads:
        of = route.traces[k]
        slots.append(bind_array(trace, of.saved[slot], plan.avals[k][slot]))
    slots += [None if g is None else _bound(g._read_value()) for g in before] + [None] * len(plan.targets)
    key = (plan, retain, tuple(slots)) if any(s is not None for s in slots) else (plan, retain)
    edge = trace.node.get(key)
    if edge is None:
        outputs = tuple(plan.avals[k][s].plain for k, s in [*[places[0] for places in plan.leaves.values()], *plan.targets])
        inputs = (None,) * len(slots)
        entry = Entry(Backward(plan, not retain), (), tuple(slots), inputs, inputs, outputs, trace.node.slots)
        edge = trace.node.extend(key, None, entry, len(outputs), user_line())
        edge.node.trains = True
    trace.node = edge.node
    if not retain:
        release(route)
    return advance(trace, edge)
