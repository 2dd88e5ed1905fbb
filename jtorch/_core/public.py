"""Functions that are written with tensors rather than arrays, and where they are public."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Any)
PUBLIC: dict[str, dict[str, Callable]] = {}                  # home -> name -> function


def public(home: str = "torch Tensor", *, name: str | None = None, aliases: Sequence[str] = ()) -> Callable[[F], F]:
    """Make a function public in each home: `torch`, `Tensor` (a method), `nn.functional`, …"""
    def declare(function: F) -> F:
        for place in home.split():
            for known in (name or function.__name__, *aliases):
                PUBLIC.setdefault(place, {})[known] = function
        return function
    return declare
