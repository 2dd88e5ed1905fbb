"""Operations as modules, for models that can be quantised (`torch.ao.nn.quantized`); with plain tensors they are what they say."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor, nn

__all__ = ["FloatFunctional"]


class FloatFunctional(nn.Module):
    """Operations whose results a model that is being quantised would observe, by `activation_post_process`.

    >>> torch.ao.nn.quantized.FloatFunctional().add(torch.ones(1), torch.ones(1))
    tensor([2.])
    """

    def __init__(self) -> None:
        super().__init__()
        self.activation_post_process = nn.Identity()

    def forward(self, x: Any) -> None:
        """Raise: it is its methods that are called."""
        raise RuntimeError("FloatFunctional is not intended to use the 'forward'. Please use the underlying operation")

    def _observed(self, x: Tensor) -> Tensor:
        return self.activation_post_process(x)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """x + y"""
        return self._observed(torch.add(x, y))

    def add_scalar(self, x: Tensor, y: float) -> Tensor:
        """x + y, which nothing observes."""
        return torch.add(x, y)

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        """x · y"""
        return self._observed(torch.mul(x, y))

    def mul_scalar(self, x: Tensor, y: float) -> Tensor:
        """x · y, which nothing observes."""
        return torch.mul(x, y)

    def cat(self, x: list[Tensor], dim: int = 0) -> Tensor:
        """The tensors one after another."""
        return self._observed(torch.cat(x, dim=dim))

    def add_relu(self, x: Tensor, y: Tensor) -> Tensor:
        """x + y, at least 0"""
        return self._observed(torch.relu(torch.add(x, y)))

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """x @ y"""
        return self._observed(torch.matmul(x, y))


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.ao.nn.quantized' has no attribute '{name}' in jtorch: XLA has no quantised tensors; use the plain module, or bfloat16")
