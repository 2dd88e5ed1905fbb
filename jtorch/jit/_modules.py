"""Scripted functions and modules: they run the Python code that they were made of."""
from __future__ import annotations

import copy
import functools
import inspect
import os
import textwrap
from collections.abc import Callable, Iterable
from typing import IO, Any

import jtorch as torch
from jtorch import nn
from jtorch.nn.modules.registry import NAMES

File = str | os.PathLike | IO[bytes]
NO_GRAPH = "jtorch has no TorchScript graph: Python runs the code, which `.code` shows"
EXPECTS = "{} expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your 'nn.Module'."


def source_of(function: Any) -> str:
    """The Python code of a function."""
    return textwrap.dedent(inspect.getsource(function))


def qualified(what: Any) -> str:
    """The name that TorchScript gives to a function or class."""
    place = getattr(what, "__module__", "__main__")
    return f"__torch__.{'' if place == '__main__' else place + '.'}{getattr(what, '__qualname__', type(what).__name__)}"


class ScriptFunction:
    """A scripted or traced function.

    examples  the arguments that it was traced with
    """

    def __init__(self, function: Callable, examples: list[tuple[tuple, dict]] | None = None) -> None:
        functools.update_wrapper(self, function)
        self.function, self.examples = function, examples or []
        self.name = getattr(function, "__name__", type(function).__name__)
        self.qualified_name = qualified(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return object.__repr__(self)

    @property
    def code(self) -> str:
        """The Python code."""
        return source_of(self.function)

    @property
    def graph(self) -> Any:
        """There is none.  Raises."""
        raise RuntimeError(NO_GRAPH)

    inlined_graph = graph

    def save(self, f: File, _extra_files: dict | None = None) -> None:
        """Write the XLA program for the traced arguments into a file."""
        torch.jit.save(self, f, _extra_files)


class ScriptModule(nn.Module):
    """A module for TorchScript: Python runs it as any other."""

    def __init__(self) -> None:
        super().__init__()


class RecursiveScriptModule(ScriptModule):
    """What `script` and `trace` make of a module: it shares parameters and buffers with it, but has its own attributes and mode.

    It is of a class derived from the module's own.
    """
    within: type[RecursiveScriptModule]                      # of what class the modules within are

    @property
    def original_name(self) -> str:
        """The name of the class of the module that this was made of."""
        return self.__dict__["_original"].__name__

    def _get_name(self) -> str:
        return "RecursiveScriptModule"

    def extra_repr(self) -> str:
        """The class that this was made of."""
        return f"original_name={self.original_name}"

    __repr__ = nn.Module.__repr__

    @property
    def code(self) -> str:
        """The Python code of `forward`."""
        return source_of(self.__dict__["_original"].forward)

    @property
    def graph(self) -> Any:
        """There is none.  Raises."""
        raise RuntimeError(NO_GRAPH)

    inlined_graph = graph

    def save(self, f: File, _extra_files: dict | None = None, **kwargs: Any) -> None:
        """Write the XLA programs for the traced arguments into a file, with the state."""
        torch.jit.save(self, f, _extra_files)

    def __deepcopy__(self, memo: dict) -> RecursiveScriptModule:
        made = object.__new__(type(self))
        memo[id(self)] = made
        nn.Module.__setstate__(made, {k: v if k == "_original" else copy.deepcopy(v, memo) for k, v in nn.Module.__getstate__(self).items()})
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError(f"Tried to serialize object {qualified(self.__dict__['_original'])} which does not have a __getstate__ method defined!")


RecursiveScriptModule.within = RecursiveScriptModule


CLASSES: dict[tuple[type, type], type] = {}                  # (family, class of a module) -> what it becomes


def _class_of(original: type, family: type) -> type:
    key = family, original
    if key not in CLASSES:
        CLASSES[key] = type(family.__name__, key, {"__module__": "torch.jit"})
    return CLASSES[key]


def recursive(module: nn.Module, family: type[RecursiveScriptModule] = RecursiveScriptModule, memo: dict[int, nn.Module] | None = None) -> Any:
    """The module and those within as script modules of the class `family`."""
    memo = {} if memo is None else memo
    if family is RecursiveScriptModule and isinstance(module, RecursiveScriptModule):
        return module
    if id(module) not in memo:
        original = module.__dict__.get("_original", type(module))
        made: Any = object.__new__(_class_of(original, family))
        memo[id(module)] = made
        state: dict[str, Any] = {k: dict(v) if k in NAMES else v.copy() if k.startswith("_") and isinstance(v, dict | set) else v
                                 for k, v in nn.Module.__getstate__(module).items()}
        state["_modules"] = {n: child if child is None else recursive(child, family.within, memo) for n, child in state["_modules"].items()}
        nn.Module.__setstate__(made, {**state, "_original": original})
    return memo[id(module)]


def script(obj: Any, optimize: None = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> Any:
    """A scripted function or module, which runs the Python code that it was made of.  Classes, lists and dictionaries stay what they are.

    >>> torch.jit.script(nn.ReLU())
    RecursiveScriptModule(original_name=ReLU)
    """
    if isinstance(obj, ScriptFunction | ScriptModule | list | dict) or inspect.isclass(obj):
        return obj
    if isinstance(obj, nn.Module):
        return recursive(obj)
    if inspect.isfunction(obj) or inspect.ismethod(obj):
        return ScriptFunction(obj)
    if type(obj).__module__ == "builtins":
        raise TypeError(f"{type(obj)} is a built-in class")
    return obj


class FrozenModule(RecursiveScriptModule):
    """A module whose parameters are constants: it has none, and of its attributes only those that are kept."""

    def __init__(self, module: RecursiveScriptModule, kept: Iterable[str]) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(_original=module.__dict__["_original"], _inner=module, _kept=frozenset(kept), examples=module.__dict__.get("examples", {}),
                             training=False)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module gives."""
        return self.__dict__["_inner"](*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_kept", ()):
            return getattr(self.__dict__["_inner"], name)
        return super().__getattr__(name)


FrozenModule.__name__ = "RecursiveScriptModule"              # as error messages call it


def freeze(mod: Any, preserved_attrs: list[str] | None = None, optimize_numerics: bool = True) -> Any:
    """A module in eval mode with its parameters as constants; of its attributes and methods only `forward` and the given ones remain."""
    if not isinstance(mod, ScriptModule):
        raise RuntimeError("Freezing expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your 'nn.Module'.")
    if mod.training:
        raise RuntimeError("Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module before freezing.")
    for name in preserved_attrs or ():
        if not hasattr(mod, name):
            raise RuntimeError(f"Unknown name: {name}")
    return FrozenModule(copy.deepcopy(mod).requires_grad_(False), preserved_attrs or ())


def optimize_for_inference(mod: Any, other_methods: list[str] | None = None) -> Any:
    """The frozen module: XLA does the rest."""
    if not isinstance(mod, ScriptModule):
        raise RuntimeError(EXPECTS.format("optimize_for_inference"))
    return mod if isinstance(mod, FrozenModule) else freeze(mod.eval(), other_methods)


def run_frozen_optimizations(mod: Any, optimize_numerics: bool = True, preserved_methods: list[str] | None = None) -> None:
    """Optimise a frozen module: XLA does so when it runs."""
