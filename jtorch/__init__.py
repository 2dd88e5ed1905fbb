"""jtorch: PyTorch's API on JAX.

Tensors and modules as in PyTorch; what a step of a program does is recorded and runs as one compiled XLA program.
"""
from __future__ import annotations

import builtins
import importlib
import sys
from math import e, inf, nan, pi
from typing import Any

from . import _functions, _ops
from ._core import derive, dtype as _dtype, misfit as _misfit, printing
from ._core.device import device
from ._core.dtype import dtype, finfo, iinfo
from ._core.format import FORMATS, LAYOUTS, layout, memory_format
from ._core.public import PUBLIC
from ._core.public import living_in as _living_in
from ._core.size import Size
from ._core.tensor import Tensor
from ._core.tensor import from_array as _from_host
from ._functions.memory import storage_of as _storage_of
from ._functions.memory import tensor_on_storage as _tensor_on_storage
from ._functions.convert import LEGACY
from ._functions.draw import Generator, fork_rng
from ._functions.draw import default as default_generator
from ._core.printing import set_printoptions
from .autograd import is_anomaly_check_nan_enabled, is_anomaly_enabled
from .autograd.grad_mode import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled

from .version import __version__

globals().update({t.name.rstrip("_"): t for t in _dtype.ALL}, **_dtype.ALIASES, **LEGACY, **FORMATS, **LAYOUTS)
globals().update(_living_in(__name__, derive.functions("torch") | {name: _misfit.explaining(function) for name, function in PUBLIC["torch"].items()}))
derive.install_methods()
newaxis = None


def typename(obj: Any) -> str:
    """The name of an object's type; of a tensor, its old type such as 'torch.FloatTensor'."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, builtins.type) else obj.__class__
    return kind.__qualname__ if kind.__module__ in ("builtins", "__builtin__", "", None) else f"{kind.__module__}.{kind.__qualname__}"


LATER = ("_C", "_custom_ops", "_dynamo", "_subclasses", "_tensor", "_tensor_str", "_utils", "__config__", "accelerator", "alias", "amp", "ao", "autograd", "backends", "compiler", "cpu", "cuda", "debug", "distributed", "distributions", "fft", "func", "functional", "futures", "fx", "hub", "jit", "library", "linalg", "masked", "mps", "multiprocessing", "nn", "onnx", "ops", "optim", "overrides", "profiler", "quasirandom", "random", "return_types", "serialization", "signal", "sparse", "special", "storage", "testing", "types", "utils", "version", "xpu")
ELSEWHERE = {"DisableTorchFunction": "_C", "DisableTorchFunctionSubclass": "_C", "Future": "futures", "vmap": "func", "lobpcg": "_lobpcg", "GradScaler": "amp", "get_device_module": "accelerator", "save": "serialization", "load": "serialization", "install_as_torch": "alias", "compile": "compiler", "autocast": "amp"}

def __getattr__(name: str) -> Any:
    if name == "torch":                                      # some write torch.torch.Tensor
        return sys.modules["jtorch"]
    if name in LATER:
        return importlib.import_module(f"jtorch.{name}")
    if name in ELSEWHERE:
        return getattr(importlib.import_module(f"jtorch.{ELSEWHERE[name]}"), name)
    raise AttributeError(f"module 'torch' has no attribute '{name}' in jtorch")
