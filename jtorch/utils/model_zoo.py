"""The older path to `torch.hub` (`torch.utils.model_zoo`)."""
from __future__ import annotations

import importlib
from typing import Any

from ..hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]


def __getattr__(name: str) -> Any:
    if name == "tqdm":                                       # PyTorch's module has it too, where it is installed
        return importlib.import_module("tqdm").tqdm
    raise AttributeError(f"module 'torch.utils.model_zoo' has no attribute '{name}'")
