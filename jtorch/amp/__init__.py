"""Mixed precision: scaling of losses (`torch.amp`)."""
from __future__ import annotations

from jtorch.amp.grad_scaler import GradScaler

__all__ = ["GradScaler"]
