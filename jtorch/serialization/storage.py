"""Storages in files, and the one place where files meet the engine's storages."""
from __future__ import annotations

from collections.abc import Sequence

import ml_dtypes
import numpy as np

import jtorch as torch

from .names import known

NUMPY = {"bool": np.bool_, "bfloat16": ml_dtypes.bfloat16, "float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2}
TYPED = {"float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage", "int64": "LongStorage",
         "int32": "IntStorage", "int16": "ShortStorage", "int8": "CharStorage", "uint8": "ByteStorage", "bool": "BoolStorage",
         "complex128": "ComplexDoubleStorage", "complex64": "ComplexFloatStorage"}   # types without a class of their own are kept as bytes

INTERNAL = frozenset(("_value", "_storage", "_step", "_leaf", "_hooks", "_versions", "_retained"))   # what the engine keeps on a tensor
MARKS = "persistent", "_is_buffer"                           # of a Buffer


def numpy_type(name: str) -> np.dtype:
    """The NumPy type of `torch.<name>`."""
    return np.dtype(NUMPY.get(name, name))


class StorageType:
    """A class of storages, such as PyTorch's `torch.FloatStorage`, in a file."""

    def __init__(self, name: str, dtype: str) -> None:
        self.name, self.dtype = name, dtype
        self.place = ("torch.storage", name) if name == "UntypedStorage" else ("torch", name)

    def __repr__(self) -> str:
        return f"<class '{'.'.join(self.place)}'>"


UNTYPED = StorageType("UntypedStorage", "uint8")
TYPES = {dtype: StorageType(name, dtype) for dtype, name in TYPED.items()}
for kind in (*TYPES.values(), UNTYPED):
    known[kind.place] = known["torch.cuda", kind.name] = kind


class LoadedStorage:
    """A storage read from a file: a flat NumPy array that tensors share, and the device that they are to be on."""

    def __init__(self, array: np.ndarray, device: object = None) -> None:
        self.array, self.device = array, device              # device None: the CPU
        self._views: dict[str, LoadedStorage] = {}

    def typed(self, name: str) -> LoadedStorage:
        """The same memory as elements of another type."""
        kind = numpy_type(name)
        if self.array.dtype == kind:
            return self
        if name not in self._views:
            if self.array.nbytes % kind.itemsize:
                raise RuntimeError(f"storage of {self.array.nbytes} bytes does not hold whole elements of torch.{name}")
            self._views[name] = LoadedStorage(self.array.view(kind), self.device)
        return self._views[name]

    def part(self, offset: int, size: int) -> LoadedStorage:
        """Some of the elements, in the same memory."""
        key = f"{offset}:{size}"
        if key not in self._views:
            self._views[key] = LoadedStorage(self.array[offset:offset + size], self.device)
        return self._views[key]

    def to(self, device: str | torch.device) -> LoadedStorage:
        """The same storage, whose tensors are to be on `device`."""
        return LoadedStorage(self.array, torch.device(device))

    def cpu(self) -> LoadedStorage:
        """The same storage, whose tensors are to be on the CPU."""
        return self.to("cpu")

    def cuda(self, device: int | None = None) -> LoadedStorage:
        """The same storage, whose tensors are to be on a GPU."""
        return self.to("cuda" if device is None else f"cuda:{device}")

    def nbytes(self) -> int:
        """Its size in bytes."""
        return self.array.nbytes

    def __len__(self) -> int:
        return len(self.array)


class SavedStorage:
    """A storage on its way into a file."""

    def __init__(self, array: np.ndarray, dtype: str, location: str) -> None:
        self.array, self.type, self.location = array, TYPES.get(dtype, UNTYPED), location

    @property
    def length(self) -> int:
        """How many elements the file counts: bytes, where it does not know the type."""
        return self.array.nbytes if self.type is UNTYPED else self.array.size

    def bytes(self) -> memoryview:
        """The contents."""
        return memoryview(np.ascontiguousarray(self.array).reshape(-1).view(np.uint8))   # type: ignore[arg-type]


def take_apart(tensor: torch.Tensor) -> tuple[object, np.ndarray, int, tuple[int, ...]]:
    """The identity of a tensor's storage, all of its elements, and the tensor's offset and strides in it."""
    key, array, offset, stride = torch._storage_of(tensor)
    return key, array, int(offset), tuple(stride)


def put_together(storage: LoadedStorage, offset: int, size: Sequence[int], stride: Sequence[int]) -> torch.Tensor:
    """A tensor on a loaded storage; tensors on the same storage share it."""
    return torch._tensor_on_storage(storage, offset, tuple(size), tuple(stride))


def is_own(name: str) -> bool:
    """Whether an attribute of this name is a tensor's own, rather than set by a user."""
    return name in INTERNAL or (name not in MARKS and hasattr(torch.nn.Parameter, name))


def attributes(tensor: torch.Tensor) -> dict:
    """What a user has set on a tensor."""
    return {name: value for name, value in vars(tensor).items() if not is_own(name)}


def location_of(tensor: torch.Tensor) -> str:
    """How files call the tensor's device."""
    return "cpu" if tensor.device.type == "cpu" else str(tensor.device)
