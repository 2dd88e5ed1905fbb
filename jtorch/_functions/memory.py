"""The memory behind tensors, as an object: identity, bytes, elements."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partialmethod
from typing import Any, Self

import numpy as np

from .._core import layout
from .._core.batched import refuse
from .._core.device import CPU, META, Where, canonical
from .._core.dtype import (ALL, TITLES, bfloat16, bool_, complex64, complex128, dtype, float16, float32, float64, int8, int16, int32, int64,
                           uint8)
from .._core.graph import Value, here
from .._core.public import PUBLIC, public
from .._core.run import concrete, host_value
from .._core.storage import Step, Storage
from .._core.tensor import Tensor, from_array, new
from .create import mapped_file
from .literals import cast_array, numbers
from .shape import as_strided


MOVES = 1 << 24                                              # bytes from which memory does not keep its address when it is written to


def fresh_storage(given: tuple, device: Any, kind: dtype) -> Storage:
    """The storage that a constructor asks for: an engine's own, or zeros by number of elements, or a sequence's elements."""
    if given and isinstance(given[0], Storage):
        return given[0]
    if given and isinstance(given[0], str):
        raise TypeError("new(): invalid data type 'str'")
    elements = numbers(given[0], kind) if given and isinstance(given[0], Sequence) else np.zeros(given[0] if given else 0)
    array = np.asarray(elements).astype(kind.numpy)
    return Storage(from_array(np.array(array), canonical(device))._value)


def address(storage: Storage) -> int:
    """Where the contents of a storage lie in memory; 0 for none."""
    if storage.buffer is not None:
        return storage.buffer.ctypes.data if storage.buffer.size else 0
    of, array = storage.value.aval, concrete(storage.value, "data_ptr")
    if of.device is META or not of.shape.numel():
        return 0
    if of.device is not CPU:
        return array.unsafe_buffer_pointer()
    array = np.asarray(array)
    if storage.strides is not None:
        array = array.transpose(layout.in_memory(storage.strides))
    if array.nbytes > MOVES and array.flags.c_contiguous:
        return array.ctypes.data
    if storage.place is None:                                # values never change, so that each write moves the contents to other memory: here they stay
        storage.place = np.array(array, order="C")
    else:
        np.copyto(storage.place.reshape(array.shape), array)
    return storage.place.ctypes.data


class UntypedStorage:
    """The memory behind tensors: bytes, and an identity.

    >>> torch.UntypedStorage([1, 2]).tolist()
    [1, 2]
    """
    filename, is_sparse, is_sparse_csr, is_hpu = None, False, False, False
    _shown = uint8

    def __init__(self, *args: Any, device: Where = None) -> None:
        self._storage = fresh_storage(args, device, self._shown)

    def _base(self) -> Value:
        return self._storage.value if self._storage.value is not None else host_value(self._storage.buffer)

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self

    def nbytes(self) -> int:
        """The number of bytes."""
        if self._storage.value is None:
            return self._storage.buffer.nbytes
        a = self._base().aval
        return a.shape.numel() * a.dtype.itemsize

    def size(self) -> int:
        """The number of bytes."""
        return self.nbytes()

    __len__ = nbytes

    def __sizeof__(self) -> int:
        return super().__sizeof__() + self.nbytes()

    def data_ptr(self) -> int:
        """The address of the first byte: see `Tensor.data_ptr`."""
        return address(self._storage)

    def tensor(self) -> Tensor:
        """A tensor on all of it."""
        made = new(Tensor)
        made._value = None
        self._storage.join(made, Step(None, None, (), ()))
        return made

    @property
    def device(self) -> Any:
        """Where it lives."""
        return self._base().aval.device

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._storage is self._storage

    def __hash__(self) -> int:
        return id(self._storage)

    def _elements(self) -> np.ndarray:
        """A copy of its elements."""
        return np.array(concrete(self._base(), "storage")).reshape(-1).view(self._shown.numpy)

    def _put(self, elements: np.ndarray) -> None:
        """Change all of its elements, outside autograd."""
        whole = self.tensor().detach()
        whole.copy_(from_array(np.ascontiguousarray(elements).view(whole.dtype.numpy).reshape(tuple(whole.shape))))

    def _like(self, elements: np.ndarray) -> Self:
        """A new storage with these elements."""
        return type(self)(Storage(from_array(np.array(elements), self.device)._value))

    @classmethod
    def from_file(cls, filename: str, shared: bool = False, nbytes: int = 0) -> Self:
        """The first bytes of a file, read where they are needed; with `shared` what is written here is written to the file."""
        return cls(Storage(None, mapped_file(filename, shared, nbytes, cls._shown)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice) and self._storage.buffer is not None:
            return type(self)(Storage(None, self._storage.buffer.reshape(-1).view(np.uint8)[index]))
        found = self._elements()[index]
        return self._like(found) if isinstance(index, slice) else found.item()

    def __setitem__(self, index: Any, value: Any) -> None:
        elements = self._elements()
        elements[index] = value
        self._put(elements)

    def __iter__(self) -> Iterator:
        return iter(self.tolist())

    def tolist(self) -> list:
        """The elements."""
        return self._elements().tolist()

    def fill_(self, value: complex) -> Self:
        """Set every element."""
        self[:] = value
        return self

    def copy_(self, source: UntypedStorage, non_blocking: bool | None = None) -> Self:
        """Take over the elements of another storage of the same size."""
        self[:] = source._elements()
        return self

    def clone(self) -> Self:
        """A copy with its own memory."""
        return self._like(self._elements())

    def cpu(self) -> Self:
        """This storage if it is on the CPU, else a copy there."""
        return self if self.device is CPU else self._like(self._elements())

    def resize_(self, size: int) -> None:
        """Make it hold `size` elements, which begin with the old ones."""
        grown, old = np.zeros(size, self._shown.numpy), self._elements()
        grown[:len(old)] = old[:size]
        self._storage.value, self._storage.buffer = from_array(grown, self.device)._value, None

    def resizable(self) -> bool:
        """Always True."""
        return True

    def element_size(self) -> int:
        """The bytes of one element."""
        return self._shown.itemsize

    def is_shared(self) -> bool:
        """Whether other processes see it."""
        return False

    def is_pinned(self, device: Any = "cuda") -> bool:
        """Whether it is in page-locked memory."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether it is on a GPU."""
        return self.device.type == "cuda"

    def type(self) -> str:
        """The name of its type."""
        return "torch.storage.UntypedStorage"

    def __repr__(self) -> str:
        lines = "".join(f" {x}\n" for x in self.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {self.size()}]"


