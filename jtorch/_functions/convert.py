"""Types, devices, in-place filling and copying, and the small questions that a tensor answers about itself."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np

from .._core import dtype as dt
from .._core import layout, misfit, promote
from .._core.batched import refuse
from .._core.derive import into
from .._core.device import CPU, META, Where, canonical
from .._core.dtype import check_number, dtype
from .._core.format import memory_format
from .._core.graph import here
from .._core.indexing import FILL, gather, scatter
from .._core.public import public
from .._core.record import record
from .._core.run import ACCELERATED, host_value, warn_once
from .._core.size import Size
from .._core.storage import Step, convert
from .._core.tensor import Tensor, from_array, wrap
from .create import from_numpy
from .literals import numbers
from .order import in_format

CASTS = {"float": dt.float32, "double": dt.float64, "half": dt.float16, "bfloat16": dt.bfloat16, "long": dt.int64, "int": dt.int32,
         "short": dt.int16, "char": dt.int8, "byte": dt.uint8, "bool": dt.bool_, "cfloat": dt.complex64, "cdouble": dt.complex128}
NOTHING = object()                                           # stands for a source that was not given
LEGACY_TYPES = [dt.named(n) for n in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")]


def _cast(name: str, kind: dtype) -> None:
    @public("Tensor", name=name)
    def cast(self: Tensor, memory_format: memory_format | None = None) -> Tensor:
        return self.to(kind, memory_format=memory_format) if memory_format is not None else (
            self if self.dtype is kind else in_format(wrap(record(convert.op, (self,), (kind,))), None, self))
    cast.__name__ = cast.__qualname__ = name
    cast.__doc__ = f"The tensor as `{kind!r}`; itself if it is already."


for _name, _kind in CASTS.items():
    _cast(_name, _kind)


@public("Tensor")
def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of its type, such as 'torch.FloatTensor'; with an argument, the tensor converted to that type."""
    if dtype is None:
        place = "torch." if self.device is CPU else f"torch.{self.device.type}."
        return f"{place}{self.dtype.title}Tensor"
    if isinstance(dtype, str):
        dtype = named_type(dtype)
    if isinstance(dtype, int):
        raise TypeError("dtype must be a type, str, or dtype object")
    if isinstance(dtype, LegacyType):
        return self.to(dtype.device, dtype.dtype)
    return self.to(dtype)


@public("Tensor")
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the type and on the device of `other`."""
    return self.to(other)


@public("Tensor")
def cpu(self: Tensor, memory_format: memory_format | None = None) -> Tensor:
    """The tensor on the CPU; itself if it is there."""
    return self.to(CPU, memory_format=memory_format)


@public("Tensor")
def cuda(self: Tensor, device: Where = None, non_blocking: bool = False, memory_format: memory_format | None = None) -> Tensor:
    """The tensor on a GPU (by default the first)."""
    return self.to(canonical("cuda" if device is None else device), memory_format=memory_format)


@public("Tensor")
def pin_memory(self: Tensor, device: Where = None) -> Tensor:
    """The tensor itself: XLA stages transfers on its own.  Raises RuntimeError where there is no accelerator."""
    if not ACCELERATED:
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return self


@public("Tensor")
def is_pinned(self: Tensor, device: Where = None) -> bool:
    """False: no memory is pinned by hand."""
    return False


@public("Tensor")
def share_memory_(self: Tensor) -> Tensor:
    """The tensor itself, its contents in memory that forked processes see."""
    return self


@public("Tensor")
def is_shared(self: Tensor) -> bool:
    """Whether other processes see writes: never."""
    return False


@public("torch Tensor")
def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating point numbers."""
    return input.dtype.is_floating_point


@public("torch Tensor")
def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers."""
    return input.dtype.is_complex


@public("torch Tensor")
def is_signed(input: Tensor) -> bool:
    """Whether the elements can be negative."""
    return input.dtype.is_signed


@public("torch Tensor")
def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero."""
    return bool(input)


@public()
def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input.dtype is dt.bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@public("torch Tensor")
def is_conj(input: Tensor) -> bool:
    """False: conjugates are computed at once."""
    return False


is_neg = public("torch Tensor", name="is_neg")(is_conj)


@public("torch Tensor")
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates are computed at once."""
    return input


resolve_neg = public("torch Tensor", name="resolve_neg")(resolve_conj)


@public("torch Tensor")
def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made under `inference_mode`."""
    return False


@public("Tensor")
def nelement(self: Tensor) -> int:
    """The number of elements."""
    return self.numel()


