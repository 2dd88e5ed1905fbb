"""The memory behind tensors, as an object: identity, bytes, elements."""
from __future__ import annotations

from typing import Any

import numpy as np

from .._core import layout
from .._core.device import META, canonical
from .._core.dtype import dtype
from .._core.graph import Value, here, mode
from .._core.public import public
from .._core.run import concrete, host_value
from .._core.storage import Step, Storage
from .._core.tensor import Tensor, from_array, new
from .shape import as_strided


class UntypedStorage:
    """The memory behind tensors: bytes, and an identity."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def _base(self) -> Value:
        return self._storage.value if self._storage.value is not None else host_value(self._storage.buffer)

    def nbytes(self) -> int:
        """The number of bytes."""
        a = self._base().aval
        return a.shape.numel() * a.dtype.itemsize

    def size(self) -> int:
        """The number of bytes."""
        return self.nbytes()

    __len__ = nbytes

    def data_ptr(self) -> int:
        """A number that is the same for the same memory."""
        return id(self._storage)

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

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(concrete(self._base(), "storage")).reshape(-1).view(np.uint8)[index]

    def tolist(self) -> list:
        """The bytes."""
        return np.array(concrete(self._base(), "storage")).reshape(-1).view(np.uint8).tolist()


class TypedStorage(UntypedStorage):
    """The memory behind tensors, as elements of one type."""

    def __init__(self, storage: Storage, kind: dtype) -> None:
        super().__init__(storage)
        self.dtype = kind

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self.dtype.itemsize

    __len__ = size

    def _elements(self) -> np.ndarray:
        return np.asarray(concrete(self._base(), "storage")).reshape(-1)

    def __getitem__(self, index: Any) -> Any:
        return self._elements()[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        before = here.mode
        here.mode = mode(False, False, before.floating, before.autocast)
        self.tensor().reshape(-1)[index] = value
        here.mode = before

    def tolist(self) -> list:
        """The elements."""
        return self._elements().tolist()

    def __repr__(self) -> str:
        lines = "".join(f" {x}\n" for x in self.tolist())
        return f"{lines}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {self.size()}]"


@public("Tensor")
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory that the tensor looks at."""
    return UntypedStorage(self._share())


@public("Tensor")
def storage(self: Tensor) -> TypedStorage:
    """The memory that the tensor looks at, as elements."""
    return TypedStorage(self._share(), self.dtype)


@public("Tensor")
def data_ptr(self: Tensor) -> int:
    """A number that is the same for tensors whose first elements share memory."""
    if self._storage is None:
        self._share()
    if self.device is META:
        return 0
    return id(self._storage) + layout.of(self)[1] * self.dtype.itemsize


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
