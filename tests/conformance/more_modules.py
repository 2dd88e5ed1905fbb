"""Modules that PyTorch's database lacks, in its form."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.testing._internal.common_modules import FunctionInput, ModuleInfo, ModuleInput

Call = Callable[[torch.dtype], FunctionInput]
CHANNELS = {"": (2, 4), "1d": (2, 4, 5), "2d": (2, 4, 4, 6), "3d": (2, 4, 2, 4, 2)}


def made(*args: Any, **kwargs: Any) -> FunctionInput:
    return FunctionInput(*args, **kwargs)


def drawn(*shapes: tuple[int, ...]) -> Call:
    """A call with random tensors."""
    return lambda dtype: FunctionInput(*(torch.randn(s, dtype=dtype, requires_grad=True) for s in shapes))


def numbered(high: int, *shapes: tuple[int, ...], offsets: tuple[int, ...] = ()) -> Call:
    """A call with random integers, and with where bags begin."""
    return lambda dtype: FunctionInput(*(torch.randint(high, s) for s in shapes), *([torch.tensor(offsets)] if offsets else []))


def classified(classes: int, *shape: int) -> Call:
    return lambda dtype: FunctionInput(torch.randn(shape, dtype=dtype, requires_grad=True), torch.randint(classes, shape[:1]))


def unpooled(dims: int, **kwargs: Any) -> Call:
    """What a maximum over windows gave, and where it stood."""
    def call(dtype: torch.dtype) -> FunctionInput:
        x = torch.randn((2, 3, *(4, 6, 8)[:dims]), dtype=dtype)
        values, places = getattr(nn.functional, f"max_pool{dims}d")(x, 2, return_indices=True)
        return FunctionInput(values.requires_grad_(), places, **kwargs)
    return call


def info(kind: type, *samples: tuple[FunctionInput, Call], lazy: bool = False) -> ModuleInfo:
    def inputs(info: ModuleInfo, device: str, dtype: torch.dtype, requires_grad: bool, training: bool, **kwargs: Any) -> list[ModuleInput]:
        return [ModuleInput(construct, call(dtype)) for construct, call in samples]
    found = ModuleInfo(kind, module_inputs_func=inputs)
    found.is_lazy = lazy
    return found


def plain(*names: str) -> list[ModuleInfo]:
    """Modules without arguments of anything."""
    return [info(getattr(nn, name), (made(), drawn((2, 3))), (made(), drawn((2, 3, 4, 5)))) for name in names]


def dropout(name: str) -> ModuleInfo:
    shape = CHANNELS[name[-2:] if name[-1] == "d" else "2d"]
    return info(getattr(nn, name), (made(), drawn(shape)), (made(p=0.2), drawn(shape)), (made(0.7), drawn(shape[1:])), (made(0.0), drawn(shape)))


def lazy(name: str) -> ModuleInfo:
    shape = CHANNELS[name[-2:]]
    return info(getattr(nn, name), (made(), drawn(shape)), (made(affine=True, track_running_stats=True, momentum=0.3), drawn(shape)), lazy=True)


def resized(*samples: tuple[dict, tuple[int, ...]]) -> ModuleInfo:
    return info(nn.Upsample, *((made(**options), drawn(shape)) for options, shape in samples))


def far(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A distance of a user's."""
    return (x - y).abs().amax(-1)


