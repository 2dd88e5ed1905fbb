"""Automatic differentiation (`torch.autograd`)."""
from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .._core import backward as engine
from .._core.anomaly import Anomaly
from .._core.public import announce
from .._core.tensor import Tensor
from . import function, graph
from .function import Function, FunctionCtx, once_differentiable
from .graph import GradientEdge
from .grad_mode import (enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, is_multithreading_enabled, no_grad, set_grad_enabled,
                        set_multithreading_enabled)

Tensors = Tensor | Sequence[Tensor]


class Pass(threading.local):
    """The pass that runs on this thread: whether it goes to all leaves."""
    whole = True


_pass = Pass()


@contextmanager
def _begun(whole: bool) -> Iterator[None]:
    before, _pass.whole = _pass.whole, whole
    try:
        yield
    finally:
        _pass.whole = before


def _is_checkpoint_valid() -> bool:
    """Whether the pass that runs may contain another one."""
    return _pass.whole


def _list(tensors: Any) -> list:
    return [tensors] if isinstance(tensors, Tensor | GradientEdge) else list(tensors)


def _gradients(given: Any, count: int) -> list:
    if given is None:
        return [None] * count
    given = _list(given)
    if len(given) < count:
        raise RuntimeError(f"got {count} tensors and {len(given)} gradients")
    return given[:count]


def backward(tensors: Tensors, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False, grad_variables: Any = None,
             inputs: Any = None) -> None:
    """Accumulate the gradients of `tensors` in the leaves' `.grad`.

    grad_tensors  for each tensor the gradient that it begins with; may be left out for single elements
    inputs        the tensors whose gradients to accumulate; by default all leaves
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    tensors = _list(tensors)
    if inputs is not None and not isinstance(inputs, Tensor):
        inputs = list(inputs)
    with _begun(inputs is None):
        engine.run(tensors, _gradients(grad_tensors, len(tensors)), retain_graph, create_graph, inputs)


def grad(outputs: Tensors, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
         only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    is_grads_batched   whether `grad_outputs` have a first dimension, over which `vmap` takes the gradients
    materialize_grads  whether inputs that were not used have gradients of zeros rather than None

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x ** 2, x)
    (tensor(6.),)
    """
    outputs, inputs = _list(outputs), _list(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts of the graph, please "
                      "use torch.autograd.backward.", FutureWarning, stacklevel=2)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False.")
    if is_grads_batched:
        return _batched(outputs, inputs, _list(grad_outputs), create_graph, allow_unused, materialize_grads)
    with _begun(False):
        found = engine.grad(outputs, inputs, _gradients(grad_outputs, len(outputs)), retain_graph, create_graph, bool(allow_unused) or materialize_grads)
    return tuple([x.detach().new_zeros(x.shape) if g is None and materialize_grads else g for g, x in zip(found, inputs, strict=True)])


def _batched(outputs: list, inputs: list, given: list, create_graph: bool, allow_unused: bool | None, materialize_grads: bool) -> tuple:
    """The gradients for each element of batches of `grad_outputs`."""
    for k, (v, out) in enumerate(zip(given, outputs, strict=False)):
        if v.dim() and v.shape[1:] != out.shape:
            raise RuntimeError("If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The sizes of the "
                               f"remaining dimensions are expected to match the shape of corresponding output, but a mismatch was detected: grad_output[{k}] has "
                               f"a shape of {v.shape[1:]} and output[{k}] has a shape of {out.shape}. If you only want some tensors in `grad_output` to be "
                               "considered batched, consider using vmap.")
    used: list[int] = []

    def vjp(*vs: Tensor) -> tuple:
        found = grad(outputs, inputs, vs, True, create_graph, True, allow_unused, False, materialize_grads)
        used.extend(k for k, g in enumerate(found) if g is not None)
        return tuple([found[k] for k in used])
    rows = iter(importlib.import_module("jtorch.func").vmap(vjp)(*given))
    return tuple([next(rows) if k in used else None for k in range(len(inputs))])


class VariableMeta(type(Tensor)):
    """Makes every tensor an instance of `Variable`."""

    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=VariableMeta):
    """The old name of a tensor with gradients: `Variable(t)` is `t` itself, or its alias with `requires_grad`."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        made = data.detach()
        return made.requires_grad_() if requires_grad else made


class set_detect_anomaly:
    """Turn the search for gradients that fail or are not numbers on or off: at once, and until the end of a `with` block.

    A pass then runs operation by operation, and an error names the forward function.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = Anomaly.enabled, Anomaly.check_nan
        Anomaly.enabled, Anomaly.check_nan = mode, check_nan

    def __enter__(self) -> None:
        """It is on already."""

    def __exit__(self, *error: object) -> None:
        Anomaly.enabled, Anomaly.check_nan = self.before


class detect_anomaly:
    """Search for gradients that fail or are not numbers inside a `with` block."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.", stacklevel=2)

    def __enter__(self) -> None:
        self.before = Anomaly.enabled, Anomaly.check_nan
        Anomaly.enabled, Anomaly.check_nan = True, self.check_nan

    def __exit__(self, *error: object) -> None:
        Anomaly.enabled, Anomaly.check_nan = self.before


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return Anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection looks for NaN."""
    return Anomaly.check_nan


announce(__name__, {"backward": backward, "grad": grad})


def __getattr__(name: str) -> Any:
    if name in ("anomaly_mode", "functional", "forward_ad", "profiler", "profiler_util", "variable"):
        return importlib.import_module(f"jtorch.autograd.{name}")
    if name in ("gradcheck", "gradgradcheck"):
        module = importlib.import_module("jtorch.autograd.gradcheck")
        globals().update(gradcheck=module.gradcheck, gradgradcheck=module.gradgradcheck)   # the functions, not the module of the same name
        return globals()[name]
    raise AttributeError(f"module 'torch.autograd' has no attribute '{name}' in jtorch")


__all__ = ["Function", "FunctionCtx", "GradientEdge", "Variable", "backward", "detect_anomaly", "enable_grad", "function", "grad", "graph", "inference_mode",
           "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "once_differentiable",
           "set_detect_anomaly", "set_grad_enabled", "set_multithreading_enabled"]
