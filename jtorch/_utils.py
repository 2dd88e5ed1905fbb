"""Parts of PyTorch's own tools that libraries import (`torch._utils`)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor

from .utils.data._utils.worker import ExceptionWrapper as ExceptionWrapper


def _flatten_dense_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """All elements of tensors of one type in one vector."""
    return torch.cat([t.reshape(-1) for t in tensors]) if tensors else torch.empty(0)


def _unflatten_dense_tensors(flat: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The parts of such a vector, in the shapes of `tensors`."""
    return tuple([part.view(t.shape) for part, t in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True)])


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """The number of a device; -1 for the CPU where that is allowed.  Raises ValueError for a device without a number, unless that is `optional`."""
    if isinstance(device, int):
        return device
    found = torch.device(device) if isinstance(device, str) else device
    if found is not None and found.type == "cpu" and not allow_cpu:
        raise ValueError(f"Expected a non cpu device, but got: {device}")
    if found is None or found.index is None:
        if found is not None and found.type == "cpu":
            return -1
        if not optional:
            raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")
        return torch.cuda.current_device()
    return found.index
