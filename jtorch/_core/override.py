"""`__torch_function__`: classes that stand in for tensors, and modes, are asked what a public function does with them.

A program without them pays nothing: the first one that appears gives every public function new code, which asks before the function does its work.
Each function stays the same object, for programs import functions by name, compare them, and look them up in tables of their own.
"""
from __future__ import annotations

import inspect
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from . import misfit, public
from .interpose import interpose
from .tensor import Tensor

# Functions that make tensors or look at settings: a mode sees them, the classes of their arguments are not asked
UNASKED = frozenset("tensor as_tensor asarray full scalar_tensor arange linspace logspace range frombuffer from_numpy result_type can_cast promote_types".split())
# Those that nobody sees
UNSEEN = frozenset("is_tensor is_storage typename manual_seed seed initial_seed compile broadcast_shapes get_default_dtype set_default_dtype get_default_device "
                   "set_default_device set_default_tensor_type set_printoptions get_rng_state set_rng_state use_deterministic_algorithms".split())
# Python's protocols of a tensor that are functions by themselves, and its operators: those that PyTorch calls by the name of a method are below
PROTOCOLS = frozenset("getitem setitem delitem len bool int float complex index contains reversed array deepcopy reduce_ex repr format dir invert".split())
OPERATORS = frozenset(("eq floordiv rfloordiv pow rpow ipow and or xor iand ior ixor lshift rshift rlshift rrshift ilshift irshift rsub rtruediv rmod rmatmul "
                       "rand rxor").split())
METHODS = {"add": "add", "radd": "add", "sub": "sub", "mul": "mul", "rmul": "mul", "truediv": "div", "div": "div", "mod": "remainder", "matmul": "matmul",
           "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "ror": "bitwise_or", "iadd": "add_", "isub": "sub_", "imul": "mul_",
           "itruediv": "div_", "idiv": "div_", "ifloordiv": "floor_divide_", "imod": "remainder_", "neg": "neg", "pos": "positive", "abs": "abs"}
INNER = frozenset(("as_subclass", "_make_subclass"))         # what makes the tensors that are asked


class State(threading.local):
    """Who is asked in this thread."""
    classes = True
    modes: tuple = ()


state = State()
told: set[type] = set()                                      # classes that a warning was given for
known: dict[type, bool] = {Tensor: False}                    # whether a class is asked
asking: set[Callable] = set()                                # functions that ask
names: dict[Any, str] = {}                                   # of public functions, and of the getters and setters of attributes


