"""Modules that run on several devices."""
from __future__ import annotations

from jtorch.nn.parallel.data_parallel import DataParallel

__all__ = ["DataParallel"]
