"""Draws from gamma and Dirichlet distributions.  CPU draws are bit for bit PyTorch's."""
from __future__ import annotations

from .._core import rejection
from .._core.public import public
from .._core.tensor import Tensor
from .draw import Generator, stream
from .drawn import draw, values


@public("torch")
def _standard_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma numbers of scale 1 with the shape parameters `input`, without gradient.    input: (*)  ->  (*)"""
    return draw(lambda full: rejection.standard_gamma(stream(generator), values(input, "_standard_gamma")), input.shape, input.dtype, input.device)


@public("torch")
def _sample_dirichlet(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Dirichlet numbers with the parameters `input`, without gradient.    input: (*, k)  ->  (*, k)"""
    return draw(lambda full: rejection.dirichlet(stream(generator), values(input, "_sample_dirichlet")), input.shape, input.dtype, input.device)