class TypedStorage(UntypedStorage):
    """The memory behind tensors, as elements of one type."""

    def __init__(self, *args: Any, dtype: dtype | None = None, device: Where = None) -> None:
        self.dtype = self._shown = dtype or (args[1] if len(args) > 1 else here.mode.floating)
        super().__init__(*args[:1], device=device)

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self.dtype.itemsize

    __len__ = size

    def _elements(self) -> np.ndarray:
        return np.asarray(concrete(self._base(), "storage")).reshape(-1)

    def _like(self, elements: np.ndarray) -> Self:
        return type(self)(Storage(from_array(np.array(elements), self.device)._value), self.dtype)

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._storage)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        return self._elements()[index].item()

    def to(self, kind: dtype) -> TypedStorage:
        """A copy as elements of another type."""
        return TypedStorage(Storage(from_array(cast_array(self._elements(), kind), self.device)._value), kind)

    def type(self) -> str:
        """The name of its old class, such as "torch.FloatStorage"."""
        return f"torch.{old_name(self.dtype)}"

    def __repr__(self) -> str:
        lines = "".join(f" {x}\n" for x in self.tolist())
        return f"{lines}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {self.size()}]"


def old_name(kind: dtype) -> str:
    """The name of the old storage class of a type."""
    return f"{kind.title}Storage"


class OldStorage(type):
    """The class of the old storage classes: `isinstance(storage, torch.FloatStorage)` asks for the type of its elements."""
    dtype: dtype

    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, TypedStorage) and other.dtype is cls.dtype

    def __call__(cls, *args: Any, device: Where = None) -> TypedStorage:
        return TypedStorage(*args[:1], dtype=cls.dtype, device=device)


OLD = {old_name(kind): OldStorage(old_name(kind), (), {"dtype": kind, "__module__": "torch", "__doc__": f"Memory of {kind!r} elements."})
       for kind in ALL if kind.name in TITLES and not (kind.name.startswith("uint") and kind is not uint8) or kind.name == "bool"}
for _known, _kind in {"float": float32, "double": float64, "half": float16, "bfloat16": bfloat16, "long": int64, "int": int32, "short": int16,
                      "char": int8, "byte": uint8, "bool": bool_, "complex_float": complex64, "complex_double": complex128}.items():
    setattr(TypedStorage, _known, partialmethod(TypedStorage.to, _kind))


PUBLIC["torch"].update(OLD, Storage=OLD["FloatStorage"], TypedStorage=TypedStorage, UntypedStorage=UntypedStorage, StorageBase=UntypedStorage)


@public("Tensor")
def storage_type(self: Tensor) -> Any:
    """The old storage class of the type of its elements, such as `torch.FloatStorage`."""
    return OLD[old_name(self.dtype)]


@public("Tensor")
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory that the tensor looks at."""
    return UntypedStorage(self._share())


@public("Tensor")
def storage(self: Tensor) -> TypedStorage:
    """The memory that the tensor looks at, as elements."""
    return TypedStorage(self._share(), self.dtype)


@public("Tensor", aliases=("const_data_ptr",))
def data_ptr(self: Tensor) -> int:
    """The address of the first element in memory, to be read there before the tensor changes.  Memory of up to 16 MiB keeps its address."""
    refuse(self._aval, "storage")
    start = address(self._share())
    return start and start + layout.of(self)[1] * self.dtype.itemsize


@public("torch")
def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage."""
    return isinstance(obj, UntypedStorage)


# Files

def storage_of(tensor: Tensor) -> tuple[Storage, np.ndarray, int, tuple[int, ...]]:
    """What a file needs of a tensor: its storage (an identity), all of its elements, and its offset and strides there."""
    storage = tensor._share()
    if storage.shared() and not storage.buffer.flags.c_contiguous:
        array = np.ascontiguousarray(tensor.detach()._host())
        return storage, array.reshape(-1), 0, layout.contiguous(tensor.shape)
    array = storage.buffer if storage.buffer is not None else np.asarray(concrete(storage.value, "save"))
    strides, offset = layout.of(tensor)
    if storage.strides is not None:
        array = np.ascontiguousarray(array.transpose(layout.in_memory(storage.strides)))
    return storage, array.reshape(-1).view(tensor.dtype.numpy), offset, strides


def tensor_on_storage(loaded: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """A tensor on the memory of a storage read from a file; all tensors made from one such storage share it."""
    storage = loaded.__dict__.get("_engine")
    if storage is None:
        storage = loaded._engine = Storage(from_array(loaded.array, canonical(loaded.device))._value)
    base = UntypedStorage(storage).tensor()
    if offset == 0 and base.shape.numel() == np.prod(size, dtype=int) and layout.contiguous(size) == tuple(stride):
        return base.view(size)
    return as_strided(base, size, stride, offset)
