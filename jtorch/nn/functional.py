"""Operations of neural networks (`torch.nn.functional`)."""
from __future__ import annotations

from typing import Any

from .._core import derive
from .._core.public import PUBLIC

globals().update(derive.functions("nn.functional"))
globals().update(PUBLIC["nn.functional"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.nn.functional' has no attribute '{name}' in jtorch")
