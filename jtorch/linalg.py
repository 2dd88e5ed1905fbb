"""Linear algebra (`torch.linalg`)."""
from __future__ import annotations

from typing import Any

from ._core import derive
from ._core.public import PUBLIC, living_in
from ._ops.singular import LinAlgError as LinAlgError


globals().update(living_in(__name__, derive.functions("linalg") | PUBLIC.get("linalg", {})))


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.linalg' has no attribute '{name}' in jtorch")
