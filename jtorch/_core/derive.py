"""The public forms of each declared operator: function, method, in-place, `out=`, reflected operator, aliases, overloads.

Each form is a small generated function with PyTorch's signature, so that a call costs no argument parsing of our own.
"""
from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from operator import index
from typing import Any

import numpy as np

from . import autocast, few, immediate, layout, misfit, override, returns, threads  # noqa: F401  (`few`, `immediate` and `threads` install themselves)
from .deprecated import reordered
from .device import META
from .dtype import INTEGRAL, dtype, of_python
from .graph import here, mode
from .op import NONE, OPERANDS, REGISTRY, SEQUENCES, Op, View
from .overload import RENAMED, overloaded
from .public import PUBLIC
from .record import TENSORS, at_hand, note_check, record, record_one, record_three, record_two, seen
from .sparse import FORMS, SparseTensor, elsewhere, refusing, stored
from .tensor import Tensor, new, wrap, wrap_all
from .transfer import to_host

OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floor_divide": "floordiv", "remainder": "mod", "pow": "pow",
             "matmul": "matmul", "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor", "bitwise_left_shift": "lshift",
             "bitwise_right_shift": "rshift"}                # Python's operators with a reflected and an in-place form
COMPARISONS = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "neg": "neg", "abs": "abs"}
PLAIN = {int, bool, float, str, type(None), dtype}           # attributes of these classes are recorded as they are
CONVERTED = {name for rules in autocast.TABLES.values() for name in rules}     # what autocast converts the operands of
MISSING = object()                                           # stands for an argument that has no default


def sizes(given: Any) -> tuple[int, ...]:
    """A shape from separate integers or one sequence of them."""
    if len(given) == 1 and not isinstance(given[0], int):
        given = given[0]
        if isinstance(given, Tensor | np.integer) or not hasattr(given, "__iter__"):
            given = (given,)
    return tuple([n if type(n) is int else index(n) for n in given])


def shape_of(op: Op, name: str, given: Any) -> tuple[int, ...] | None:
    """A shape as a function takes it: one integer is none."""
    if isinstance(given, int) and not isinstance(given, bool):
        raise misfit.wrong_class(op.name, name, list(op.parameters).index(name) + 1, "tuple of ints", given)
    return given if given is None else sizes((given,))


def together(given: tuple) -> Any:
    """Tensors given as separate arguments or as one list."""
    return given[0] if len(given) == 1 and isinstance(given[0], list | tuple) else given


def sequence(op: Op, given: Any) -> Any:
    """A sequence of tensors that is neither a list nor a tuple, or None."""
    if given is None:
        return ()
    if isinstance(given, list | tuple):
        return given
    raise TypeError(f"{op.name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(given).__name__}")


def only(op: Op, given: tuple, names: dict[str, Any]) -> tuple:
    """What may be given as separate arguments, given by its name."""
    (name, x), *more = names.items()
    if given or more or op.kinds.get(name) != "shape":
        raise TypeError(f"{op.name}() got an unexpected keyword argument '{name}'")
    return (x,)


def freeze(given: Any) -> Any:
    """An attribute as something hashable."""
    if isinstance(given, list | tuple):
        return tuple([freeze(g) for g in given])
    if isinstance(given, Tensor):
        return given.item()
    return given.item() if isinstance(given, np.generic) else of_python.get(given, given) if isinstance(given, type) else given


def checked(op: Op, operands: tuple, attrs: tuple = ()) -> Any:
    """Record `op`, and raise for wrong values and for failures, as its facts `known` and `fails` say."""
    if op.fails is None and all_pending(operands):
        return record(op, operands, attrs)
    operands = tuple([wrap(x._read_value()) if type(x) in TENSORS and x._value is None else x for x in operands])   # memory is read once
    before = [seen(x) for x in operands]
    value = record(op, operands, attrs)
    args, keywords = op.arguments(before, attrs)
    if op.known is not None:
        op.known(*args, **keywords)
        if here.capture is not None:
            note_check(partial(_check_known, op, attrs), operands)
    if op.fails is not None and value[-1].aval.device is not META:
        op.fails(lambda: to_host(value[-1], "check for failure", True), *args, **keywords)
    return value if not op.tells else value[0] if len(value) == 2 else value[:-1]


