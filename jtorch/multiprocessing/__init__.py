"""Processes (`torch.multiprocessing`): Python's `multiprocessing`, whose queues and pipes take tensors, and `spawn`.

Tensors travel by value: memory of XLA's is not shared between processes.  A Parameter stays one.
"""
from __future__ import annotations

import multiprocessing
from multiprocessing import *
from multiprocessing import context, reduction as reducer

from .spawn import ProcessContext, ProcessException, ProcessExitedException, ProcessRaisedException, SpawnContext, spawn, start_processes

__all__ = [*multiprocessing.__all__, "ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException", "SpawnContext",
           "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes"]


class _Sharing:
    strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` takes."""
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` was given."""
    return _Sharing.strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose how PyTorch would share memory between processes: tensors travel by value here."""
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(f"invalid sharing strategy '{new_strategy}', expected one of {get_all_sharing_strategies()}")
    _Sharing.strategy = new_strategy


def init_reductions() -> None:
    """Teach pickles about tensors: they know."""
