"""`autograd.Function`: operations whose gradient is written by hand."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import numpy as np

from .._core import gradgraph
from .._core.device import device
from .._core.dtype import dtype
from .._core.gradgraph import GradNode, tensor_of, value_of
from .._core.graph import Entry, Trace, Value, computed, here
from .._core.plan import TWICE
from .._core.promote import FLOAT_CATEGORIES
from .._core.run import concrete
from .._core.sparse import SparseTensor
from .._core.tensor import Tensor, from_array, wrap
from . import within
from .grad_mode import no_grad
from .saved import Packed, overwritten, pack


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, flags, and any attribute that user code sets."""
    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    to_save: tuple = ()
    saved_for_forward: tuple = ()
    along = False                                            # whether `jvp` runs, for which `saved_tensors` are those of `save_for_forward`
    dirty_tensors: tuple = ()
    non_differentiable: tuple = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, where `saved_tensors` gives them back."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs `forward` changed in place."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which results have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (the default) or None for results without a gradient."""
        self.materialize_grads = value


def _zeros(shape: tuple, kind: dtype, where: device) -> Tensor:
    return from_array(np.zeros(shape, kind.numpy), where)


class Saved:
    """One tensor that `backward` needs: an input, or a result of `forward` itself, whose history begins at this very function."""

    def __init__(self, tensor: Tensor, result: int | None, made: Sequence[Any]) -> None:
        self.version, self.result = tensor._version, result
        if result is None:
            self.tensor: Any = lambda: tensor
        else:                                                # by a weak reference: a strong one would keep the graph alive in a circle
            self.tensor, self.value = ref(made[result]), tensor._read_value()
            self.version = made[result]._version

    def restore(self, trace: Trace, slots: Sequence[int | None], name: str) -> Tensor:
        """The tensor; raises where it was changed in place since."""
        tensor = self.tensor()
        if tensor is None:
            slot, old = slots[self.result], self.value   # type: ignore[index]  # a result
            return wrap(old if slot is None else computed(old.aval.gradded(), concrete(old, "saved tensor"), (trace, slot)))
        if tensor._version != self.version:
            raise RuntimeError(overwritten(tensor, self.version, None if self.result is None else (name, self.result)))
        return tensor


class BackwardCFunction(FunctionCtx, GradNode):
    """A context that takes part in the gradient graph: the `grad_fn` of what its function returned."""
    _forward_cls: type[Function]
    _raw: Any                                                # `forward`'s results; what is known of its arguments, of the results, of those with gradients
    _inputs: list
    _results: list
    _likes: list

    @property
    def saved_tensors(self) -> tuple:
        """The tensors given to `save_for_backward`.  Raises where one was changed in place since."""
        if self.along:
            return self.saved_for_forward
        kept = self.__dict__.get("_saved", ())
        if kept is None:
            raise RuntimeError(TWICE)
        return tuple([s.unpack() if isinstance(s, Packed) else None if s is None else s.restore(self._trace, self._slots, self.name()) for s in kept])

    saved_variables = saved_tensors

    def keep(self, made: Sequence[Any], slots: Sequence[int | None]) -> None:
        """Take hold of what is to be saved, now that the results are connected.

        made   the function's results, slots  where the differentiable ones are in the trace
        """
        self._slots = slots
        results = {id(raw): k for k, raw in enumerate(self._raw)}
        self._saved: tuple | None = tuple([None if t is None else pack(t) or Saved(t, results.get(id(t)), made) for t in self.to_save])
        del self._raw
        self.to_save = ()

    def let_go(self) -> None:
        """Forget what was saved: the graph may not be gone through again."""
        if self.__dict__.get("_saved"):
            self._saved = None

    def pull_back(self, trace: Trace, position: int, entry: Entry, grads: list[Value | None]) -> list[Value | None]:
        """The gradients of the inputs that need one, from those of the results."""
        self.at(trace, position, entry)
        given: list = [None if g is None else tensor_of(g) for g in grads]
        if self.materialize_grads:
            given = [_zeros(*like) if g is None else g for g, like in zip(given, self._likes, strict=True)]
        source = iter(given)
        everywhere = [next(source) if kind == "smooth" else self._constant(kind) for kind in self._results]
        results = self._forward_cls._gradient()(self, *everywhere)
        return self._checked(results if isinstance(results, tuple) else (results,))

    def apply(self, *args: Any) -> Any:
        """What the function's `backward` makes of these gradients."""
        return self._forward_cls._gradient()(self, *args)

    def _constant(self, kind: Any) -> Any:
        return _zeros(*kind) if kind is not None and self.materialize_grads else None

    def _checked(self, results: tuple) -> list[Value | None]:
        name, wanted = type(self).__name__, len(self.needs_input_grad)
        while len(results) > wanted and results[-1] is None:
            results = results[:-1]
        if len(results) != wanted:
            raise RuntimeError(f"function {name} returned an incorrect number of gradients (expected {wanted}, got {len(results)})")
        for k, (g, like) in enumerate(zip(results, self._inputs, strict=True)):
            if like is None and g is not None:
                raise RuntimeError(f"function {name} returned a gradient different than None at position {k + 1}, but the corresponding forward input was "
                                   "not a Variable")
            if g is not None and not isinstance(g, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
        return [self._fitted(g, k) for k, (g, needed) in enumerate(zip(results, self.needs_input_grad, strict=True)) if needed]

    def _fitted(self, grad: Tensor | None, position: int) -> Any:
        if grad is None:
            return None
        shape, kind, _ = self._inputs[position]
        if grad.shape != shape:
            if len(grad.shape) < len(shape) or any(w not in (1, g) for g, w in zip(grad.shape[::-1], shape[::-1], strict=False)):
                raise RuntimeError(f"Function {type(self).__name__} returned an invalid gradient at index {position} - got {list(grad.shape)} but expected "
                                   f"shape compatible with {list(shape)}")
            grad = grad.sum_to_size(shape)
        return value_of(grad if grad.dtype is kind else grad.to(kind))


class FunctionMeta(type):
    """Gives each Function class the class of its contexts, whose name is what `grad_fn` shows."""

    def __init__(cls, name: str, bases: tuple, attributes: dict) -> None:
        super().__init__(name, bases, attributes)
        cls._backward_cls = type(f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls})


