"""The module in which PyTorch has its class of tensors; libraries import it by this path."""
from __future__ import annotations

from typing import Any

from . import Tensor as Tensor
from ._core.override import converted


def _convert(ret: Any, cls: type) -> Any:
    """Tensors, also inside lists and tuples, as ones of a subclass."""
    return converted(ret, cls)
