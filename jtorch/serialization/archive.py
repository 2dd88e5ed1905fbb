"""Zip archives as PyTorch lays them out: records are stored, not compressed, and begin at multiples of 64 bytes, so that they can be mapped."""
from __future__ import annotations

import os
import struct
import zipfile
import zlib
from typing import IO

import numpy as np

from .options import get_crc32_options

ALIGNMENT = 64
WIDE = 0xFFFFFFFF                                            # in a field of 32 bits: the number is in the 64-bit form of the entry
LIMIT = WIDE                                                 # sizes and places from which that form is used
LOCAL, CENTRAL = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I")
END, END_64, LOCATOR = struct.Struct("<4s4H2IH"), struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
UTF_8, ENCRYPTED, DAY_ONE = 0x800, 0x1, 0x21
EXPANSION, FREE = 16, 1 << 20                                # compressed records may grow to 16 times the file and 1 MiB
CORRUPT = (" This is an internal miniz error. If you are seeing this error, there is a high likelihood that your checkpoint file is corrupted. This "
           "can happen if the checkpoint was not saved properly, was transferred incorrectly, or the file was modified after saving.")


class ZipWriter:
    """Writes records one after another into a file, which is never read or repositioned."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.file, self.name, self.at = file, name, 0
        self.directory: list[tuple[bytes, int, int, int]] = []   # name, checksum, size, place

    def _write(self, data: bytes | memoryview) -> None:
        self.file.write(data)
        self.at += memoryview(data).nbytes

    def record(self, name: str, data: bytes | memoryview) -> None:
        """One record."""
        path, size, checksum = f"{self.name}/{name}".encode(), memoryview(data).nbytes, zlib.crc32(data) if get_crc32_options() else 0
        self.directory.append((path, checksum, size, self.at))
        wide = size >= LIMIT
        extra = struct.pack("<2H2Q", 1, 16, size, size) if wide else b""
        padding = -(self.at + LOCAL.size + len(path) + len(extra) + 4) % ALIGNMENT
        extra += struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        short = WIDE if wide else size
        self._write(LOCAL.pack(b"PK\x03\x04", 45 if wide else 0, UTF_8, 0, 0, DAY_ONE, checksum, short, short, len(path), len(extra)))
        self._write(path + extra)
        self._write(data)

    def finish(self) -> None:
        """The version, an identity made of what was written, and the directory."""
        self.record("version", b"3\n")
        names = zlib.crc32(b"".join(entry[0] for entry in self.directory))
        contents = zlib.crc32(np.array([entry[1] for entry in self.directory], "<u4").tobytes())
        self.record(".data/serialization_id", f"{names:020d}{contents:020d}".encode())
        start = self.at
        for path, checksum, size, place in self.directory:
            wide = size >= LIMIT or place >= LIMIT
            extra = struct.pack("<2H3Q", 1, 24, size, size, place) if wide else b""
            short, at = (WIDE, WIDE) if wide else (size, place)
            version = 45 if wide else 0
            self._write(CENTRAL.pack(b"PK\x01\x02", 0, version, UTF_8, 0, 0, DAY_ONE, checksum, short, short, len(path), len(extra), 0, 0, 0, 0, at))
            self._write(path + extra)
        length, count, end = self.at - start, len(self.directory), self.at
        self._write(END_64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start))
        self._write(LOCATOR.pack(b"PK\x06\x07", 0, end, 1))
        self._write(END.pack(b"PK\x05\x06", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), min(length, WIDE), min(start, WIDE), 0))


class ZipReader:
    """Reads records of an archive.  What its directory declares is held against the file's size before anything is allocated."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        try:
            entries = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError, EOFError) as error:
            raise RuntimeError(f"PytorchStreamReader failed reading zip archive: failed finding central directory.{CORRUPT}") from error
        self.name = entries[0].filename.split("/")[0] if entries else ""
        self.entries = {entry.filename: entry for entry in entries}
        held = sum(entry.compress_size for entry in entries)
        grown = sum(entry.file_size for entry in entries)
        if len(self.entries) != len(entries) or held > self.size or grown > held + EXPANSION * self.size + FREE:
            raise RuntimeError(f"PytorchStreamReader failed reading zip archive: its directory declares more than the file holds.{CORRUPT}")
        if not self.has("version"):
            raise RuntimeError('Expected hasRecord("version") to be true, but got false.')

    def has(self, name: str) -> bool:
        """Whether there is such a record."""
        return f"{self.name}/{name}" in self.entries

    def _entry(self, name: str) -> zipfile.ZipInfo:
        found = self.entries.get(f"{self.name}/{name}")
        if found is None:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found.{CORRUPT}")
        if found.flag_bits & ENCRYPTED or found.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: unsupported kind of record.{CORRUPT}")
        return found

    def length(self, name: str) -> int:
        """The size of a record."""
        return self._entry(name).file_size

    def place(self, name: str) -> int | None:
        """Where a record's contents begin in the file; None if they are compressed."""
        entry = self._entry(name)
        return self._start(name, entry) if entry.compress_type == zipfile.ZIP_STORED else None

    def _start(self, name: str, entry: zipfile.ZipInfo) -> int:
        self.file.seek(entry.header_offset)
        header = self.file.read(LOCAL.size)
        if len(header) < LOCAL.size or header[:4] != b"PK\x03\x04":
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: no record at its place.{CORRUPT}")
        path, extra = LOCAL.unpack(header)[-2:]
        start = entry.header_offset + LOCAL.size + path + extra
        stored = entry.compress_type == zipfile.ZIP_STORED
        if start + entry.compress_size > self.size or (stored and entry.compress_size != entry.file_size):
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: it reaches beyond the end of the file.{CORRUPT}")
        return start

    def read(self, name: str) -> np.ndarray:
        """The contents of a record, as bytes in an array of their own."""
        entry = self._entry(name)
        self.file.seek(self._start(name, entry))
        if entry.compress_type == zipfile.ZIP_STORED:
            return read_bytes(self.file, entry.file_size)
        try:
            contents = zlib.decompressobj(-15).decompress(self.file.read(entry.compress_size), entry.file_size + 1)
        except zlib.error as error:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: {error}.{CORRUPT}") from error
        if len(contents) != entry.file_size:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: its size is not what the directory says.{CORRUPT}")
        return np.frombuffer(bytearray(contents), np.uint8)


def read_bytes(file: IO[bytes], size: int) -> np.ndarray:
    """The next `size` bytes, which the file must hold; the array begins at a multiple of 64 bytes in memory."""
    block = np.empty(size + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    array = block[start:start + size]
    done = 0
    while done < size:
        got = _read_some(file, memoryview(array)[done:])     # type: ignore[arg-type]
        if not got:
            raise RuntimeError(f"unexpected EOF, expected {size - done} more bytes. The file might be corrupted.")
        done += got
    return array


def _read_some(file: IO[bytes], target: memoryview) -> int:
    if hasattr(file, "readinto"):
        return file.readinto(target) or 0
    data = file.read(min(len(target), FREE))
    target[:len(data)] = data
    return len(data)
