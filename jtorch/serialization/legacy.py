"""The format before zip archives: pickles one after another, then the storages' contents."""
from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from . import identities
from .archive import read_bytes
from .restricted import storages_in
from .saving import MAGIC, PROTOCOL
from .storage import LoadedStorage, StorageType, numpy_type

Restore = Callable[[LoadedStorage, str], LoadedStorage]
Unpickle = Callable[[IO[bytes], Callable[[tuple], object] | None], object]


class Bounded:
    """A file that never is asked for more than it holds, whatever a pickle claims."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.at = file, file.tell()
        self.end = file.seek(0, os.SEEK_END)
        file.seek(self.at)

    def left(self) -> int:
        """How many bytes follow."""
        return self.end - self.file.tell()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        return self.file.read(min(size, self.left()) if size >= 0 else self.left())

    def readline(self) -> bytes:
        """The next line."""
        return self.file.readline()

    def tell(self) -> int:
        """The place in the file."""
        return self.file.tell()


def load(source: IO[bytes], restore: Restore, unpickle: Unpickle) -> object:
    """The object that begins here.

    Contents come last in the file, but tensors are made of complete storages: so the pickle is first only looked through for its storages.
    """
    file: Any = Bounded(source)
    if not file.left():
        raise EOFError("Ran out of input")
    if unpickle(file, None) != MAGIC:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = unpickle(file, None)
    if version != PROTOCOL:
        raise RuntimeError(f"Invalid protocol version: {version!r:.40}")
    system = unpickle(file, None)
    if not isinstance(system, dict):
        raise RuntimeError("corrupt file: no description of the system that wrote it")
    start = source.tell()
    mentioned = storages_in(file)
    storages = _read_storages(file, mentioned, unpickle(file, None), bool(system.get("little_endian", True)) != (sys.byteorder == "little"))
    end = source.tell()
    restored: dict[str, LoadedStorage] = {}

    def persistent_load(identity: tuple) -> object:
        if isinstance(identity, tuple) and len(identity) > 1 and identity[0] in ("module", b"module"):
            return identity[1]                               # a class with its source, which is no longer looked at
        _, key, location, length = identities.storage(identity, 6)
        if key not in restored:
            restored[key] = restore(LoadedStorage(storages[key]), location)
        if identity[5] is None:
            return restored[key]
        _, offset, size = identities.view(identity[5], length)
        return restored[key].part(offset, size)
    source.seek(start)
    value = unpickle(file, persistent_load)
    source.seek(end)
    return value


def _read_storages(file: Bounded, mentioned: list, keys: object, swap: bool) -> dict[str, np.ndarray]:
    """The contents of every storage, in the order of `keys`."""
    kinds: dict[str, tuple[StorageType, int]] = {}
    for identity in mentioned:
        if isinstance(identity, tuple) and identity[:1] == ("storage",):
            kind, key, _, length = identities.storage(identity, 6)
            if kinds.setdefault(key, (kind, length)) != (kind, length):
                raise RuntimeError(f"corrupt file: storage {key!r:.40} is of two kinds")
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(kinds):
        raise RuntimeError("corrupt file: its list of storages is not that of its tensors")
    return {str(key): _read_storage(file, *kinds[str(key)], swap) for key in keys}


def _read_storage(file: Bounded, kind: StorageType, length: int, swap: bool) -> np.ndarray:
    dtype = numpy_type(kind.dtype)
    if 8 + length * dtype.itemsize > file.left():
        raise RuntimeError(f"unexpected EOF, expected {8 + length * dtype.itemsize - file.left()} more bytes. The file might be corrupted.")
    if struct.unpack(">q" if swap and sys.byteorder == "little" else "<q", file.read(8))[0] != length:
        raise pickle.UnpicklingError("storage has wrong byte size: corrupt file?")
    array = read_bytes(file.file, length * dtype.itemsize).view(dtype)
    return array.byteswap() if swap and dtype.itemsize > 1 else array
