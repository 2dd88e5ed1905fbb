"""Automatic differentiation (`torch.autograd`)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core import backward as engine
from .._core.tensor import Tensor
from .function import Function, FunctionCtx, once_differentiable
from .modes import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled

Tensors = Tensor | Sequence[Tensor]


def _list(tensors: Any) -> list:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(given: Any, count: int) -> list:
    if given is None:
        return [None] * count
    given = _list(given)
    if len(given) != count:
        raise RuntimeError(f"got {count} tensors and {len(given)} gradients")
    return given


def backward(tensors: Tensors, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False, grad_variables: Any = None,
             inputs: Any = None) -> None:
    """Accumulate the gradients of `tensors` in the leaves' `.grad`.

    grad_tensors  for each tensor the gradient that it begins with; may be left out for single elements
    """
    tensors = _list(tensors)
    engine.run(tensors, _gradients(grad_tensors if grad_variables is None else grad_variables, len(tensors)), retain_graph, create_graph, inputs)


def grad(outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
         only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x ** 2, x)
    (tensor(6.),)
    """
    outputs, inputs = _list(outputs), _list(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    if is_grads_batched:
        rows = [grad(outputs, inputs, [g[k] for g in _list(grad_outputs)], True, create_graph, True, allow_unused)
                for k in range(len(_list(grad_outputs)[0]))]
        return tuple([None if parts[0] is None else parts[0].stack(parts) for parts in zip(*rows, strict=True)])
    found = engine.grad(outputs, inputs, _gradients(grad_outputs, len(outputs)), retain_graph, create_graph, bool(allow_unused) or materialize_grads)
    return tuple([x.detach() * 0 if g is None and materialize_grads else g for g, x in zip(found, inputs, strict=True)])


class Variable(Tensor):
    """The old name of a tensor with gradients: `Variable(t)` is `t` itself, or its alias with `requires_grad`."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        made = data.detach()
        return made.requires_grad_() if requires_grad else made


class VariableMeta(type(Tensor)):
    """Makes every tensor an instance of `Variable`."""

    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, Tensor)


class set_detect_anomaly:
    """Accepted for compatibility: gradients are compiled, so the forward call is named in the error of the recording itself."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


detect_anomaly = set_detect_anomaly
__all__ = ["Function", "FunctionCtx", "Variable", "backward", "enable_grad", "grad", "inference_mode", "is_grad_enabled",
           "is_inference_mode_enabled", "no_grad", "once_differentiable", "set_grad_enabled"]
