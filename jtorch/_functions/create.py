"""Creating tensors: from data, filled, and in sequences.  Fresh CPU tensors are NumPy arrays on the host, so making them compiles nothing."""
from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core import dtype as dt
from .._core import levels, misfit, promote
from .._core.derive import sizes
from .._core.device import CPU, META, Where, canonical
from .._core.dtype import chosen, dtype
from .._core.format import layout, memory_format
from .._core.graph import here
from .._core.public import PUBLIC, public
from .._core.transfer import adopted
from .._core.sparse import COO, FORMS, STRIDED, SparseTensor, refusal, refused
from .._core.storage import Step, Storage
from .._core.tensor import Tensor, from_array, new, required, wrap
from .literals import floating, to_array
from .options import check_pinned, check_switch, creating
from .order import in_format


DLPACK_CPU = 1                                               # the number that DLPack gives to the CPU


class Defaults:
    """Where new tensors go, which `torch.set_default_device` changes."""
    device = CPU


def finish(array: np.ndarray, device: Any, requires_grad: bool) -> Tensor:
    """A tensor that owns `array`, on the wanted device."""
    where = Defaults.device if device is None else canonical(device)
    return from_array(array, where, requires_grad)


def blank(shape: Sequence[int], kind: Any) -> np.ndarray:
    """An array without memory of its own, for a tensor without data."""
    return np.broadcast_to(np.zeros((), kind), tuple(shape))


def make(how: Callable[[], np.ndarray], shape: Sequence[int], kind: dtype, device: Any, requires_grad: bool) -> Tensor:
    """A tensor that owns the array that `how()` makes, on the wanted device: on `meta` nothing is made, or drawn."""
    where = Defaults.device if device is None else canonical(device)
    return from_array(blank(shape, kind.numpy) if where is META else how(), where, requires_grad)


def alike(made: Tensor, other: Tensor) -> Tensor:
    """A new tensor, inside `vmap` as a member of the batches that `other` is a member of, so that it can be written to."""
    return wrap(levels.like(made, other)) if here.active and other._aval.levels else made


# From data

@public("torch")
def tensor(data: Any, *, dtype: dtype | None = None, device: Where = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested sequences, NumPy arrays, tensors.

    >>> torch.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if pin_memory is not False:
        check_pinned("tensor", pin_memory)
    check_switch("tensor", "requires_grad", requires_grad, optional=False)
    if isinstance(data, Tensor):
        warnings.warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                      "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).", UserWarning, stacklevel=2)
        device = data.device if device is None else device
    made = finish(to_array(data, None if dtype is None else _type(dtype, "tensor")), device, False)
    return required(made) if requires_grad else made


def _type(given: Any, name: str) -> dtype:
    kind = chosen(given, dt.float32)
    if not isinstance(kind, dtype):
        raise misfit.wrong_class(name, "dtype", None, "torch.dtype", given)
    return kind


@public("torch")
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor on the memory of a NumPy array: writes on either side are seen on the other."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dt.from_numpy(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. "
                         "(You can probably work around this by making a copy of your array  with array.copy().) ")
    if not ndarray.flags.writeable:
        warnings.warn("The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing to this tensor will "
                      "result in undefined behavior. You may want to copy the array to protect its data or make it writable before converting it to a "
                      "tensor.", UserWarning, stacklevel=2)
    made = new(Tensor)
    made._value = None
    Storage(None, ndarray).join(made, Step(None, None, (), ()))
    return made


