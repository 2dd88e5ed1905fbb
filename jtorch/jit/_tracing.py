"""Tracing: a function or module is run once on example arguments, which `save` exports it for."""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jtorch as torch
from jtorch import nn

from ._marks import Tracing
from ._modules import RecursiveScriptModule, ScriptFunction, recursive

OUTPUTS = "Only tensors, lists, tuples of tensors, or dictionary of tensors can be output from traced functions"
DICT = ("Encountering a dict at the output of the tracer might cause the trace to be incorrect, this is only valid if the container structure does not "
        "change based on the module's inputs. Consider using a constant container instead (e.g. for `list`, use a `tuple` instead. for `dict`, use a "
        "`NamedTuple` instead). If you absolutely need this and know the side effects, pass strict=False to trace() to allow this behavior.")
KINDS = "Only Tensors and (possibly nested) Lists, Dicts, and Tuples of Tensors can be traced"


class TracedModule(RecursiveScriptModule):
    """A module within a traced one."""

    def _get_name(self) -> str:
        return self.original_name


class TopLevelTracedModule(TracedModule):
    """What `trace` makes of a module."""


TracedModule.within = TracedModule


def _type_text(x: Any) -> str:
    """A value's type in TorchScript's words."""
    if isinstance(x, tuple):
        return f"Tuple[{', '.join(map(_type_text, x))}]"
    if isinstance(x, list):
        return f"List[{_type_text(x[0]) if x else 'Tensor'}]"
    if isinstance(x, dict):
        key, value = next(iter(x.items()), ("", None))
        return f"Dict[{_type_text(key)}, {_type_text(value)}]"
    return "Tensor" if isinstance(x, torch.Tensor) else type(x).__name__ if x is not None else "NoneType"


def _traceable(x: Any) -> bool:
    if isinstance(x, list | tuple):
        return all(map(_traceable, x))
    return all(map(_traceable, x.values())) if isinstance(x, dict) else isinstance(x, torch.Tensor)


def _check_output(x: Any, strict: bool) -> None:
    if isinstance(x, dict):
        if strict:
            raise RuntimeError(DICT)
        x = tuple(x.values())
    if isinstance(x, list | tuple):
        for element in x:
            _check_output(element, strict)
    elif not isinstance(x, torch.Tensor):
        raise RuntimeError(OUTPUTS)


def _examples(inputs: Any, keywords: dict | None) -> tuple[tuple, dict]:
    """Example arguments by position and by name.  Raises RuntimeError where something else than tensors is among them."""
    if keywords:
        inputs = ()
    args = (inputs,) if isinstance(inputs, torch.Tensor | dict) else tuple(inputs)
    for given in (args, keywords or {}):
        if given and not _traceable(given):
            raise RuntimeError(f"Type '{_type_text(given)}' cannot be traced. {KINDS}")
    return args, keywords or {}


def _run(function: Callable, examples: list[tuple[tuple, dict]], strict: bool) -> None:
    """Call a function on its examples."""
    before, Tracing.on = Tracing.on, True
    try:
        for args, keywords in examples:
            _check_output(function(*args, **keywords), strict)
    finally:
        Tracing.on = before


class TracedFunction(ScriptFunction):
    """What `trace` makes of a function: it takes what it was traced with."""

    def __init__(self, function: Callable, examples: list[tuple[tuple, dict]]) -> None:
        super().__init__(function, examples)
        args, keywords = examples[0]
        names = list(inspect.signature(function).bind(*args, **keywords).arguments)
        values = [*args, *keywords.values()]
        self.types = dict(zip(names, map(_type_text, values), strict=False)) if len(names) == len(values) else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.types is not None:
            self._check(args, kwargs)
        return self.function(*args, **kwargs)

    def _check(self, args: tuple, kwargs: dict) -> None:
        """Raise RuntimeError for arguments that the trace was not made for."""
        types: dict[str, str] = self.types or {}
        declaration = f"Declaration: {self.name}({', '.join(f'{t} {n}' for n, t in types.items())}) -> Tensor"
        if len(args) > len(types):
            raise RuntimeError(f"{self.name}() expected at most {len(types)} argument(s) but received {len(args) + len(kwargs)} argument(s). {declaration}")
        given = {**dict(zip(types, args, strict=False)), **kwargs}
        for place, (name, expected) in enumerate(types.items()):
            if name not in given:
                raise RuntimeError(f"{self.name}() is missing value for argument '{name}'. {declaration}")
            if expected == "Tensor" and not isinstance(given[name], torch.Tensor):
                kind = type(given[name]).__name__
                raise RuntimeError(f"{self.name}() Expected a value of type 'Tensor' for argument '{name}' but instead found type '{kind}'.\nPosition: {place}\n"
                                   f"Value: {given[name]!r}\n{declaration}\nCast error details: Unable to cast {given[name]} to Tensor")


def trace(func: Any, example_inputs: Any = None, optimize: None = None, check_trace: bool = True, check_inputs: Any = None, check_tolerance: float = 1e-05,
          strict: bool = True, _force_outplace: bool = False, _module_class: Any = None, _compilation_unit: Any = None, example_kwarg_inputs: dict | None = None,
          _store_inputs: bool = True) -> Any:
    """Run a function or module on example arguments, and give it back as one that `save` can write as XLA programs: for these and for each of `check_inputs`.

    The result runs the Python code each time, so that there is nothing to check of it, and what depends on data goes on doing so.

    >>> double = torch.jit.trace(lambda x: 2 * x, torch.ones(2))
    >>> double(torch.arange(3.))
    tensor([0., 2., 4.])
    """
    if isinstance(func, ScriptFunction):
        func = func.function
    if not isinstance(func, nn.Module) and not callable(func):
        raise RuntimeError("Could not get name of python class object")
    examples = [_examples(given, example_kwarg_inputs if not k else None) for k, given in enumerate([example_inputs, *(check_inputs or ())])]
    if isinstance(func, nn.Module):
        return _traced(func, {"forward": examples}, strict)
    owner = getattr(func, "__self__", None)
    if isinstance(owner, nn.Module) and getattr(func, "__name__", "") == "forward":
        return _traced(owner, {"forward": examples}, strict)
    _run(func, examples, strict)
    return TracedFunction(func, examples)


def trace_module(mod: Any, inputs: Any, optimize: None = None, check_trace: bool = True, check_inputs: Any = None, check_tolerance: float = 1e-05,
                 strict: bool = True, _force_outplace: bool = False, _module_class: Any = None, _compilation_unit: Any = None,
                 example_inputs_is_kwarg: bool = False, _store_inputs: bool = True) -> Any:
    """Run methods of a module on example arguments: see `trace`.

    inputs  the arguments by the name of the method
    """
    if not isinstance(mod, nn.Module):
        raise AttributeError("expected torch.nn.Module as the first argument")
    if not isinstance(inputs, dict):
        raise AttributeError("expected a dictionary of (method_name, input) pairs")
    every = [inputs, *(check_inputs or ())]
    return _traced(mod, {name: [_examples(() if example_inputs_is_kwarg else given[name], given[name] if example_inputs_is_kwarg else None) for given in every]
                         for name in inputs}, strict)


def _traced(module: nn.Module, examples: dict[str, list[tuple[tuple, dict]]], strict: bool) -> Any:
    for name, some in examples.items():
        _run(module if name == "forward" else getattr(module, name), some, strict)
    made = recursive(module, TopLevelTracedModule)
    made.__dict__["examples"] = examples
    return made


