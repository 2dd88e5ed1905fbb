"""Operations of neural networks (`torch.nn.functional`)."""
from __future__ import annotations

from .._core import derive
from .._core.public import PUBLIC

globals().update(derive.functions("nn.functional"))
globals().update(PUBLIC["nn.functional"])
