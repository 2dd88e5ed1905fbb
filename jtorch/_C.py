"""What libraries ask of PyTorch's own compiled module (`torch._C`), as far as it means something here."""
from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from . import Generator as Generator
from ._core import override
from ._core.graph import here
from ._dispatch import DispatchKey as DispatchKey
from ._dispatch import DispatchKeySet as DispatchKeySet
from ._dispatch import _ExcludeDispatchKeyGuard as _ExcludeDispatchKeyGuard

_disabled_torch_function_impl: Any = override.disabled


def _log_api_usage_once(event: str) -> None:
    """PyTorch counts what its users call, where they let it; nothing is counted here."""


def _get_tracing_state() -> None:
    """The graph that `torch.jit.trace` is writing: none is ever written, functions run as they are."""


def DisableTorchFunctionSubclass() -> AbstractContextManager[None]:
    """A part of the program in which no `__torch_function__` of a class is called."""
    return override.unasked()


def DisableTorchFunction() -> AbstractContextManager[None]:
    """A part of the program in which no `__torch_function__` is called, that of modes neither."""
    return override.unasked(modes=True)


def _are_functorch_transforms_active() -> bool:
    """Whether `torch.func` is at work: `vmap`, `grad` or another."""
    return bool(here.mode.levels)