MORE: list[ModuleInfo] = [
    *map(dropout, ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")),
    *plain("Identity", "Hardsigmoid", "RReLU", "Flatten"),
    info(nn.RReLU, (made(0.1, 0.2), drawn((3, 4)))),
    info(nn.Unflatten, (made(1, (2, 3)), drawn((2, 6))), (made(-1, (1, 6)), drawn((2, 6)))),
    info(nn.Fold, (made((4, 5), 2), drawn((2, 12, 12))), (made((4, 5), (2, 3), dilation=1, padding=1, stride=2), drawn((1, 12, 9)))),
    info(nn.Unfold, (made(2), drawn((2, 3, 4, 5))), (made((2, 3), dilation=2, padding=1, stride=2), drawn((2, 3, 6, 7)))),
    info(nn.PixelShuffle, (made(2), drawn((2, 8, 3, 4))), (made(1), drawn((4, 3, 3)))),
    info(nn.PixelUnshuffle, (made(2), drawn((2, 2, 4, 6)))),
    info(nn.ChannelShuffle, (made(2), drawn((2, 4, 3, 3)))),
    resized(({"scale_factor": 2}, (1, 2, 3)), ({"size": (4, 7)}, (1, 2, 3, 4)), ({"scale_factor": 1.5, "mode": "bilinear"}, (1, 2, 4, 4)),
            ({"scale_factor": (2.0, 3.0), "mode": "bilinear", "align_corners": True}, (1, 2, 3, 4)), ({"size": 7, "mode": "linear"}, (1, 2, 4)),
            ({"size": (5, 6), "mode": "bicubic"}, (1, 2, 4, 4)), ({"size": (3, 4, 5), "mode": "trilinear"}, (1, 2, 2, 3, 4)),
            ({"scale_factor": 2.5, "mode": "nearest-exact"}, (1, 2, 4)), ({"scale_factor": 1.7, "recompute_scale_factor": True}, (1, 2, 4, 4)),
            ({"size": (2, 3), "mode": "area"}, (1, 2, 5, 7))),
    info(nn.UpsamplingNearest2d, (made(scale_factor=2), drawn((1, 2, 3, 4))), (made((5, 6)), drawn((1, 2, 3, 4)))),
    info(nn.UpsamplingBilinear2d, (made(scale_factor=2), drawn((1, 2, 3, 4))), (made((5, 6)), drawn((1, 2, 3, 4)))),
    *(info(getattr(nn, f"MaxUnpool{d}d"), (made(2), unpooled(d)), (made(2, stride=2), unpooled(d, output_size=(4, 6, 8)[:d]))) for d in (1, 2, 3)),
    info(nn.LazyLinear, (made(3), drawn((2, 4))), (made(3, bias=False), drawn((2, 5, 4))), lazy=True),
    *map(lazy, ("LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d")),
    info(nn.EmbeddingBag, (made(6, 3), numbered(6, (2, 4))), (made(6, 3, mode="sum", padding_idx=1), numbered(6, (2, 4))),
         (made(6, 3, mode="max"), numbered(6, (7,), offsets=(0, 3, 3))), (made(6, 3, include_last_offset=True), numbered(6, (7,), offsets=(0, 3, 7))),
         (made(6, 3, max_norm=1.0, norm_type=1.0), numbered(6, (2, 4)))),
    info(nn.CosineSimilarity, (made(), drawn((3, 4), (3, 4))), (made(dim=-1, eps=1e-3), drawn((3, 4), (1, 4)))),
    info(nn.PairwiseDistance, (made(), drawn((3, 4), (3, 4))), (made(p=1.0, keepdim=True), drawn((4,), (4,)))),
    info(nn.TripletMarginLoss, (made(), drawn((3, 4), (3, 4), (3, 4))), (made(2.0, p=1.5, swap=True, reduction="none"), drawn((3, 4), (3, 4), (3, 4)))),
    info(nn.TripletMarginWithDistanceLoss, (made(), drawn((3, 4), (3, 4), (3, 4))),
         (made(distance_function=far, margin=0.5, swap=True, reduction="sum"), drawn((3, 4), (3, 4), (3, 4)))),
    info(nn.AdaptiveLogSoftmaxWithLoss, (made(8, 12, [3, 6]), classified(12, 5, 8)), (made(8, 12, [4], div_value=2.0, head_bias=True), classified(12, 5, 8))),
    info(nn.CrossMapLRN2d, (made(3), drawn((2, 4, 3, 3))), (made(2, alpha=0.1, beta=0.5, k=2), drawn((2, 4, 3, 3)))),
    info(nn.TransformerDecoder, (made(nn.TransformerDecoderLayer(4, 2, 8, 0.0), 2), drawn((3, 2, 4), (5, 2, 4))),
         (made(nn.TransformerDecoderLayer(4, 2, 8, 0.3, "gelu", batch_first=True), 2, nn.LayerNorm(4)), drawn((2, 3, 4), (2, 5, 4)))),
    info(nn.Sequential, (made(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), drawn((5, 4)))),
    info(nn.LSTM, (made(3, 4, 2, dropout=0.5), drawn((5, 2, 3)))),
    info(nn.GRU, (made(3, 4, 2, dropout=0.5, batch_first=True), drawn((5, 2, 3)))),
    info(nn.TransformerEncoderLayer, (made(4, 2, 8, dropout=0.4), drawn((3, 2, 4)))),
    info(nn.MultiheadAttention, (made(4, 2, dropout=0.4), drawn((3, 2, 4), (5, 2, 4), (5, 2, 4)))),
]
