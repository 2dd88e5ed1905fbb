"""Functions that are written with tensors rather than arrays, and where they are public."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Any)
PUBLIC: dict[str, dict[str, Callable]] = {}                  # home -> name -> function
LIVING: dict[str, dict[str, Callable]] = {}                  # module -> name -> function, once the module is there
ARRIVALS: list[Callable[[str, dict[str, Callable]], None]] = []   # called for each further module


def public(home: str = "torch Tensor", *, name: str | None = None, aliases: Sequence[str] = ()) -> Callable[[F], F]:
    """Make a function public in each home: `torch`, `Tensor` (a method), `nn.functional`, …"""
    def declare(function: F) -> F:
        for place in home.split():
            for known in (name or function.__name__, *aliases):
                PUBLIC.setdefault(place, {})[known] = function
        return function
    return declare


def living_in(home: str, functions: dict[str, Callable]) -> dict[str, Callable]:
    """The functions of a namespace, which then say that they live there: pickle looks for them at that place."""
    for name, function in functions.items():
        if inspect.isfunction(function):
            function.__module__, function.__qualname__ = home, name
    announce(home, functions)
    return functions


def announce(home: str, functions: dict[str, Callable]) -> None:
    """Say that these functions are public in a module."""
    LIVING[home] = functions
    for arrival in ARRIVALS:
        arrival(home, functions)