@public("Tensor")
def to_dense(self: Tensor, dtype: dtype | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor itself, which is stored densely; in another type if one is given."""
    return self if dtype is None else self.to(dtype)


@public("Tensor")
def dim_order(self: Tensor) -> tuple[int, ...]:
    """The dimensions in the order in which they lie in memory, the outermost first."""
    strides = layout.of(self)[0]
    return tuple(sorted(range(len(strides)), key=lambda d: -strides[d]))


@public("torch")
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@public("Tensor")
def element_size(self: Tensor) -> int:
    """The bytes of one element."""
    return self.dtype.itemsize


@public("Tensor")
def get_device(self: Tensor) -> int:
    """The index of its GPU, -1 on the CPU."""
    return -1 if self.device is CPU else self.device.index or 0


@public()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return input.shape == other.shape


@public("Tensor")
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same memory in the same way."""
    return self._share() is tensor._share() and layout.of(self) == layout.of(tensor) and self.shape == tensor.shape


@public("torch")
def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


# In-place filling and copying

def numbers_like(self: Tensor, value: Any) -> Any:
    """A number as a zero-dim tensor of the type of `self`, with PyTorch's overflow error."""
    return value if isinstance(value, Tensor) else value.item() if isinstance(value, np.generic) else value


@public("Tensor")
def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Take over the values of `src`, broadcast and converted; returns the tensor itself."""
    if isinstance(src, bool | int | float | complex):
        src = self.new_tensor(src)
    if not isinstance(src, Tensor):
        raise misfit.wrong_class("copy_", "other", 1, "Tensor", src)
    layout.check_overlap(self, (src,))
    src = src.to(self.device)
    if src.dtype.is_complex and not self.dtype.is_complex:
        src = src.to(self.dtype)
    return self._write(record(FILL.op, (self, src)), "copy_")


def _number(tensor: Tensor) -> Any:
    if tensor.numel() != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return tensor.item()


def _without_history(tensor: Tensor) -> Any:
    if tensor.requires_grad and here.mode.grad:
        warn_once("Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider using tensor.detach() first.")
    return _number(tensor)


@public("Tensor")
def __float__(self: Tensor) -> float:
    number = _without_history(self)
    if isinstance(number, complex) and number.imag:
        raise RuntimeError("value cannot be converted to type double without overflow")
    return float(number.real)


@public("Tensor")
def __int__(self: Tensor) -> int:
    return int(_number(self))


@public("Tensor")
def __complex__(self: Tensor) -> complex:
    return complex(_without_history(self))


@public("Tensor")
def __delitem__(self: Tensor, index: Any) -> None:
    raise TypeError("Tensor does not support deleting items")


@public("Tensor")
def __invert__(self: Tensor) -> Tensor:
    if self.dtype.category >= dt.FLOATING:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return self.bitwise_not()


@public()
def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to `value`; returns the tensor itself."""
    if isinstance(value, Tensor):
        if value.dim():
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions.")
        return self._write(record(FILL.op, (self, value)), "fill_")
    value = numbers_like(self, value)
    check_number(value, self.dtype)
    if self.device is CPU and not self.requires_grad:        # needs no program
        with np.errstate(all="ignore"):
            return self._write(host_value(np.full(self.shape, value).astype(self.dtype.numpy)), "fill_")
    return self._write(record(FILL.op, (self, value)), "fill_")


@public()
def zero_(self: Tensor) -> Tensor:
    """Set every element to zero; returns the tensor itself."""
    return fill_(self, 0)


@public("torch")
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input` with every element `value`."""
    if not isinstance(value, Tensor):
        check_number(value, input.dtype)
    return layout.arrange(wrap(record(FILL.op, (input, value))), (input,))


@public("Tensor", name="_become")
def become(self: Tensor, view: Tensor) -> Tensor:
    """Turn into `view` (of itself): what `t_`, `squeeze_` and their like do."""
    if self._leaf is not None and self._leaf.active and here.mode.grad:
        self._check_leaf()
    storage, step = view._share(), view._step
    self._value, self._seen_from = view._value if self._leaf is None else None, None
    if self._leaf is not None:
        step.leaf = self._leaf
    storage.join(self, step)
    step.versions[0] += 1
    return self


@public("Tensor", name="_resize")
def resize(self: Tensor, shape: Sequence[int]) -> Tensor:
    """Take another shape; elements that there is no data for are zeros."""
    array = np.zeros(math.prod(shape), self.dtype.numpy)
    if self.device is not META:
        old = np.array(self.detach()._host()).reshape(-1)
        array[:min(old.size, array.size)] = old[:array.size]
    self._value = from_array(array.reshape(tuple(shape)), self.device)._value
    self._storage = self._step = self._seen_from = self._strides = None
    self._in_order = True
    return self


@public("Tensor")
def set_(self: Tensor, source: Any = NOTHING, storage_offset: int = 0, size: Sequence[int] | None = None, stride: Sequence[int] | None = None) -> Tensor:
    """Look at the memory of `source` from now on."""
    if source is not NOTHING and not isinstance(source, Tensor) and not hasattr(source, "tensor"):
        raise TypeError(f"set_() received an invalid combination of arguments - got ({source.__class__.__name__}), but expected one of:\n * ()\n"
                        " * (torch.Storage source)\n * (torch.Storage source, int storage_offset, tuple of ints size, tuple of ints stride)\n * (Tensor source)")
    if source is NOTHING:
        self._value = host_value(np.zeros(0, self.dtype.numpy))
        self._storage = self._step = self._seen_from = self._strides = None
        self._in_order = True
        return self
    other = source if isinstance(source, Tensor) else source.tensor()
    if size is not None:
        other = other.as_strided(tuple(size), layout.contiguous(size) if stride is None else tuple(stride), storage_offset)
    storage, step = other._share(), other._step
    self._value = None
    storage.join(self, Step(step.parent, step.op, step.numbers, step.attrs))
    return self


@public("Tensor")
def apply_(self: Tensor, callable: Callable) -> Tensor:
    """Replace each element by `callable(element)`; slow, on the CPU."""
    if self.requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.")
    flat = [callable(x) for x in self._host().reshape(-1).tolist()]
    return self._write(host_value(np.array(flat).astype(self.dtype.numpy).reshape(self.shape)), "apply_")


@public("Tensor")
def map_(self: Tensor, tensor: Tensor, callable: Callable) -> Tensor:
    """Replace each element by `callable(element, other element)`; slow, on the CPU."""
    pairs = zip(self._host().reshape(-1).tolist(), tensor.expand(self.shape)._host().reshape(-1).tolist(), strict=True)
    return self._write(host_value(np.array([callable(a, b) for a, b in pairs]).astype(self.dtype.numpy).reshape(self.shape)), "map_")


@public()
def index_put_(self: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False) -> Tensor:
    """Write `values` at the positions that tensors choose, or add them."""
    scatter(self, {k: i for k, i in enumerate(indices) if i is not None}, values, accumulate)
    return self


@public("torch Tensor")
def index_put(input: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of `input` with `values` at the positions that tensors choose, or added there."""
    return index_put_(input.clone(), indices, values, accumulate)


@public("torch Tensor")
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements where the mask is true, as a vector."""
    if mask.dtype is not dt.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    refuse(mask._aval, "masked_select")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    if out is not None:
        layout.check_overlap(out, (input, mask), False)
    return into(out, gather(input.expand(shape), {0: mask.expand(shape)}) if shape else input.reshape(1)[mask.reshape(1)])


# Types

@public("torch")
def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The type of an operation on both."""
    operands = [(x.dtype, x.dim()) if isinstance(x, Tensor) else x.__class__ for x in (tensor1, tensor2)]
    return promote.result_type(operands)


public("torch", name="promote_types")(promote.promote_types)
public("torch", name="can_cast")(promote.can_cast)


# Old names: torch.FloatTensor(3, 2)

class LegacyType:
    """An old typed constructor, such as `torch.FloatTensor` or `torch.cuda.LongTensor`."""

    def __init__(self, name: str, kind: dtype, device: str = "cpu") -> None:
        self.__name__ = self.__qualname__ = f"{name}Tensor"
        self.dtype, self.device = kind, device

    def __call__(self, *args: Any, device: Where = None) -> Tensor:
        return legacy(self.dtype, device or self.device, args)

    def __instancecheck__(self, other: Any) -> bool:
        return isinstance(other, Tensor) and other.dtype is self.dtype and other.device.type == self.device

    def __or__(self, other: Any) -> Any:
        return Union[self, other]                            # noqa: UP007 - in annotations; `|` would come here again

    __ror__ = __or__

    def __repr__(self) -> str:
        return f"<class 'torch.{'' if self.device == 'cpu' else self.device + '.'}{self.__name__}'>"


def legacy(kind: dtype, where: Any, args: tuple) -> Tensor:
    """What the old constructors do: sizes make an uninitialised tensor, data one of the constructor's type."""
    place = canonical(where)
    if not args:
        return from_array(np.zeros(0, kind.numpy), place)
    if all(isinstance(a, int | np.integer) for a in args):
        return from_array(np.zeros(tuple(map(int, args)), kind.numpy), place)
    if len(args) > 1:
        raise (TypeError(f"new() received an invalid combination of arguments - got ({', '.join(a.__class__.__name__ for a in args)})")
               if isinstance(args[0], Sequence) else misfit.wrong_size("new", "size", 1, args))
    data, = args
    if isinstance(data, Size):
        return from_array(np.zeros(tuple(data), kind.numpy), place)
    if isinstance(data, Tensor):
        if data.dtype is not kind:
            raise TypeError(f"expected {kind} (got {data.dtype})")
        return data.detach()
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    if not isinstance(data, Sequence | np.ndarray):
        raise TypeError(f"new(): data must be a sequence (got {data.__class__.__name__})")
    if isinstance(data, np.ndarray) and data.dtype == kind.numpy and place == CPU:
        return from_numpy(data)
    return from_array(np.array(numbers(data, kind) if isinstance(data, Sequence) else data).astype(kind.numpy), place)


@public("Tensor", name="new")
def new_legacy(self: Tensor, *args: Any, device: Where = None) -> Tensor:
    """What the old constructor of its type does: a tensor of the given sizes, or of the given data."""
    return legacy(self.dtype, device or self.device, args)


LEGACY = {f"{kind.title}Tensor": LegacyType(kind.title, kind) for kind in LEGACY_TYPES}


def named_type(name: str) -> Any:
    """The old type called `name`, such as 'torch.FloatTensor'."""
    last = name.rpartition(".")[2]
    if last not in LEGACY:
        raise ValueError(f"invalid type: '{name}'")
    return LegacyType(last.removesuffix("Tensor"), LEGACY[last].dtype, "cuda" if ".cuda." in name else "cpu")
