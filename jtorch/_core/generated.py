"""What type checkers are told of Tensor's generated methods and operators, until they read the stubs."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    class Generated:
        """Attributes that `derive.py` and `_functions` put on Tensor."""

        positive: Any
        _make_subclass: Any

        def __getattr__(self, name: str) -> Any: ...
        def __eq__(self, other: object) -> Any: ...
        def __ne__(self, other: object) -> Any: ...
        __add__: Any
        __radd__: Any
        __sub__: Any
        __rsub__: Any
        __mul__: Any
        __rmul__: Any
        __truediv__: Any
        __rtruediv__: Any
        __pow__: Any
        __rpow__: Any
        __matmul__: Any
        __neg__: Any
        __invert__: Any
        __and__: Any
        __or__: Any
        __lt__: Any
        __le__: Any
        __gt__: Any
        __ge__: Any
else:
    class Generated:
        """Nothing at run time."""
