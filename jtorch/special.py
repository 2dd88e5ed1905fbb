"""Special functions (`torch.special`)."""
from __future__ import annotations

from ._core import derive
from ._core.public import PUBLIC

globals().update(derive.functions("special"))
globals().update(PUBLIC.get("special", {}))
