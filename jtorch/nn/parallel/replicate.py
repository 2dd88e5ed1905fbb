"""Copies of a module on several devices, whose gradients come together in the module."""
from __future__ import annotations

from collections.abc import Sequence

import jtorch as torch
from jtorch.nn.modules.module import Module
from jtorch.nn.parallel.scatter_gather import Target, device_of

__all__ = ["replicate"]


def replicate(network: Module, devices: Sequence[Target], detach: bool = False) -> list[Module]:
    """A copy of `network` for each device.

    The copies' parameters are the network's, moved: gradients flow back to it, unless `detach`.  They are plain attributes: a copy has no `parameters()`.

    >>> first, second = nn.parallel.replicate(nn.Linear(1, 1), ["cpu", "cpu"])
    >>> first(torch.ones(1, 1)).shape
    torch.Size([1, 1])
    """
    return [_copy(network, device_of(device), detach, {}) for device in devices]


def _copy(module: Module, device: torch.device, detach: bool, made: dict[Module, Module]) -> Module:
    if module in made:
        return made[module]
    copy = made[module] = module.__new__(type(module))
    copy.__dict__ = module.__dict__.copy()
    copy._parameters, copy._buffers, copy._modules = {}, {}, {}
    for name, parameter in module._parameters.items():
        copy.__dict__[name] = None if parameter is None else parameter.detach().to(device).requires_grad_() if detach else _moved(parameter, device)
    for name, buffer in module._buffers.items():
        copy._buffers[name] = None if buffer is None else buffer.to(device)
    for name, child in module._modules.items():
        copy._modules[name] = None if child is None else _copy(child, device, detach, made)
    return copy


def _moved(parameter: torch.Tensor, device: torch.device) -> torch.Tensor:
    return parameter.to(device) if parameter.device != device else parameter.view_as(parameter)   # never the parameter: a copy is no owner
