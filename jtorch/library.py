"""Operators of one's own (`torch.library`): a Python function with a name, and what its gradient is.

They run as any other code does: what they record becomes part of the step's program.
"""
from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import jtorch as torch
from jtorch import Tensor, autograd
from jtorch.ops import ANY, Operator, namespace

__all__ = ["CustomOpDef", "Library", "custom_op", "define", "fallthrough_kernel", "get_ctx", "impl", "infer_schema", "opcheck", "register_autograd",
           "register_fake", "register_kernel", "register_vmap", "triton_op"]

PLAIN = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", torch.device: "Device", torch.dtype: "ScalarType"}
DEFINED: dict[str, Operator] = {}
DEVICES = {"CPU": "cpu", "CUDA": "cuda", "Meta": "meta"}


# ---- schemas

def infer_schema(prototype_function: Callable, /, *, mutates_args: Literal["unknown"] | Iterable[str], op_name: str | None = None) -> str:
    """The schema that a function's annotations say: "(Tensor x, SymInt n=2) -> Tensor".  Raises ValueError for what no operator takes or gives.

    mutates_args  the names of the tensors that it changes; "unknown": maybe all
    """
    signature, hints = inspect.signature(prototype_function), get_type_hints(prototype_function)

    def wrong(text: str) -> ValueError:
        return ValueError(f"infer_schema(func): {text} Got func with signature {signature})")
    changed = set(hints) if mutates_args == "unknown" else set(mutates_args)
    if mutates_args != "unknown" and changed - set(signature.parameters):
        raise wrong(f"{changed - set(signature.parameters)} in mutates_args were not found in the custom op's signature. mutates_args should contain the names "
                    "of all args that the custom op mutates, or just the string 'unknown' if you don't know.")
    parts: list[str] = []
    for place, (name, p) in enumerate(signature.parameters.items()):
        if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            raise wrong("We do not support positional-only args, varargs, or varkwargs.")
        if p.kind is p.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if name not in hints:
            raise wrong(f"Parameter {name} must have a type annotation.")
        text = _text(hints[name])
        if text is None:
            raise wrong(f"Parameter {name} has unsupported type {hints[name]}.")
        if name in changed and text.startswith("Tensor"):
            text = f"Tensor(a{place}!){text[6:]}"
        if p.default is not p.empty and not isinstance(p.default, int | float | bool | str | torch.device | torch.dtype | None):
            raise wrong(f"Parameter {name} has an unsupported default value type {type(p.default)}.")
        parts.append(f"{text} {name}{'' if p.default is p.empty else '=' + _default(p.default)}")
    if "return" not in hints:
        raise wrong("No return type annotation was provided. Please add one.")
    given = _returned(hints["return"])
    if given is None:
        raise wrong(f"Return has unsupported type {hints['return']}.")
    return f"{op_name or ''}({', '.join(parts)}) -> {given}"


