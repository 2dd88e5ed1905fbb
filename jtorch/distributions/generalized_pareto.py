"""The generalized Pareto distribution."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, uniform


class GeneralizedPareto(Distribution):
    """P(X > x) = (1 + c z)^(-1 / c), or exp(-z) for c = 0, with z = (x - loc) / scale (Pickands 1975).    loc, scale, concentration c: (batch)"""
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = torch.where(self.concentration < 0, self.loc - self.scale / self.concentration, torch.inf)
        return constraints.interval(self.loc, end)

    def _split(self) -> tuple[Tensor, Tensor]:
        """Where the concentration counts as 0, and the concentration with 1 there instead."""
        flat = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return flat, torch.where(flat, 1.0, self.concentration)

    @property
    def mean(self) -> Tensor:
        return torch.where(self.concentration < 1, self.loc + self.scale / (1 - self.concentration), torch.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        c = self.concentration
        return torch.where(c < 0.5, self.scale ** 2 / ((1 - c) ** 2 * (1 - 2 * c)), torch.nan)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc))

    def log_prob(self, value: Tensor) -> Tensor:
        z, (flat, c) = (self._checked(value) - self.loc) / self.scale, self._split()
        return -self.scale.log() - torch.where(flat, z, (1 / c + 1) * torch.log1p(c * z))

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log P(X > value)."""
        z, (flat, c) = (self._checked(value) - self.loc) / self.scale, self._split()
        return -torch.where(flat, z, torch.log1p(c * z) / c)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(X ≤ value)."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Tensor) -> Tensor:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        (flat, c), rest = self._split(), torch.log1p(-value)
        return self.loc + self.scale * torch.where(flat, -rest, torch.expm1(-c * rest) / c)

    def entropy(self) -> Tensor:
        return torch.log(self.scale) + self.concentration + 1
