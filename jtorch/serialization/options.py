"""Defaults of saving and loading that a program can set."""
from __future__ import annotations

import enum
import mmap


class LoadEndianness(enum.Enum):
    """The order of bytes of files that do not tell theirs."""
    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _Options:
    endianness: LoadEndianness | None = None
    mapping = mmap.MAP_PRIVATE
    checksums = True
    skipping = False


def get_default_load_endianness() -> LoadEndianness | None:
    """The order of bytes assumed for files that do not tell theirs; None: this machine's."""
    return _Options.endianness


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Set the order of bytes assumed for files that do not tell theirs."""
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _Options.endianness = endianness


def get_default_mmap_options() -> int:
    """How `load(..., mmap=True)` maps files."""
    return _Options.mapping


class set_default_mmap_options:
    """Set how `load(..., mmap=True)` maps files: `mmap.MAP_PRIVATE`, or `mmap.MAP_SHARED`, where writing to a tensor writes to the file.

    Also a context, at whose end the former setting returns.
    """

    def __init__(self, flags: int) -> None:
        if flags not in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
            raise ValueError("Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, "
                             f"but got {flags}")
        self.before, _Options.mapping = _Options.mapping, flags

    def __enter__(self) -> None:
        """Set already."""

    def __exit__(self, *error: object) -> None:
        _Options.mapping = self.before


def get_crc32_options() -> bool:
    """Whether `save` computes checksums."""
    return _Options.checksums


def set_crc32_options(compute_crc32: bool) -> None:
    """Set whether `save` computes checksums.  Without them saving is faster and zip programs call the file corrupt; `load` never looks at them."""
    _Options.checksums = compute_crc32


class skip_data:
    """A part of the program in which `save` leaves the place of tensors' elements empty, for another program to fill; `load` gives any elements.

    materialize_fake_tensors  accepted: there are none
    """

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self) -> None:
        self.before, _Options.skipping = _Options.skipping, True

    def __exit__(self, *error: object) -> None:
        _Options.skipping = self.before


def skipping() -> bool:
    """Whether elements are left out."""
    return _Options.skipping
