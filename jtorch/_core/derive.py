"""The public forms of each declared operator: function, method, in-place, `out=`, reflected operator, aliases, overloads.

Each form is a small generated function with PyTorch's signature, so that a call costs no argument parsing of our own.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from . import returns
from .dtype import dtype
from .op import OPERANDS, REGISTRY, SEQUENCES, Op, View
from .public import PUBLIC
from .record import TENSORS, record
from .size import Size
from .tensor import Tensor, new, wrap_all

OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floor_divide": "floordiv", "remainder": "mod", "pow": "pow",
             "matmul": "matmul", "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "bitwise_left_shift": "lshift",
             "bitwise_right_shift": "rshift"}                # Python's operators with a reflected and an in-place form
COMPARISONS = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "neg": "neg", "positive": "pos", "abs": "abs",
               "bitwise_not": "invert"}
SIMPLE = ("int", "bool", "str", "float", "int | None", "float | None", "bool | None", "str | None", "dtype | None", "dtype")
RENAMED = {"axis": "dim", "keepdims": "keepdim", "x1": "input", "x2": "other", "x": "input"}


def sizes(given: Any) -> tuple[int, ...]:
    """A shape from separate integers or one sequence of them."""
    if len(given) == 1 and not isinstance(given[0], int):
        given = given[0]
        if isinstance(given, Tensor | np.integer) or not hasattr(given, "__iter__"):
            given = (given,)
    return tuple([n if type(n) is int else index(n) for n in given])


def together(given: tuple) -> Any:
    """Tensors given as separate arguments or as one list."""
    return given[0] if len(given) == 1 and isinstance(given[0], list | tuple) else given


def freeze(given: Any) -> Any:
    """An attribute as something hashable."""
    if isinstance(given, list | tuple):
        return tuple([freeze(g) for g in given])
    if isinstance(given, Tensor):
        return given.item()
    return given.item() if isinstance(given, np.generic) else given


class Form:
    """Source text of one public form of an operator, put together from its parameters."""

    def __init__(self, op: Op, method: bool) -> None:
        self.op, self.method = op, method
        self.parameters = list(op.parameters.values())
        self.defaults: dict[str, Any] = {}

    def signature(self, extra: str) -> str:
        """The parameter list."""
        parts, starred = [], False
        several = [p.name for p in self.parameters if self.op.kinds[p.name] == "shape" and p.kind is not p.KEYWORD_ONLY]
        for k, p in enumerate(self.parameters):
            name = "self" if self.method and not k else p.name
            if self.method and several == [p.name] and p.name == self.parameters[-1].name and k:
                parts.append(f"*{name}")
                starred = True
                continue
            if self.op.facts.get("spread") and self.op.kinds[p.name] == "arrays":
                parts.append(f"*{name}")
                starred = True
                continue
            if p.kind is p.KEYWORD_ONLY and not starred:
                parts.append("*")
                starred = True
            if p.default is not p.empty:
                self.defaults[f"_{p.name}"] = p.default
                parts.append(f"{name}=_{p.name}")
            else:
                parts.append(name)
        if extra == "out=None" and not starred:
            parts.append("*")
        if extra:
            parts.append(extra)
        return ", ".join(parts)

    def call(self) -> str:
        """The expression that records the operation."""
        operands, attrs, lengths = [], [], []
        for k, p in enumerate(self.parameters):
            kind, name = self.op.kinds[p.name], "self" if self.method and not k else p.name
            if kind in SEQUENCES:
                name = f"_together({name})" if self.op.facts.get("spread") else name
                operands.append(f"*({name} or ())")
                lengths.append(f"None if {name} is None else len({name})")
            elif kind in OPERANDS:
                operands.append(name)
            elif kind == "shape":
                starred = self.method and k == len(self.parameters) - 1 and k and p.kind is not p.KEYWORD_ONLY
                attrs.append(f"_sizes({name})" if starred else f"{name} if {name} is None else _sizes(({name},))")
            elif kind == "dims":
                attrs.append(f"{name} if {name}.__class__ is int or {name} is None else _freeze({name})")
            elif str(p.annotation) in SIMPLE:
                attrs.append(name)
            else:
                attrs.append(f"_freeze({name})")
        attrs = lengths + attrs
        if isinstance(self.op, View):
            first, rest = operands[0], operands[1:]
            return f"{first}._view(_op, {_tuple(rest)}, {_tuple(attrs)})"
        return f"_record(_op, {_tuple(operands)}{', ' + _tuple(attrs) if attrs else ''})"

    def build(self, name: str, body: str, extra: str = "") -> Callable:
        """Compile `def name(…): body`."""
        source = f"def {_identifier(name)}({self.signature(extra)}):\n    {body}\n"
        scope = {"_op": self.op, "_record": record, "_sizes": sizes, "_freeze": freeze, "_together": together, "_wrap": wrap_all, "_new": new, "_Tensor": Tensor,
                 "_write_out": write_out, "_named": returns.named(self.op), **self.defaults}
        exec(compile(source, f"<jtorch {name}>", "exec"), scope)
        made = scope[_identifier(name)]
        made.__name__ = made.__qualname__ = name
        made.__doc__ = self.op.body.__doc__
        made.__module__ = "torch"
        return made


def _identifier(name: str) -> str:
    return name if name.isidentifier() else "form"


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)},)" if parts else "()"


def write_out(out: Any, result: Any) -> Any:
    """Put results into the tensors given as `out=`."""
    if type(result) is tuple:
        for target, r in zip(out, result, strict=True):
            write_out(target, r)
        return out
    if not isinstance(out, Tensor):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if out.requires_grad or result.requires_grad:
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.")
    if out.shape != result.shape:
        out._resize(result.shape)
    out._write(result._read_value(), "out")
    return out


def function(op: Op, method: bool = False) -> Callable:
    """The function, or the method, of an operator."""
    form = Form(op, method)
    out = bool(op.facts["out"]) and not method and not isinstance(op, View)
    call = form.call()
    if isinstance(op, View):
        return form.build(op.name, f"return {call}")
    if op.facts["returns"]:
        result = f"_named(*_wrap({call}))"
    else:
        result = f"_wrap({call})"
    if out:
        return _renaming(op, form.build(op.name, f"result = {result}\n    return result if out is None else _write_out(out, result)", "out=None"))
    plain = f"result = _new(_Tensor)\n    value = {call}\n    if value.__class__ is tuple: return {'_named(*_wrap(value))' if op.facts['returns'] else '_wrap(value)'}"
    return _renaming(op, form.build(op.name, f"{plain}\n    result._value = value\n    return result"))


def _renaming(op: Op, made: Callable) -> Callable:
    """Let a reduction be called with NumPy's names `axis` and `keepdims` too."""
    if "dim" not in op.parameters or op.kind == "view":
        return made
    fast = made

    def accepting(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not kwargs.keys().isdisjoint(RENAMED):
            kwargs = {RENAMED.get(k, k) if RENAMED.get(k, k) in op.parameters else k: v for k, v in kwargs.items()}
        return fast(*args, **kwargs)
    accepting.__name__ = accepting.__qualname__ = op.name
    accepting.__doc__, accepting.__signature__, accepting.__module__ = made.__doc__, inspect.signature(made), "torch"
    return accepting


def inplace(op: Op) -> Callable:
    """The method `name_`."""
    form = Form(op, True)
    if isinstance(op, View):
        return form.build(op.name + "_", f"return self._become({form.call()})")
    return form.build(op.name + "_", f"return self._write({form.call()}, {op.name!r})")


def operator(op: Op, symbol: str, reflected: bool = False, inplace: bool = False) -> Callable:
    """Python's operator method: NotImplemented for operands that are no tensors or numbers."""
    first = list(op.parameters)[:2]
    rest = [p.default for p in list(op.parameters.values())[2:] if op.kinds[p.name] in OPERANDS]
    attrs = tuple(p.default for p in list(op.parameters.values())[2:] if op.kinds[p.name] not in OPERANDS)
    pair = "other, self" if reflected else "self, other"
    constants = "".join(f", {d!r}" for d in rest)
    call = f"_record(_op, ({pair}{constants}){', _attrs' if attrs else ''})"
    done = f"return self._write({call}, {op.name!r})" if inplace else f"result = _new(_Tensor)\n    result._value = {call}\n    return result"
    source = (f"def form(self, other):\n    if other.__class__ not in _known and not _operand(other): return NotImplemented\n"
              f"    {done}\n")
    scope = {"_op": op, "_record": record, "_new": new, "_Tensor": Tensor, "_attrs": attrs, "_known": KNOWN, "_operand": is_operand}
    exec(compile(source, f"<jtorch {symbol}>", "exec"), scope)
    made = scope["form"]
    made.__name__ = made.__qualname__ = f"__{symbol}__"
    made.__doc__ = f"`{'/'.join(first)}`: see `torch.{op.name}`."
    return made


KNOWN = TENSORS | {bool, int, float, complex}


def is_operand(x: Any) -> bool:
    """Whether `x` can stand in a Python operator beside a tensor."""
    return isinstance(x, Tensor | bool | int | float | complex | np.generic)


# Overloads

class Overloads:
    """Several operators under one public name: the first whose parameters fit the arguments is called."""

    def __init__(self, ops: list[Op], forms: list[Callable], method: bool) -> None:
        self.candidates = list(zip(ops, forms, strict=True))
        self.method = method

    def choose(self, args: tuple, kwargs: dict) -> Callable:
        """The form for these arguments."""
        for op, form in self.candidates:
            if fits(op, args, kwargs):
                return form
        name = self.candidates[0][0].name
        given = ", ".join([type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in kwargs.items()])
        expected = "".join(f"\n * ({', '.join(op.parameters)})" for op, _ in self.candidates)
        raise TypeError(f"{name}() received an invalid combination of arguments - got ({given}), but expected one of:{expected}")


def fits(op: Op, args: tuple, kwargs: dict) -> bool:
    """Whether these arguments suit the operator's parameters."""
    parameters = list(op.parameters.values())
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    kwargs = {RENAMED.get(k, k) if k not in op.parameters else k: v for k, v in kwargs.items() if k != "out"}
    if positional and op.kinds[positional[-1].name] == "shape" and len(args) > len(positional):
        args = (*args[:len(positional) - 1], args[len(positional) - 1:])
    if len(args) > len(positional) or any(k not in op.parameters for k in kwargs):
        return False
    given = {**{p.name: a for p, a in zip(positional, args, strict=False)}, **kwargs}
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
        return isinstance(x, Tensor) or not first and op.kind != "none" and isinstance(x, bool | int | float | complex | np.generic)
    if kind == "arrays":
        return isinstance(x, list | tuple)
    if kind == "scalar":
        return isinstance(x, bool | int | float | complex | np.generic) or isinstance(x, Tensor) and not x.shape
    if kind in ("dims", "shape"):
        return isinstance(x, int | np.integer | list | tuple | Size) and not isinstance(x, bool)
    if note.startswith("bool"):
        return isinstance(x, bool)
    if note.startswith("int"):
        return isinstance(x, int | np.integer) and not isinstance(x, bool) or isinstance(x, Tensor) and not x.shape
    if note.startswith("str"):
        return isinstance(x, str)
    if note.startswith("dtype"):
        return isinstance(x, dtype)
    return not isinstance(x, Tensor)


def overloaded(name: str, ops: list[Op], forms: list[Callable], method: bool) -> Callable:
    """One function for all overloads."""
    if len(ops) == 1:
        return forms[0]
    choose = Overloads(ops, forms, method).choose

    def call(*args: Any, **kwargs: Any) -> Any:
        return choose(args, kwargs)(*args, **kwargs)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = "\n\n".join(filter(None, (op.body.__doc__ for op in ops)))
    call.__module__ = "torch"
    return call


# Putting the forms in place

def install_methods() -> None:
    """Give Tensor the methods of every declared operator, and those written by hand."""
    for name, method in PUBLIC["Tensor"].items():
        setattr(Tensor, name, method)
    for name, ops in REGISTRY.items():
        if "." in name:                                      # an alias in one namespace only
            continue
        methods = [op for op in ops if "Tensor" in op.facts["home"]]
        if methods and name not in Tensor.__dict__:
            setattr(Tensor, name, overloaded(name, methods, [function(op, True) for op in methods], True))
        changing = [op for op in methods if op.facts["inplace"]]
        if changing and name + "_" not in Tensor.__dict__:
            setattr(Tensor, name + "_", overloaded(name + "_", changing, [inplace(op) for op in changing], True))
    for name, symbol in OPERATORS.items():
        op = next((op for op in REGISTRY[name] if op.facts["reflected"]), REGISTRY[name][0])
        setattr(Tensor, f"__{symbol}__", operator(op, symbol))
        setattr(Tensor, f"__r{symbol}__", operator(op, "r" + symbol, reflected=True))
        setattr(Tensor, f"__i{symbol}__", operator(op, "i" + symbol, inplace=True))
    for name, symbol in COMPARISONS.items():
        op = REGISTRY[name][0]
        made = operator(op, symbol) if len(op.parameters) > 1 else function(op, True)
        setattr(Tensor, f"__{symbol}__", made)


def functions(home: str) -> dict[str, Callable]:
    """The functions that live in a namespace, by public name; where activations live they take `inplace=`."""
    form = switchable if home == "nn.functional" else function
    found = {}
    for full, ops in REGISTRY.items():
        place, _, name = full.rpartition(".")
        if place not in ("", home):
            continue
        here = [op for op in ops if home in op.facts["home"]]
        if here:
            found[name] = overloaded(name, here, [form(op) for op in here], False)
            if home == "nn.functional" and here[0].facts["inplace"] and name + "_" not in REGISTRY:
                found[name + "_"] = inplace(here[0])
    return found


def switchable(op: Op) -> Callable:
    """The function of an operator, with `inplace=` where there is an in-place form."""
    if not op.facts["inplace"] or op.facts["out"]:
        return function(op)
    form = Form(op, False)
    call, first = form.call(), next(iter(op.parameters))
    return form.build(op.name, f"if inplace: return {first}._write({call}, {op.name!r})\n    return _wrap({call})", extra="inplace=False")
