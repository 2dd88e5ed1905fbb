"""Modules that take the shapes of their parameters from their first input."""
from __future__ import annotations

import itertools
from typing import Any

from jtorch.nn.parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """For a module whose parameters are uninitialized at first: define `initialize_parameters(*args)`, and `cls_to_become` for afterwards."""
    cls_to_become: type | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(_take_shapes, with_module=True)
        self._initialize_hook = self.register_forward_pre_hook(_initialize, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize the parameters for inputs like these: for a subclass to define."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(is_lazy(t) for t in itertools.chain(self._parameters.values(), self._buffers.values()))


def _take_shapes(module: Any, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Before a state is loaded: what has no shape takes that of the loaded value."""
    for name, value in itertools.chain(module._parameters.items(), module._buffers.items()):
        new = state_dict.get(prefix + name)
        if is_lazy(value) and new is not None and not is_lazy(new):
            value.materialize(new.shape)


def _initialize(module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
    """Before the first call: make the parameters, and the module an ordinary one."""
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    for hook in ("_initialize_hook", "_load_hook"):
        module.__dict__.pop(hook).remove()
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become
