"""`torch.compile`.  Programs run compiled anyway, step by step; what it spares is the recording of each operation in Python, see `calls`."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import nn
from .._core.run import EAGER
from .._core.transfer import refuse_repetition
from .calls import Calls

__all__ = ["allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "get_default_backend", "is_compiling",
           "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_default_backend", "set_stance"]

MODES = "default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune"
BACKENDS = ["cudagraphs", "inductor", "openxla", "tvm"]
DEBUG_BACKENDS = ["aot_eager", "aot_eager_decomp_partition", "aot_ts", "eager", "eager_noexcept", "ts"]


class InvalidBackend(RuntimeError):
    """There is no backend of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid backend: {name!r}, see `torch._dynamo.list_backends()` for available backends.")


class _Chosen:
    backend: str | Callable = "inductor"


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str | Callable | None = None, mode: str | None = None,
            options: dict[str, Any] | None = None, name: str | None = None, disable: bool = False, recompile_limit: int | None = None,
            isolate_recompiles: bool = False, shapes_spec: Any = None) -> Any:
    """A module or function whose calls are repeated without running their Python code, where all that the code depends on is as it was: shapes,
    types, other arguments, the modules, globals and closures that it reaches.  Code that does more than compute (it reads values, prints, changes
    objects) runs as usual, with `fullgraph` too: JTORCH_LOG=recompiles says why.  Without a module or function, a decorator.

    disable   return the module or function as it is.  The other arguments choose among PyTorch's own ways to compile; here XLA compiles.

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
    if dynamic is not None and not isinstance(dynamic, bool):
        raise AssertionError(f"Expected enable to be a bool, got {type(dynamic)}")
    if isinstance(backend, str) and backend not in (*BACKENDS, *DEBUG_BACKENDS):
        raise InvalidBackend(backend)
    if callable(backend):
        raise RuntimeError("torch.compile: there is no FX graph that a backend of one's own could be given; leave `backend` out, and XLA compiles")
    return functools.partial(_compiled, disable=disable) if model is None else _compiled(model, disable)


def _compiled(model: Any, disable: bool) -> Any:
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    if disable:
        return model
    if isinstance(model, OptimizedModule):
        return model
    if isinstance(model, nn.Module):
        return OptimizedModule(model)
    return repeating(model)


def repeating(function: Callable) -> Callable:
    """The function, whose calls are repeated where that is possible."""
    calls = Calls(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return calls(*args, **kwargs)
    setattr(call, "_torchdynamo_orig_callable", function)
    return call


class OptimizedModule(nn.Module):
    """What `compile` makes of a module, which it holds as `_orig_mod`.  Other attributes are that module's."""

    def __init__(self, mod: nn.Module, calls: Callable | None = None) -> None:
        super().__init__()
        del self.__dict__["training"]
        super().__setattr__("_orig_mod", mod)
        self.__dict__["_calls"] = calls or Calls(mod)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_modules"]["_orig_mod"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._orig_mod, name)

    def __len__(self) -> int:
        return len(self._orig_mod)

    def __reduce__(self) -> tuple:
        return OptimizedModule, (self._orig_mod,)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        return self._calls(*args, **kwargs)


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """A function that always runs in Python, as does what calls it; without one, a decorator.    recursive, reason: for the reader"""
    if fn is None:
        return disable
    if not callable(fn):
        raise AssertionError("fn must be callable")
    if isinstance(fn, type):
        return fn
    if isinstance(fn, nn.Module):
        return OptimizedModule(fn, disable(fn.__call__))

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        refuse_repetition(f"it calls {getattr(fn, '__qualname__', fn)}(), which is not to be compiled")
        return fn(*args, **kwargs)
    return run


def allow_in_graph(fn: Any) -> Any:
    """The function itself, or the functions."""
    if isinstance(fn, list | tuple):
        return [allow_in_graph(f) for f in fn]
    if not callable(fn):
        raise AssertionError("allow_in_graph expects a callable")
    return fn


def assume_constant_result(fn: Any) -> Any:
    """The function itself."""
    return fn


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """The names of backends that `compile` takes; XLA does the work of all."""
    return sorted(BACKENDS if "debug" in (exclude_tags or ()) else [*BACKENDS, *DEBUG_BACKENDS])


def get_default_backend() -> str | Callable:
    """The backend that is used where none is named; XLA does the work of all."""
    return _Chosen.backend


def set_default_backend(backend: str | Callable | None) -> None:
    """Choose the backend that is used where none is named; None restores the usual one."""
    if isinstance(backend, str) and backend not in (*BACKENDS, *DEBUG_BACKENDS):
        raise InvalidBackend(backend)
    _Chosen.backend = "inductor" if backend is None else backend


STANCES = "default", "eager_then_compile", "aot_eager_then_compile", "force_eager", "eager_on_recompile", "fail_on_recompile"


class set_stance:
    """Say how compiled functions behave, at once or for the time of a `with` block or of a decorated function: with "force_eager" they run as others do.

    The other stances are about recompilation, which costs an ordinary call here.
    """

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: str | Callable | None = None) -> None:
        if stance not in STANCES:
            raise RuntimeError(f"invalid torch.compile stance '{stance}'")
        self.stance, self.before = stance, Calls.eager
        self.__enter__()

    def __enter__(self) -> None:
        """Take the stance."""
        Calls.eager = EAGER or self.stance == "force_eager"

    def __exit__(self, *error: object) -> None:
        """Go back to what held before."""
        Calls.eager = self.before

    def __call__(self, fn: Callable) -> Callable:
        self.__exit__()

        @functools.wraps(fn)
        def run(*args: Any, **kwargs: Any) -> Any:
            with set_stance(self.stance):
                return fn(*args, **kwargs)
        return run


def reset() -> None:
    """Forget what was recorded for compiled functions."""
    for calls in Calls.all:
        calls.forget()


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
