"""`torch.ao.quantization`: the places where a model would be quantised.  Quantised tensors are not there, for XLA has no such types."""
from __future__ import annotations

from typing import Any

from jtorch import Tensor, nn

__all__ = ["DeQuantStub", "QuantStub"]


class QuantStub(nn.Module):
    """Where quantising begins: gives its input as it is."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        """The input."""
        return x


class DeQuantStub(QuantStub):
    """Where quantising ends: gives its input as it is."""


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.ao.quantization' has no attribute '{name}' in jtorch: XLA has no quantised tensors; use bfloat16 (`model.bfloat16()`)")
