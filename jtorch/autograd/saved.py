"""Tensors kept for a backward pass: hooks that pack and unpack them, and the error where one was overwritten."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .._core.tensor import Tensor
from .._core.versions import changed


class Stack(threading.local):
    """The hooks in force on this thread, innermost last; and why they are forbidden, if they are."""

    def __init__(self) -> None:
        self.hooks: list[tuple[Callable, Callable]] = []
        self.forbidden: str | None = None


stack = Stack()


class Packed:
    """What a pack hook made of a saved tensor."""

    def __init__(self, packed: Any, unpack: Callable) -> None:
        self.packed, self._unpack = packed, unpack

    def unpack(self) -> Tensor:
        """The tensor again."""
        tensor = self._unpack(self.packed)
        if not isinstance(tensor, Tensor):
            raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(tensor).__name__}")
        return tensor


def pack(tensor: Tensor) -> Packed | None:
    """The tensor as the innermost hook packs it; None where there is no hook."""
    if not stack.hooks:
        return None
    packing, unpacking = stack.hooks[-1]
    return Packed(packing(tensor), unpacking)


def overwritten(tensor: Tensor, version: int, maker: tuple[str, int] | None) -> str:
    """The error's text for a tensor that was saved at `version`.

    maker  the name of the node that made it and the number of the result; by default its `grad_fn`
    """
    node = tensor.grad_fn
    name, number = maker or ((node.name(), tensor.output_nr) if node is not None else (None, 0))
    return changed(tensor._aval, name, number, tensor._version, version)
