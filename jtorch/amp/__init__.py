"""Mixed precision: operations that choose their types, and scaling of losses (`torch.amp`)."""
from __future__ import annotations

from jtorch._functions.autocast import is_autocast_available
from jtorch.amp.autocast_mode import autocast, custom_bwd, custom_fwd
from jtorch.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
