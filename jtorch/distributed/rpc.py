"""Calls of functions in other processes, of which there are none."""
from __future__ import annotations

from typing import NoReturn

__all__ = ["is_available"]


def is_available() -> bool:
    """Whether other processes can be called: they cannot."""
    return False


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"module 'torch.distributed.rpc' has no attribute '{name}' in jtorch: there are no process groups")
