"""Handles of registered hooks (`torch.utils.hooks`)."""
from .._core.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
