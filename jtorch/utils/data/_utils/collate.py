"""Make one batch of a list of samples.  Stacking is host data movement: no sample starts a computation."""
from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence

import numpy as np

import jtorch as torch

from .regions import shelf

__all__ = ["collate", "default_collate", "default_convert"]

CollateMap = dict[type | tuple[type, ...], Callable]

UNKNOWN = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
NO_TENSOR = "SaUO"                                           # kinds of NumPy types that no tensor holds: bytes, text, objects
IN_WORKER = "stack(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
STACKABLE = "?bBhHiIlLqQefdFD"                               # type codes that NumPy and tensors share


def default_convert(data: object) -> object:
    """Arrays and NumPy scalars inside `data` as tensors, the rest as it is: what a loader does with a sample when it makes no batches."""
    kind = type(data)
    if isinstance(data, torch.Tensor):
        return data
    if kind.__module__ == "numpy" and kind.__name__ not in ("str_", "string_", "bytes_"):
        if isinstance(data, np.ndarray) and data.dtype.kind in NO_TENSOR:
            return data
        return torch.as_tensor(data)
    if isinstance(data, Mapping):
        return _as_mapping(data, lambda key: default_convert(data[key]))
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return kind(*[default_convert(item) for item in data])
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _as_sequence(data, [default_convert(item) for item in data])
    return data


def collate(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> object:
    """One batch of samples.  Types in `collate_fn_map` go to their function; mappings and sequences are entered."""
    first = batch[0]
    kind = type(first)
    known = _known(first, collate_fn_map or {})
    if known is not None:
        return known(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        return _as_mapping(first, lambda key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map))
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*[collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)])
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _as_sequence(first, columns)
    raise TypeError(UNKNOWN.format(kind))


def _known(sample: object, functions: CollateMap) -> Callable | None:
    """The function for the sample's own type, else for the first type that it is an instance of."""
    if type(sample) in functions:
        return functions[type(sample)]
    return next((function for kinds, function in functions.items() if isinstance(sample, kinds)), None)


def _as_mapping(like: Mapping, value: Callable[[object], object]) -> object:
    """A mapping of `like`'s own type where that can be made, else a dict."""
    values = {key: value(key) for key in like}
    try:
        if isinstance(like, MutableMapping):
            made = copy.copy(like)                           # keeps what the type holds besides its items, as a defaultdict's factory
            made.update(values)
            return made
        return type(like)(values)                            # type: ignore[call-arg]
    except TypeError:
        return values


def _as_sequence(like: Sequence, values: list) -> object:
    """A sequence of `like`'s own type where that can be made, else a list."""
    try:
        if isinstance(like, MutableSequence):
            made = copy.copy(like)
            for i, value in enumerate(values):
                made[i] = value
            return made
        return type(like)(values)                            # type: ignore[call-arg]
    except TypeError:
        return values


def stack(batch: Sequence[torch.Tensor]) -> torch.Tensor:
    """The tensors along a new first dimension."""
    if all(type(tensor) is torch.Tensor and not tensor.requires_grad and tensor.device.type == "cpu" for tensor in batch):
        arrays = [tensor._host() for tensor in batch]
        shape, dtype = arrays[0].shape, arrays[0].dtype
        if all(array.shape == shape and array.dtype == dtype for array in arrays):
            shared = shelf.stacked(arrays)
            return torch._from_host(np.array(arrays, dtype) if shared is None else shared)   # for small arrays several times as fast as np.stack
    if torch.utils.data.get_worker_info() is not None and any(isinstance(tensor, torch.Tensor) and tensor.requires_grad for tensor in batch):
        raise RuntimeError(IN_WORKER)
    return torch.stack(tuple(batch), 0)


def _collate_tensors(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> torch.Tensor:
    return stack(batch)


def _collate_arrays(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> object:
    first = batch[0]
    if first.dtype.kind in NO_TENSOR:
        raise TypeError(UNKNOWN.format(first.dtype))
    if first.dtype.char in STACKABLE and first.dtype.isnative and all(
            type(array) is np.ndarray and array.dtype == first.dtype and array.shape == first.shape for array in batch):
        return torch._from_host(np.array(batch, first.dtype))
    return collate([torch.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def _collate_numpy_scalars(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> torch.Tensor:
    kind = type(batch[0])
    if all(type(number) is kind for number in batch) and batch[0].dtype.char in STACKABLE:
        return torch._from_host(np.array(batch))
    return torch.as_tensor(batch)


def _collate_floats(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> torch.Tensor:
    return torch.tensor(batch, dtype=torch.float64)


def _collate_ints(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> torch.Tensor:
    return torch.tensor(batch)


def _collate_text(batch: Sequence, *, collate_fn_map: CollateMap | None = None) -> Sequence:
    return batch


default_collate_fn_map: CollateMap = {
    torch.Tensor: _collate_tensors, np.ndarray: _collate_arrays, (np.bool_, np.number, np.object_): _collate_numpy_scalars,
    float: _collate_floats, int: _collate_ints, str: _collate_text, bytes: _collate_text}


def default_collate(batch: Sequence) -> object:
    """One batch of samples: tensors, arrays and numbers are stacked, texts listed, mappings and sequences entered.

    >>> torch.utils.data.default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
