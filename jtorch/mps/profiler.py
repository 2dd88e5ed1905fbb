"""Traces of Apple's GPUs (`torch.mps.profiler`): `torch.profiler` measures here."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ._absent import refused

__all__ = ["is_capturing_metal", "is_metal_capture_enabled", "metal_capture", "profile", "start", "stop"]


def start(mode: str = "interval", wait_until_completed: bool = False) -> NoReturn:
    """Raises."""
    raise refused("profilerStartTrace")


def stop() -> NoReturn:
    """Raises."""
    raise refused("profilerStopTrace")


@contextmanager
def profile(mode: str = "interval", wait_until_completed: bool = False) -> Iterator[None]:
    """Raises when it is entered."""
    start(mode, wait_until_completed)
    yield


def is_metal_capture_enabled() -> bool:
    """False."""
    return False


def is_capturing_metal() -> bool:
    """False."""
    return False


@contextmanager
def metal_capture(fname: str) -> Iterator[None]:
    """Raises when it is entered."""
    raise refused("startCapture")
    yield
