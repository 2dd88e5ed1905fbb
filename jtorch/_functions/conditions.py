"""Checks that a program makes: `torch._check` and its family, which raise where something does not hold."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.dtype import bool_
from .._core.public import public
from .._core.tensor import Tensor, from_array

SILENT = ("Expected cond to be True, but got False. (Could this error message be improved? If so, please report an enhancement request to PyTorch.)")


@public("torch")
def _assert(condition: Any, message: Any) -> None:
    """Raise AssertionError with this message where the condition does not hold."""
    if not condition:
        raise AssertionError(message)


@public("torch")
def _check_with(error_type: type[Exception], cond: Any, message: Any = None) -> None:
    """Raise an error of this type, with what `message()` gives, where the condition is False.  Raises TypeError for a condition that is no bool."""
    if isinstance(cond, Tensor):
        raise TypeError("cond must be a bool, but got a Tensor. For tensor conditions, use torch._check_tensor_all() to assert that all elements are true.")
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if not issubclass(error_type, Exception):
        raise TypeError("error_type must be a class of exceptions")
    if cond:
        return
    if message is not None and not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(SILENT if message is None else str(message()))


def _family(name: str, error: type[Exception]) -> Callable[[Any, Any], None]:
    @public("torch", name=name)
    def check(cond: Any, message: Any = None) -> None:
        _check_with(error, cond, message)
    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"Raise {error.__name__}, with what `message()` gives, where the condition is False."
    return check


_check = _family("_check", RuntimeError)
for _name, _error in {"index": IndexError, "value": ValueError, "type": TypeError, "not_implemented": NotImplementedError}.items():
    _family(f"_check_{_name}", _error)


@public("torch")
def _check_is_size(i: Any, message: Any = None, *, max: Any = None) -> None:
    """Raise RuntimeError where a number is no size, or larger than `max`."""
    _check(bool(i >= 0 and (max is None or i <= max)), message)


@public("torch")
def _check_tensor_all_with(error_type: type[Exception], cond: Any, message: Any = None) -> None:
    """Raise an error of this type where not all elements are True.  Raises TypeError for what is no tensor of bools."""
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype is not bool_:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.all().item()), message)


@public("torch")
def _check_tensor_all(cond: Any, message: Any = None) -> None:
    """Raise RuntimeError where not all elements are True."""
    _check_tensor_all_with(RuntimeError, cond, message)


@public("torch")
def _shape_as_tensor(self: Tensor) -> Tensor:
    """The sizes as a tensor of integers."""
    return from_array(np.array(self.shape, np.int64))
