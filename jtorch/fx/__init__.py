"""Graphs of a module's Python operations (`torch.fx`), of which there are none: programs are XLA's.

The classes are there for those who ask with `isinstance`, and `wrap` for functions that a graph would not look into.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

F = TypeVar("F", Callable, str)

__all__ = ["CodeGen", "Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "Transformer", "symbolic_trace", "wrap"]


ABSENT = ("torch.fx.{}: there are no graphs of Python operations in jtorch, whose programs are XLA's. torch.compile makes a function faster; hooks "
          "(register_forward_hook) give what modules compute inside; jax.make_jaxpr shows a program")


class _Absent:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(ABSENT.format(type(self).__name__))


class CodeGen(_Absent):
    """Writes a graph's code."""


class Graph(_Absent):
    """The operations of a module."""


class GraphModule(_Absent):
    """A module that runs a graph."""


class Interpreter(_Absent):
    """Runs a graph node by node."""


class Node(_Absent):
    """One operation of a graph."""


class Proxy(_Absent):
    """What stands for a tensor while a graph is recorded."""


class Tracer(_Absent):
    """Records a graph."""


class Transformer(Interpreter):
    """Makes another graph of one."""


def symbolic_trace(root: Any, concrete_args: dict[str, Any] | None = None) -> NoReturn:
    """Raise: there are no such graphs."""
    raise NotImplementedError(ABSENT.format("symbolic_trace"))


def wrap(fn_or_name: F) -> F:
    """Give a function back, or its name: no graph looks into it."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name
