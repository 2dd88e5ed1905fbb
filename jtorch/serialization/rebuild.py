"""The functions that files call to make tensors.  What they are given may be anything: sizes are checked before a tensor is made."""
from __future__ import annotations

import math
from collections.abc import Sequence

import jtorch as torch

from .names import stands_for
from .storage import LoadedStorage, is_own, put_together

LARGEST = 2 ** 63 - 1


def _whole(what: str, values: object) -> tuple[int, ...]:
    if not isinstance(values, Sequence) or not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        raise RuntimeError(f"corrupt file: {what} of a tensor should be integers, but got {values!r:.80}")
    return tuple(values)


def check(length: int, itemsize: int, offset: object, size: object, stride: object) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Offset, sizes and strides, if they stay within a storage of `length` elements; else RuntimeError."""
    sizes, strides, (start,) = _whole("sizes", size), _whole("strides", stride), _whole("the offset", (offset,))
    if len(sizes) != len(strides):
        raise RuntimeError(f"unequal size length ({len(sizes)}) and stride length ({len(strides)})")
    if start < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {start}")
    if min(sizes, default=0) < 0 or math.prod(sizes) > LARGEST:
        raise RuntimeError("numel: integer multiplication overflow")
    if min(strides, default=0) < 0:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(sizes)} and strides={list(strides)}")
    end = start + 1 + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if 0 not in sizes and end > length:
        raise RuntimeError(f"setStorage: sizes {list(sizes)}, strides {list(strides)}, storage offset {start}, and itemsize {itemsize} requiring a "
                           f"storage size of {end * itemsize} are out of bounds for storage of size {length * itemsize}")
    return start, sizes, strides


@stands_for("torch._utils")
def _rebuild_tensor(storage: LoadedStorage, storage_offset: int, size: Sequence[int], stride: Sequence[int]) -> torch.Tensor:
    if not isinstance(storage, LoadedStorage):
        raise RuntimeError(f"corrupt file: a tensor needs a storage, but got {type(storage).__name__}")
    return put_together(storage, *check(len(storage), storage.array.itemsize, storage_offset, size, stride))


@stands_for("torch._utils")
def _rebuild_tensor_v2(storage: LoadedStorage, storage_offset: int, size: Sequence[int], stride: Sequence[int], requires_grad: bool,
                       backward_hooks: object, metadata: dict | None = None) -> torch.Tensor:
    tensor = _rebuild_tensor(storage, storage_offset, size, stride)
    if metadata and metadata.get("conj"):
        tensor = torch.conj(tensor)
    if metadata and metadata.get("neg"):
        tensor = torch.neg(tensor)
    return tensor.requires_grad_() if requires_grad else tensor


@stands_for("torch._utils")
def _rebuild_tensor_v3(storage: LoadedStorage, storage_offset: int, size: Sequence[int], stride: Sequence[int], requires_grad: bool,
                       backward_hooks: object, dtype: torch.dtype, metadata: dict | None = None) -> torch.Tensor:
    if not isinstance(storage, LoadedStorage) or not isinstance(dtype, torch.dtype):
        raise RuntimeError(f"corrupt file: a tensor needs a storage and a dtype, but got {type(storage).__name__} and {type(dtype).__name__}")
    typed = storage.typed(str(dtype).removeprefix("torch."))
    return _rebuild_tensor_v2(typed, storage_offset, size, stride, requires_grad, backward_hooks, metadata)


@stands_for("torch._utils")
def _rebuild_meta_tensor_no_storage(dtype: torch.dtype, size: Sequence[int], stride: Sequence[int], requires_grad: bool) -> torch.Tensor:
    _, sizes, strides = check(LARGEST, 1, 0, size, stride)
    return torch.empty_strided(sizes, strides, dtype=dtype, device="meta", requires_grad=bool(requires_grad))


@stands_for("torch._utils")
def _rebuild_sparse_tensor(layout: torch.layout, data: Sequence) -> torch.Tensor:
    if layout is torch.sparse_coo:
        indices, values, size, *coalesced = data
        return torch.sparse_coo_tensor(indices, values, _whole("sizes", size), is_coalesced=bool(coalesced and coalesced[0]), check_invariants=True)
    compressed, plain, values, size = data
    return torch.sparse_compressed_tensor(compressed, plain, values, _whole("sizes", size), layout=layout, check_invariants=True)


@stands_for("torch._utils")
def _rebuild_parameter(data: torch.Tensor, requires_grad: bool, backward_hooks: object) -> torch.nn.Parameter:
    if not isinstance(data, torch.Tensor):
        raise RuntimeError(f"corrupt file: a parameter needs a tensor, but got {type(data).__name__}")
    return torch.nn.Parameter(data, bool(requires_grad))


@stands_for("torch._utils")
def _rebuild_parameter_with_state(data: torch.Tensor, requires_grad: bool, backward_hooks: object, state: object) -> torch.Tensor:
    return set_attributes(_rebuild_parameter(data, requires_grad, backward_hooks), state)


@stands_for("torch._tensor")
def _rebuild_from_type_v2(function: object, kind: type, arguments: tuple, state: object) -> torch.Tensor:
    if function not in (_rebuild_tensor, _rebuild_tensor_v2, _rebuild_tensor_v3, _rebuild_parameter, _rebuild_meta_tensor_no_storage):
        raise RuntimeError(f"corrupt file: {function!r:.80} does not make a tensor")
    if not isinstance(kind, type) or not issubclass(kind, torch.Tensor):
        raise RuntimeError(f"corrupt file: {kind!r:.80} is no class of tensors")
    tensor = function(*arguments)                            # type: ignore[operator]
    if type(tensor) is not kind:
        tensor = tensor.as_subclass(kind)
    return set_attributes(tensor, state)


@stands_for("torch.serialization")
def _get_layout(name: str) -> object:
    found = getattr(torch, name.removeprefix("torch."), None)
    if not isinstance(found, torch.layout):
        raise RuntimeError(f"corrupt file: no layout is called {name!r:.80}")
    return found


def set_attributes(tensor: torch.Tensor, state: object) -> torch.Tensor:
    """Give a tensor the attributes that a user had set on it.  What is a tensor's own is left alone."""
    named, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for part in (named, slots):
        if part is not None and not isinstance(part, dict):
            raise RuntimeError(f"corrupt file: attributes of a tensor should be a dict, but got {type(part).__name__}")
        for name, value in (part or {}).items():
            if not isinstance(name, str) or is_own(name):
                raise RuntimeError(f"corrupt file: {name!r:.80} cannot be an attribute that was set on a tensor")
            setattr(tensor, name, value)
    return tensor
