"""What marks code for TorchScript, and what asks about it: of no effect where Python runs the code."""
from __future__ import annotations

import builtins
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from concurrent.futures import Future as _Future
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Error(RuntimeError):
    """An error inside TorchScript's interpreter; there is none here."""


class TracerWarning(Warning):
    """A trace may not mean what its function does."""


class TracingCheckError(Exception):
    """A trace and its function give different results."""


class Attribute(NamedTuple):
    """A value and the type that it is declared with."""
    value: Any
    type: Any


class Tracing:
    """Whether a function is being traced."""
    on = False


def is_scripting() -> bool:
    """Whether TorchScript's interpreter runs this: it never does."""
    return False


def is_tracing() -> bool:
    """Whether `trace` is running this function."""
    return Tracing.on


def annotate(the_type: Any, the_value: T) -> T:
    """The value."""
    return the_value


def export(fn: T) -> T:
    """Mark a method as one of the scripted module's."""
    fn._torchscript_modifier = "export"                      # type: ignore[attr-defined]
    return fn


def unused(fn: T) -> T:
    """Mark a method as none of the scripted module's."""
    if not builtins.isinstance(fn, property):
        fn._torchscript_modifier = "unused"                  # type: ignore[attr-defined]
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Mark a function as one that Python runs."""
    if callable(drop):
        return drop
    if not builtins.isinstance(drop, bool):
        raise RuntimeError(f"Argument to @torch.jit.ignore must be a bool or a function but got {drop}")
    return lambda fn: fn


def interface(obj: T) -> T:
    """Mark a class as the interface of modules."""
    if not inspect.isclass(obj):
        raise RuntimeError("interface must be applied to a class")
    return obj


def script_method(fn: T) -> T:
    """Mark a method as TorchScript."""
    return fn


def script_if_tracing(fn: Callable) -> Callable:
    """Script a function when something that calls it is traced."""
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)
    return wrapper


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether a value has a type, which may be one of containers, such as `list[int]`.

    >>> torch.jit.isinstance([1, 2], list[int]), torch.jit.isinstance([1, "a"], list[int])
    (True, False)
    """
    if builtins.isinstance(target_type, tuple):
        return any(isinstance(obj, t) for t in target_type)
    origin, args = typing.get_origin(target_type), typing.get_args(target_type)
    if target_type is typing.Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(isinstance(obj, t) for t in args)
    if origin is None:
        return obj is None if target_type is None else builtins.isinstance(obj, target_type)
    if not builtins.isinstance(obj, origin):
        return False
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return len(obj) == len(args) and all(map(isinstance, obj, args))
    if origin is dict:
        return all(isinstance(k, args[0]) and isinstance(v, args[1]) for k, v in obj.items())
    return all(isinstance(x, args[0]) for x in obj)


class Future(_Future):
    """The result of `fork`."""

    def wait(self) -> Any:
        """The result."""
        return self.result()

    value = wait


def fork(func: Callable, *args: Any, **kwargs: Any) -> Future:
    """Call a function, whose result `wait` gives: what it records runs asynchronously anyway."""
    found = Future()
    found.set_result(func(*args, **kwargs))
    return found


def wait(future: Any) -> Any:
    """The result of `fork`."""
    return future.wait()


class _Fusion:
    onednn = False


def enable_onednn_fusion(enabled: bool) -> None:
    """Ask for oneDNN's fusions: XLA fuses by itself."""
    _Fusion.onednn = enabled


def onednn_fusion_enabled() -> bool:
    """What `enable_onednn_fusion` was given."""
    return _Fusion.onednn


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Say how often to compile for static and dynamic shapes; returns what was said before.  XLA compiles for static shapes."""
    before, _Strategy.said = _Strategy.said, strategy
    return before


class _Strategy:
    said: list[tuple[str, int]] = [("STATIC", 2), ("DYNAMIC", 10)]


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """With or without TorchScript's own optimisations: there are none."""
    yield


@contextmanager
def fuser(name: str) -> Iterator[None]:
    """With one of TorchScript's fusers: XLA fuses by itself."""
    if name not in ("fuser0", "fuser1", "fuser2", "fuser3"):
        raise Exception(f"unrecognized fuser option (name: {name})")
    yield


class strict_fusion:
    """Raise where TorchScript does not fuse everything: XLA takes that decision."""

    def __enter__(self) -> None:
        """Nothing changes."""

    def __exit__(self, *error: object) -> None:
        """Nothing has changed."""


def _overload(function: T) -> T:
    """A signature of a function that has several: TorchScript would choose among them, Python needs none of them."""
    return function


_overload_method = _overload
