"""The gradient graph (`torch.autograd.graph`): nodes, edges, hooks over several tensors, and hooks on saved tensors."""
from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from .._core.backward import Edge
from .._core.gradgraph import AccumulateGrad, Node, node_at
from .._core.graph import Leaf
from .._core.hooks import RemovableHandle
from .._core.tensor import Tensor
from .saved import stack

__all__ = ["GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge", "increment_version",
           "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]


class GradientEdge(Edge):
    """A place of the graph that stands for a tensor in `torch.autograd.grad`: `node` and `output_nr`."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor)
        self.node, self.output_nr = (AccumulateGrad(self.target), 0) if type(self.target) is Leaf else node_at(*self.target)


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of `tensor`, which can be given to `grad` instead of it."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(tensor)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Count a write to memory that PyTorch could not see."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        t._share()
        t._step.versions[0] += 1


class MultiHandle(RemovableHandle):
    """Removes the hooks of several tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take the hooks away; further calls do nothing."""
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> MultiHandle:
    """Call `fn` once in each pass with the gradients of `tensors`: with all of them (None where there is none), or with the first ("any").

    >>> x, w = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> handle = torch.autograd.graph.register_multi_grad_hook((x, w), lambda grads: print(len(grads)))
    >>> (x * w).backward()
    2
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    return MultiHandle(_hooks_for_all(tensors, fn) if mode == "all" else _hooks_for_any(tensors, fn))


def _hooks_for_all(tensors: Sequence[Tensor], fn: Callable) -> list[RemovableHandle]:
    lock, grads = threading.Lock(), {}

    def hook(position: int) -> Callable:
        def inside(grad: Tensor) -> None:
            with lock:
                grads[position] = grad
                given = [grads.get(k) for k in range(len(tensors))] if len(grads) == sum(t.requires_grad for t in tensors) else None
                if given is not None:
                    grads.clear()
            if given is not None:
                fn(given)
        return inside
    return [t.register_hook(hook(k)) for k, t in enumerate(tensors) if t.requires_grad]


def _hooks_for_any(tensors: Sequence[Tensor], fn: Callable) -> list[RemovableHandle]:
    done: list = []

    def inside(grad: Tensor) -> None:
        if not done:
            done.append(True)
            fn(grad)
    return [t.register_hook(inside) for t in tensors if t.requires_grad]


class saved_tensors_hooks:
    """Inside the `with` block, tensors that custom functions save go through `pack_hook`, and come back through `unpack_hook`.

    What recorded operators keep is chosen by the compiler from the whole program; there is no tensor to pack.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if stack.forbidden is not None:
            raise RuntimeError(stack.forbidden)
        stack.hooks.append((self.pack_hook, self.unpack_hook))

    def __exit__(self, *error: object) -> None:
        stack.hooks.pop()


class save_on_cpu(saved_tensors_hooks):
    """Keep the tensors that custom functions save in host memory until they are needed."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Any:
    """Forbid hooks on saved tensors inside the `with` block."""
    before, stack.forbidden = stack.forbidden, error_message
    try:
        yield
    finally:
        stack.forbidden = before


@contextmanager
def allow_mutation_on_saved_tensors() -> Any:
    """Inside the `with` block a pass may need what was overwritten since: recorded values never change, so it finds them as they were."""
    before, Edge.lenient = Edge.lenient, True
    try:
        yield
    finally:
        Edge.lenient = before
