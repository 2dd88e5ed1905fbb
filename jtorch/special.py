"""Special functions (`torch.special`)."""
from __future__ import annotations

from typing import Any

from ._core import derive
from ._core.public import PUBLIC, living_in

globals().update(living_in(__name__, derive.functions("special") | PUBLIC.get("special", {})))


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.special' has no attribute '{name}' in jtorch")
