"""`load`."""
from __future__ import annotations

import io
import mmap as mmaps
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from types import ModuleType
from typing import IO, Any

import numpy as np

from . import identities, legacy, options
from .archive import ZipReader
from .location import MapLocation, restorer
from .names import known, resolve, spelled, stands_for
from .restricted import WeightsUnpickler, names_in
from .safe import look_up
from .saving import File
from .storage import LoadedStorage, StorageType, numpy_type

Restore = Callable[[LoadedStorage, str], LoadedStorage]
Unpickle = Callable[[IO[bytes], Callable[[tuple], object] | None], object]

SEEKABLE = ("You can only torch.load from a file that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it "
            "instead.")


def load(f: File, map_location: MapLocation = None, pickle_module: ModuleType | None = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: object) -> Any:
    """Load an object from a file of `save` or of PyTorch.

    map_location    where storages go: a device, a dict from the file's devices to others, or a function of storage and device
    pickle_module   what unpickles, where `weights_only` is False
    weights_only    refuse everything but tensors, plain data, and what `torch.serialization.add_safe_globals` allows; True by default.
                    False runs whatever code the file holds
    mmap            read tensors from the file when they are used; only for a path
    """
    if weights_only is None:
        weights_only = pickle_module is None
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only and pickle_load_args:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    path = os.fspath(f) if isinstance(f, str | os.PathLike) else None
    if mmap and path is None:
        raise ValueError("f must be a file path in order to use the mmap argument")
    unpickle = _unpickler(weights_only, pickle_module or pickle, {"encoding": "utf-8", **pickle_load_args})
    restore = restorer(map_location)
    with open(path, "rb") if path is not None else nullcontext(_checked(f)) as file:
        if is_zip(file):
            return _load_zip(ZipReader(file), path if mmap else None, restore, unpickle)
        if mmap:
            raise RuntimeError(f"mmap can only be used with files saved with `torch.save({path}, _use_new_zipfile_serialization=True), please "
                               "torch.save your checkpoint with this option in order to use mmap.")
        return legacy.load(file, restore, unpickle)


def _checked(file: object) -> IO[bytes]:
    for method in ("seek", "tell"):
        if not hasattr(file, method):
            raise AttributeError(f"'{type(file).__name__}' object has no attribute '{method}'. {SEEKABLE}")
    return file                                              # type: ignore[return-value]


def is_zip(file: IO[bytes]) -> bool:
    """Whether a zip archive begins here."""
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    return head == b"PK\x03\x04"


def _unpickler(weights_only: bool, module: ModuleType, arguments: dict) -> Unpickle:
    if weights_only:
        def restricted(file: IO[bytes], persistent_load: Callable[[tuple], object] | None) -> object:
            return WeightsUnpickler(file, persistent_load or _no_storages, str(arguments["encoding"])).load()
        return restricted

    class Unpickler(module.Unpickler):                       # type: ignore[name-defined, misc]
        """The given module's unpickler, which takes PyTorch's names for this package's."""

        def find_class(self, path: str, name: str) -> object:
            """A class or function."""
            if (path, name) in known or path.split(".")[0] == "torch":
                return resolve(path, name)
            return super().find_class(path, name)

    def whole(file: IO[bytes], persistent_load: Callable[[tuple], object] | None) -> object:
        unpickler = Unpickler(file, **arguments)
        unpickler.persistent_load = persistent_load or _no_storages
        return unpickler.load()
    return whole


def _no_storages(identity: object) -> object:
    raise pickle.UnpicklingError("corrupt file: a storage where none can be")


def _load_zip(archive: ZipReader, mapped: str | None, restore: Restore, unpickle: Unpickle) -> object:
    if archive.has("constants.pkl"):
        raise RuntimeError("This file is a TorchScript archive (made by torch.jit.save), which torch.load of jtorch does not read. Save the module's "
                           "state_dict() with torch.save instead.")
    data = archive.read("data.pkl").tobytes()
    swap = _order(archive) != sys.byteorder
    loaded: dict[str, tuple[StorageType, LoadedStorage]] = {}

    def persistent_load(identity: tuple) -> LoadedStorage:
        kind, key, location, length = identities.storage(identity, 5)
        if key not in loaded:
            array = _read_storage(archive, mapped, f"data/{key}", length * numpy_type(kind.dtype).itemsize)
            typed = array.view(numpy_type(kind.dtype))
            storage = LoadedStorage(typed.byteswap() if swap and typed.itemsize > 1 else typed)
            loaded[key] = kind, restore(storage, location)
        if loaded[key][0] is not kind:
            raise RuntimeError(f"corrupt file: storage {key!r:.40} is of two types")
        return loaded[key][1]
    return unpickle(io.BytesIO(data), persistent_load)


def _order(archive: ZipReader) -> str:
    if not archive.has("byteorder"):
        default = options.get_default_load_endianness()
        return "big" if default is options.LoadEndianness.BIG else "little" if default is options.LoadEndianness.LITTLE else sys.byteorder
    order = archive.read("byteorder").tobytes().decode("ascii", "replace")
    if order not in ("little", "big"):
        raise ValueError(f"Unknown endianness type: {order:.40}")
    return order


def _read_storage(archive: ZipReader, mapped: str | None, name: str, size: int) -> np.ndarray:
    held = archive.length(name)
    if held != size:
        raise RuntimeError(f"record size ({held} bytes) does not match expected size ({size} bytes = {size} elements * 1 bytes/element) for dtype "
                           "Byte")
    place = archive.place(name) if mapped is not None else None
    if mapped is None or place is None or place % 64 or not size:
        return archive.read(name)
    private = options.get_default_mmap_options() == mmaps.MAP_PRIVATE
    return np.asarray(np.memmap(mapped, np.uint8, "c" if private else "r+", place, (size,)))


@stands_for("torch.storage")
def _load_from_bytes(data: bytes) -> object:
    """A storage inside an ordinary pickle of a tensor."""
    return load(io.BytesIO(data), weights_only=False)


def get_unsafe_globals_in_checkpoint(f: File) -> list[str]:
    """The names in a file that `load` with `weights_only=True` would refuse."""
    with open(f, "rb") if isinstance(f, str | os.PathLike) else nullcontext(_checked(f)) as file:
        if not is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        data = ZipReader(file).read("data.pkl").tobytes()
    places = names_in(io.BytesIO(data))
    return [spelled(module, name) for module, name in places if look_up(module, name)[0] is None]
