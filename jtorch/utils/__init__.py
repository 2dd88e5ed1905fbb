"""Tools around training: data loading, checkpointing."""
from __future__ import annotations

from . import _pytree, checkpoint, data, hooks

__all__ = ["_pytree", "checkpoint", "data", "hooks"]
