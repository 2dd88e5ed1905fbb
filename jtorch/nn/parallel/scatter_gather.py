"""Splitting nested containers of tensors over devices, and putting them together again."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch

__all__ = ["gather", "scatter", "scatter_kwargs"]

Target = int | str | torch.device


def device_of(target: Target) -> torch.device:
    """The device that a number of an accelerator, or a name, means."""
    return torch.device("cuda", target) if isinstance(target, int) else torch.device(target)


def _container(like: Any, items: list) -> Any:
    """A tuple, named or not, or a list with these items."""
    return type(like)(*items) if hasattr(like, "_fields") else type(like)(items)


def scatter(inputs: Any, target_gpus: Sequence[Target], dim: int = 0) -> Any:
    """Nested containers of tensors for each device: the tensors are split along `dim`, everything else is given to each."""
    if isinstance(inputs, torch.Tensor):
        return tuple([part.to(device_of(target)) for part, target in zip(inputs.chunk(len(target_gpus), dim), target_gpus, strict=False)])
    if isinstance(inputs, tuple | list) and inputs:
        return [_container(inputs, list(items)) for items in zip(*[scatter(item, target_gpus, dim) for item in inputs], strict=False)]
    if isinstance(inputs, dict) and inputs:
        return [type(inputs)(items) for items in zip(*[scatter(item, target_gpus, dim) for item in inputs.items()], strict=False)]
    return [inputs for _ in target_gpus]


def scatter_kwargs(inputs: tuple, kwargs: dict[str, Any] | None, target_gpus: Sequence[Target], dim: int = 0) -> tuple[tuple, tuple]:
    """Positional and named arguments for each device; the shorter of the two is filled up with empty ones."""
    given = scatter(inputs, target_gpus, dim) if inputs else []
    named = scatter(kwargs, target_gpus, dim) if kwargs else []
    count = max(len(given), len(named))
    return (*given, *[() for _ in range(count - len(given))]), (*named, *[{} for _ in range(count - len(named))])


def gather(outputs: Sequence, target_device: Target, dim: int = 0) -> Any:
    """What the devices gave, on one device: tensors joined along `dim`, those without dimensions as a vector."""
    where = device_of(target_device) if target_device != -1 else torch.device("cpu")
    return _gathered(list(outputs), lambda parts: torch.cat([part.reshape(1) if part.dim() == 0 else part for part in (p.to(where) for p in parts)],
                                                            0 if parts[0].dim() == 0 else dim))


def _gathered(outputs: list, join: Callable[[list], Any]) -> Any:
    first = outputs[0]
    if isinstance(first, torch.Tensor):
        return join(outputs)
    if first is None:
        return None
    if isinstance(first, dict):
        if any(len(first) != len(output) for output in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((key, _gathered([output[key] for output in outputs], join)) for key in first)
    return _container(first, [_gathered(list(items), join) for items in zip(*outputs, strict=False)])
