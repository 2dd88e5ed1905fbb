"""PyTorch's test databases, as jtorch sees them: their functions, tensors and arguments, with jtorch in PyTorch's place."""
from __future__ import annotations

import contextlib
import functools
import importlib
import types
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import torch
import torch.testing._internal.common_utils

import jtorch

NAMESPACES = ("", "Tensor", "linalg", "fft", "special", "nn.functional", "sparse", "masked", "signal.windows", "_C._nn", "_C._linalg", "_C._fft",
              "_C._special", "_C._sparse")
torch.backends.disable_global_flags.__globals__["__allow_nonbracketed_mutation_flag"] = True   # of which that import deprives all tests of the process
PREFIXES = ("linalg_", "fft_", "special_", "sparse_")          # of the names in torch._C


class Package(types.ModuleType):
    """A package of jtorch's with the private names that the samples of random numbers ask for."""

    def __init__(self, package: types.ModuleType, **private: Any) -> None:
        super().__init__(package.__name__)
        self.package = package
        vars(self).update(private)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.package, name)


UTILS = Package(jtorch.utils, _mode_utils=types.SimpleNamespace(no_dispatch=contextlib.nullcontext))
JTORCH = Package(jtorch, _C=types.SimpleNamespace(_DisableFuncTorch=contextlib.nullcontext), utils=UTILS)


def path_in(root: Any, path: str) -> Any:
    """The object at a dotted path, imported where it must be."""
    found = root
    for part in filter(None, path.split(".")):
        if not hasattr(found, part) and isinstance(found, types.ModuleType):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def _paths() -> dict[int, str]:
    """Where PyTorch's functions are public, by identity."""
    found: dict[int, str] = {}
    for space in NAMESPACES:
        owner = path_in(torch, space)
        for name in dir(owner):
            value = getattr(owner, name, None)
            if callable(value) and (not name.startswith("_") or name.startswith("__")):
                public = next((name.removeprefix(p) for p in PREFIXES if space.startswith("_C") and name.startswith(p)), name)
                home = {"_C._nn": "nn.functional"}.get(space, space.removeprefix("_C._"))
                found.setdefault(id(value), f"{home}.{public}".lstrip("."))
    return found


PATHS = _paths()


class Translation:
    """PyTorch's objects as jtorch's.  Tensors that are one object stay one."""

    def __init__(self, shared: bool = False) -> None:
        self.shared = shared                                  # whether any tensor may look at the memory of another
        self.seen: dict[int, Any] = {}
        self.kept: list = []                                  # what `seen` knows by identity must not go
        self.memories: dict[int, Any] = {}                    # memory that tensors look at in part, by address

    def __call__(self, x: Any) -> Any:
        if id(x) in self.seen:
            return self.seen[id(x)]
        made = self._made(x)
        if isinstance(x, torch.Tensor | types.FunctionType):
            self.seen[id(x)] = made
            self.kept.append(x)
        if isinstance(x, torch.Tensor) and x.is_leaf and x.grad is not None:
            made.grad = self(x.grad)
        return made

    def _made(self, x: Any) -> Any:
        if isinstance(x, torch.nn.Parameter):
            return jtorch.nn.Parameter(self(x.detach()), x.requires_grad)
        if isinstance(x, torch.Tensor):
            return tensor_of(x, self.memories, self.shared)
        if isinstance(x, torch.Size):
            return jtorch.Size(x)
        if isinstance(x, list | set) or type(x) is tuple:
            return type(x)(self(item) for item in x)
        if isinstance(x, dict):
            return {key: self(value) for key, value in x.items()}
        if isinstance(x, slice):
            return slice(self(x.start), self(x.stop), self(x.step))
        if isinstance(x, torch.dtype | torch.layout | torch.memory_format):
            return getattr(jtorch, str(x).removeprefix("torch."))
        if isinstance(x, torch.device):
            return jtorch.device(str(x))
        if isinstance(x, torch.Generator):
            return jtorch.Generator().manual_seed(x.initial_seed())
        return self.code(x)

    def code(self, x: Any) -> Any:
        """A module, class or function of PyTorch's."""
        if isinstance(x, types.ModuleType):
            return path_in(JTORCH, x.__name__.removeprefix("torch").lstrip(".")) if x.__name__.split(".")[0] == "torch" else x
        if isinstance(x, torch.nn.Module):
            return self.module(x)
        if (x if isinstance(x, type) else type(x)).__module__.startswith(("torch.nn.modules.", "torch.optim.")):
            kind = x if isinstance(x, type) else type(x)
            own = path_in(jtorch, f"{kind.__module__.removeprefix('torch.')}.{kind.__name__}")
            return own if x is kind else own(**{name: self(getattr(x, name)) for name in getattr(x, '__slots__', None) or vars(x)})
        if isinstance(x, functools.partial):
            return functools.partial(self(x.func), *self(x.args), **self(x.keywords))
        if x is torch.Tensor:
            return jtorch.Tensor
        if id(x) in PATHS:
            return Late(PATHS[id(x)])
        if isinstance(x, types.FunctionType) and x.__module__.startswith("torch."):
            return self.rewritten(x)
        return x

    def module(self, x: torch.nn.Module) -> Any:
        made = object.__new__(self.code(type(x)))
        jtorch.nn.Module.__init__(made)
        for name, value in vars(x).items():
            if name not in vars(made):                        # what all modules have is below
                setattr(made, name, self(value))
        for name, parameter in x._parameters.items():
            made.register_parameter(name, None if parameter is None else self(parameter))
        for name, buffer in x._buffers.items():
            made.register_buffer(name, None if buffer is None else self(buffer), name not in x._non_persistent_buffers_set)
        for name, child in x._modules.items():
            made.add_module(name, None if child is None else self(child))
        return made

    def rewritten(self, function: types.FunctionType) -> Callable:
        """A function of the database, whose names mean jtorch's objects."""
        scope: dict[str, Any] = {"__builtins__": __builtins__}
        cells = tuple(types.CellType(self(c.cell_contents)) for c in function.__closure__ or ())
        made = types.FunctionType(function.__code__, scope, function.__name__, self(function.__defaults__), cells or None)
        made.__kwdefaults__ = self(function.__kwdefaults__)
        self.seen[id(function)] = made
        self.kept.append(function)
        for name in _names(function.__code__):
            if name in function.__globals__:
                scope[name] = self(function.__globals__[name])
        return made


