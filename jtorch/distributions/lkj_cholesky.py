"""The LKJ distribution of correlation matrices."""
from __future__ import annotations

import math
from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all, standard_normal


class LKJCholesky(Distribution):
    """Cholesky factors of dim × dim correlation matrices M, with density ∝ det(M)^(η - 1) of M.    concentration η: (batch)

    Lewandowski, Kurowicka & Joe 2009, Generating random correlation matrices based on vines and extended onion method.
    """
    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        batch, event = self.concentration.size(), Size((dim, dim))
        free = torch.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        before = torch.cat([torch.zeros_like(free[:1]), free])               # the first row is fixed; its length is drawn all the same
        self._beta = Beta(before + 0.5, (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1) - 0.5 * before)
        super().__init__(batch, event, validate_args)

    @torch.no_grad()
    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Random factors, row by row a direction and a length (the onion method, section 3).    -> (sample_shape, batch, dim, dim)"""
        length = self._beta.sample(sample_shape).unsqueeze(-1)
        noise = standard_normal(self._extended_shape(sample_shape), self.concentration).tril(-1)
        direction = noise / noise.norm(dim=-1, keepdim=True)
        direction[..., 0, :].fill_(0.0)
        below = torch.sqrt(length) * direction
        tiny = torch.finfo(below.dtype).tiny
        return below + torch.diag_embed(torch.clamp(1 - torch.sum(below ** 2, dim=-1), min=tiny).sqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        diagonal = self._checked(value).diagonal(dim1=-1, dim2=-2)[..., 1:]
        rows = torch.arange(2, self.dim + 1, device=self.concentration.device)
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - rows
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        constant = 0.5 * n * math.log(math.pi) + torch.mvlgamma(alpha - 0.5, n) - torch.lgamma(alpha) * n
        return (powers * diagonal.log()).sum(-1) - constant
