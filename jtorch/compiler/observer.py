"""Which code a call runs, and whether it does what cannot be left out when the call is repeated."""
from __future__ import annotations

import sys
import sysconfig
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

PURE_MODULES = {"_abc", "_collections", "_functools", "_operator", "_typing", "cmath", "collections", "functools", "itertools", "math", "operator"}
IMPURE = {"__import__", "breakpoint", "compile", "eval", "exec", "globals", "input", "locals", "open", "print"}   # of the functions that are built in
VALUES = (list, dict, tuple, set, frozenset, deque, str, bytes, int, float, complex, range, type, super)
FOREIGN = ("jtorch", "jax", "jaxlib", "ml_dtypes", "numpy", "opt_einsum")    # what is part of operations: it may do what it likes
LIBRARY = sysconfig.get_path("stdlib")
JAX = tuple(str(Path(spec.origin).parent) for name in FOREIGN[1:] if (spec := find_spec(name)) is not None and spec.origin)
JTORCH = str(Path(__file__).parents[1]), "<jtorch"


def is_library(code: CodeType) -> bool:
    """Whether code is part of Python's library: it does what it does for who called it."""
    return code.co_filename.startswith((LIBRARY, "<")) and not code.co_filename.startswith("<jtorch") and "site-packages" not in code.co_filename


def is_foreign(frame: FrameType | None) -> bool:
    """Whether what runs there is part of jtorch, or of what it stands on."""
    while frame is not None and is_library(frame.f_code):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(JTORCH):
        return True                                          # but what jtorch calls, as a module's `forward`, is the user's again
    while frame is not None and not frame.f_code.co_filename.startswith(JAX):
        frame = frame.f_back
    return frame is not None


def is_pure(function: Any) -> bool:
    """Whether a function written in C only computes.  What it does to containers shows in the `World`."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, ModuleType):
        return owner.__name__ in PURE_MODULES or owner.__name__ == "builtins" and function.__name__ not in IMPURE
    return owner is None or isinstance(owner, VALUES)


class Observer:
    """Watches what runs inside its `with` block.

    codes    the code that ran, with its globals
    refused  what it did that cannot be left out
    """

    def __init__(self) -> None:
        self.codes: dict[CodeType, dict[str, Any]] = {}
        self.refused: str | None = None

    def __enter__(self) -> Observer:
        sys.setprofile(self._event)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)

    def _event(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "call" and not is_library(frame.f_code) and not is_foreign(frame):
            self.codes.setdefault(frame.f_code, frame.f_globals)
        elif event == "c_call" and function is not sys.setprofile and not is_foreign(frame) and not is_pure(function):
            self.refused = f"it calls {getattr(function, '__qualname__', function)}()"
