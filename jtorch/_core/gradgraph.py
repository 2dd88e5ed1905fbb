"""The gradient graph as PyTorch's users see it: `grad_fn`, hooks on tensors and nodes, custom functions."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any
from weakref import ref

from .device import device
from .format import LAYOUTS
from .graph import Entry, Leaf, Trace, Value
from .hooks import RemovableHandle, register
from .levels import NOT_INSIDE, transforming
from .lower import differentiable
from .op import Op
from .plan import ADD, CUSTOM, locate
from .record import record

STRIDED = LAYOUTS["strided"]
NODE = "node"                                                # (NODE, position) is the key of a node's hooks


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
            tensor._retained = tensor_of(grad) if kept is None else tensor_of(sum_of(kept, grad))
        return grad


def hooked(hooks: dict, grad: Value) -> Value:
    """A gradient after tensor hooks."""
    for hook in list(hooks.values()):
        given = tensor_of(grad)
        changed = hook(given)
        if changed is not None and not hasattr(changed, "_read_value"):
            raise TypeError(f"expected Variable, but hook returned '{type(changed).__name__}'")
        if changed is not None and changed.shape != given.shape:
            raise RuntimeError(f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value")
        grad = value_of(given if changed is None else changed)
    return grad


class NodeHooks:
    """The hooks of one node: before it runs, and after."""

    def __init__(self) -> None:
        self.before: dict[int, Callable] = {}
        self.after: dict[int, Callable] = {}

    def enter(self, grads: list[Value | None]) -> list[Value | None]:
        """The gradients of the node's results after the hooks."""
        for hook in list(self.before.values()):
            grads = _replaced(hook(_tensors(grads)), grads)
        return grads

    def leave(self, passed: list[Value | None], grads: list[Value | None], entry: Entry) -> list[Value | None]:
        """The gradients of the node's differentiable operands after the hooks."""
        flows = dict(zip(differentiable(entry), passed, strict=True))
        for hook in list(self.after.values()):
            full = [flows.get(n) for n in edges(entry)]
            flows = dict(zip(edges(entry), _replaced(hook(_tensors(full), _tensors(grads)), full), strict=True))
        return [flows[n] for n in differentiable(entry)]


def _tensors(values: Sequence[Value | None]) -> tuple:
    return tuple([None if v is None else tensor_of(v) for v in values])


def _replaced(given: Any, values: list[Value | None]) -> list[Value | None]:
    if given is None:
        return values
    given = given if isinstance(given, tuple) else (given,)
    if len(given) != len(values):
        raise RuntimeError(f"hook has returned an incorrect number of values (got {len(given)}, but expected {len(values)})")
    return [None if g is None else value_of(g) for g in given]


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


def hooks_on(tensor: Any) -> list[Callable]:
    """What `add_hook` was called with for `tensor`."""
    if tensor._leaf is not None:
        return list((tensor._leaf.hooks or {}).values())
    value = tensor._read_value()
    if not value.aval.requires_grad:
        return []
    trace, slot = locate(value)
    return list(trace.hooks[slot].calls.values()) if slot in trace.hooks else []


def add_after_hook(leaf: Leaf, hook: Callable) -> RemovableHandle:
    """Call `hook` with the leaf's tensor after accumulation."""
    if leaf.after is None:
        leaf.after = {}
    return register(leaf.after, hook)


def retain(tensor: Any) -> None:
    """Keep the gradient of a non-leaf tensor."""
    if transforming():
        raise RuntimeError(NOT_INSIDE.format("retain_grad()", "", "retain_grad()"))
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


def edges(entry: Entry) -> list[int]:
    """Positions of the operands that PyTorch's node has an edge for: all tensors and what stands in for one."""
    if not isinstance(entry.op, Op):
        return differentiable(entry)
    return [k for k, role in enumerate(entry.op.roles(entry.attrs)) if role == "array"]


class Node:
    """A node of the gradient graph."""

    def name(self) -> str:
        """Its name, such as `AddBackward0`."""
        raise NotImplementedError

    @property
    def next_functions(self) -> tuple:
        """The nodes that gradients flow on to, each with the number of its result."""
        return ()

    @cached_property
    def metadata(self) -> dict:
        """Whatever users want to note here."""
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


