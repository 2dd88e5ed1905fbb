"""What marks functions that export operators (`torch.onnx.symbolic_helper`)."""
from __future__ import annotations

from collections.abc import Callable

__all__ = ["parse_args"]


def parse_args(*arg_descriptors: str) -> Callable[[Callable], Callable]:
    """Say what kinds of arguments the decorated function takes: "v" a value, "i" an integer, "f" a number, ...  An export would look at it."""
    def mark(function: Callable) -> Callable:
        function._arg_descriptors = arg_descriptors         # type: ignore[attr-defined]  # functions take attributes
        return function
    return mark
