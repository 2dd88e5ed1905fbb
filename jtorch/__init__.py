"""jtorch: PyTorch's API on JAX.

Tensors and modules as in PyTorch; what a step of a program does is recorded and runs as one compiled XLA program.
"""
from __future__ import annotations

import builtins
import importlib
from math import e, inf, nan, pi
from typing import Any

from . import _functions, _ops
from ._core import derive, dtype as _dtype, printing
from ._core.device import device
from ._core.dtype import dtype, finfo, iinfo
from ._core.public import PUBLIC
from ._core.size import Size
from ._core.tensor import Tensor
from ._core.tensor import from_array as _from_host
from ._functions.memory import storage_of as _storage_of
from ._functions.memory import tensor_on_storage as _tensor_on_storage
from ._functions.convert import LEGACY
from ._functions.draw import Generator, fork_rng
from ._functions.draw import default as default_generator
from ._core.printing import set_printoptions
from .autograd.modes import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled

__version__ = "2.13.0"                                       # the PyTorch release whose behaviour this is

globals().update({t.name.rstrip("_"): t for t in _dtype.ALL}, **_dtype.ALIASES, **LEGACY)
globals().update(derive.functions("torch"))
globals().update(PUBLIC["torch"])
derive.install_methods()
newaxis = None


class memory_format:
    """An order of the elements in memory: `torch.contiguous_format`, `torch.channels_last`, …  XLA chooses its own; the names are kept."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class layout(memory_format):
    """How a tensor is stored: `torch.strided`, `torch.sparse_coo`, …"""


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
strided, sparse_coo, sparse_csr = layout("torch.strided"), layout("torch.sparse_coo"), layout("torch.sparse_csr")


def typename(obj: Any) -> str:
    """The name of an object's type; of a tensor, its old type such as 'torch.FloatTensor'."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, builtins.type) else obj.__class__
    return kind.__qualname__ if kind.__module__ in ("builtins", "__builtin__", "", None) else f"{kind.__module__}.{kind.__qualname__}"


LATER = {name: f"jtorch.{name}" for name in ("autograd", "nn", "optim", "utils", "linalg", "cuda", "random", "backends", "debug", "testing", "_utils", "_C", "alias", "serialization", "distributions", "special", "fft", "amp", "hub", "jit", "func")}
ELSEWHERE = {"save": "serialization", "load": "serialization"}


def __getattr__(name: str) -> Any:
    if name in LATER:
        return importlib.import_module(LATER[name])
    if name == "install_as_torch":
        return importlib.import_module("jtorch.alias").install_as_torch
    if name in ELSEWHERE:
        return getattr(importlib.import_module(f"jtorch.{ELSEWHERE[name]}"), name)
    raise AttributeError(f"module 'torch' has no attribute '{name}' in jtorch")
