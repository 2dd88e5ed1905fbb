"""Operators of one's own (`torch.library`): a Python function with a name, and what its gradient is.

They run as any other code does: what they record becomes part of the step's program.
"""
from __future__ import annotations

import ast
import inspect
import re
import types
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import jtorch as torch
from jtorch import Tensor, autograd
from jtorch._core import layout
from jtorch._opcheck import opcheck as opcheck
from jtorch.ops import ANY, DEFINED, FIRST, KERNELS, Operator, namespace
from jtorch.utils._pytree import TreeSpec, tree_flatten, tree_leaves

__all__ = ["CustomOpDef", "Library", "custom_op", "define", "fallthrough_kernel", "get_ctx", "impl", "infer_schema", "opcheck", "register_autograd",
           "register_fake", "register_kernel", "register_vmap", "triton_op"]

PLAIN = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", torch.device: "Device", torch.dtype: "ScalarType"}
KEYS = {"CPU": "cpu", "CUDA": "cuda", "XPU": "xpu", "MPS": "mps", "Meta": "meta",        # dispatch keys, by what a kernel is kept under
        **dict.fromkeys((ANY, "CompositeExplicitAutograd", "BackendSelect"), ANY), **dict.fromkeys(("Autograd", "AutogradCPU", "AutogradCUDA"), FIRST),
        **{f"Autocast{name}": f"autocast {name.lower()}" for name in ("CPU", "CUDA", "XPU", "MPS")}}


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

def _signature_of(schema: str) -> inspect.Signature:
    """The parameters of a schema: "foo(Tensor x, int[] sizes=[1, 2], *, float k=1.0) -> Tensor"."""
    parameters: list[inspect.Parameter] = []
    kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for part in re.findall(r"(?:\[[^\]]*\]|\([^)]*\)|\"[^\"]*\"|[^,])+", schema.split("(", 1)[1].rpartition("->")[0].rstrip().removesuffix(")")):
        declared, _, default = part.partition("=")
        if declared.strip() == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
        elif declared.strip():
            words = declared.split()
            parameters.append(inspect.Parameter(words[-1], kind, default=_literal(default.strip()) if default else inspect.Parameter.empty,
                                                annotation=Tensor if words[0].split("(")[0] == "Tensor" else inspect.Parameter.empty))
    return inspect.Signature(parameters)


def _literal(text: str) -> Any:
    """A default of a schema; a word, such as that of a type, is the type's."""
    return getattr(torch, text) if text.isidentifier() and text not in ("None", "True", "False") else ast.literal_eval(text)


