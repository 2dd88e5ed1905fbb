"""The older names of `interpolate`."""
from __future__ import annotations

import warnings
from collections.abc import Sequence

from .._core import layout
from .._core.derive import freeze
from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops.resample import interpolate

FUNCTIONAL = "nn.functional"
Sizes = int | Sequence[int] | None
Factors = float | Sequence[float] | None


def _resized(input: Tensor, size: Sizes, scale_factor: Factors, mode: str, align_corners: bool | None, name: str) -> Tensor:
    warnings.warn(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3)
    return layout.channels_as(wrap(record(interpolate.op, (input,), (freeze(size), freeze(scale_factor), mode, align_corners, None, False))), (input,))


@public(FUNCTIONAL)
def upsample(input: Tensor, size: Sizes = None, scale_factor: Factors = None, mode: str = "nearest", align_corners: bool | None = None) -> Tensor:
    """`input` at another size: the older name of `interpolate`.    input: (N, C, *spatial)  ->  (N, C, *size)"""
    return _resized(input, size, scale_factor, mode, align_corners, "upsample")


@public(FUNCTIONAL)
def upsample_nearest(input: Tensor, size: Sizes = None, scale_factor: Factors = None) -> Tensor:
    """`input` at another size, by its nearest elements.    input: (N, C, *spatial)  ->  (N, C, *size)"""
    return _resized(input, size, scale_factor, "nearest", None, "upsample_nearest")


@public(FUNCTIONAL)
def upsample_bilinear(input: Tensor, size: Sizes = None, scale_factor: Factors = None) -> Tensor:
    """`input` at another size, by bilinear interpolation between aligned corners.    input: (N, C, H, W)  ->  (N, C, *size)"""
    return _resized(input, size, scale_factor, "bilinear", True, "upsample_bilinear")