def _text(kind: Any) -> str | None:
    """A type in a schema's words, None where it has none."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        rest = [k for k in inside if k is not type(None)]
        text = "Scalar" if len(rest) > 1 and set(rest) <= {int, float, bool} else _text(rest[0]) if len(rest) == 1 else None
        return text if text is None or len(rest) == len(inside) else f"{text}?"
    if origin in (list, Sequence) and inside:
        text = _text(inside[0])
        return text and f"{text}[]"
    return None


def _default(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).removeprefix("torch.")


def _returned(kind: Any) -> str | None:
    if kind is type(None):
        return "()"
    if get_origin(kind) is tuple:
        inside = [_text(k) for k in get_args(kind)]
        return None if None in inside else f"({', '.join(map(str, inside))})"
    return _text(kind)


# ---- operators of a function

class CustomOpDef:
    """An operator made by `custom_op`: call it, or give it kernels for other devices, a gradient, a rule for `vmap`."""

    def __init__(self, namespace_: str, name: str, schema: str, function: Callable, mutates: bool, devices: Sequence[str]) -> None:
        self._namespace, self._name, self._schema, self._mutates = namespace_, name, schema, mutates
        printed = re.sub(r"=(-?[0-9]+\.)0(?=[,)])", r"=\1", schema)       # floats as C++ prints them
        self._operator = Operator(f"{namespace_}::{name}", f"{namespace_}::{name}{printed}")
        self._signature = inspect.signature(function)
        self._init_fn, self._qualname = function, f"{namespace_}::{name}"
        self._operator.kernels.update(dict.fromkeys(devices, function))
        self._backward: tuple[Callable, Callable | None] | None = None
        self._vmap: Callable | None = None
        DEFINED[self._qualname] = self._operator
        MADE[self._qualname] = self
        namespace(namespace_)._put(self, name, self._operator.schema)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def register_kernel(self, device_types: str | Sequence[str] | None, fn: Callable | None = None, /) -> Callable:
        """The function for these types of devices, None for all; also as a decorator."""
        if fn is None:
            return lambda fn: self.register_kernel(device_types, fn)
        self._operator.kernels.update(dict.fromkeys([ANY] if device_types is None else [device_types] if isinstance(device_types, str) else device_types, fn))
        return fn

    def register_fake(self, fn: Callable, /) -> Callable:
        """The function for tensors without data."""
        self._operator.fake = fn
        return fn

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """The gradient: `backward(ctx, *grads)` gives one for each argument, `setup_context(ctx, inputs, output)` keeps what it needs."""
        if self._mutates:
            raise RuntimeError(f"Cannot register autograd formula for non-functional operator {self._qualname} with schema {self._schema}. Please create a "
                               "functional operator and register an autograd formula for that.")
        self._backward = backward, setup_context

    def register_vmap(self, func: Callable | None = None) -> Callable:
        """The rule for `vmap`: `func(info, in_dims, *args)` gives results and their batch dimensions; also as a decorator."""
        if func is None:
            return self.register_vmap
        self._vmap = func
        return func

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._bound(args, kwargs)
        if self._mutates:
            return self._operator(*bound.args, **bound.kwargs)
        return self._function().apply(*bound.arguments.values())

    def _bound(self, args: tuple, kwargs: dict[str, Any]) -> inspect.BoundArguments:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise RuntimeError(f"{self._qualname}() {error}. Declaration: {self._operator.schema}") from None
        bound.apply_defaults()
        for place, (name, x) in enumerate(bound.arguments.items()):
            if self._signature.parameters[name].annotation in (Tensor, "Tensor", "torch.Tensor") and not isinstance(x, Tensor):
                raise RuntimeError(f"{self._qualname}() Expected a value of type 'Tensor' for argument '{name}' but instead found type '{type(x).__name__}'.\n"
                                   f"Position: {place}\nValue: {x}\nDeclaration: {self._operator.schema}")
        return bound

    def _function(self) -> type[autograd.Function]:
        """The operator with its gradient."""
        operator, gradient, rule, names = self._operator, self._backward, self._vmap, list(self._signature.parameters)
        keyword = [p.name for p in self._signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
        count = len(names) - len(keyword)

        def forward(*args: Any) -> Any:
            return operator(*args[:count], **dict(zip(keyword, args[count:], strict=True)))

        def setup(ctx: Any, inputs: tuple, output: Any) -> None:
            if gradient is not None and gradient[1] is not None:
                given = {"keyword_only_inputs": dict(zip(keyword, inputs[count:], strict=True))} if keyword else {}
                gradient[1](ctx=ctx, inputs=inputs[:count], output=output, **given)

        def backward(ctx: Any, *grads: Any) -> Any:
            if gradient is None:
                raise RuntimeError(f"Trying to backward through {operator.namespace}.{operator.name}.default but no autograd formula was registered. Please "
                                   "use register_autograd to add one.")
            found = gradient[0](ctx, *grads)
            return (*found, *[None] * len(keyword)) if isinstance(found, tuple) else (found, *[None] * (len(names) - 1))
        body: dict[str, Any] = {"forward": staticmethod(forward), "setup_context": staticmethod(setup), "backward": staticmethod(backward)}
        if rule is not None:
            body["vmap"] = staticmethod(lambda info, in_dims, *args: rule(info, in_dims, *args))
        return type(f"GeneratedBackwardFor_{operator.namespace}_{operator.name}_default", (autograd.Function,), body)


MADE: dict[str, CustomOpDef] = {}


def custom_op(name: str, fn: Callable | None = None, /, *, mutates_args: str | Iterable[str], device_types: str | Sequence[str] | None = None,
              schema: str | None = None, tags: Any = None) -> Any:
    """Make an operator of a Python function; also as a decorator.

    name          with its namespace: "mylib::scale"
    mutates_args  the names of the tensors that it changes
    device_types  the devices that the function is for; by default all
    schema        its arguments and results, where its annotations do not tell

    >>> @torch.library.custom_op("mylib::twice", mutates_args=())
    ... def twice(x: torch.Tensor) -> torch.Tensor:
    ...     return 2 * x
    >>> torch.ops.mylib.twice(torch.ones(2))
    tensor([2., 2.])
    """
    def make(function: Callable) -> CustomOpDef:
        home, _, own = name.partition("::")
        if not own:
            raise ValueError(f"custom_op(name): expected a name with a namespace, such as 'mylib::{name}'")
        text = schema or infer_schema(function, mutates_args=mutates_args)        # type: ignore[arg-type]
        devices = [ANY] if device_types is None else [device_types] if isinstance(device_types, str) else list(device_types)
        return CustomOpDef(home, own, text, function, "!" in text, devices)
    return make if fn is None else make(fn)


def triton_op(name: str, fn: Callable | None = None, /, *, mutates_args: str | Iterable[str], schema: str | None = None) -> NoReturn:
    """Raise: Triton's kernels are called with PyTorch's memory."""
    raise NotImplementedError(f"torch.library.triton_op: {name}: Triton kernels cannot run in jtorch; write the kernel with JAX's Pallas and call it through "
                              "jtorch.interop, or give custom_op a Python function")


# ---- by name

def _named(op: Any, function: str) -> CustomOpDef:
    found = op if isinstance(op, CustomOpDef) else MADE.get(op if isinstance(op, str) else op.name())
    if found is None:
        raise RuntimeError(f"torch.library.{function}: there is no operator {op}, made by custom_op")
    return found


def register_kernel(op: Any, device_types: str | Sequence[str] | None, func: Callable | None = None, /, *, lib: Any = None) -> Callable:
    """See `CustomOpDef.register_kernel`."""
    return _named(op, "register_kernel").register_kernel(device_types, func)


def register_fake(op: Any, func: Callable | None = None, /, *, lib: Any = None, _stacklevel: int = 1, allow_override: bool = False) -> Callable:
    """The function for tensors without data; also as a decorator."""
    if func is None:
        return lambda func: register_fake(op, func)
    name = op if isinstance(op, str) else op._qualname if isinstance(op, CustomOpDef) else op.name()
    if name not in DEFINED:
        raise RuntimeError(f"torch.library.register_fake: there is no operator {name}")
    DEFINED[name].fake = func
    return func


impl_abstract = register_fake


def register_autograd(op: Any, backward: Callable, /, *, setup_context: Callable | None = None, lib: Any = None) -> None:
    """See `CustomOpDef.register_autograd`."""
    _named(op, "register_autograd").register_autograd(backward, setup_context=setup_context)


def register_vmap(op: Any, func: Callable | None = None, /, *, lib: Any = None) -> Callable:
    """See `CustomOpDef.register_vmap`."""
    return _named(op, "register_vmap").register_vmap(func)


def get_ctx() -> NoReturn:
    """Raise: sizes are always known here, so that no fake kernel needs a new one."""
    raise RuntimeError("torch.library.get_ctx: sizes that depend on data are computed as they are; there is nothing to allocate for them")


def opcheck(op: Any, args: tuple, kwargs: dict[str, Any] | None = None, *, test_utils: Any = (), raise_exception: bool = True, atol: float | None = None,
            rtol: float | None = None) -> dict[str, str]:
    """Call an operator, and its fake kernel, and compare what they give in shape and type.  Raises AssertionError where they differ."""
    kwargs = kwargs or {}
    found = op(*args, **kwargs)
    fake = MADE[op._qualname]._operator.fake if isinstance(op, CustomOpDef) else None
    if fake is not None:
        empty = fake(*args, **kwargs)
        pairs = zip(*[x if isinstance(x, tuple | list) else (x,) for x in (found, empty)], strict=True)
        if any(a.shape != b.shape or a.dtype != b.dtype for a, b in pairs):
            raise AssertionError(f"opcheck: the fake kernel of {op} gives another shape or type")
    return {"test_schema": "SUCCESS", "test_autograd_registration": "SUCCESS", "test_faketensor": "SUCCESS", "test_aot_dispatch_dynamic": "SUCCESS"}


# ---- libraries

def fallthrough_kernel() -> NoReturn:
    """A kernel that stands for "go on without one"."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


