"""The names that a file may mention when it is loaded with `weights_only=True`."""
from __future__ import annotations

import collections
from collections.abc import Callable, Iterable
from types import TracebackType

import jtorch as torch

from . import rebuild
from .names import dotted, known, spelled
from .storage import StorageType

Item = Callable | tuple[Callable, str]

BLOCKED = "os", "nt", "posix", "sys"                         # modules from which nothing is ever allowed
PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
TENSOR_MAKERS = (rebuild._rebuild_tensor, rebuild._rebuild_tensor_v2, rebuild._rebuild_tensor_v3, rebuild._rebuild_parameter,
                 rebuild._rebuild_parameter_with_state, rebuild._rebuild_meta_tensor_no_storage, rebuild._rebuild_from_type_v2,
                 rebuild._rebuild_sparse_tensor, rebuild._get_layout)

_allowed: list[Item] = []


def add_safe_globals(safe_globals: list[Item]) -> None:
    """Allow classes and functions, or (class, full name in files), in files loaded with `weights_only=True`."""
    _allowed.extend(item for item in list(safe_globals) if item not in _allowed)


def get_safe_globals() -> list[Item]:
    """What the user has allowed."""
    return list(_allowed)


def clear_safe_globals() -> None:
    """Allow nothing beyond the defaults any more."""
    _allowed.clear()


class safe_globals:
    """A context in which more is allowed.

    >>> with torch.serialization.safe_globals([set]): len(torch.serialization.get_safe_globals())
    1
    """

    def __init__(self, safe_globals: list[Item]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> safe_globals:
        self._before = get_safe_globals()
        add_safe_globals(self.safe_globals)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _allowed[:] = self._before


def allowed_by_user() -> dict[str, Callable]:
    """What the user has allowed, by its name in files."""
    table: dict[str, Callable] = {}
    for item in _allowed:
        value, name = item if isinstance(item, tuple) else (item, dotted(item))
        table[name] = value
    return table


def _bytearray(content: Iterable[int] | str | bytes = b"", encoding: str = "latin-1") -> bytearray:
    """`bytearray` of contents only: of a number it would allocate what the file asks for."""
    if isinstance(content, str):
        return bytearray(content, "latin-1")
    if isinstance(content, int):
        raise RuntimeError("corrupt file: a bytearray of a size")
    return bytearray(content)


def _encode(text: str, encoding: str = "latin-1") -> bytes:
    """`codecs.encode` as pickles use it: bytes are kept as Latin-1 text."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RuntimeError(f"corrupt file: bytes encoded as {encoding!r:.40}")
    return text.encode("latin-1")


CALLED: dict[str, Callable] = {                              # allowed, and may be called
    "collections.OrderedDict": collections.OrderedDict, "collections.Counter": collections.Counter, "set": set, "complex": complex,
    "bytearray": _bytearray, "_codecs.encode": _encode, "torch.Size": torch.Size, "torch.device": torch.device,
    **{".".join(place): function for place, function in known.items() if function in TENSOR_MAKERS}}


def _named(name: str) -> object:
    """What may only be mentioned: types of tensors, elements and storages."""
    module, _, last = name.rpartition(".")
    if (module, last) in known:
        return None if callable(known[module, last]) else known[module, last]
    if name == "torch.Tensor":
        return torch.Tensor
    if name == "torch.nn.parameter.Parameter":
        return torch.nn.Parameter
    found = getattr(torch, last, None) if module == "torch" else None
    return found if isinstance(found, torch.dtype) and str(found) == name else None


def mentioned_storage(module: object, name: object) -> StorageType | None:
    """The type of storages of this name."""
    found = known.get((str(module), str(name)))
    return found if isinstance(found, StorageType) else None


def look_up(module: str, name: str) -> tuple[object, bool, str]:
    """What a name in a file stands for, whether it may be called, and the name in full; None for what is not allowed."""
    full = spelled(PYTHON_2.get(module, module), name)
    if full in CALLED:
        return CALLED[full], True, full
    mentioned = _named(full)
    if mentioned is not None:
        return mentioned, False, full
    return allowed_by_user().get(full), True, full
