"""Classes that stand in for tensors, and modes: who is asked what a function does (`torch.overrides`)."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from . import Tensor
from ._core import override, public

__all__ = ["TorchFunctionMode", "get_default_nowrap_functions", "get_ignored_functions", "get_overridable_functions", "get_testing_overrides",
           "handle_torch_function", "has_torch_function", "is_tensor_like", "is_tensor_method_or_property", "resolve_name", "wrap_torch_function"]


class TorchFunctionMode:
    """A part of the program, as a `with` block, in which this object's `__torch_function__` is asked about each call of a public function.

    >>> class Told(torch.overrides.TorchFunctionMode):
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         print(torch.overrides.resolve_name(func))
    ...         return func(*args, **(kwargs or {}))
    >>> with Told():
    ...     x = torch.ones(2) + 1
    torch.ones
    torch.Tensor.add
    """

    def __torch_function__(self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        """What a function makes of these arguments.  Within it this mode is not asked."""
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        override.activate()
        override.state.modes = (*override.state.modes, self)
        return self

    def __exit__(self, *error: object) -> None:
        override.state.modes = override.state.modes[:-1]


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode in which functions do what they do."""

    def __torch_function__(self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        """What the function gives."""
        return func(*args, **(kwargs or {}))


def is_tensor_like(inp: object) -> bool:
    """Whether it is a tensor, or says that it stands for one.

    >>> torch.overrides.is_tensor_like(torch.ones(2))
    True
    """
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of them has a `__torch_function__` that is asked, or there is a mode."""
    return bool(override.state.modes or override.state.classes and override.kinds_of(relevant_args))


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """What a mode, or the classes of the arguments, make of a call.  Raises TypeError where they have no answer."""
    kinds = override.kinds_of(relevant_args)
    found = override.answer_of(public_api, kinds, args, kwargs)
    if found is NotImplemented:
        raise TypeError(f"no implementation found for '{_full_name(public_api)}' on types that implement __torch_function__: {kinds}")
    return found


def _full_name(function: Callable) -> str:
    return resolve_name(function) or f"{function.__module__}.{function.__name__}"


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator for own functions: classes of what the `dispatcher` gives for the arguments, the relevant ones, are asked.

    >>> @torch.overrides.wrap_torch_function(lambda a: (a,))
    ... def double(a):
    ...     return a * 2
    >>> double(torch.ones(1))
    tensor([2.])
    """
    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            return handle_torch_function(call, relevant, *args, **kwargs) if has_torch_function(relevant) else function(*args, **kwargs)
        return call
    return decorate


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """The functions that ask, by the module or class where they live."""
    found: dict[Any, list[Callable]] = {}
    for function, name, classes in override.public_functions():
        if classes:
            home = name.removesuffix(".__get__").removesuffix(".__set__").rpartition(".")[0]
            found.setdefault(Tensor if home == "torch.Tensor" else override.module_of(home), []).append(function)
    return found


def get_ignored_functions() -> set[Callable]:
    """Public functions that ask no class, because they make tensors or have to do with settings."""
    return {function for function, _, classes in override.public_functions() if not classes} | {
        function for functions in public.LIVING.values() for name, function in functions.items() if name in override.UNSEEN}


def get_testing_overrides() -> dict[Callable, Callable]:
    """For each function that asks one that takes the same arguments and gives -1: a class that tests itself may use these."""
    def stand_in(function: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> int:
            return -1
        if inspect.isfunction(function):
            call.__signature__ = inspect.signature(function)    # type: ignore[attr-defined]  # functions take attributes
        return call
    return {function: stand_in(function) for functions in get_overridable_functions().values() for function in functions}


def get_default_nowrap_functions() -> set[Callable]:
    """What gives tensors as they are, also where a subclass of `Tensor` has no `__torch_function__` of its own."""
    return override.unwrapped()


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether it belongs to the class of tensors."""
    return (resolve_name(func) or "").startswith("torch.Tensor.") or getattr(func, "__name__", "") == "__get__"


@functools.cache
def resolve_name(f: Callable) -> str | None:
    """The name by which a public function is called, None for others.

    >>> torch.overrides.resolve_name(torch.Tensor.add), torch.overrides.resolve_name(torch.nn.functional.relu)
    ('torch.Tensor.add', 'torch.nn.functional.relu')
    """
    return next((name for function, name, _ in override.public_functions() if function == f), None)
