"""Tools around training: data loading."""
from __future__ import annotations

from . import data, hooks

__all__ = ["data", "hooks"]
