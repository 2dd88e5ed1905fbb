"""Operations of neural networks (`torch.nn.functional`)."""
from __future__ import annotations

from typing import Any

from .._core import derive
from .._core.public import PUBLIC, living_in

globals().update(living_in(__name__, derive.functions("nn.functional") | PUBLIC["nn.functional"]))


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.nn.functional' has no attribute '{name}' in jtorch")
