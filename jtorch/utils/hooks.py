"""Handles of registered hooks, and marks on hooks (`torch.utils.hooks`)."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from jtorch import Tensor

from .._core.gradgraph import hooks_on
from .._core.hooks import RemovableHandle

__all__ = ["BackwardHook", "RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]
F = TypeVar("F", bound=Callable)


def unserializable_hook(f: F) -> F:
    """Mark a hook: tensors that have it are saved without it and without a warning.  Returns it."""
    f.__torch_unserializable__ = True                        # type: ignore[attr-defined]
    return f


def warn_if_has_hooks(tensor: Tensor) -> None:
    """Warn of each hook that a tensor has which is lost when the tensor is saved."""
    for hook in hooks_on(tensor):
        if not getattr(hook, "__torch_unserializable__", False):
            warnings.warn(f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the function with "
                          "@torch.utils.hooks.unserializable_hook to suppress this warning", stacklevel=2)


class BackwardHook:
    """What PyTorch's modules keep their backward hooks with.  Raises: modules here keep them otherwise."""

    def __init__(self, module: Any, user_hooks: Any, user_pre_hooks: Any) -> None:
        raise NotImplementedError("torch.utils.hooks.BackwardHook is an inner part of PyTorch's modules: register the hooks with "
                                  "module.register_full_backward_hook or register_full_backward_pre_hook")