class Function(metaclass=FunctionMeta):
    """An operation with a hand-written gradient: subclass it, write `forward` and `backward` as static methods, call `apply`.

    >>> class Double(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * 2
    >>> x = torch.ones(2, requires_grad=True)
    >>> Double.apply(x).sum().backward()
    >>> x.grad
    tensor([2., 2.])
    """
    generate_vmap_rule = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function with static forward "
                           "method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)")

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

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Compute the tangents of the results from those of the inputs."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode AD.")

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *args: Any) -> Any:
        """Compute the results for a batch: returns them, and the dimension of the batch in each."""
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap staticmethod or set generate_vmap_rule=True.")

    @classmethod
    def _gradient(cls) -> Callable:
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of them.")
        return cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` and connect its results to the gradient graph."""
        return within.apply(cls, args, kwargs, lambda name: getattr(cls, name) is not getattr(Function, name)) if here.active else cls._apply(args, kwargs)

    @classmethod
    def _apply(cls, args: tuple, kwargs: dict, forward: Callable | None = None, seen: Callable | None = None) -> Any:
        """`apply`, with another `forward` for one without context; the context is shown to `seen`."""
        ctx = cls._backward_cls()
        if seen is not None:
            seen(ctx)
        ctx.needs_input_grad = tuple([isinstance(a, Tensor) and a.requires_grad for a in args])
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = (forward or cls.forward)(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        outputs = output if isinstance(output, tuple) else (output,)
        if not here.mode.grad or not any(ctx.needs_input_grad):
            return output
        connected = _connect(ctx, args, outputs)
        return connected if isinstance(output, tuple) else connected[0]


def _connect(ctx: BackwardCFunction, args: tuple, outputs: tuple) -> tuple:
    """The results, with a gradient history that begins at `ctx`."""
    _check_dirty(ctx, outputs)
    smooth = [isinstance(o, Tensor) and o.dtype.category in FLOAT_CATEGORIES and not any(o is c for c in ctx.non_differentiable) for o in outputs]
    ctx._raw = outputs
    ctx._inputs = [(a.shape, a.dtype, a.device) if isinstance(a, Tensor) else None for a in args]
    ctx._results = ["smooth" if s else (o.shape, o.dtype, o.device) if isinstance(o, Tensor) else None for o, s in zip(outputs, smooth, strict=True)]
    if not any(smooth):
        return outputs
    ctx._likes = [(o.shape, o.dtype, o.device) for o, s in zip(outputs, smooth, strict=True) if s]
    raw = [_plain(o._read_value()) for o, s in zip(outputs, smooth, strict=True) if s]
    values = iter(gradgraph.attach(ctx, [a._read_value() for a, n in zip(args, ctx.needs_input_grad, strict=True) if n], raw))
    slots: list[int | None] = [None] * len(outputs)
    made = list(outputs)
    for k, o in enumerate(outputs):
        if smooth[k]:
            value = next(values)
            slots[k] = value.slot
            made[k] = o._write(value) if any(o is d for d in ctx.dirty_tensors) else o._holding(value) if isinstance(o, SparseTensor) else wrap(value)
            ctx._trace = value.trace
    ctx.keep(made, slots)
    return tuple(made)


def _plain(value: Value) -> Value:
    if not value.aval.requires_grad:
        return value
    plain = computed(value.aval.plain, value.array)
    plain.trace, plain.slot = value.trace, value.slot
    return plain


def _check_dirty(ctx: BackwardCFunction, outputs: tuple) -> None:
    for tensor in ctx.dirty_tensors:
        if tensor._leaf is not None and tensor._leaf.active:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        if not any(tensor is o for o in outputs):
            raise RuntimeError("Some elements marked as dirty during the forward method were not returned as output. The inputs that are modified inplace "
                               "must all be outputs of the Function.")


def once_differentiable(fn: Callable) -> Callable:
    """Mark a `backward` whose result can't be differentiated again."""
    @functools.wraps(fn)
    def inside(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = fn(ctx, *grads)
        if not here.mode.grad or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return results
        several = results if isinstance(results, tuple) else (results,)
        refused = [Refusal.apply(g.detach().requires_grad_()) if isinstance(g, Tensor) and g.dtype.category in FLOAT_CATEGORIES else g for g in several]
        return tuple(refused) if isinstance(results, tuple) else refused[0]
    return inside


class Refusal(Function):
    """A gradient that has no gradient."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor) -> Tensor:
        """The gradient itself."""
        return grad.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """There is none."""
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


class InplaceFunction(Function):
    """A function that may work in place; kept for old code."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace


class NestedIOFunction(Function):
    """A function with nested inputs and outputs; kept for old code."""


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
