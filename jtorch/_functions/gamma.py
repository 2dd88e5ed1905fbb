"""Draws from gamma and Dirichlet distributions.  CPU draws are bit for bit PyTorch's."""
from __future__ import annotations

import numpy as np

from .._core import rejection
from .._core.public import public
from .._core.record import to_host
from .._core.tensor import Tensor
from .create import make
from .draw import Generator, stream


@public("torch")
def _standard_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma numbers of scale 1 with the shape parameters `input`, without gradient.    input: (*)  ->  (*)"""
    return make(lambda: rejection.standard_gamma(stream(generator), np.asarray(to_host(input._read_value(), "_standard_gamma"))),
                input.shape, input.dtype, input.device, False)


@public("torch")
def _sample_dirichlet(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Dirichlet numbers with the parameters `input`, without gradient.    input: (*, k)  ->  (*, k)"""
    return make(lambda: rejection.dirichlet(stream(generator), np.asarray(to_host(input._read_value(), "_sample_dirichlet"))),
                input.shape, input.dtype, input.device, False)