def _check_known(op: Op, attrs: tuple, *operands: Any) -> None:
    args, keywords = op.arguments(operands, attrs)
    op.known(*args, **keywords)


def all_pending(operands: tuple) -> bool:
    """Whether there is nothing to check: no operand is a number, and none's values are on the host."""
    for x in operands:
        if x is not None and (type(x) not in TENSORS or (v := x._value) is None or at_hand(v)):
            return False
    return True


ARRANGING = {"like": "_arrange", "channels": "_channels"}       # what gives results their strides
RECORDERS = {"_arrange": layout.arrange, "_channels": layout.channels_as, "_record": record, "_checked": checked,
             "_record1": record_one, "_record2": record_two, "_record3": record_three}


def recording(op: Op, operands: Sequence[str], attrs: str) -> str:
    """The expression that records `op` for the operands and attributes of these expressions."""
    plain = op.known is None and op.fails is None
    if plain and 1 <= len(operands) <= 3 and not any(x.startswith("*") for x in operands):
        return f"_record{len(operands)}(_op, {', '.join(operands)}{attrs and ', ' + attrs})"
    return f"{'_record' if plain else '_checked'}(_op, {_tuple(operands)}{attrs and ', ' + attrs})"


def arranged(op: Op, result: str, operands: Sequence[str], method: bool = False) -> str:
    """The expression of a new result with its strides, where they depend on those of the operands."""
    if op.facts["strides"] == "fresh":
        return result
    arrange = ARRANGING[op.facts["strides"]]
    unordered = [f"not {x}._in_order" if method and not k else f"isinstance({x}, _Tensor) and not {x}._in_order" for k, x in enumerate(operands)]
    return f"{arrange}({result}, {_tuple(operands)}) if {' or '.join(unordered)} else {result}"


