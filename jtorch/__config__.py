"""How this build was made (`torch.__config__`)."""
from __future__ import annotations

import os
import platform
from importlib.metadata import version

from ._functions.settings import get_num_interop_threads, get_num_threads
from .version import __version__


def show() -> str:
    """What does the work, in words."""
    parts = [f"jtorch, with the behaviour of PyTorch {__version__}", *[f"{name} {version(name)}" for name in ("jax", "jaxlib", "numpy")],
             f"Python {platform.python_version()} on {platform.platform()}", f"CPU capability usage: {platform.machine()}"]
    return "PyTorch built with:\n" + "".join(f"  - {part}\n" for part in parts)


def parallel_info() -> str:
    """How many threads there are."""
    return (f"ATen/Parallel:\n\tat::get_num_threads() : {get_num_threads()}\n\tat::get_num_interop_threads() : {get_num_interop_threads()}\n"
            f"std::thread::hardware_concurrency() : {os.cpu_count()}\nXLA's own threads do the work\n")