@public("torch")
def frombuffer(buffer: Any, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A vector on the memory of an object with Python's buffer protocol.

    >>> torch.frombuffer(bytearray(b"ab"), dtype=torch.uint8)
    tensor([97, 98], dtype=torch.uint8)
    """
    check_switch("frombuffer", "requires_grad", requires_grad, optional=False)
    view = memoryview(buffer)
    size, item = view.nbytes, dtype.itemsize
    if not size or not count:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1")
    if count < 0 and (size - offset) % item:
        raise ValueError(f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a multiple of element size ({item})")
    if count > 0 and offset + count * item > size:
        raise ValueError(f"requested buffer length ({count} * {item} bytes) after offset ({offset} bytes) must not be greater than actual buffer "
                         f"length ({size} bytes)")
    if view.readonly:
        warnings.warn("The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can write to the "
                      "underlying (supposedly non-writable) buffer using the tensor. You may want to copy the buffer to protect its data or make it "
                      "writable before converting it to a tensor.", UserWarning, stacklevel=2)
        return from_array(np.frombuffer(buffer, dtype.numpy, count, offset).copy(), requires_grad=requires_grad)
    made = from_numpy(np.frombuffer(buffer, dtype.numpy, count, offset))
    return made.requires_grad_() if requires_grad else made


@public("torch")
@creating("")
def from_file(filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
              pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
    """A vector on the first `size` numbers of a file, which it may change if `shared` (then the file is made where there is none)."""
    kind, count = chosen(dtype, floating()), size or 0
    mapped = mapped_file(filename, bool(shared), count, kind)
    if not count:
        return finish(mapped, device, requires_grad)
    made = from_numpy(mapped)
    return made.requires_grad_() if requires_grad else made


def mapped_file(filename: str, shared: bool, count: int, kind: dtype) -> np.ndarray:
    """The first `count` numbers of a file, which is made or enlarged where it is `shared`: then what is written there is written to the file."""
    if not os.path.exists(filename):
        if not shared:
            raise RuntimeError(f"unable to open file <{filename}> in read-only mode: No such file or directory (2)")
        open(filename, "wb").close()
    wanted, size = count * kind.itemsize, os.path.getsize(filename)
    if size < wanted and not shared:
        raise RuntimeError(f"file <{filename}> size <{size}> is smaller than the required mapping size <{wanted}>")
    if size < wanted:
        os.truncate(filename, wanted)
    return np.memmap(filename, kind.numpy, "r+" if shared else "c", shape=(count,)) if count else np.zeros(0, kind.numpy)


class _OnHost:
    """What gives a bare DLPack capsule the two methods of the protocol."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return DLPACK_CPU, 0


@public("torch")
def from_dlpack(ext_tensor: Any, *, device: Where = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of another library's tensor."""
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _OnHost(ext_tensor)
    if isinstance(ext_tensor, Tensor):
        made = ext_tensor.detach()
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise RuntimeError(f"from_dlpack: expected an object with __dlpack__, got {type(ext_tensor).__name__}")
    elif ext_tensor.__dlpack_device__()[0] == DLPACK_CPU:
        array = np.from_dlpack(ext_tensor)
        made = from_numpy(array) if array.flags.writeable else from_array(np.array(array))
    else:
        made = wrap(adopted(ext_tensor))
    return made.to(device or made.device, copy=bool(copy))


@public("torch")
def as_tensor(data: Any, dtype: dtype | None = None, device: Where = None) -> Tensor:
    """`data` as a tensor, sharing memory where that is possible."""
    if isinstance(data, Tensor):
        return data.to(device or data.device, dtype or data.dtype)
    if hasattr(data, "untyped"):                             # a storage
        return as_tensor(data.tensor(), dtype, device)
    if isinstance(data, np.ndarray) and (dtype is None or dtype.numpy == data.dtype) and (device is None or canonical(device) is CPU):
        return from_numpy(data)
    return tensor(data, dtype=dtype, device=device)


@public("torch")
def asarray(obj: Any, *, dtype: dtype | None = None, device: Where = None, copy: bool | None = None, requires_grad: bool = False) -> Tensor:
    """`obj` as a tensor; `copy` says whether memory must (True) or must not (False) be copied."""
    check_switch("asarray", "requires_grad", requires_grad)
    made = as_tensor(obj, dtype, device) if not copy else tensor(obj.detach().cpu().numpy() if isinstance(obj, Tensor) else obj, dtype=dtype, device=device)
    if copy is False and not isinstance(obj, Tensor | np.ndarray):
        raise ValueError("can't alias an arbitrary sequence")
    made = made.detach() if isinstance(obj, Tensor) and not requires_grad else made
    return made.requires_grad_() if requires_grad else made


@public("torch")
@creating(None)
def scalar_tensor(s: complex, *, dtype: dtype | None = None, layout: layout | None = None, device: Where = None, requires_grad: bool = False,
                  pin_memory: bool = False) -> Tensor:
    """A zero-dim tensor of a number, floating point unless told otherwise."""
    return tensor(s, dtype=dtype or floating(), device=device, requires_grad=requires_grad)


# Filled

@public("torch")
@creating("")
def full(size: Sequence[int], fill_value: Any, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
         requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor of the given size, filled with one value."""
    if not misfit.fits("Number", fill_value) or isinstance(fill_value, Tensor) and fill_value.dim():
        raise misfit.wrong_class("full", "fill_value", 2, "Number", fill_value)
    fill = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = (dtype and chosen(dtype, dtype)) or promote.number_type(type(fill) if type(fill) in promote.NUMBERS else type(np.asarray(fill).item()))
    dt.check_number(fill, kind)
    shape = checked_sizes(sizes((size,)))
    return put_in(out, make(lambda: np.full(shape, fill).astype(kind.numpy), shape, kind, device, requires_grad))


def _filled(name: str, text: str, fresh: Any) -> None:
    def fill(*size: int | Sequence[int], out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
             requires_grad: bool = False, pin_memory: bool = False, memory_format: memory_format | None = None) -> Tensor:
        if memory_format is not None and name != "empty":
            raise misfit.unexpected(name, "memory_format")
        if not size:
            raise misfit.missing(name, ("size",))
        size = sizes(size)
        if name == "zeros" and any(n < 0 for n in size):
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        kind = chosen(dtype, floating())
        if layout is not None and layout is not STRIDED:
            if name == "ones" and layout is COO:
                raise RuntimeError("full(...) is not implemented for sparse layout")
            return stored_nowhere(name, layout, size, kind, device, requires_grad)
        return put_in(out, in_format(make(lambda: fresh(size, kind.numpy), checked_sizes(size), kind, device, requires_grad), memory_format))

    def like(input: Tensor, *, dtype: dtype | None = None, layout: layout | None = None, device: Where = None, requires_grad: bool = False,
             pin_memory: bool = False, memory_format: memory_format | None = None) -> Tensor:
        shape, kind = tuple(input.shape), chosen(dtype, input.dtype)
        if (layout or input.layout) is not STRIDED:
            if name == "empty" and input.layout is STRIDED:
                raise refused("empty_strided", layout, "cpu")
            return stored_nowhere(name, layout or input.layout, shape, kind, device or input.device, requires_grad, input)
        return in_format(alike(make(lambda: fresh(shape, kind.numpy), shape, kind, device or input.device, requires_grad), input), memory_format, input)

    def of_tensor(self: Tensor, *size: int | Sequence[int], dtype: dtype | None = None, device: Where = None, requires_grad: bool = False,
                  layout: layout | None = None,
                  pin_memory: bool = False) -> Tensor:
        shape, kind = checked_sizes(sizes(_size_argument(size))), chosen(dtype, self.dtype)
        if (layout or self.layout) is not STRIDED:
            return stored_nowhere(name, layout or self.layout, shape, kind, device or self.device, requires_grad, self)
        return alike(make(lambda: fresh(shape, kind.numpy), shape, kind, device or self.device, requires_grad), self)
    for function, known, home, where in ((fill, name, "torch", "of the given size"), (like, f"{name}_like", "torch", "of the size and type of `input`"),
                                         (of_tensor, f"new_{name}", "Tensor", "of the same type and device")):
        function.__doc__, function.__name__ = f"A tensor {where}, {text}.", known
        public(home)(creating(None)(function))


def stored_nowhere(name: str, layout: Any, shape: tuple[int, ...], kind: dtype, device: Any, requires_grad: bool, like: Any = None) -> Tensor:
    """A sparse tensor without elements: the only one that zeros and nothing can be stored as."""
    made = FORMS["empty_as"](layout, shape, kind, device, requires_grad, like if isinstance(like, SparseTensor) else None)
    if name == "ones":
        raise refusal("fill_.Scalar", made)
    return made


def _size_argument(size: tuple) -> tuple:
    return ((),) if not size else size


def checked_sizes(size: tuple[int, ...]) -> tuple[int, ...]:
    for n in size:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(size)}")
    return size


_filled("zeros", "filled with zeros", np.zeros)
_filled("ones", "filled with ones", np.ones)
_filled("empty", "whose contents are unspecified (here zeros)", np.zeros)


@public("torch")
@creating("empty_strided")
def full_like(input: Tensor, fill_value: Any, *, dtype: dtype | None = None, layout: layout | None = None, device: Where = None, requires_grad: bool = False,
              pin_memory: bool = False, memory_format: memory_format | None = None) -> Tensor:
    """A tensor of the size and type of `input`, filled with one value."""
    made = full(input.shape, fill_value, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)
    return in_format(alike(made, input), memory_format, input)


@public("Tensor")
@creating("fill_.Scalar")
def new_full(self: Tensor, size: Sequence[int], fill_value: Any, *, dtype: dtype | None = None, device: Where = None, requires_grad: bool = False,
             layout: layout | None = None, pin_memory: bool = False) -> Tensor:
    """A tensor of the same type and device, of the given size, filled with one value."""
    return alike(full(size, fill_value, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad), self)


@public("Tensor")
def new_tensor(self: Tensor, data: Any, *, dtype: dtype | None = None, device: Where = None, requires_grad: bool = False) -> Tensor:
    """A copy of `data` as a tensor of the same type and device."""
    check_switch("new_tensor", "requires_grad", requires_grad, optional=False)
    kind = dtype if dtype is not None else data.dtype if isinstance(data, Tensor) else None
    if kind is None:
        kind = dt.from_numpy(data.dtype) if isinstance(data, np.ndarray | np.generic) else self.dtype
    return finish(to_array(data, kind), device or self.device, requires_grad)


@public("torch")
@creating("empty_strided")
def empty_strided(size: Sequence[int], stride: Sequence[int], *, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
                  requires_grad: bool = False,
                  pin_memory: bool = False) -> Tensor:
    """A tensor with the given strides."""
    size, stride = sizes((size,)), sizes((stride,))
    memory = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    return PUBLIC["torch"]["zeros"](memory, dtype=dtype, device=device).as_strided(size, stride).requires_grad_(requires_grad)


def put_in(out: Tensor | None, made: Tensor) -> Tensor:
    """`made`, or where there is one the tensor given as `out=` with its contents."""
    if out is None:
        return made
    if out.shape != made.shape:
        out._resize(made.shape)
    return out._write(made._value)