class Late:
    """A public function of jtorch's, looked up when it is called: what is absent is a failure of the call."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return path_in(jtorch, self.path)(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self


def _names(code: types.CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def array_of(x: torch.Tensor) -> np.ndarray:
    """The elements of a tensor of PyTorch's."""
    x = x.detach().resolve_conj().resolve_neg()
    if x.dtype == torch.bfloat16:
        return x.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return x.numpy()


def tensor_of(x: torch.Tensor, memories: dict[int, Any], shared: bool = False) -> Any:
    """The same tensor in jtorch: elements, strides, memory shared with others, and whether it requires grad."""
    if x.layout is not torch.strided:
        made = jtorch.sparse_coo_tensor(tensor_of(x._indices(), memories), tensor_of(x._values(), memories), tuple(x.shape)) if x.layout is torch.sparse_coo else getattr(
            tensor_of(x.to_dense(), memories), f"to_{str(x.layout).removeprefix('torch.')}")()
        return made.requires_grad_() if x.requires_grad else made
    if x.device.type == "meta":
        return jtorch.empty(tuple(x.shape), dtype=getattr(jtorch, str(x.dtype).removeprefix("torch.")), device="meta")
    storage = x.untyped_storage()
    lone = not shared and storage.nbytes() == x.numel() * x.element_size() and x.is_contiguous() and not x.requires_grad
    if lone and storage.data_ptr() in memories or not lone and x.numel() and not x.is_conj() and not x.is_neg() and storage.nbytes() // x.element_size():
        if storage.data_ptr() not in memories:
            memories[storage.data_ptr()] = from_array(array_of(torch.as_strided(x.detach(), (storage.nbytes() // x.element_size(),), (1,), 0)))
        memory = memories[storage.data_ptr()]
        whole = storage.nbytes() == x.numel() * x.element_size() and x.is_contiguous()
        made = memory.view(tuple(x.shape)) if whole else memory.as_strided(tuple(x.shape), x.stride(), x.storage_offset())
        made = made.detach()
    else:
        made = from_array(array_of(x))
    return made.requires_grad_() if x.requires_grad else made


def from_array(array: np.ndarray) -> Any:
    if array.dtype == ml_dtypes.bfloat16:
        return jtorch.tensor(array.view(np.int16)).view(jtorch.bfloat16)
    return jtorch.tensor(array)
