"""Events of Apple's GPUs (`torch.mps.event`)."""
from __future__ import annotations

from ._absent import refused

__all__ = ["Event"]


class Event:
    """A moment in a GPU's work.  Raises."""

    def __init__(self, enable_timing: bool = False) -> None:
        raise refused("acquireEvent")
