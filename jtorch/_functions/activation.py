"""Activation functions that draw random numbers or decide in Python: the softmax family's legacy `dim`, `gumbel_softmax`, `rrelu`."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from .._core import random
from .._core.dtype import FLOATING, dtype
from .._core.fused import fma64
from .._core.public import public
from .._core.random import narrow
from .._core.record import record
from .._core.transfer import to_host
from .._core.tensor import Tensor, from_array, wrap
from .._ops.activation import gumbel_softmax_apply, leaky_relu, rrelu_apply
from .draw import Generator, default, stream
from .drawn import draw

FUNCTIONAL = "nn.functional"


def _along_dim(name: str, doc: str, apply: Callable[[Tensor, int, dtype | None], Tensor]) -> None:
    """Make one of the softmax family public where its `dim` may be left out."""
    def normalised(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> Tensor:
        if dim is None:
            warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
                          stacklevel=_stacklevel - 1)
            dim = 0 if input.dim() in (0, 1, 3) else 1
        return apply(input, dim, dtype)
    normalised.__name__, normalised.__doc__ = name, doc
    public(FUNCTIONAL, name=name)(normalised)


_along_dim("softmax", "`exp(input)` scaled to sum 1 along `dim`.    input: (*)  ->  (*)", lambda x, dim, kind: x.softmax(dim, kind))
_along_dim("log_softmax", "`log(softmax(input, dim))`, without underflow.    input: (*)  ->  (*)", lambda x, dim, kind: x.log_softmax(dim, kind))
_along_dim("softmin", "`softmax(-input, dim)`.    input: (*)  ->  (*)", lambda x, dim, kind: (-x).softmax(dim, kind))


@public(FUNCTIONAL)
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the Gumbel-softmax distribution (Jang et al. 2016, arXiv:1611.01144); `hard`: one-hot, with the soft sample's gradient.

    logits: (*)  ->  (*)
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    gumbels = draw(lambda full: -np.log(random.exponential(default, full, logits.dtype)), logits.shape, logits.dtype, logits.device)
    return wrap(record(gumbel_softmax_apply.op, (logits, gumbels, tau), (hard, dim)))


def _leaky(input: Tensor, lower: float, upper: float, training: bool, generator: Generator | None, inplace: bool) -> Tensor:
    """Slopes drawn for what is not positive, in training; their mean otherwise."""
    lower, upper = float(lower), float(upper)
    for bound, name in ((lower, "lower"), (upper, "upper")):
        if not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {name} bound must be finite, got {bound:g}")
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if inplace:
        input._check_write()
    if not training or input.dtype.category != FLOATING:
        value = record(rrelu_apply.op, (input, input)) if training else record(leaky_relu.op, (input,), ((lower + upper) / 2,))
    else:
        negative = np.asarray(to_host(input._read_value(), "rrelu")) <= 0
        noise = np.ones(negative.shape, input.dtype.numpy)
        low, high = np.array([lower, upper]).astype(input.dtype.numpy).astype(np.float64)
        noise[negative] = narrow(fma64(stream(generator).uniform53(int(negative.sum())), high - low, low), input.dtype)
        value = record(rrelu_apply.op, (input, from_array(noise, input.device)))
    return input._write(value, "rrelu_") if inplace else wrap(value)


@public(FUNCTIONAL)
def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Tensor:
    """`input` where it is positive, else `input` times a slope drawn from [lower, upper), or their mean (Xu et al. 2015, arXiv:1505.00853)."""
    return _leaky(input, lower, upper, training, None, inplace)


@public("torch", name="rrelu")
def plain_rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Generator | None = None) -> Tensor:
    """`input` where it is positive, else `input` times a slope drawn from [lower, upper), or their mean."""
    return _leaky(input, lower, upper, training, generator, False)


@public("torch nn.functional")
def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Generator | None = None) -> Tensor:
    """`rrelu` in place."""
    return _leaky(input, lower, upper, training, generator, True)


@public(FUNCTIONAL, name="sigmoid")
def _sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-input))`.    input: (*)  ->  (*)"""
    return input.sigmoid()


@public(FUNCTIONAL, name="tanh")
def _tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent.    input: (*)  ->  (*)"""
    return input.tanh()
