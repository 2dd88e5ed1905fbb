"""What else `torch.use_deterministic_algorithms` decides (`torch.utils.deterministic`)."""
from __future__ import annotations

import sys
from types import ModuleType


class _Module(ModuleType):
    """The module itself, whose switch checks what it is set to."""
    _fill = True

    @property
    def fill_uninitialized_memory(self) -> bool:
        """Whether `torch.empty` and the like are to be filled in deterministic mode; kept and reported: here they are always zero."""
        return self._fill

    @fill_uninitialized_memory.setter
    def fill_uninitialized_memory(self, mode: bool) -> None:
        if type(mode) is not bool:
            raise RuntimeError(f"expected a bool, but got {type(mode).__name__}")
        self._fill = mode


fill_uninitialized_memory: bool                              # the property above
sys.modules[__name__].__class__ = _Module
