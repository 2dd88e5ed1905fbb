"""Switches of oneDNN (`torch.backends.mkldnn`): kept and reported; XLA has its own kernels for the CPU."""
from __future__ import annotations

from contextlib import AbstractContextManager

from ._flags import held, setter

VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = range(3)
enabled, deterministic, fp32_precision = True, False, "none"
allow_tf32: bool | None = None
set_flags = setter(globals(), ("enabled", "deterministic", "allow_tf32", "fp32_precision"))


def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True, fp32_precision: str = "none") -> AbstractContextManager[None]:
    """The switches for the time of a `with` block."""
    return held(globals(), **locals())


def is_available() -> bool:
    """False: XLA has its own kernels."""
    return False


class verbose:
    """Ask oneDNN to say what it does, for the time of a `with` block: it is not asked to do anything."""

    def __init__(self, level: int) -> None:
        self.level = level

    def __enter__(self) -> verbose:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was begun."""
