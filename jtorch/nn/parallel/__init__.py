"""Modules that run on several devices."""
from __future__ import annotations

from jtorch.nn.parallel.data_parallel import DataParallel
from jtorch.nn.parallel.distributed import DistributedDataParallel
from jtorch.nn.parallel.parallel_apply import parallel_apply
from jtorch.nn.parallel.replicate import replicate
from jtorch.nn.parallel.scatter_gather import gather, scatter

__all__ = ["DataParallel", "DistributedDataParallel", "gather", "parallel_apply", "replicate", "scatter"]