class Form:
    """Source text of one public form of an operator, put together from its parameters."""

    def __init__(self, op: Op, method: bool) -> None:
        self.op, self.method = op, method
        self.parameters = list(op.parameters.values())
        self.names = ["self" if method and not k else p.name for k, p in enumerate(self.parameters)]
        self.defaults: dict[str, Any] = {}
        several = [p.name for p in self.parameters if op.kinds[p.name] == "shape" and p.kind is not p.KEYWORD_ONLY]
        last = [p.name for p in self.parameters if p.kind is not p.KEYWORD_ONLY][-1:]
        self.starred = [n for n in several if method and several == last and len(self.parameters) > 1]
        if op.facts.get("spread"):
            self.starred = [p.name for p in self.parameters if op.kinds[p.name] == "arrays"]

    def signature(self, extra: str) -> str:
        """The parameter list.  What is required has a default too, and `names` takes NumPy's names for arguments: see `again`."""
        parts, keywords = [], False
        for name, p in zip(self.names, self.parameters, strict=True):
            if p.name in self.starred:
                parts.append(f"*{name}")
                keywords = True
                continue
            if p.kind is p.KEYWORD_ONLY and not keywords:
                parts.append("*more")
                keywords = True
            if p.default is not p.empty:
                self.defaults[f"_{p.name}"] = p.default
                parts.append(f"{name}=_{p.name}")
            else:
                parts.append(name if self.starred else f"{name}=_missing")
        if not keywords and extra != "inplace=False":
            parts.append("*more")
        if extra:
            parts.append(extra)
        if not keywords and extra == "inplace=False":
            parts.append("*more")
        return ", ".join([*parts, "**names"])

    def check(self, extra: str) -> str:
        """The statement that lets a call with unusual or missing arguments begin again."""
        if self.starred:
            return f"    if names: {self.starred[0]} = _only(_op, {self.starred[0]}, names)\n"
        required = [n for n, p in zip(self.names, self.parameters, strict=True) if p.default is p.empty]
        known = [*self.names, extra.partition("=")[0]] if extra else self.names
        given = ", ".join(f"{n!r}: {n}" for n in known)
        return f"    if names or more or {required[-1]} is _missing: return _again(form, _op, {self.method}, {{{given}}}, names, more)\n"

    def plainly(self, extra: str) -> str:
        """The statement that takes autocast out of calls in place and with `out=`, whose result has its type already."""
        if self.op.name not in CONVERTED or self.starred or extra not in ("out=None", "in place"):
            return ""
        when = "out is not None and " if extra == "out=None" else ""
        names = [*self.names, "out"] if when else self.names
        return f"    if {when}_here.trace.mode.autocast: return _without_autocast(form, {{{', '.join(f'{n!r}: {n}' for n in names)}}})\n"

    def operands(self) -> list[str]:
        """The expressions of the operands that are tensors."""
        found = []
        for name, p in zip(self.names, self.parameters, strict=True):
            kind = self.op.kinds[p.name]
            if kind in ("array", "arrays"):
                found.append(name if kind == "array" else f"*(_together({name}) or ())")
        return found

    def arranged(self, result: str) -> str:
        """The expression of a result with its strides."""
        return self.laid(result) if callable(self.op.facts["strides"]) else arranged(self.op, result, self.operands(), self.method)

    def laid(self, results: str) -> str:
        """The same by the operator's own rule."""
        return f"_laid({results}, {', '.join(self.names)})"

    def call(self) -> str:
        """The expression that records the operation."""
        operands, attrs, lengths = [], [], []
        for name, p in zip(self.names, self.parameters, strict=True):
            kind = self.op.kinds[p.name]
            if kind in SEQUENCES:
                name = f"_together({name})" if self.op.facts.get("spread") else name
                operands.append(f"*({name} if {name}.__class__ in _lists else _sequence(_op, {name}))")
                lengths.append(f"None if {name} is None else len({name})")
            elif kind in OPERANDS:
                operands.append(name)
            elif kind == "shape":
                attrs.append(f"_sizes({name})" if p.name in self.starred else f"_shape_of(_op, {p.name!r}, {name})")
            else:
                attrs.append(f"{name} if {name}.__class__ in _plain else _freeze({name})")
        attrs = lengths + attrs
        if isinstance(self.op, View):
            first, rest = operands[0], operands[1:]
            return f"{first}._view(_op, {_tuple(rest)}, {_tuple(attrs)})"
        return recording(self.op, operands, _tuple(attrs) if attrs else "")

    def build(self, name: str, body: str, extra: str = "", in_place: bool = False) -> Callable:
        """Compile `def name(…): body`."""
        body = body.replace("\n", "\n    ")
        first = self.check(extra) + self.plainly("in place" if in_place else extra)
        given = _tuple(self.names)
        source = (f"def form({self.signature(extra)}):\n{first}    try:\n        {body}\n    except (TypeError, AttributeError):\n"
                  f"        if _appeared({given}): return form(*_op.before_defaults({given}))\n"
                  f"        if _stored({given}) is None:\n            wrong = _wrong(_op, {self.method}, {given})\n"
                  "            if wrong is None: raise\n            raise wrong from None\n"
                  f"    return _elsewhere(_op, {name!r}, {given}{', out' if extra == 'out=None' else ''})\n")
        scope = {"_op": self.op, "_sizes": sizes, "_shape_of": shape_of, "_freeze": freeze, "_together": together,
                 "_wrap": wrap_all, "_new": new, "_Tensor": Tensor, "_write_out": write_out, "_exactly": exactly, "_named": returns.named(self.op),
                 "_plain": PLAIN, "_check_overlap": layout.check_overlap, "_missing": MISSING, "_again": again, "_only": only, "_lists": (list, tuple),
                 "_sequence": sequence, "_wrong": misfit.of_operator, "_here": here, "_without_autocast": without_autocast, "_stored": stored,
                 "_elsewhere": elsewhere, "_appeared": override.appeared, "_laid": self.op.facts["strides"], **RECORDERS, **self.defaults}
        exec(compile(source, f"<jtorch {name}>", "exec"), scope)
        made: Any = scope["form"]
        made.__name__ = made.__qualname__ = name
        made.__doc__ = self.op.body.__doc__
        made.__module__ = "torch"
        made.__signature__ = self.shown(extra)
        return made

    def shown(self, extra: str) -> inspect.Signature:
        """The signature that `help` shows."""
        parameters = [p.replace(name=n, kind=p.VAR_POSITIONAL, default=p.empty) if p.name in self.starred else p.replace(name=n)
                      for n, p in zip(self.names, self.parameters, strict=True)]
        if self.starred:
            at = next(k for k, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL)
            parameters = parameters[:at + 1] + [p.replace(kind=p.KEYWORD_ONLY) for p in parameters[at + 1:]]
        if extra:
            name, _, default = extra.partition("=")
            kind = inspect.Parameter.KEYWORD_ONLY if name == "out" or parameters[-1].kind is inspect.Parameter.KEYWORD_ONLY else parameters[-1].kind
            parameters.append(inspect.Parameter(name, kind, default=None if default == "None" else False))
        return inspect.Signature(parameters)


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)},)" if parts else "()"


