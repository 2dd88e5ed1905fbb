"""Which modules are being executed (`torch.utils.module_tracker`)."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jtorch as torch

from ..nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from ._pytree import tree_leaves
from .weak import WeakIdKeyDictionary

__all__ = ["ModuleTracker"]
GLOBAL = "Global"


class ModuleTracker:
    """Knows inside its `with` block which modules are being executed, forward or backward.

    parents  their names, such as "Sequential.0" after the class of the outermost, and always "Global"
    is_bw    whether the backward pass is: set when gradients reach the first module, until its end or the next call of a module

    >>> model = torch.nn.Sequential(torch.nn.ReLU())
    >>> with torch.utils.module_tracker.ModuleTracker() as tracker:
    ...     handle = model[0].register_forward_pre_hook(lambda *_: print(sorted(tracker.parents)))
    ...     _ = model(torch.ones(1))
    ['Global', 'Sequential', 'Sequential.0']
    """

    def __init__(self) -> None:
        self.parents = {GLOBAL}
        self.is_bw = False
        self._names = WeakIdKeyDictionary()
        self._handles: list[Any] = []

    def __enter__(self) -> ModuleTracker:
        self._handles = [register_module_forward_pre_hook(self._before), register_module_forward_hook(self._after)]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _name(self, module: torch.nn.Module) -> str:
        """A module's name: that within the first module that had it, or its class."""
        if module not in self._names:
            for inside, one in module.named_modules():
                if one not in self._names:
                    self._names[one] = f"{type(module).__name__}.{inside}" if inside else type(module).__name__
        return self._names[module]

    def _watch(self, values: Any, then: Callable[[], None]) -> None:
        """Call `then` when the gradients of the tensors among `values` are there."""
        tensors = [t for t in tree_leaves(values) if isinstance(t, torch.Tensor) and t.requires_grad]
        if tensors and torch.is_grad_enabled():
            torch.autograd.graph.register_multi_grad_hook(tensors, lambda grads: then())

    def _before(self, module: torch.nn.Module, args: Any) -> None:
        name, self.is_bw = self._name(module), False
        self.parents.add(name)
        self._watch(args, lambda: self._leave_backward(name))

    def _after(self, module: torch.nn.Module, args: Any, result: Any) -> None:
        name = self._name(module)
        self.parents.discard(name)
        self._watch(result, lambda: self._enter_backward(name))

    def _enter_backward(self, name: str) -> None:
        self.is_bw = True
        self.parents.add(name)

    def _leave_backward(self, name: str) -> None:
        self.parents.discard(name)
        if self.parents == {GLOBAL}:
            self.is_bw = False
