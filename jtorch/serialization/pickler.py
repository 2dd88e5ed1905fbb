"""Pickle an object with PyTorch's names; the contents of storages go beside the pickle."""
from __future__ import annotations

import collections
import functools
import io
import pickle
import warnings
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import jtorch as torch

from . import rebuild
from .names import name_in_files
from .storage import UNTYPED, SavedStorage, StorageType, attributes, location_of, take_apart

PYTHON = pickle._Pickler                                     # type: ignore[attr-defined]  # the pickler in Python lets names be chosen
Reduced = tuple[object, tuple]
KINDS = "Cannot save multiple tensors or storages that view the same data as different types"
HOOK = ("backward hook {} on tensor will not be serialized.  If this is expected, you can decorate the function with "
        "@torch.utils.hooks.unserializable_hook to suppress this warning")


class Storages:
    """The storages of what is pickled, each once."""

    def __init__(self, name: Callable[[object, int], str], legacy: bool) -> None:
        self.name, self.legacy = name, legacy
        self.keys: dict[object, str] = {}                    # the identity of a storage -> its name in the file
        self.all: dict[str, SavedStorage] = {}
        self.tensors: list[torch.Tensor] = []                # kept alive, so that identities stay unique

    def identity(self, storage: SavedStorage, key: object) -> tuple:
        """What the pickle holds in place of a storage."""
        if key not in self.keys:
            self.keys[key] = self.name(key, len(self.keys))
            self.all[self.keys[key]] = storage
        name = self.keys[key]
        if self.all[name].type is not storage.type:
            raise RuntimeError(KINDS)
        identity = "storage", storage.type, name, storage.location, storage.length
        return (*identity, None) if self.legacy else identity


class Kept:
    """A storage of a tensor, with its identity."""

    def __init__(self, key: object, storage: SavedStorage) -> None:
        self.key, self.storage = key, storage


def reduce_tensor(tensor: torch.Tensor, storages: Storages) -> object:
    """How a tensor is made again, or NotImplemented where its class says so itself."""
    if tensor.layout is not torch.strided:
        return _reduce_sparse(tensor)
    parameter = isinstance(tensor, torch.nn.Parameter)
    if type(tensor).__reduce_ex__ is not (torch.nn.Parameter if parameter else torch.Tensor).__reduce_ex__:
        return NotImplemented
    state, hooks = attributes(tensor), collections.OrderedDict()   # type: ignore[var-annotated]
    if parameter:
        if state:
            return rebuild._rebuild_parameter_with_state, (tensor.data, tensor.requires_grad, hooks, state)
        return rebuild._rebuild_parameter, (tensor.data, tensor.requires_grad, hooks)
    for hook in (getattr(tensor, "_backward_hooks", None) or {}).values():
        if not getattr(hook, "__torch_unserializable__", False):
            warnings.warn(HOOK.format(repr(hook)), stacklevel=2)
    function, arguments = _reduce_data(tensor, storages)
    if type(tensor) is torch.Tensor and not state:
        return function, arguments
    return rebuild._rebuild_from_type_v2, (function, type(tensor), arguments, state or None)


def _reduce_sparse(tensor: Any) -> Reduced:
    if tensor.layout is torch.sparse_coo:
        return rebuild._rebuild_sparse_tensor, (tensor.layout, (tensor._indices(), tensor._values(), tensor.shape, tensor.is_coalesced()))
    rows = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
    parts = (tensor.crow_indices(), tensor.col_indices()) if rows else (tensor.ccol_indices(), tensor.row_indices())
    return rebuild._rebuild_sparse_tensor, (tensor.layout, (*parts, tensor.detach().values(), tensor.shape))


def _reduce_data(tensor: torch.Tensor, storages: Storages) -> Reduced:
    size = tuple(tensor.shape)
    if tensor.device.type == "meta":
        return rebuild._rebuild_meta_tensor_no_storage, (tensor.dtype, size, tuple(tensor.stride()), tensor.requires_grad)
    key, array, offset, stride = take_apart(tensor)
    storages.tensors.append(tensor)
    kept = Kept(key, SavedStorage(array, str(tensor.dtype).removeprefix("torch."), location_of(tensor)))
    arguments: tuple = kept, offset, size, stride, tensor.requires_grad, collections.OrderedDict()
    metadata = {name: True for name, is_set in (("conj", tensor.is_conj()), ("neg", tensor.is_neg())) if is_set}
    if kept.storage.type is UNTYPED:
        return rebuild._rebuild_tensor_v3, (*arguments, tensor.dtype, *([metadata] if metadata else []))
    return rebuild._rebuild_tensor_v2, (*arguments, *([metadata] if metadata else []))


@functools.cache
def _pickler_class(base: type) -> type:
    class Pickler(base):                                     # type: ignore[misc, valid-type]
        """`base` with PyTorch's names and with storages kept aside.

        Names can be PyTorch's only where `base` is written in Python, as `pickle`'s own is chosen to be; else they are this package's.
        """
        storages: Storages

        def persistent_id(self, value: object) -> tuple | None:
            """Storages are kept aside."""
            return self.storages.identity(value.storage, value.key) if isinstance(value, Kept) else None

        def reducer_override(self, value: object) -> object:
            """How this package's own objects are made again."""
            if isinstance(value, torch.Tensor):
                return reduce_tensor(value, self.storages)
            if isinstance(value, torch.Generator):
                return torch.Generator, (value.device,), (value.initial_seed(), None, value.get_state())
            if isinstance(value, torch.device):
                return torch.device, (value.type,) if value.index is None else (value.type, value.index)
            if isinstance(value, torch.Size):
                return torch.Size, (tuple(value),)
            if isinstance(value, torch.layout):
                return rebuild._get_layout, (str(value),)
            place = value.place if isinstance(value, StorageType) else name_in_files(value)
            if place is None and base is PYTHON and isinstance(value, type | FunctionType) and "<locals>" in value.__qualname__:
                raise AttributeError(f"Can't pickle local object {value.__qualname__!r}")   # as the pickler in C, which PyTorch uses, says it
            return place[1] if place else NotImplemented

        def save_global(self, value: object, name: str | None = None) -> None:
            """Classes and functions by PyTorch's names."""
            place = value.place if isinstance(value, StorageType) else name_in_files(value)
            if place is None:
                super().save_global(value, name)
                return
            if self.proto >= 4:
                self.save(place[0])
                self.save(place[1])
                self.write(pickle.STACK_GLOBAL)
            else:
                self.write(pickle.GLOBAL + f"{place[0]}\n{place[1]}\n".encode())
            self.memoize(value)
    return Pickler


def pickled(value: object, storages: Storages, module: ModuleType, protocol: int) -> bytes:
    """The pickle of `value`, whose storages are put into `storages`."""
    base = PYTHON if module is pickle else module.Pickler
    stream = io.BytesIO()
    pickler = _pickler_class(base)(stream, protocol=protocol)
    pickler.storages = storages
    pickler.dump(value)
    return stream.getvalue()
