"""`Parameter` and `Buffer`: tensors that a module registers when they are assigned to it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, SupportsIndex

import jtorch as torch

from .._C import _disabled_torch_function_impl
from .._core.override import asked

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy"]


class _ParameterMeta(type(torch.Tensor)):
    """Makes `isinstance(t, Parameter)` true for the tensors of own classes that `Parameter(...)` marks."""

    def __instancecheck__(cls, instance: object) -> bool:
        marked = cls is Parameter and isinstance(instance, torch.Tensor) and instance._is_param
        return marked or super().__instancecheck__(instance)


class Parameter(torch.Tensor, metaclass=_ParameterMeta):
    """A tensor that becomes part of `module.parameters()` when it is assigned to a module.    data: (*)  ->  (*)

    A tensor of an own class stays one of it.

    >>> nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __torch_function__ = _disabled_torch_function_impl
    _shown_as = "tensor"

    def __new__(cls, data: torch.Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is not None and asked(type(data)):
            made = data.detach().requires_grad_(requires_grad)
            if type(made) is not type(data):
                raise RuntimeError(f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns an instance of the same "
                                   f"type, but return type {type(made).__name__} was found instead. To use the type as a Parameter, please correct the detach() "
                                   "semantics defined by its __torch_dispatch__() implementation.")
            made._is_param = True
            return made
        if data is not None and requires_grad and not (data.is_floating_point() or data.is_complex()):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        return torch.Tensor._make_subclass(cls, torch.empty(0) if data is None else data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(memory_format=torch.preserve_format), self.requires_grad)
        return memo[id(self)]

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        shown = super().__repr__(tensor_contents=tensor_contents)
        return "Parameter containing:\n" + (shown if type(self)._shown_as == "tensor" else f"Parameter({shown})")


class _BufferMeta(type(torch.Tensor)):
    """Makes `isinstance(t, Buffer)` true for the plain tensors that `Buffer(...)` marks."""

    def __instancecheck__(cls, instance: object) -> bool:
        marked = cls is Buffer and isinstance(instance, torch.Tensor) and getattr(instance, "_is_buffer", False)
        return marked or super().__instancecheck__(instance)


class Buffer(torch.Tensor, metaclass=_BufferMeta):
    """A tensor that becomes one of a module's buffers when it is assigned to the module; of class `Tensor` itself.

    >>> m = nn.Module()
    >>> m.mean = nn.Buffer(torch.zeros(2))
    >>> list(m.state_dict())
    ['mean']
    """

    def __new__(cls, data: torch.Tensor | None = None, *, persistent: bool = True) -> torch.Tensor:
        data = torch.empty(0) if data is None else data
        made = data.detach().requires_grad_(data.requires_grad)
        made.persistent, made._is_buffer = persistent, True
        return made


class UninitializedTensorMixin:
    """A tensor without a shape: only its dtype and its device are known until `materialize` is called."""
    data: Any

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: torch.dtype | None = None) -> None:
        """Give the tensor its shape, with unspecified values, and its final class."""
        self.data = torch.empty(shape, device=self.data.device if device is None else device, dtype=self.data.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> NoReturn:
        """An error: there is no shape yet."""
        raise RuntimeError("Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` when "
                           "trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the parameters before "
                           "accessing their attributes.")

    def share_memory_(self) -> NoReturn:
        """An error: there is nothing to share yet."""
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters before calling "
                           "`module.share_memory()`.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def is_lazy(param: object) -> bool:
    """Whether `param` still waits for its shape."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter of a lazy module, before the module has seen its first input."""
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: torch.dtype | None = None) -> UninitializedParameter:
        return torch.Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple:
        return type(self), (self.requires_grad, self.data.device, self.data.dtype)


class UninitializedBuffer(UninitializedTensorMixin, torch.Tensor):
    """A buffer of a lazy module, before the module has seen its first input."""
    __torch_function__ = _disabled_torch_function_impl
    cls_to_become = torch.Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: torch.dtype | None = None,
                persistent: bool = True) -> UninitializedBuffer:
        made = torch.Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)
        made.persistent, made._is_buffer = persistent, True
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(*self.__reduce_ex__(2)[1])
        return memo[id(self)]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple:
        return type(self), (self.requires_grad, self.data.device, self.data.dtype, self.persistent)


def _converting(name: str) -> Callable[..., UninitializedBuffer]:
    """The method `name` of tensors, whose result has no shape either."""
    def convert(self: UninitializedBuffer, *args: Any, **kwargs: Any) -> UninitializedBuffer:
        made = getattr(self.data, name)(*args, **kwargs)
        return UninitializedBuffer(self.requires_grad, made.device, made.dtype, self.persistent)
    return convert


for _name in ("bfloat16", "cpu", "cuda", "double", "float", "half", "to"):
    setattr(UninitializedBuffer, _name, _converting(_name))
