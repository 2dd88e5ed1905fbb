"""What programs set and ask of PyTorch's compiler by its own name (`torch._dynamo`); `torch.compile` is in `torch.compiler`."""
from __future__ import annotations

from typing import Any

from ..compiler import allow_in_graph, assume_constant_result, compile, disable, is_compiling, list_backends, reset, set_stance
from . import utils as utils
from .settings import config

__all__ = ["allow_in_graph", "assume_constant_result", "config", "disable", "graph_break", "is_compiling", "is_dynamo_supported", "list_backends",
           "mark_dynamic", "mark_static", "mark_static_address", "maybe_mark_dynamic", "optimize", "reset", "set_stance"]


def is_dynamo_supported() -> bool:
    """Whether functions can be compiled."""
    return True


def optimize(backend: str = "inductor", *, nopython: bool = False, disable: bool = False, dynamic: bool | None = None) -> Any:
    """`torch.compile` as a decorator."""
    return compile(fullgraph=nopython, dynamic=dynamic, backend=backend, disable=disable)


def mark_dynamic(t: Any, index: Any, *, hint_override: int | None = None, min: int | None = None, max: int | None = None, specialize_on: Any = None) -> None:
    """Say that a size varies; here each size has a program of its own."""


def graph_break(msg: str = "") -> None:
    """Say that a graph ends here; there is none."""


maybe_mark_dynamic = mark_static = mark_static_address = mark_dynamic
