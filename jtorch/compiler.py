"""`torch.compile`.  Programs run compiled anyway, step by step, so that it returns what it is given."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["allow_in_graph", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling", "is_dynamo_compiling", "is_exporting", "reset"]

MODES = "default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune"


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str | Callable | None = None, mode: str | None = None,
            options: dict[str, Any] | None = None, name: str | None = None, disable: bool = False, recompile_limit: int | None = None,
            isolate_recompiles: bool = False, shapes_spec: Any = None) -> Any:
    """The module or function itself, which runs compiled anyway; without one, a decorator.

    >>> @torch.compile(fullgraph=True)
    ... def double(x):
    ...     return 2 * x
    >>> double(torch.ones(2))
    tensor([2., 2.])
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    if model is None:
        return _itself
    return _itself(model)


def _itself(model: Any) -> Any:
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    return model


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function itself, or a decorator that returns it."""
    return _itself if fn is None else _itself(fn)


def allow_in_graph(fn: Any) -> Any:
    """The function itself, or the functions."""
    return [_itself(f) for f in fn] if isinstance(fn, list | tuple) else _itself(fn)


def reset() -> None:
    """Forget what was compiled for `torch.compile`: nothing, since that keeps nothing of its own."""


def cudagraph_mark_step_begin() -> None:
    """Mark the begin of a step: steps end and begin by themselves."""


def is_compiling() -> bool:
    """Whether Python code runs only to be compiled: it never does."""
    return False


def is_dynamo_compiling() -> bool:
    """The same as `is_compiling`."""
    return False


def is_exporting() -> bool:
    """Whether Python code runs only to be exported: it never does."""
    return False