def again(form: Callable, op: Op, method: bool, given: dict[str, Any], names: dict[str, Any], more: tuple) -> Any:
    """Call `form` once more with NumPy's names for arguments replaced by PyTorch's.  Raises TypeError for unknown, missing and excess arguments."""
    plain = [p for p in op.parameters.values() if p.kind is not p.KEYWORD_ONLY][method:]
    if method and len(op.parameters) == 1 and (more or names):
        raise TypeError(f"TensorBase.{op.name}() takes no {f'arguments ({len(more)} given)' if more else 'keyword arguments'}")
    if more and not names and (old := reordered(form.__name__, op, method, given, more)) is not None:
        return form(**old)
    if more:
        raise misfit.miscounted(op.name, sum(p.default is p.empty for p in plain), len(plain), len(plain) + len(more))
    unknown = []
    for name, x in names.items():
        known = RENAMED.get(name, "")
        if known not in given or known not in ("dim", "keepdim") and given[known] is not MISSING:
            unknown.append(name)
        else:
            given[known] = x
    absent = [name for name, x in given.items() if x is MISSING]
    if absent:
        raise misfit.missing(op.name, absent)
    if unknown:
        raise misfit.unexpected(op.name, unknown[0])
    return form(**given)


def without_autocast(form: Callable, given: dict[str, Any]) -> Any:
    """Call `form` as if autocast were off."""
    before = here.mode
    here.mode = mode(before.grad, before.inference, before.floating)
    try:
        return form(**given)
    finally:
        here.mode = mode(here.mode.grad, here.mode.inference, here.mode.floating, before.autocast)


