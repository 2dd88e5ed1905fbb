"""Questions about classes that stand for tensors (`torch.overrides`).

`__torch_function__` of one's own classes is not called: functions take tensors, and of subclasses what is a tensor in them.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import Tensor

__all__ = ["handle_torch_function", "has_torch_function", "is_tensor_like", "is_tensor_method_or_property", "resolve_name"]


def is_tensor_like(inp: object) -> bool:
    """Whether it is a tensor, or says that it stands for one.

    >>> torch.overrides.is_tensor_like(torch.ones(2))
    True
    """
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of them has a `__torch_function__` of its own."""
    return any("__torch_function__" in vars(kind) for x in relevant_args for kind in type(x).__mro__ if kind is not Tensor)


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """What the first argument's own `__torch_function__` makes of a call."""
    relevant = tuple(relevant_args)
    kinds = tuple(dict.fromkeys(type(x) for x in relevant if has_torch_function((x,))))
    for kind in sorted(kinds, key=lambda k: -len(k.__mro__)):
        found = kind.__torch_function__(public_api, kinds, args, kwargs)    # type: ignore[attr-defined]
        if found is not NotImplemented:
            return found
    raise TypeError(f"no implementation found for '{resolve_name(public_api)}' on types that implement __torch_function__: {list(kinds)}")


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether it belongs to the class of tensors."""
    return func in vars(Tensor).values() or getattr(func, "__name__", "") == "__get__"


def resolve_name(f: Callable) -> str | None:
    """The name by which a function is called."""
    return f"{f.__module__}.{f.__qualname__}" if hasattr(f, "__qualname__") else None
