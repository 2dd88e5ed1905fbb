"""Neural networks: `Module`, layers, losses, initialisers, and functions on them."""
from __future__ import annotations

import importlib
from typing import Any

from jtorch.nn import (attention as attention, common_types as common_types, functional as functional, grad as grad, init as init, parallel as parallel,
                       parameter as parameter, utils as utils)
from jtorch.nn.factory import factory_kwargs as factory_kwargs
from jtorch.nn.modules import *
from jtorch.nn.parallel import DataParallel as DataParallel
from jtorch.nn.parameter import Buffer as Buffer, Parameter as Parameter, UninitializedBuffer as UninitializedBuffer, UninitializedParameter as UninitializedParameter


def __getattr__(name: str) -> Any:
    if name == "quantized":                                  # not before it is asked for: it is made of modules
        return importlib.import_module("jtorch.nn.quantized")
    raise AttributeError(f"module 'torch.nn' has no attribute '{name}' in jtorch")
