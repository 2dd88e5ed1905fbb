"""Tools around training: data loading, checkpointing, and small parts that PyTorch's libraries use."""
from __future__ import annotations

import importlib
from typing import Any

from .._functions.swap import swap_tensors
from . import _pytree, checkpoint, data, hooks

__all__ = ["_pytree", "checkpoint", "data", "hooks", "set_module", "swap_tensors"]
LATER = ("benchmark", "collect_env", "deterministic", "dlpack", "file_baton", "model_zoo", "module_tracker", "weak")


def set_module(obj: Any, mod: str) -> None:
    """Say that an object belongs to the module of a name.  Raises TypeError where that is no string."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def __getattr__(name: str) -> Any:
    if name in LATER:
        return importlib.import_module(f"jtorch.utils.{name}")
    raise AttributeError(f"module 'torch.utils' has no attribute '{name}' in jtorch")
