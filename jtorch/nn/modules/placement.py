"""Moving and converting the parameters and buffers of a module."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.parameter import Parameter, is_lazy

TO_FORMS = """to() received an invalid combination of arguments - got ({}), but expected one of:
 * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)
 * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)
 * (Tensor tensor, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)
"""


class Placement:
    """What changes the device or the type of a module's parameters and buffers. All methods work in place and return the module."""
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Put `fn(t)` in the place of each parameter, gradient and buffer."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._parameters[name] = _converted(parameter, fn)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move to a device and convert floating point values to a type: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`.

        >>> nn.Linear(2, 2).to(torch.float64).weight.dtype
        torch.float64
        """
        device, dtype, non_blocking, memory_format = _parse_to(args, kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")
        if dtype is not None and dtype.is_complex:
            warnings.warn("Complex modules are a new feature under active development whose design may change, and some modules might not work as "
                          "expected when using complex tensors as parameters or buffers. Please file an issue at "
                          "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not work as expected.",
                          stacklevel=2)

        def convert(t: Tensor) -> Tensor:
            if t.device.type == "meta" and device is not None and device.type != "meta":
                raise NotImplementedError("Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of "
                                          "torch.nn.Module.to() when moving module from meta to a different device.")
            options = {"memory_format": memory_format} if memory_format is not None and not is_lazy(t) and t.dim() in (4, 5) else {}
            return t.to(device or t.device, dtype if dtype is not None and _is_inexact(t) else t.dtype, non_blocking, **options)

        return self._apply(convert)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Move to a device without copying the values, which are unspecified afterwards."""
        return self._apply(lambda t: torch.empty_like(t, device=device), recurse=recurse)

    def type(self, dst_type: torch.dtype | str) -> Any:
        """Convert all parameters and buffers, integers too."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Any:
        """Move to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Any:
        """Move to a CUDA device, the current one by default."""
        return self._apply(lambda t: t.cuda(device))

    def float(self) -> Any:
        """Convert floating point parameters and buffers to float32."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Any:
        """Convert floating point parameters and buffers to float64."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Any:
        """Convert floating point parameters and buffers to float16."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self) -> Any:
        """Convert floating point parameters and buffers to bfloat16."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def share_memory(self) -> Any:
        """Move the parameters and buffers to memory that other processes can share."""
        return self._apply(lambda t: t.share_memory_())


def _is_inexact(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _converted(parameter: Parameter, fn: Callable[[Tensor], Tensor]) -> Parameter:
    """The parameter with `fn` applied to its values and its gradient: the same object where that can hold the new values."""
    with torch.no_grad():
        new = fn(parameter)
        grad = None if parameter.grad is None else fn(parameter.grad)
    if (parameter.device.type == "meta") == (new.device.type == "meta"):
        if grad is not None:
            same, parameter.grad = parameter.grad, None      # a gradient must have its parameter's type while it is attached
            same.data = grad
            grad = same
        parameter.data = new
    else:
        parameter = new if is_lazy(new) else Parameter(new, parameter.requires_grad)
    if grad is not None:
        parameter.grad = grad
    return parameter


def _parse_to(args: tuple, kwargs: dict[str, Any]) -> tuple[Any, torch.dtype | None, bool, Any]:
    """Device, type, non_blocking and memory format from the arguments of `to`."""
    given = dict(kwargs)
    memory_format, device, dtype = given.pop("memory_format", None), None, None
    names = ["device", "dtype", "non_blocking", "copy"]
    first = args[0] if args else given.get("tensor")
    if isinstance(first, Tensor):
        names[:2] = ["tensor"]
    elif isinstance(first, torch.dtype):
        names[:2] = ["dtype"]
    if len(args) > len(names) or set(names[:len(args)]) & set(given) or set(given) - set(names):
        raise TypeError(TO_FORMS.format(_described(args, kwargs)))
    given.update(zip(names, args))
    device, dtype, tensor = given.get("device"), given.get("dtype"), given.get("tensor")
    if not isinstance(device, (str, int, torch.device, type(None))) or not isinstance(dtype, (torch.dtype, type(None))):
        raise TypeError(TO_FORMS.format(_described(args, kwargs)))
    if not isinstance(given.get("non_blocking", False), bool):
        raise TypeError(TO_FORMS.format(_described(args, kwargs)))
    if given.get("copy"):
        raise RuntimeError(".to() does not accept copy argument")
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    return None if device is None else torch.device(device), dtype, given.get("non_blocking", False), memory_format


def _described(args: tuple, kwargs: dict[str, Any]) -> str:
    named = "".join(f"{name}={type(value).__name__}, " for name, value in kwargs.items())
    return ", ".join(type(a).__name__ for a in args) + (", " if args and kwargs else "") + named
