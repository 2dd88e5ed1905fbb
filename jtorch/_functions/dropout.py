"""The dropout family.  What is kept is drawn on the host, bit for bit as PyTorch draws it."""
from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from .._core import layout, random
from .._core.dtype import COMPLEX, FLOATING, bool_
from .._core.op import Op
from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, from_array, wrap
from .._ops.activation import alpha_dropout_apply, dropout_apply
from .._ops.checks import SCALAR_TYPES
from .._ops.pointwise import mul
from .draw import default
from .drawn import draw, draw_as
from .order import strides_of

FUNCTIONAL = "nn.functional"
DEPRECATED = ("{name}: Received a {given}-D input to {name}, which is deprecated and will result in an error in a future release. To retain the "
              "behavior and silence this warning, please use dropout instead. Note that {name} exists to provide channel-wise dropout on inputs with "
              "{n} spatial dimensions, a channel dimension, and an optional batch dimension (i.e. {low}D or {high}D inputs).")
AMBIGUOUS = ("dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input is interpreted as "
             "shape (N, C, L), where C is the channel dim. This behavior will change in a future release to interpret the input as one without a "
             "batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please switch to using dropout1d instead.")


def check_probability(p: float, error: type[Exception] = ValueError) -> None:
    """Raise where `p` is no probability."""
    if p < 0.0 or p > 1.0:
        raise error(f"dropout probability has to be between 0 and 1, but got {p if error is ValueError else f'{p:g}'}")


def kept(shape: Sequence[int], p: float, like: Tensor) -> Tensor:
    """Which elements of a tensor of this shape dropout keeps, on the device of `like`."""
    return draw(lambda full: random.keep_mask(default, full, p), shape, bool_, like.device)


def kept_of(input: Tensor, p: float) -> Tensor:
    """Which elements of `input` dropout keeps: drawn in the order in which they lie in memory."""
    return draw_as(lambda full: random.keep_mask(default, full, p), input.shape, strides_of(input), bool_, input.device)


def _drop(op: Op, input: Tensor, p: float, training: bool, inplace: bool, channels: bool = False) -> Tensor:
    """`input` with elements, or whole `channels`, dropped."""
    if not isinstance(input, Tensor):
        raise TypeError(f"dropout(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not training or p == 0 or not input.numel():
        return input
    p = float(p)
    if channels and input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if inplace:
        input._check_write()
    if p == 1:
        value = record(mul.op, (input, 0))
    else:
        _check_type(input)
        keep = kept((*input.shape[:2], *(1,) * (input.dim() - 2)), p, input) if channels else kept_of(input, p)
        value = record(op, (input, keep, p))
    return input._write(value, "dropout_") if inplace else layout.arrange(wrap(value), (input,))


def _check_type(input: Tensor) -> None:
    kind = input.dtype
    if kind.category == COMPLEX:
        raise NotImplementedError(f"\"bernoulli_scalar_cpu_\" not implemented for '{SCALAR_TYPES[kind.name]}'")
    if kind.category < FLOATING:
        raise RuntimeError(f"result type Float can't be cast to the desired output type {kind.title}")


@public(FUNCTIONAL)
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Elements set to zero with probability `p` and the others scaled by 1 / (1 - p) (Srivastava et al. 2014).    input: (*)  ->  (*)"""
    check_probability(p)
    return _drop(dropout_apply.op, input, p, training, inplace)


@public(FUNCTIONAL)
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels (Tompson et al. 2015, arXiv:1411.4280).    input: (N, C, L) or (C, L)"""
    check_probability(p)
    given = input.dim()
    if given not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {given}D input. Note that dropout1d exists to provide channel-wise "
                           "dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs).")
    return _drop_channels(input, p, training, inplace, given == 2)


@public(FUNCTIONAL)
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels (Tompson et al. 2015, arXiv:1411.4280).    input: (N, C, H, W); (N, C, L) for now too"""
    check_probability(p)
    given = input.dim()
    if given not in (3, 4):
        warnings.warn(DEPRECATED.format(name="dropout2d", given=given, n=2, low=3, high=4), stacklevel=2)
    if given == 3:
        warnings.warn(AMBIGUOUS, stacklevel=2)
    return _drop(dropout_apply.op, input, p, training, inplace, channels=True)


@public(FUNCTIONAL)
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels (Tompson et al. 2015, arXiv:1411.4280).    input: (N, C, D, H, W) or (C, D, H, W)"""
    check_probability(p)
    given = input.dim()
    if given not in (4, 5):
        warnings.warn(DEPRECATED.format(name="dropout3d", given=given, n=3, low=4, high=5), stacklevel=2)
    return _drop_channels(input, p, training, inplace, given != 5)


def _drop_channels(input: Tensor, p: float, training: bool, inplace: bool, alone: bool) -> Tensor:
    """`alone`: there is no batch dimension."""
    if not alone:
        return _drop(dropout_apply.op, input, p, training, inplace, channels=True)
    result = _drop(dropout_apply.op, input.unsqueeze_(0) if inplace else input.unsqueeze(0), p, training, inplace, channels=True)
    return result.squeeze_(0) if inplace else result.squeeze(0)


@public(FUNCTIONAL)
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps SELU's mean and variance (Klambauer et al. 2017, arXiv:1706.02515).    input: (*)  ->  (*)"""
    check_probability(p)
    return _drop(alpha_dropout_apply.op, input, p, training, inplace)


@public(FUNCTIONAL)
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Alpha dropout of whole channels.    input: (N, C, *)  ->  (N, C, *)"""
    check_probability(p)
    return _drop(alpha_dropout_apply.op, input, p, training, inplace, channels=True)


# The forms that live in `torch`

def _plain(name: str, op: Op, channels: bool, doc: str) -> None:
    def drop(input: Tensor, p: float, train: bool) -> Tensor:
        check_probability(p, RuntimeError)
        return _drop(op, input, p, train, False, channels)

    def drop_(input: Tensor, p: float, train: bool) -> Tensor:
        check_probability(p, RuntimeError)
        return _drop(op, input, p, train, True, channels)
    for made, named, text in ((drop, name, doc), (drop_, name + "_", doc + "  In place.")):
        made.__name__, made.__doc__ = named, text
        public("torch", name=named)(made)


_plain("dropout", dropout_apply.op, False, "Elements set to zero with probability `p`, the others scaled by 1 / (1 - p), where `train`.")
_plain("feature_dropout", dropout_apply.op, True, "Whole channels set to zero with probability `p`, the others scaled by 1 / (1 - p), where `train`.")
_plain("alpha_dropout", alpha_dropout_apply.op, False, "Dropout that keeps SELU's mean and variance, where `train`.")
_plain("feature_alpha_dropout", alpha_dropout_apply.op, True, "Alpha dropout of whole channels, where `train`.")


@public("torch")
def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """Dropout, and what was kept.    input: (*)  ->  (*) twice"""
    if train is False or not input.numel():
        return input.clone(), from_array(np.ones(math.prod(input.shape), bool).reshape(input.shape), input.device)
    keep = kept_of(input, p)
    return layout.arrange(wrap(record(dropout_apply.op, (input, keep, p))), (input,)), keep
