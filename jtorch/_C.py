"""What libraries ask of PyTorch's own compiled module (`torch._C`), as far as it means something here."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import Generator as Generator
from ._core.graph import here


def _log_api_usage_once(event: str) -> None:
    """PyTorch counts what its users call, where they let it; nothing is counted here."""


def _get_tracing_state() -> None:
    """The graph that `torch.jit.trace` is writing: none is ever written, functions run as they are."""


def _disabled_torch_function_impl(func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
    """What a subclass of `Tensor` takes as its `__torch_function__` to be called like any other tensor."""
    return func(*args, **(kwargs or {}))


def _are_functorch_transforms_active() -> bool:
    """Whether `torch.func` is at work: `vmap`, `grad` or another."""
    return bool(here.mode.levels)