class GradNode(Node):
    """The node of a recorded operation, as `grad_fn` shows it."""
    _trace: Trace
    _position: int
    _entry: Entry

    def at(self, trace: Trace, position: int, entry: Entry) -> GradNode:
        """Stand at a place of the graph; returns the node itself."""
        self._trace, self._position, self._entry = trace, position, entry
        return self

    def name(self) -> str:
        """Its name, such as `AddBackward0`."""
        if self._entry.op is CUSTOM:
            return type(self._trace.customs[self._entry.first]).__name__
        return self._entry.op.node_name(self._entry) if isinstance(self._entry.op, Op) else f"{self._entry.op.name.capitalize()}Backward0"

    @property
    def next_functions(self) -> tuple:
        """The nodes that gradients flow on to, each with the number of its result."""
        flows = set(differentiable(self._entry))
        return tuple([node_at(self._trace, self._entry.operands[k]) if k in flows else (None, 0) for k in edges(self._entry)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradNode) and (other._trace, other._position) == (self._trace, self._position)

    def __hash__(self) -> int:
        return hash((id(self._trace), self._position))

    def _sequence_nr(self) -> int:
        return self._trace.serial << 32 | self._position

    def _hooks(self) -> NodeHooks:
        return self._trace.hooks.setdefault((NODE, self._position), NodeHooks())

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` when the node has run; what it returns, if not None, replaces `grad_inputs`."""
        return register(self._hooks().after, hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_outputs)` before the node runs; what it returns, if not None, replaces them."""
        return register(self._hooks().before, hook)


class AccumulateGrad(Node):
    """The end of the gradient graph at a leaf."""

    def __init__(self, leaf: Leaf) -> None:
        self._leaf = leaf

    @property
    def variable(self) -> Any:
        """The leaf tensor."""
        return self._leaf.owner()

    def name(self) -> str:
        """Its name."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other._leaf is self._leaf

    def __hash__(self) -> int:
        return hash(self._leaf)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Call `hook((grad,))` before the gradient is accumulated; what it returns, if not None, replaces it."""
        def before(grad: Any) -> Any:
            changed = hook((grad,))
            return changed[0] if isinstance(changed, tuple) else changed
        return add_hook(self.variable, before)

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook((), (grad,))` after the gradient was accumulated."""
        arrived: list = []
        add_hook(self.variable, lambda grad: arrived.append(grad))
        return add_after_hook(self._leaf, lambda leaf: (hook((), (arrived.pop(),)), None)[1])


def node_at(trace: Trace, slot: int) -> tuple:
    """The node that made a slot, and which of its results that is."""
    source = trace.sources.get(slot)
    if type(source) is Leaf:
        return AccumulateGrad(source), 0
    if source is not None:
        trace, slot = source
    for position, entry in trace.entries():
        if entry.first <= slot < entry.first + len(entry.outputs):
            if getattr(entry.op, "hidden", False):
                return node_at(trace, entry.operands[0])
            return named_node(trace, position, entry), slot - entry.first
    return None, 0


def grad_fn(value: Value) -> GradNode | None:
    """The node that made `value`."""
    return node_at(*locate(value))[0] if value.aval.requires_grad else None


def output_number(value: Value) -> int:
    """Which of its node's results `value` is."""
    return node_at(*locate(value))[1] if value.aval.requires_grad and type(value.origin) is not Leaf else 0


def named_node(trace: Trace, position: int, entry: Entry) -> GradNode:
    """The node of an entry, of a class that bears its name: `type(t.grad_fn).__name__` is what PyTorch's users look at."""
    if entry.op is CUSTOM:
        return trace.customs[entry.first].at(trace, position, entry)
    node = GradNode().at(trace, position, entry)
    node.__class__ = _classes.setdefault(node.name(), type(node.name(), (GradNode,), {}))
    return node


_classes: dict[str, type] = {}


def move(tensor: Any, where: device) -> Any:
    """A tensor with gradient history on another device."""
    return Doors.move(tensor, where)



class Doors:
    """What modules above put here: how a value becomes a tensor, and how a tensor moves to another device."""
    tensor: type[Any]
    tensor_of: Callable[[Value], Any]
    move: Callable[[Any, device], Any]


def check_assigned(tensor: Any, grad: Any) -> None:
    """Raise where `grad` cannot be the gradient of `tensor`."""
    if not isinstance(grad, Doors.tensor):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(grad).__name__}")
    if grad is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    if grad.shape != tensor.shape:
        raise RuntimeError(f"attempting to assign a gradient of size '{list(grad.shape)}' to a tensor of size '{list(tensor.shape)}'. Please ensure that "
                           "the gradient and the tensor are the same size")
    if grad.dtype is not tensor.dtype:
        raise RuntimeError(f"attempting to assign a gradient with dtype '{grad.dtype.title.lower()}' to a tensor with grad_dtype '{tensor.dtype.title}'. "
                           "The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype "
                           "attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor "
                           "and its gradient may break downstream systems that assume they match.")


def tensor_of(value: Value) -> Any:
    """A tensor that holds `value`."""
    return Doors.tensor_of(value) if value.__class__ is Value else value


def value_of(tensor: Any) -> Any:
    """What a pass hands on for a tensor: its value, or a sparse tensor itself."""
    return tensor if tensor.layout is not STRIDED else tensor._read_value()


def sum_of(a: Any, b: Any) -> Any:
    """The sum of two gradients, of which some may be sparse: dense if one is dense."""
    a, b = value_of(tensor_of(a)), value_of(tensor_of(b))
    if a.__class__ is b.__class__ is Value:
        return record(ADD, (a, b))
    return value_of(tensor_of(b) + a if b.__class__ is Value else tensor_of(a) + b)
