"""Switches of cuDNN (`torch.backends.cudnn`): kept and reported; XLA's convolutions are deterministic unless its own flags say otherwise."""
from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ._flags import held, setter

enabled, benchmark, deterministic, allow_tf32 = True, False, False, True
benchmark_limit: int | None = None
fp32_precision, depthwise_kernel = "none", "auto"
set_flags = setter(globals(), ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32", "fp32_precision", "depthwise_kernel"))


def flags(enabled: bool = False, benchmark: bool = False, benchmark_limit: int | None = 10, deterministic: bool = False, allow_tf32: bool = True,
          fp32_precision: str = "none", depthwise_kernel: str = "auto") -> AbstractContextManager[None]:
    """The switches for the time of a `with` block."""
    return held(globals(), **locals())


def is_available() -> bool:
    """False: XLA calls cuDNN by itself where it is there."""
    return False


def is_acceptable(tensor: Any) -> bool:
    """Whether cuDNN would take a tensor: see `is_available`."""
    return False


def version() -> None:
    """No version is known."""
