"""Tensors to and from everything else: NumPy, lists, DLPack, other types and devices, copies and pickles."""
from __future__ import annotations

from typing import Any, SupportsIndex, overload

import numpy as np

from .._core import dtype as dt
from .._core import gradgraph, layout
from .._core.device import CPU, META, Where, canonical, device
from .._core.dtype import FLOATING, dtype
from .._core.format import memory_format
from .._core.graph import aval, computed
from .._core.public import public
from .._core.record import record
from .._core.transfer import to_device, to_host
from .._core.run import concrete, host_value
from .._core.storage import convert
from .._core.tensor import HIDDEN, Tensor, from_array, new, wrap
from .create import blank
from .order import PRESERVE, in_format, is_contiguous


@public("Tensor")
def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers."""
    array = self._host()
    if self.dtype.category == FLOATING and array.dtype.kind not in "f":
        array = array.astype(np.float32)
    return array.tolist()


@public("Tensor")
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """A NumPy array on the same memory: writes on either side are seen on the other."""
    if force:
        return self.detach().cpu().resolve_conj().numpy()
    if self.device is not CPU:
        raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")
    if self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self.dtype.numpy.kind == "V":
        raise TypeError(f"Got unsupported ScalarType {self.dtype.title}")
    storage = self._share()
    if not storage.shared():
        storage.buffer = layout.in_place(to_host(storage.value, "numpy()"), storage.strides)
        if not storage.value.aval.requires_grad:
            storage.value = None
        for alias in storage.aliases:
            if (tensor := alias()) is not None:
                tensor._value = None
    return storage.look(self._step)[...]


@public("Tensor")
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = self.numpy()
    return array if dtype is None else array.astype(dtype, copy=bool(copy))


@public("Tensor")
def __array_wrap__(self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
    return wrap(host_value(np.array(array)))


@public("Tensor")
def __dlpack__(self: Tensor, **options: Any) -> Any:
    return np.array(self._host()).__dlpack__() if self.device is CPU else concrete(self._read_value(), "dlpack").__dlpack__(**options)


@public("Tensor")
def __dlpack_device__(self: Tensor) -> tuple:
    return (1, 0) if self.device is CPU else concrete(self._read_value(), "dlpack").__dlpack_device__()


@overload
def to(self: Tensor, dtype: dt.dtype, non_blocking: bool = False, copy: bool = False, *, memory_format: memory_format | None = None) -> Tensor: ...
@overload
def to(self: Tensor, device: Where = None, dtype: dt.dtype | None = None, non_blocking: bool = False, copy: bool = False, *,
       memory_format: memory_format | None = None) -> Tensor: ...
@overload
def to(self: Tensor, other: Tensor, non_blocking: bool = False, copy: bool = False, *, memory_format: memory_format | None = None) -> Tensor: ...
@public("Tensor")
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The tensor in another type or on another device: `to(dtype)`, `to(device, dtype)`, `to(other)`; itself where nothing changes."""
    where, kind, copy, format = destination(self, *args, **kwargs)
    out = self
    if kind is not None and kind is not self.dtype:
        out = wrap(record(convert.op, (self,), (kind,)))
    if where is not None and (where := canonical(where)) is not out.device:
        out = gradgraph.move(out, where) if out.requires_grad else wrap(computed(
            aval(out.shape, out.dtype, where), to_device(concrete(out._read_value(), "to(device)"), where)))
    if out is self and not copy and (format is None or format is PRESERVE or is_contiguous(self, format)):
        return self
    return self.clone(memory_format=format) if out is self else in_format(out, format, self)


PLACES = (Tensor, dt.dtype, device, str, int, type(None))     # what `to` takes first


def _misfitting(args: tuple, unknown: dict[str, Any]) -> TypeError:
    given = ", ".join([type(x).__name__ for x in args] + [f"{k}={type(x).__name__}" for k, x in unknown.items()])
    return TypeError(f"to() received an invalid combination of arguments - got ({given}), but expected one of:\n * (torch.device device = None, "
                     "torch.dtype dtype = None, ...)\n * (torch.dtype dtype, ...)\n * (Tensor tensor, ...)")


def destination(tensor: Tensor, *args: Any, device: Where = None, dtype: Any = None, non_blocking: bool = False, copy: bool = False,
                 memory_format: memory_format | None = None, other: Tensor | None = None, **unknown: Any) -> tuple:
    rest = [dt.of_python.get(x, x) if isinstance(x, type) else x for x in args]
    wrong = next((x for k, x in enumerate(rest) if not isinstance(x, PLACES) or isinstance(x, str) and k), None)
    if wrong is not None or set(unknown) or not isinstance(dtype, dt.dtype | type | None):
        raise _misfitting(args, unknown)
    if rest and isinstance(rest[0], Tensor):
        other = rest.pop(0)
    elif rest and not isinstance(rest[0], dt.dtype):
        device = rest.pop(0)
    if other is not None:
        device, dtype = other.device, other.dtype
    if rest and isinstance(rest[0], dt.dtype):
        dtype = rest.pop(0)
    if any(not isinstance(x, bool) for x in rest):
        raise _misfitting(args, unknown)
    if len(rest) > 1:
        copy = rest[1]
    return device, dt.of_python.get(dtype, dtype), copy, memory_format


# Copies and pickles

@public("Tensor")
def __deepcopy__(self: Tensor, memo: dict) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  If you were "
                           "attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see "
                           "https://github.com/pytorch/pytorch/pull/103001")
    if id(self) in memo:
        return memo[id(self)]
    out = memo[id(self)] = _like(self)
    return out


@public("Tensor")
def __reduce_ex__(self: Tensor, protocol: SupportsIndex) -> tuple:
    state = {k: v for k, v in self.__dict__.items() if k not in HIDDEN}
    data = tuple(self.shape) if self.device is META else np.array(self._host())
    return _rebuild, (type(self), data, self.dtype, str(self.device), self.requires_grad, state, layout.preserved(self))


def _like(tensor: Tensor) -> Tensor:
    out = new(type(tensor))
    out.__dict__.update({k: v for k, v in tensor.__dict__.items() if k not in HIDDEN})
    v = tensor._read_value()
    out._value = computed(v.aval.plain, concrete(v, "copy"))
    if tensor._storage is not None and tensor._storage.shared():
        out._value = host_value(np.array(tensor._host()))
    in_format(out, None, tensor)
    if tensor.requires_grad:
        out.requires_grad_()
    if tensor._leaf is not None and tensor._leaf.grad is not None:
        out.grad = tensor._leaf.grad.detach().clone()
    return out


def _rebuild(cls: type, data: np.ndarray | tuple, kind: dtype, where: str, requires_grad: bool, state: dict, strides: tuple[int, ...] | None = None) -> Tensor:
    array = blank(data, kind.numpy) if isinstance(data, tuple) else data
    out: Any = new(cls)
    out._value = from_array(array.astype(kind.numpy, copy=False), canonical(where))._value
    out.__dict__.update(state)
    layout.lay(out, strides or layout.contiguous(array.shape))
    return out.requires_grad_() if requires_grad else out
