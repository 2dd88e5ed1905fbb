"""Save objects in files and load them: PyTorch's formats, both ways, without PyTorch."""
from __future__ import annotations

from collections.abc import Callable

from .._core.device import device
from ..types import Storage
from .loading import get_unsafe_globals_in_checkpoint, load
from .location import default_restore_location, location_tag, register_package, validate_cuda_device
from .options import (LoadEndianness, get_crc32_options, get_default_load_endianness, get_default_mmap_options, set_crc32_options,
                      set_default_load_endianness, set_default_mmap_options, skip_data)
from .rebuild import _get_layout
from .safe import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .saving import save

DEFAULT_PROTOCOL = 2
MAP_LOCATION = Callable[[Storage, str], Storage] | device | str | dict[str, str] | None    # what `load` takes as map_location


class SourceChangeWarning(Warning):
    """The source of a saved module has changed.  Kept for programs that filter it."""


__all__ = ["DEFAULT_PROTOCOL", "LoadEndianness", "SourceChangeWarning", "_get_layout", "add_safe_globals", "clear_safe_globals",
           "default_restore_location", "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options", "get_safe_globals",
           "get_unsafe_globals_in_checkpoint", "load", "location_tag", "register_package", "safe_globals", "save", "set_crc32_options",
           "set_default_load_endianness", "set_default_mmap_options", "skip_data", "validate_cuda_device"]