class Library:
    """Operators of one namespace, from schemas and kernels.

    kind  "DEF" for a namespace of one's own, "FRAGMENT" for a part of one, "IMPL" for more kernels
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in ("prim", "prims"):
            raise ValueError(f"{ns} is a reserved namespace. Please try creating a library with another name.")
        if ns == "aten" and kind == "DEF":
            raise RuntimeError("Only a single TORCH_LIBRARY can be used to register the namespace aten; it is there already")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """A new operator: "foo(Tensor x) -> Tensor".  Returns its name."""
        name = schema.split("(")[0].strip()
        operator = DEFINED[f"{self.ns}::{name}"] = Operator(f"{self.ns}::{name}", f"{self.ns}::{schema}")
        namespace(self.ns)._put(operator, name, operator.schema)
        return name

    def impl(self, op_name: Any, fn: Callable, dispatch_key: str = "", *, with_keyset: bool = False, allow_override: bool = False) -> None:
        """The kernel of an operator for a dispatch key, such as "CPU"; others than those of devices serve every device."""
        name = op_name if isinstance(op_name, str) else op_name.name()
        name = name.split("::")[-1]
        if f"{self.ns}::{name}" not in DEFINED:
            raise RuntimeError(f"torch.library.Library.impl: there is no operator {self.ns}::{name}; define it first")
        if fn is not fallthrough_kernel:
            key = dispatch_key or self.dispatch_key
            DEFINED[f"{self.ns}::{name}"].kernels[DEVICES.get(key, ANY)] = fn


def define(qualname: str, schema: str, *, lib: Library | None = None, tags: Any = ()) -> None:
    """A new operator: `define("mylib::foo", "(Tensor x) -> Tensor")`."""
    home, _, name = qualname.partition("::")
    if not name:
        raise ValueError(f"torch.library.define: expected a name with a namespace, got {qualname}")
    Library(home, "FRAGMENT").define(name + schema)


def impl(qualname: Any, types: Any, func: Callable | None = None, *, lib: Library | None = None) -> Any:
    """A kernel of an operator for types of devices ("default": all), or, with a `Library`, for a dispatch key; also as a decorator."""
    if isinstance(qualname, Library):
        library, name, key = qualname, types, func if isinstance(func, str) else ""

        def into(function: Callable) -> Callable:
            library.impl(name, function, key)
            return function
        return into
    if func is None:
        return lambda func: impl(qualname, types, func)
    if qualname not in DEFINED:
        raise RuntimeError(f"torch.library.impl: there is no operator {qualname}; define it first")
    for kind in [types] if isinstance(types, str) else types:
        DEFINED[qualname].kernels[ANY if kind == "default" else DEVICES.get(kind, kind)] = func
    return func
