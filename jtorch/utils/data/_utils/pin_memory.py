"""Move a batch to page-locked memory, from which copies to an accelerator are faster."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import jtorch as torch

from .collate import _as_mapping, _as_sequence


def pin_memory(data: object, device: object = None) -> object:
    """`data` with its tensors pinned.  Objects with a `pin_memory` method are asked to do it themselves."""
    if isinstance(data, torch.Tensor):
        return data.pin_memory()
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, Mapping):
        return _as_mapping(data, lambda key: pin_memory(data[key], device))
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*[pin_memory(item, device) for item in data])   # type: ignore[arg-type]
    if isinstance(data, tuple):
        return [pin_memory(item, device) for item in data]   # a list, as in PyTorch
    if isinstance(data, Sequence):
        return _as_sequence(data, [pin_memory(item, device) for item in data])
    return data
