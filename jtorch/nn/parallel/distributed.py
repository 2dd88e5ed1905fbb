"""Data parallelism over processes, which there are none of."""
from __future__ import annotations

from typing import Any

from jtorch.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """The class that programs ask for with `isinstance`.  It cannot be made: there are no process groups."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("DistributedDataParallel: there are no process groups in jtorch; one process drives all devices: use nn.DataParallel, or JAX's "
                           "sharding (`jax.sharding`), which spreads arrays over them")