def disabled(func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
    """What a subclass of `Tensor` takes as its `__torch_function__` to be like any other tensor; not called then."""
    with unasked():
        return func(*args, **(kwargs or {}))


@contextmanager
def unasked(modes: bool = False) -> Iterator[None]:
    """A part of the program in which no class is asked, and with `modes` no mode either."""
    before = state.classes, state.modes
    state.classes, state.modes = False, () if modes else state.modes
    try:
        yield
    finally:
        state.classes, state.modes = before


# ---- whom to ask

def asked(kind: type) -> bool:
    """Whether a class has a `__torch_function__` that is asked."""
    found = known.get(kind)
    if found is None:
        own = getattr(kind, "__torch_function__", None)
        found = known[kind] = own is not None and own is not disabled
    return found


def kinds_of(given: Iterable) -> list[type]:
    """The classes to ask about these arguments: from left to right, but a subclass before what it derives from."""
    found: list[type] = []
    for x in given:
        kind = x.__class__
        if kind is list or kind is tuple:
            for inner in kinds_of(x):
                _add(found, inner)
        elif asked(kind):
            _add(found, kind)
    return found


def _add(found: list[type], kind: type) -> None:
    if kind not in found:
        found.insert(next((k for k, other in enumerate(found) if issubclass(kind, other)), len(found)), kind)


def ask(function: Callable, kinds: list[type], args: tuple, kwargs: dict[str, Any], operator: bool) -> Any:
    """What the innermost mode, or else the first of the classes that has an answer, says.  Raises TypeError where none has one, and it is no `operator`."""
    made = answer_of(function, kinds, args, kwargs)
    if made is not NotImplemented or operator:
        return made
    lines = "".join(f"  - tensor subclass {kind}\n" for kind in kinds)
    raise TypeError(f"Multiple dispatch failed for '{names.get(function)}'; all __torch_function__ handlers returned NotImplemented:\n\n{lines}\n"
                    "For more information, try re-running with TORCH_LOGS=not_implemented")


def answer_of(function: Callable, kinds: list[type], args: tuple, kwargs: dict[str, Any]) -> Any:
    """The first answer of the innermost mode and the classes, NotImplemented where there is none."""
    given = (kwargs,) if kwargs else ()
    if state.modes:
        *outer, mode = before = state.modes
        state.modes = tuple(outer)
        try:
            made = mode.__torch_function__(function, tuple(kinds), args, *given)
        finally:
            state.modes = before
        if made is not NotImplemented:
            return made
    for kind in kinds:
        made = kind.__torch_function__(function, tuple(kinds), args, *given)    # type: ignore[attr-defined]  # it is there
        if made is not NotImplemented:
            return made
    return NotImplemented


# ---- what a tensor of a subclass says, unless the class says something else

def __torch_function__(cls: type, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
    """What `func` makes of the arguments, with the tensors in it as ones of this class."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with unasked():
        made = func(*args, **(kwargs or {}))
        return made if func in unwrapped() else converted(made, cls)


def converted(made: Any, cls: type) -> Any:
    """Tensors, also inside lists and tuples, as ones of a subclass."""
    if isinstance(made, Tensor):
        return made if isinstance(made, cls) or cls is Tensor else made.as_subclass(cls)
    return made.__class__([converted(x, cls) for x in made]) if isinstance(made, list | tuple) else made


def unwrapped() -> set[Callable]:
    """What gives tensors as they are."""
    return {Tensor.grad.__get__}


Tensor.__torch_function__ = classmethod(__torch_function__)   # type: ignore[attr-defined]  # the stub has it


# ---- giving functions code that asks

def interpose_asking(function: Any, public: Callable, classes: bool = True, operator: bool = False) -> None:
    """Let `function` ask, as the `public` one, before it does its work.  Without `classes` only modes are asked, in what it calls too.

    An `operator` says NotImplemented where nobody has an answer, so that Python raises its own TypeError.
    """
    if not inspect.isfunction(function) or function in asking:
        return                                               # it asks already, under another name
    asking.add(function)

    def make(original: Callable) -> Callable[[tuple, dict[str, Any]], Any]:
        def answer(args: tuple, kwargs: dict[str, Any]) -> Any:
            kinds = kinds_of((*args, *kwargs.values()) if kwargs else args) if classes and state.classes else []
            if kinds or state.modes:
                return ask(public, kinds, args, kwargs, operator)
            if classes:
                return original(*args, **kwargs)
            with unasked():
                return original(*args, **kwargs)
        return answer
    interpose(function, make)


class Activation:
    """Whether public functions ask."""
    on = False


def activate() -> None:
    """Let every public function ask, from now on."""
    if Activation.on:
        return
    Activation.on = True
    public.ARRIVALS.append(_arrived)
    for function, name, classes in public_functions():
        _activate(function, name, classes)
    for name, of in METHODS.items():
        interpose_asking(vars(Tensor).get(f"__{name}__"), vars(Tensor)[of], operator=name not in ("neg", "pos", "abs"))


def public_functions() -> Iterator[tuple[Any, str, bool]]:
    """The public functions, with their names and whether they ask classes: those of modules, the methods of tensors, and what gets and sets attributes."""
    for home, functions in public.LIVING.items():
        yield from _functions_of(home, functions)
    for name, method in vars(Tensor).items():
        if name.startswith("_") and name.strip("_") not in PROTOCOLS | OPERATORS or name in INNER:
            continue
        if inspect.isfunction(method):
            yield method, f"torch.Tensor.{name}", True
        elif isinstance(method, property):
            yield method.__get__, f"torch.Tensor.{name}.__get__", True
            if method.fset is not None:
                yield method.__set__, f"torch.Tensor.{name}.__set__", True


def _functions_of(home: str, functions: dict[str, Callable]) -> Iterator[tuple[Callable, str, bool]]:
    for name, function in functions.items():
        if inspect.isfunction(function) and not name.startswith("_") and name not in UNSEEN:
            yield function, f"{home.replace('jtorch', 'torch', 1)}.{name}", name not in UNASKED


def _arrived(home: str, functions: dict[str, Callable]) -> None:
    for function, name, classes in _functions_of(home, functions):
        _activate(function, name, classes)


def _activate(function: Any, name: str, classes: bool) -> None:
    if function in names:
        return                                               # under another name it asks already
    names[function] = name
    if inspect.isfunction(function):
        interpose_asking(function, function, classes, name.rpartition(".")[2].strip("_") in OPERATORS and name.endswith("__"))
    else:
        attribute = function.__self__
        interpose_asking(attribute.fget if function.__name__ == "__get__" else attribute.fset, function)


def module_of(home: str) -> ModuleType:
    """The module of this public name."""
    return sys.modules[home.replace("torch", "jtorch", 1)]


def prepare(cls: type) -> None:
    """For the first instance of a class: where it is asked, every public function asks from now on.  Warns of a `__torch_dispatch__`, which is not asked."""
    if hasattr(cls, "__torch_dispatch__") and cls not in told:
        told.add(cls)
        warnings.warn(f"{cls.__name__}.__torch_dispatch__ is not called: jtorch records operations instead of dispatching them. Write __torch_function__, "
                      "which is called for each public function.", UserWarning, stacklevel=3)
    if not Activation.on and asked(cls):
        activate()


def appeared(given: Iterable) -> bool:
    """Whether there is a class to ask among these arguments of a call that failed, and nobody was asked before: from now on all are."""
    if Activation.on or not kinds_of(given):
        return False
    activate()
    return True


misfit.Elsewhere.appeared = staticmethod(appeared)
