"""Data parallelism in one process."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch.nn.modules.module import Module

__all__ = ["DataParallel"]


def _moved(given: Any, device: torch.device) -> Any:
    """Tensors in nested containers, on a device."""
    if isinstance(given, torch.Tensor):
        return given.to(device)
    if isinstance(given, dict):
        return type(given)({key: _moved(value, device) for key, value in given.items()})
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return type(given)(*[_moved(value, device) for value in given])
    return type(given)([_moved(value, device) for value in given]) if isinstance(given, list | tuple) else given


class DataParallel(Module):
    """Runs `module` on the first of the devices; what it computes is the same as on all of them.

    >>> sorted(nn.DataParallel(nn.Linear(2, 2)).state_dict())
    ['module.bias', 'module.weight']
    """
    module: Module

    def __init__(self, module: Module, device_ids: Sequence[int | torch.device] | None = None, output_device: int | torch.device | None = None,
                 dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []
        if not torch.cuda.is_available():
            return
        given = range(torch.cuda.device_count()) if device_ids is None else device_ids
        self.device_ids = [i if isinstance(i, int) else torch.device(i).index or 0 for i in given]
        self.output_device = self.device_ids[0] if output_device is None else output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module gives for these inputs."""
        if not self.device_ids:
            return self.module(*inputs, **kwargs)
        device = torch.device("cuda", self.device_ids[0])
        return self.module(*_moved(inputs, device), **_moved(kwargs, device))
