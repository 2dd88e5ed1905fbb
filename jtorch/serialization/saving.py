"""`save`."""
from __future__ import annotations

import os
import pickle
import secrets
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import IO

from .archive import ALIGNMENT, ZipWriter
from .options import skipping
from .pickler import Storages, pickled

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001               # of the format before zip archives
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}

File = str | os.PathLike[str] | IO[bytes]


def save(obj: object, f: File, pickle_module: ModuleType = pickle, pickle_protocol: int = 2, _use_new_zipfile_serialization: bool = True,
         _disable_byteorder_record: bool = False) -> None:
    """Save an object in a file, in PyTorch's format.  A file at a path is replaced only when the new one is complete.

    >>> from io import BytesIO
    >>> file = BytesIO()
    >>> torch.save({"weight": torch.ones(2)}, file)
    >>> torch.load(BytesIO(file.getvalue()))
    {'weight': tensor([1., 1.])}
    """
    if not isinstance(f, str | os.PathLike) and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    if skipping() and not _use_new_zipfile_serialization:
        raise RuntimeError("Cannot use skip_data=True with _use_new_zipfile_serialization=False")
    storages = Storages((lambda key, count: str(count)) if _use_new_zipfile_serialization else (lambda key, count: str(id(key) + count)),
                        legacy=not _use_new_zipfile_serialization)
    data = pickled(obj, storages, pickle_module, pickle_protocol)
    name = _archive_name(f) if isinstance(f, str | os.PathLike) else "archive"
    with replacing(f) if isinstance(f, str | os.PathLike) else _given(f) as file:
        if _use_new_zipfile_serialization:
            _write_zip(ZipWriter(file, name), data, storages, not _disable_byteorder_record)
        else:
            _write_legacy(file, data, storages, pickle_module, pickle_protocol)
        file.flush()


def _archive_name(path: str | os.PathLike[str]) -> str:
    name = os.path.basename(os.fspath(path))
    stem = name.rpartition(".")[0] or name
    return stem if stem.isascii() else "archive"


@contextmanager
def _given(file: IO[bytes]) -> Iterator[IO[bytes]]:
    yield file


def _write_zip(archive: ZipWriter, data: bytes, storages: Storages, byteorder: bool) -> None:
    archive.record("data.pkl", data)
    archive.record(".format_version", b"1")
    archive.record(".storage_alignment", str(ALIGNMENT).encode())
    if byteorder:
        archive.record("byteorder", sys.byteorder.encode())
    for name, storage in storages.all.items():
        elements = storage.bytes()
        archive.record(f"data/{name}", bytes(memoryview(elements).nbytes) if skipping() else elements)
    archive.finish()


def _write_legacy(file: IO[bytes], data: bytes, storages: Storages, module: ModuleType, protocol: int) -> None:
    for header in (MAGIC, PROTOCOL, SYSTEM | {"little_endian": sys.byteorder == "little"}):
        module.dump(header, file, protocol=protocol)
    file.write(data)
    names = sorted(storages.all)
    module.dump(names, file, protocol=protocol)
    for name in names:
        storage = storages.all[name]
        file.write(struct.pack("<q", storage.length))
        file.write(storage.bytes())


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file that takes the place of the one at `path` when it is complete; until then, and after an error, the old one stays."""
    target = os.path.realpath(os.fspath(path))               # a link goes on pointing to the new file
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(os.fspath(path))} does not exist.")
    if os.path.isdir(target):
        raise RuntimeError(f"open file failed with strerror: Is a directory: {os.fspath(path)}")
    old = os.stat(target) if os.path.exists(target) else None
    if not os.access(folder, os.W_OK) or (old is not None and not os.path.isfile(target)):
        with open(target, "wb") as file:                     # a pipe or device, or a folder in which nothing can be made
            yield file
        return
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", os.fspath(path))
    temporary = os.path.join(folder, f".{os.path.basename(target)[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            os.chmod(temporary, old.st_mode & 0o7777)
        os.replace(temporary, target)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
