"""The gradient graph as PyTorch's users see it: `grad_fn`, hooks on tensors and nodes, custom functions."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from .device import device
from .graph import Entry, Leaf, Trace, Value
from .hooks import RemovableHandle, register
from .lower import differentiable
from .op import Op
from .plan import ADD, CUSTOM, locate
from .record import record


class Hooks:
    """What is to happen when the gradient of one non-leaf tensor is known."""

    def __init__(self) -> None:
        self.calls: dict[int, Callable] = {}
        self.retain: Any = None                              # weak reference to the tensor that keeps its gradient

    def apply(self, grad: Value) -> Value:
        """The gradient after the hooks."""
        grad = hooked(self.calls, grad)
        tensor = self.retain() if self.retain is not None else None
        if tensor is not None:
            kept = tensor.__dict__.get("_retained")
            tensor._retained = tensor_of(grad) if kept is None else tensor_of(record(ADD, (kept, grad)))
        return grad


def hooked(hooks: dict, grad: Value) -> Value:
    for hook in list(hooks.values()):
        given = tensor_of(grad)
        changed = hook(given)
        grad = given._read_value() if changed is None else changed._read_value()
    return grad


def _hooks_of(tensor: Any) -> Hooks:
    trace, slot = locate(tensor._read_value())
    return trace.hooks.setdefault(slot, Hooks())


def add_hook(tensor: Any, hook: Callable) -> RemovableHandle:
    """Call `hook` with the gradient of `tensor`."""
    if tensor._leaf is not None:
        if tensor._leaf.hooks is None:
            tensor._leaf.hooks = {}
        hooks = tensor._leaf.hooks
    else:
        hooks = _hooks_of(tensor).calls
    return register(hooks, hook)


def add_after_hook(leaf: Leaf, hook: Callable) -> RemovableHandle:
    """Call `hook` with the leaf's tensor after accumulation."""
    if leaf.after is None:
        leaf.after = {}
    return register(leaf.after, hook)


def retain(tensor: Any) -> None:
    """Keep the gradient of a non-leaf tensor."""
    _hooks_of(tensor).retain = ref(tensor)


def retains(tensor: Any) -> bool:
    """Whether `retain` was called."""
    v = tensor._read_value()
    if not v.aval.requires_grad:
        return False
    trace, slot = locate(v)
    return slot in trace.hooks and trace.hooks[slot].retain is not None


def retained_grad(tensor: Any) -> Any:
    """The gradient that a non-leaf tensor kept, or None."""
    return tensor.__dict__.get("_retained")


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
        return self._entry.op.node_name(self._entry) if isinstance(self._entry.op, Op) else f"{self._entry.op.name.capitalize()}Backward0"

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

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` when the node has run: through the gradient of its first result."""
        hooks = self._trace.hooks.setdefault(self._entry.first, Hooks()).calls
        return register(hooks, lambda g: (hook((g,), (g,)), None)[1])


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
    return _node_at(*locate(value))[0] if value.aval.requires_grad else None


def output_number(value: Value) -> int:
    """Which of its node's results `value` is."""
    return _node_at(*locate(value))[1] if value.aval.requires_grad and type(value.origin) is not Leaf else 0


def named_node(trace: Trace, position: int, entry: Entry) -> GradNode:
    """The node of an entry, of a class that bears its name: `type(t.grad_fn).__name__` is what PyTorch's users look at."""
    node = GradNode(trace, position, entry)
    node.__class__ = _classes.setdefault(node.name(), type(node.name(), (GradNode,), {}))
    return node


_classes: dict[str, type] = {}


def move(tensor: Any, where: device) -> Any:
    """A tensor with gradient history on another device."""
    return Doors.move(tensor, where)



class Doors:
    """What modules above put here: how a value becomes a tensor, and how a tensor moves to another device."""
    tensor: type
    tensor_of: Callable[[Value], Any]
    move: Callable[[Any, device], Any]


def tensor_of(value: Value) -> Any:
    """A tensor that holds `value`."""
    return Doors.tensor_of(value)
