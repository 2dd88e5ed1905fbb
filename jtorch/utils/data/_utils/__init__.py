"""What a loader does with samples: fetch, collate, carry between processes, pin."""
from __future__ import annotations

from . import collate, fetch, pin_memory, transport, worker

__all__ = ["collate", "fetch", "pin_memory", "transport", "worker"]