def write_out(op: Op, out: Any, result: Any, operands: tuple) -> Any:
    """Put results into the tensors given as `out=`, which must not overlap with the `operands`."""
    if isinstance(result, tuple):
        if not isinstance(out, list | tuple) or len(out) != len(result):
            raise TypeError(f"{op.name}() received an invalid combination of arguments: 'out' must be a tuple of {len(result)} tensors")
        written = [write_out(op, target, r, operands) for target, r in zip(out, result, strict=True)]
        return returns.written(result, written) if isinstance(result, returns.Results) else tuple(written)
    if not isinstance(out, Tensor):
        raise TypeError(f"{op.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    returns.check_no_history(op.name, out, result)
    if op.kind == NONE and op.facts["out"] != "cast" and out.dtype is not result.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {result.dtype.in_c}, but got {out.dtype.in_c} instead")
    target, whole = resized(out, result.shape), op.facts["overlap"] == "whole"
    layout.check_overlap(target, operands[:1], whole or bool(op.facts["inplace"]))
    layout.check_overlap(target, operands[1:], whole)
    return target._write(result._read_value(), "out")


def resized(out: Tensor, shape: Sequence[int]) -> Tensor:
    """A tensor given as `out=`, made to have the result's shape."""
    if out.shape != shape:
        layout.check_single(out)
        if out.numel():
            warnings.warn(f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not match the required "
                          f"output shape {list(shape)}. This behavior is deprecated, and in a future PyTorch release outputs will not be resized "
                          "unless they have zero elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with "
                          "t.resize_(0).", UserWarning, stacklevel=3)
        out.resize_(tuple(shape))                            # which keeps memory that is large enough
    return out


def into(out: Tensor | None, made: Tensor) -> Tensor:
    """`made`, or where there is one the tensor given as `out=` with its contents."""
    return made if out is None else resized(out, made.shape)._write(made._read_value(), "out")


def exactly(self: Tensor, value: Any) -> Any:
    """`value`, which is about to be written to `self`, if it has the same type or is a wider integer."""
    if value.aval.dtype is not self.dtype and value.aval.dtype.category > INTEGRAL:
        raise RuntimeError(f"Bad in-place call: input tensor dtype {self.dtype.in_c} and output tensor dtype {value.aval.dtype.in_c} should match")
    return value


def function(op: Op, method: bool = False) -> Callable:
    """The function, or the method, of an operator."""
    form = Form(op, method)
    call = form.call()
    if isinstance(op, View):
        return form.build(op.name, f"return {call}")
    def named(results: str) -> str:
        return f"_named({results})" if op.facts["returns"] else results
    several = form.laid("_wrap(value)") if callable(op.facts["strides"]) else "_wrap(value)" if op.facts["strides"] == "fresh" else (
        f"tuple([{ARRANGING[op.facts['strides']]}(_wrap(v), {_tuple(form.operands())}) for v in value])")
    one = "(result,)" if op.several else form.arranged("result")
    wrapped = f"if value.__class__ is tuple: return {named(several)}\n    result = _new(_Tensor)\n    result._value = value\n    return {one}"
    if op.facts["out"] and not method:
        given = _tuple([] if op.facts["overlap"] == "any" else form.operands())
        written = f"if out is not None: return _write_out(_op, out, {named('_wrap(value)')}, {given})"
        return form.build(op.name, f"value = {call}\n    {written}\n    {wrapped}", "out=None")
    return form.build(op.name, f"value = {call}\n    {wrapped}")


def inplace(op: Op) -> Callable:
    """The method `name_`."""
    form = Form(op, True)
    if isinstance(op, View):
        return form.build(op.name + "_", f"return self._become({form.call()})")
    call = form.call()
    call = f"_exactly(self, {call})" if op.facts["inplace"] == "exact" else call
    return form.build(op.name + "_", checked_write(op, call, form.operands()[1:]), in_place=True)


def checked_write(op: Op, call: str, others: list[str]) -> str:
    """Statements that write the result of `call` to the first operand, whose memory the others must not look at in part."""
    if not others or op.facts["overlap"] == "any":
        return f"return self._write({call}, {op.name!r})"
    whole = op.facts["overlap"] == "whole"
    shared = "if self._views is not None or self._storage is not None or self._seen_from is not None: " if whole else ""
    return f"value = {call}\n    {shared}_check_overlap(self, {_tuple(others)}, {whole})\n    return self._write(value, {op.name!r})"


def operator(op: Op, symbol: str, reflected: bool = False, inplace: bool = False) -> Callable:
    """Python's operator method: NotImplemented for operands that are no tensors or numbers."""
    first = list(op.parameters)[:2]
    rest = [p.default for p in list(op.parameters.values())[2:] if op.kinds[p.name] in OPERANDS]
    attrs = tuple(p.default for p in list(op.parameters.values())[2:] if op.kinds[p.name] not in OPERANDS)
    pair = "other, self" if reflected else "self, other"
    call = recording(op, [*pair.split(", "), *map(repr, rest)], "_attrs" if attrs else "")
    fresh = f"result = _new(_Tensor)\n    result._value = {call}\n    return {arranged(op, 'result', pair.split(', '))}"
    done = checked_write(op, call, ["other"]) if inplace else fresh
    alone = "if not isinstance(self, _Tensor): return _alone(_name, self, other)\n    " if reflected else ""
    source = (f"def form(self, other):\n    {alone}if other.__class__ not in _known and not _operand(other):\n"
              "        return form(self, other) if _appeared((other,)) else NotImplemented\n"
              "    try:\n        " + done.replace("\n", "\n    ") + "\n    except TypeError:\n        if _stored((self, other)) is None: raise\n"
              f"    return _elsewhere(_op, {op.name + '_' * inplace!r}, ({pair}, {''.join(f'{p.default!r}, ' for p in list(op.parameters.values())[2:])}))\n")
    numbers = op.kind != NONE
    scope = {**RECORDERS, "_op": op, "_new": new, "_Tensor": Tensor, "_attrs": attrs, "_check_overlap": layout.check_overlap, "_stored": stored,
             "_alone": _called_alone, "_appeared": override.appeared, "_name": f"__{symbol}__", "_elsewhere": elsewhere,
             "_known": KNOWN if numbers else TENSORS, "_operand": is_operand if numbers else is_no_number}
    exec(compile(source, f"<jtorch {symbol}>", "exec"), scope)
    made: Any = scope["form"]
    made.__name__ = made.__qualname__ = f"__{symbol}__"
    made.__doc__ = f"`{'/'.join(first)}`: see `torch.{op.name}`."
    return made


def _called_alone(name: str, self: Any, other: Any) -> Any:
    """What a reflected operator does that is called as a function of something else than a tensor."""
    if name == "__rtruediv__":
        raise AttributeError(f"'{type(self).__name__}' object has no attribute 'reciprocal'")
    if name in ("__rsub__", "__rmod__", "__rpow__") and not isinstance(other, Tensor):
        return NotImplemented
    raise TypeError(f"descriptor '{name}' for 'torch._C.TensorBase' objects doesn't apply to a '{type(self).__name__}' object")


def is_no_number(x: Any) -> bool:
    """What `@` takes."""
    return isinstance(x, Tensor)


KNOWN = TENSORS | {bool, int, float, complex}


def is_operand(x: Any) -> bool:
    """Whether `x` can stand in a Python operator beside a tensor."""
    return isinstance(x, Tensor | bool | int | float | complex | np.generic)


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
            setattr(Tensor, name, overloaded(name, methods, [function(op, True) for op in methods]))
        changing = [op for op in methods if op.facts["inplace"]]
        if changing and name + "_" not in Tensor.__dict__:
            setattr(Tensor, name + "_", overloaded(name + "_", changing, [inplace(op) for op in changing]))
    for name, symbol in OPERATORS.items():
        op = next((op for op in REGISTRY[name] if op.facts["reflected"]), REGISTRY[name][0])
        setattr(Tensor, f"__{symbol}__", operator(op, symbol))
        other_way = op.facts["reflected"]
        setattr(Tensor, f"__r{symbol}__", operator(getattr(other_way, "op", op), "r" + symbol, reflected=True))
        setattr(Tensor, f"__i{symbol}__", operator(op, "i" + symbol, inplace=True))
    for prefix in ("", "r", "i"):
        setattr(Tensor, f"__{prefix}div__", getattr(Tensor, f"__{prefix}truediv__"))
    for name, symbol in COMPARISONS.items():
        op = REGISTRY[name][0]
        made = operator(op, symbol) if len(op.parameters) > 1 else function(op, True)
        setattr(Tensor, f"__{symbol}__", made)
    Tensor.__pos__ = Tensor.positive
    install_sparse_methods()


def install_sparse_methods() -> None:
    """Give SparseTensor what replaces methods that are written by hand: the others ask for their sparse forms themselves."""
    for name, form in FORMS.items():
        if name not in REGISTRY:
            setattr(SparseTensor, name, form)
    for name in PUBLIC["Tensor"].keys() - FORMS.keys() - SparseTensor.FREE:
        setattr(SparseTensor, name, refusing(name))


def functions(home: str) -> dict[str, Callable]:
    """The functions that live in a namespace, by public name; where activations live they take `inplace=`."""
    form = switchable if home == "nn.functional" else function
    found = {}
    for full, ops in REGISTRY.items():
        place, _, name = full.rpartition(".")
        if place not in ("", home):
            continue
        living = [op for op in ops if place or home in op.facts["home"]]
        if living:
            found[name] = overloaded(name, living, [form(op) for op in living])
            changing = [op for op in living if op.facts["inplace"]]
            if home in ("torch", "nn.functional") and changing and name + "_" not in REGISTRY:
                found[name + "_"] = overloaded(name + "_", changing, [inplace(op) for op in changing])
    return found


def switchable(op: Op) -> Callable:
    """The function of an operator, with `inplace=` where there is an in-place form."""
    if not op.facts["inplace"] or op.facts["out"]:
        return function(op)
    form = Form(op, False)
    call, first = form.call(), next(iter(op.parameters))
    return form.build(op.name, f"if inplace: return {first}._write({call}, {op.name!r})\n    result = _new(_Tensor)\n    result._value = {call}\n"
                               f"    return {form.arranged('result')}", extra="inplace=False")
