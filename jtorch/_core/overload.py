"""Choosing between operators that share one public name, by the arguments of a call."""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from . import override
from .dtype import dtype
from .op import Op
from .size import Size
from .tensor import TENSORS, Tensor

RENAMED = {"axis": "dim", "keepdims": "keepdim", "x1": "input", "x2": "other", "x": "input", "a": "input", "axis0": "dim0",
           "axis1": "dim1"}                                  # NumPy's names for arguments
NUMBER = bool | int | float | complex | np.generic


class Overloads:
    """Several operators under one public name: the first whose parameters fit the arguments is called."""

    def __init__(self, ops: list[Op], forms: list[Callable]) -> None:
        self.candidates = list(zip(ops, forms, strict=True))
        self.public: Callable                                # the function that chooses among them
        self.known: dict[tuple, Callable] = {}               # by what the choice depends on

    def choose(self, args: tuple, kwargs: dict) -> Callable:
        """The form for these arguments."""
        key = (*map(_trait, args), *[(k, _trait(x)) for k, x in kwargs.items()]) if kwargs else tuple(map(_trait, args))
        form = self.known.get(key)
        if form is None:
            form = self._find(args, kwargs)
            if form is not self.public:
                self.known[key] = form
        return form

    def _find(self, args: tuple, kwargs: dict) -> Callable:
        for op, form in self.candidates:
            if fits(op, args, kwargs):
                return form
        if override.appeared((*args, *kwargs.values())):
            return self.public
        name = self.candidates[0][0].name
        given = ", ".join([type(a).__name__ for a in args] + [f"{k}={type(x).__name__}" for k, x in kwargs.items()])
        expected = "".join(f"\n * ({', '.join(op.parameters)})" for op, _ in self.candidates)
        raise TypeError(f"{name}() received an invalid combination of arguments - got ({given}), but expected one of:{expected}")


def _trait(x: Any) -> Any:
    """What a choice depends on: an argument's class, and of a tensor whether it is zero-dim."""
    kind = x.__class__
    return kind if kind not in TENSORS else (Tensor, not x.dim())


def fits(op: Op, args: tuple, kwargs: dict) -> bool:
    """Whether these arguments suit the operator's parameters."""
    parameters = list(op.parameters.values())
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    kwargs = {RENAMED.get(k, k) if k not in op.parameters else k: x for k, x in kwargs.items() if k != "out"}
    if positional and op.kinds[positional[-1].name] == "shape" and len(args) > len(positional):
        args = (*args[:len(positional) - 1], args[len(positional) - 1:])
    if len(args) > len(positional) or any(k not in op.parameters for k in kwargs):
        return False
    given = {p.name: a for p, a in zip(positional, args, strict=False)}
    if not given.keys().isdisjoint(kwargs):
        return False
    given |= kwargs
    for k, p in enumerate(parameters):
        if p.name not in given:
            if p.default is p.empty:
                return False
        elif not _suits(op, p, given[p.name], not k):
            return False
    return True


def _suits(op: Op, p: inspect.Parameter, x: Any, first: bool) -> bool:
    kind, note = op.kinds[p.name], str(p.annotation)
    if x is None:
        return "None" in note or kind == "dims" or note == "Any"
    if kind == "array":
        return isinstance(x, Tensor) or op.takes_number(first) and isinstance(x, NUMBER)
    if kind == "arrays":
        return isinstance(x, list | tuple)
    if kind == "scalar":
        return isinstance(x, NUMBER) or isinstance(x, Tensor) and not x.shape
    if kind in ("dims", "shape"):
        return isinstance(x, int | np.integer | list | tuple | Size) and not isinstance(x, bool)
    if note.startswith("bool"):
        return isinstance(x, bool)
    if note.startswith("int"):
        numbers = int | float | np.integer if "float" in note else int | np.integer
        return isinstance(x, numbers) and not isinstance(x, bool) or isinstance(x, Tensor) and not x.shape
    if note.startswith("str"):
        return isinstance(x, str)
    if note.startswith("dtype"):
        return isinstance(x, dtype)
    return not isinstance(x, Tensor)


def overloaded(name: str, ops: list[Op], forms: list[Callable]) -> Callable:
    """One function for all overloads."""
    if len(ops) == 1:
        return forms[0]
    overloads = Overloads(ops, forms)
    choose = overloads.choose

    def call(*args: Any, **kwargs: Any) -> Any:
        return choose(args, kwargs)(*args, **kwargs)
    overloads.public = call
    call.__name__ = call.__qualname__ = name
    call.__doc__ = "\n\n".join(filter(None, (op.body.__doc__ for op in ops)))
    call.__module__ = "torch"
    return call
