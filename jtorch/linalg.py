"""Linear algebra (`torch.linalg`)."""
from __future__ import annotations

from ._core import derive
from ._core.public import PUBLIC

globals().update(derive.functions("linalg"))
globals().update(PUBLIC.get("linalg", {}))
