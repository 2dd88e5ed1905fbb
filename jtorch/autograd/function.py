"""`autograd.Function`: operations whose gradient is written by hand."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import gradgraph, plan
from .._core.graph import here, mode
from .._core.promote import FLOAT_CATEGORIES
from .._core.tensor import Tensor, from_array, wrap
from .modes import no_grad


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, flags, and any attribute that user code sets."""
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, where `saved_tensors` gives them back."""
        self._saved = tensors
        self._versions = [None if t is None else t._version for t in tensors]

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple:
        """The tensors given to `save_for_backward`.  Raises where one was changed in place since."""
        if self.__dict__.get("_released"):
            raise RuntimeError(plan.TWICE)
        for tensor, version in zip(self.__dict__.get("_saved", ()), self.__dict__.get("_versions", ()), strict=True):
            if tensor is not None and tensor._version != version:
                raise RuntimeError("one of the variables needed for gradient computation has been modified by an inplace operation: "
                                   f"[{tensor.type()} {list(tensor.shape)}] is at version {tensor._version}; expected version {version} instead. Hint: "
                                   "enable anomaly detection to find the operation that failed to compute its gradient, with "
                                   "torch.autograd.set_detect_anomaly(True).")
        return self.__dict__.get("_saved", ())

    saved_variables = saved_tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs `forward` changed in place."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which results have no gradient."""
        self._constant = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (the default) or None for results without a gradient."""
        self.materialize_grads = value

    def pull_back(self, grads: list, create_graph: bool) -> list:
        """The gradients of the inputs, as values, from those of the results."""
        given = [None if g is None else wrap(g) for g in grads]
        if self.materialize_grads:
            given = [_zeros(like) if g is None else g for g, like in zip(given, self._likes, strict=True)]
        results = type(self)._forward_cls.backward(self, *_spread(given, self._flows))
        results = results if isinstance(results, tuple) else (results,)
        while len(results) > len(self.needs_input_grad) and results[-1] is None:
            results = results[:-1]
        if len(results) != len(self.needs_input_grad):
            raise RuntimeError(f"function {type(self).__name__} returned an incorrect number of gradients (expected {len(self.needs_input_grad)}, got "
                               f"{len(results)})")
        return [_fitted(g, x, k, self) for k, (g, x) in enumerate(zip(results, self._inputs, strict=True)) if x is not None and x[2]]


def _spread(given: list, flows: list[bool]) -> list:
    source = iter(given)
    return [next(source) if f else None for f in flows]


def _zeros(like: tuple) -> Tensor:
    shape, kind, where = like
    return from_array(np.zeros(shape, kind.numpy), where)


def _fitted(grad: Tensor | None, of: tuple, position: int, ctx: FunctionCtx) -> Any:
    if grad is None:
        return None
    shape, kind, _ = of
    if grad.shape != shape:
        if grad.numel() < shape.numel() or not _sums_to(grad.shape, shape):
            raise RuntimeError(f"Function {type(ctx).__name__} returned an invalid gradient at index {position} - got {list(grad.shape)} but expected shape "
                               f"compatible with {list(shape)}")
        grad = grad.sum_to_size(shape)
    return grad.to(kind)._read_value()


def _sums_to(given: tuple, wanted: tuple) -> bool:
    return len(given) >= len(wanted) and all(w in (1, g) for g, w in zip(given[::-1], wanted[::-1], strict=False))


class FunctionMeta(type):
    """Gives each Function class the class of its contexts, whose name is what `grad_fn` shows."""

    def __init__(cls, name: str, bases: tuple, attributes: dict) -> None:
        super().__init__(name, bases, attributes)
        cls._context = type(f"{name}Backward", (FunctionCtx,), {"_forward_cls": cls})


class Function(metaclass=FunctionMeta):
    """An operation with a hand-written gradient: subclass it, write `forward` and `backward` as static methods, call `apply`."""

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the results; the first argument is the context unless `setup_context` is overridden."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> Any:
        """Fill the context after `forward`, where that does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the inputs from those of the results."""
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.")

    vjp = backward

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` and connect its results to the gradient graph."""
        ctx = cls._context()
        ctx.needs_input_grad = tuple([isinstance(a, Tensor) and a.requires_grad and here.mode.grad for a in args])
        tracked = any(ctx.needs_input_grad)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        outputs = output if isinstance(output, tuple) else (output,)
        if not tracked:
            return output
        ctx._inputs = [(a.shape, a.dtype, n) if isinstance(a, Tensor) else None for a, n in zip(args, ctx.needs_input_grad, strict=True)]
        ctx.needs_input_grad_all = ctx.needs_input_grad
        connected = _connect(ctx, args, outputs)
        return connected if isinstance(output, tuple) else connected[0]


def _connect(ctx: Any, args: tuple, outputs: tuple) -> tuple:
    constant = ctx.__dict__.get("_constant", ())
    dirty = ctx.__dict__.get("_dirty", ())
    smooth = [k for k, o in enumerate(outputs) if isinstance(o, Tensor) and not any(o is c for c in constant)
              and o.dtype.category in FLOAT_CATEGORIES]
    inputs = [a for a, n in zip(args, ctx.needs_input_grad, strict=True) if n]
    ctx._flows = [k in smooth for k in range(len(outputs))]
    ctx._likes = [(outputs[k].shape, outputs[k].dtype, outputs[k].device) for k in smooth]
    raw = [outputs[k]._read_value() for k in smooth]
    raw = [type(v)(v.aval.plain, v.trace, v.slot, v.array) if v.aval.requires_grad else v for v in raw]
    if not smooth:
        return outputs
    values = gradgraph.attach(ctx, inputs, raw)
    made = list(outputs)
    for k, value in zip(smooth, values, strict=True):
        if any(outputs[k] is d for d in dirty):
            before = here.mode
            here.mode = mode(False, False, before.floating, before.autocast)
            outputs[k]._value = value
            here.mode = before
        else:
            made[k] = wrap(value)
    return tuple(made)


def once_differentiable(function: Callable) -> Callable:
    """Mark a `backward` whose result can't be differentiated again."""
    @functools.wraps(function)
    def inside(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            return function(ctx, *grads)
    return inside


class Move(Function):
    """A transfer between devices; its gradient is the transfer back."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, where: Any) -> Tensor:
        """The tensor on the other device."""
        ctx.back = tensor.device
        return tensor.detach().to(where)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple:
        """The gradient on the first device."""
        return grad.to(ctx.back), None


gradgraph.Doors.move = Move.apply
