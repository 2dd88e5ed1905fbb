"""Functions of neural networks that draw random numbers, keep running statistics, or decide in Python."""
from __future__ import annotations

from typing import Any

from .._core import random
from .._core.public import public
from .._core.record import record
from .._core.run import host_value
from .._core.tensor import Tensor, wrap
from .._ops.activation import dropout_apply
from .draw import default

FUNCTIONAL = "nn.functional"


@public(FUNCTIONAL)
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Elements set to zero with probability `p` and the others scaled by 1 / (1 - p) (Srivastava et al. 2014).    input: (*)  ->  (*)"""
    _check_probability(p)
    if not training or not p:
        return input
    keep = host_value(random.keep_mask(default, tuple(input.shape), p))
    value = record(dropout_apply.op, (input, keep, p))
    return input._write(value, "dropout_") if inplace else wrap(value)


def _check_probability(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
