"""The memory format of convolutions' weights."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch.nn.modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from jtorch.nn.modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module: Module, kinds: Any, memory_format: torch.memory_format) -> Module:
    for below in module.modules():
        if isinstance(below, kinds):
            below.weight.data = below.weight.detach().clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Module, memory_format: torch.memory_format) -> Module:
    """Convert the weights of all two-dimensional convolutions in a module."""
    return _convert(module, Conv2d | ConvTranspose2d, memory_format)


def convert_conv3d_weight_memory_format(module: Module, memory_format: torch.memory_format) -> Module:
    """Convert the weights of all three-dimensional convolutions in a module."""
    return _convert(module, Conv3d | ConvTranspose3d, memory_format)
