"""Padding of the last one, two or three dimensions."""
from __future__ import annotations

from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.module import Module
from jtorch.nn.modules.utils import _ntuple

__all__ = ["CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d",
           "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d"]


class _Pad(Module):
    """Padding of the last `dims` dimensions, on both sides: (left, right, top, bottom, front, back), or one number for all."""
    __constants__ = ["padding"]
    dims: int
    mode: str

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        self.padding: tuple[int, ...] = _ntuple(2 * self.dims)(padding)

    def forward(self, input: Tensor) -> Tensor:
        """The padded input."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The paddings."""
        return f"{self.padding}"


class _ConstantPadNd(_Pad):
    __constants__ = ["padding", "value"]
    mode = "constant"

    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """The padded input."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The paddings and the value."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pad with a value.    input: (*, W)  ->  (*, left + W + right)"""
    dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Pad with a value.    input: (*, H, W)  ->  (*, top + H + bottom, left + W + right)

    >>> nn.ConstantPad2d(1, 3.5)(torch.zeros(1, 1, 1))
    tensor([[[3.5000, 3.5000, 3.5000],
             [3.5000, 0.0000, 3.5000],
             [3.5000, 3.5000, 3.5000]]])
    """
    dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Pad with a value.    input: (*, D, H, W)  ->  (*, front + D + back, top + H + bottom, left + W + right)"""
    dims = 3


class _ZeroPad:
    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The paddings."""
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Pad with zeros.    input: (*, W)  ->  (*, left + W + right)"""


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Pad with zeros.    input: (*, H, W)  ->  (*, top + H + bottom, left + W + right)"""


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Pad with zeros.    input: (*, D, H, W)  ->  (*, front + D + back, top + H + bottom, left + W + right)"""


class _ReflectionPadNd(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Pad with the mirror image, the border not repeated.    input: (*, C, W)  ->  (*, C, left + W + right)"""
    dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Pad with the mirror image, the border not repeated.    input: (*, C, H, W)  ->  (*, C, top + H + bottom, left + W + right)"""
    dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Pad with the mirror image, the border not repeated.    input: (*, C, D, H, W)  ->  the same, larger"""
    dims = 3


class _ReplicationPadNd(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Pad with the border.    input: (*, C, W)  ->  (*, C, left + W + right)"""
    dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Pad with the border.    input: (*, C, H, W)  ->  (*, C, top + H + bottom, left + W + right)"""
    dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Pad with the border.    input: (*, C, D, H, W)  ->  the same, larger"""
    dims = 3


class _CircularPadNd(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """The padded input."""
        if input.dim() not in (self.dims + 1, self.dims + 2):
            raise ValueError(f"expected {self.dims + 1}D or {self.dims + 2}D input (got {input.dim()}D input)")
        return F.pad(input, self.padding, "circular")


class CircularPad1d(_CircularPadNd):
    """Pad with the other end.    input: (*, C, W)  ->  (*, C, left + W + right)"""
    dims = 1


class CircularPad2d(_CircularPadNd):
    """Pad with the other end.    input: (*, C, H, W)  ->  (*, C, top + H + bottom, left + W + right)"""
    dims = 2


class CircularPad3d(_CircularPadNd):
    """Pad with the other end.    input: (*, C, D, H, W)  ->  the same, larger"""
    dims = 3