class CustomOpDef:
    """An operator made by `custom_op`, or the rules of another one: call it, or give it kernels for other devices, a gradient, a rule for `vmap`."""

    def __init__(self, operator: Operator, schema: str, function: Callable | None, signature: inspect.Signature, mutates: bool) -> None:
        self._operator, self._schema, self._init_fn, self._signature, self._mutates = operator, schema, function, signature, mutates
        self._namespace, self._name, self._qualname = operator.namespace, operator.name, f"{operator.namespace}::{operator.name}"
        self._backward: tuple[Callable, Callable | None] | None = None
        self._vmap: Callable | None = None
        operator.rules = self._with_rules
        MADE[self._qualname] = self

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
        self._changed()

    def register_vmap(self, func: Callable | None = None) -> Callable:
        """The rule for `vmap`: `func(info, in_dims, *args)` gives results and their batch dimensions; also as a decorator."""
        if func is None:
            return self.register_vmap
        self._vmap = func
        self._changed()
        return func

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._operator(*args, **kwargs)

    def _with_rules(self, *args: Any, **kwargs: Any) -> Any:
        bound = self._bound(args, kwargs)
        if self._mutates:
            return self._operator.run(*bound.args, **bound.kwargs)
        leaves, spec = tree_flatten(tuple(bound.arguments.values()))
        return self._function.apply(spec, *leaves)

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

    @cached_property
    def _function(self) -> type[autograd.Function]:
        """The operator with its gradient: a function of the structure of its arguments and of what is in them, for they may be lists of tensors."""
        operator, gradient, rule = self._operator, self._backward, self._vmap
        keyword = [p.name for p in self._signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
        count = len(self._signature.parameters) - len(keyword)

        def given(spec: TreeSpec, leaves: Sequence) -> tuple[tuple, dict[str, Any]]:
            values = spec.unflatten(leaves)
            return values[:count], dict(zip(keyword, values[count:], strict=True))

        def forward(spec: TreeSpec, *leaves: Any) -> Any:
            args, kwargs = given(spec, leaves)
            found = operator.run(*args, **kwargs)
            _check_new(operator, tree_leaves(found), leaves)
            return found

        def setup(ctx: Any, inputs: tuple, output: Any) -> None:
            ctx._arguments = inputs[0]
            args, kwargs = given(inputs[0], inputs[1:])
            if gradient is not None and gradient[1] is not None:
                gradient[1](ctx=ctx, inputs=args, output=output, **({"keyword_only_inputs": kwargs} if kwargs else {}))

        def backward(ctx: Any, *grads: Any) -> Any:
            if gradient is None:
                raise RuntimeError(f"Trying to backward through {operator.namespace}.{operator.name}.default but no autograd formula was registered. Please "
                                   "use register_autograd to add one.")
            found, parts = gradient[0](ctx, *grads), ctx._arguments.children()
            found = found if isinstance(found, tuple) else (found,)
            return (None, *[x for part, grad in zip_longest(parts, found)
                            for x in ([None] * part.num_leaves if grad is None else part.flatten_up_to(grad))])

        def batched(info: Any, in_dims: tuple, spec: TreeSpec, *leaves: Any) -> Any:
            args, kwargs = given(spec, leaves)
            return rule(info, spec.unflatten(in_dims[1:])[:count], *args, **kwargs)   # type: ignore[misc]  # it is there
        body: dict[str, Any] = {"forward": staticmethod(forward), "setup_context": staticmethod(setup), "backward": staticmethod(backward)}
        if rule is not None:
            body["vmap"] = staticmethod(batched)
        return type(f"GeneratedBackwardFor_{operator.namespace}_{operator.name}_default", (autograd.Function,), body)

    def _changed(self) -> None:
        """What was made of the rules is made again."""
        vars(self).pop("_function", None)


def _check_new(operator: Operator, results: Sequence, leaves: Sequence) -> None:
    """Raise where a result looks at the memory of an argument, or of another result: its gradient would be another's."""
    seen = [layout.memory_of(x) for x in leaves if isinstance(x, Tensor)]
    for x in results:
        if isinstance(x, Tensor):
            if any(layout.memory_of(x) is memory for memory in seen):
                raise RuntimeError(f"{operator.name}: The output of this custom operator (1) must not also be an input to this custom operator and (2) may not "
                                   "alias any inputs to this custom operator or other returns. The most common way to trigger this error is if we have y = "
                                   "custom_op(x) and y and x are the same Tensor. Please instead return a clone of the offending output tensor(s) (e.g. return "
                                   "x.clone()) or refactor the custom operator to not return y.")
            seen.append(layout.memory_of(x))


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
        printed = re.sub(r"=(-?[0-9]+\.)0(?=[,)])", r"=\1", text)         # floats as C++ prints them
        operator = DEFINED[f"{home}::{own}"] = Operator(f"{home}::{own}", f"{home}::{own}{printed}")
        operator.kernels.update(dict.fromkeys(devices, function))
        namespace(home)._put(operator, own, operator.schema)
        return CustomOpDef(operator, text, function, inspect.signature(function), "!" in text)
    return make if fn is None else make(fn)


def triton_op(name: str, fn: Callable | None = None, /, *, mutates_args: str | Iterable[str], schema: str | None = None) -> NoReturn:
    """Raise: Triton's kernels are called with PyTorch's memory."""
    raise NotImplementedError(f"torch.library.triton_op: {name}: Triton kernels cannot run in jtorch; write the kernel with JAX's Pallas and call it through "
                              "jtorch.interop, or give custom_op a Python function")


# ---- by name

def _qualified(op: Any) -> str:
    return op if isinstance(op, str) else op._qualname if isinstance(op, CustomOpDef) else op.name()


def _named(op: Any, function: str) -> CustomOpDef:
    name = _qualified(op)
    if name not in DEFINED:
        raise AttributeError(f"torch.library.{function}: '_OpNamespace' '{name.split('::')[0]}' object has no attribute '{name.split('::')[-1]}'")
    operator = DEFINED[name]
    return MADE.get(name) or CustomOpDef(operator, operator.schema, None, _signature_of(operator.schema), "!" in operator.schema)


def register_kernel(op: Any, device_types: str | Sequence[str] | None, func: Callable | None = None, /, *, lib: Any = None) -> Callable | None:
    """See `CustomOpDef.register_kernel`."""
    if func is None:
        return lambda func: register_kernel(op, device_types, func)
    if _qualified(op) in MADE:
        return MADE[_qualified(op)].register_kernel(device_types, func)
    impl(_qualified(op), "default" if device_types is None else device_types, func)
    return None


def register_fake(op: Any, func: Callable | None = None, /, *, lib: Any = None, _stacklevel: int = 1, allow_override: bool = False) -> Callable:
    """The function for tensors without data; also as a decorator."""
    if func is None:
        return lambda func: register_fake(op, func)
    name = _qualified(op)
    if name in DEFINED:
        DEFINED[name].fake = func
    else:
        KERNELS[name]["meta"] = func                         # the operator may be defined later
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
        """A new operator: "foo(Tensor x) -> Tensor".  Returns its name.  `alias_analysis` and `tags` are for PyTorch's compilers.

        Raises RuntimeError where the namespace has one of this name.
        """
        name = schema.split("(")[0].strip()
        if f"{self.ns}::{name}" in DEFINED:
            raise RuntimeError(f"Tried to register an operator ({self.ns}::{schema}) with the same name and overload name multiple times. Each overload's schema "
                               "should only be registered with a single call to def().")
        operator = DEFINED[f"{self.ns}::{name}"] = Operator(f"{self.ns}::{name}", f"{self.ns}::{schema}")
        namespace(self.ns)._put(operator, name, operator.schema)
        return name

    def impl(self, op_name: Any, fn: Callable, dispatch_key: str = "", *, with_keyset: bool = False, allow_override: bool = False) -> None:
        """The kernel of an operator for a dispatch key: that of a device ("CPU", "CUDA", "Meta"), or one of those that stand for all of them.

        A kernel for "Autograd" goes before the others.  Where there is a kernel for the key already, it takes its place, with a warning unless that is allowed.
        """
        name = (op_name if isinstance(op_name, str) else op_name.name()).split("::")[-1]
        key = dispatch_key or self.dispatch_key or ANY
        if key not in KEYS:
            raise RuntimeError(f"could not parse dispatch key: {key}")
        if with_keyset:
            raise NotImplementedError("torch.library.Library.impl: with_keyset=True asks for a set of dispatch keys, of which jtorch has none; write the kernel "
                                      "without it")
        if fn is fallthrough_kernel:
            return
        kernels = KERNELS[f"{self.ns}::{name}"]
        if KEYS[key] in kernels and not allow_override:
            warnings.warn(f"Overriding a previously registered kernel for the same operator and the same dispatch key: {self.ns}::{name}, {key}", UserWarning,
                          stacklevel=2)
        kernels[KEYS[key]] = fn


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

    def put(function: Callable) -> Callable:
        for kind in [types] if isinstance(types, str) else types:
            KERNELS[qualname][ANY if kind == "default" else KEYS.get(kind, kind)] = function
        return function
    if func is None:
        return put
    put(func)
    return None
