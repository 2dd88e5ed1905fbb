"""Whether operations are recorded for gradients: `no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .._core.graph import here, mode

F = TypeVar("F", bound=Any)


def is_grad_enabled() -> bool:
    """Whether operations are recorded for gradients."""
    return here.mode.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on."""
    return here.mode.inference


class GradMode:
    """A setting of the gradient mode: a context manager and a decorator."""
    grad: bool = False
    inference: bool | None = None                            # None: as it is

    def __init__(self, orig_func: Any = None) -> None:
        self._before: list = []

    def __new__(cls, orig_func: Any = None, *args: Any, **kwargs: Any) -> Any:
        if callable(orig_func):                              # used as a bare decorator
            return cls()(orig_func)
        return object.__new__(cls)

    def __enter__(self) -> None:
        self._before.append(here.mode)
        here.mode = mode(self.grad, here.mode.inference if self.inference is None else self.inference, here.mode.floating, here.mode.autocast)

    def __exit__(self, *error: object) -> None:
        before, now = self._before.pop(), here.mode
        here.mode = mode(before.grad, before.inference, now.floating, now.autocast)   # what else was set inside stays

    def clone(self) -> GradMode:
        """Another of the same setting."""
        return type(self)()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):
            return _wrap_generator(self, function)
        if inspect.isclass(function):
            function.__init__ = self(function.__init__)
            return function

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)
        return inside


def _wrap_generator(setting: GradMode, function: Callable) -> Callable:
    @functools.wraps(function)
    def inside(*args: Any, **kwargs: Any) -> Any:
        with setting.clone():
            generator = function(*args, **kwargs)
        advance, given = generator.send, None
        while True:
            try:
                with setting.clone():
                    item = advance(given)
            except StopIteration as end:
                return end.value
            try:
                advance, given = generator.send, (yield item)
            except GeneratorExit:
                with setting.clone():
                    generator.close()
                raise
            except BaseException as error:                   # whatever is thrown in belongs to the generator inside
                advance, given = generator.throw, error
    return inside


class no_grad(GradMode):
    """Operations inside are not recorded for gradients.

    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.no_grad():
    ...     (x * 2).requires_grad
    False
    """


class enable_grad(GradMode):
    """Operations inside are recorded for gradients, also within `no_grad`."""
    grad = True


class set_grad_enabled(GradMode):
    """Turn recording for gradients on or off: at once, until the end of a `with` block, or for a decorated function."""

    def __new__(cls, mode: bool) -> set_grad_enabled:
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        self.grad = mode
        self._before = [here.mode]
        self._entered = False
        GradMode.__enter__(self)
        self._before.pop()

    def __enter__(self) -> None:
        return None

    def __call__(self, function: F) -> F:
        here.mode = self._before[0]
        return super().__call__(function)

    def clone(self) -> set_grad_enabled:
        """Another of the same setting."""
        return set_grad_enabled(self.grad)

    def __repr__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.grad})"


class set_multithreading_enabled:
    """Whether backward may use several threads: at once, and until the end of a `with` block.

    XLA runs a backward pass on its own threads either way: nothing but `is_multithreading_enabled` tells the difference.
    """
    enabled = True                                           # the setting

    def __init__(self, mode: bool) -> None:
        self.mode, self.prev = mode, set_multithreading_enabled.enabled
        set_multithreading_enabled.enabled = mode

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        set_multithreading_enabled.enabled = self.prev

    def clone(self) -> set_multithreading_enabled:
        """Another of the same setting."""
        return set_multithreading_enabled(self.mode)


def is_multithreading_enabled() -> bool:
    """Whether backward may use several threads."""
    return set_multithreading_enabled.enabled


class inference_mode(GradMode):
    """As `no_grad`, for code whose results never take part in gradients."""
    inference = True

    def __new__(cls, mode: Any = True) -> Any:
        return cls()(mode) if callable(mode) else object.__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.grad, self.inference = not mode, mode

    def clone(self) -> inference_mode:
        """Another of the same setting."""
        return inference_mode(self.inference)
