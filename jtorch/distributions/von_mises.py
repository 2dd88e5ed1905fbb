"""The von Mises distribution."""
from __future__ import annotations

import math
from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, lazy_property


class VonMises(Distribution):
    """Angles in [-π, π) with density exp(κ cos(x - loc)) / (2π I₀(κ)).    loc, concentration κ: (batch)"""
    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The circular mean.    -> (batch)"""
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance, 1 - I₁(κ) / I₀(κ).    -> (batch)"""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)

    @lazy_property
    def _proposal_r(self) -> Tensor:
        """Of the wrapped Cauchy distribution that proposes samples, in float64: of float32, small κ would be rejected without end."""
        kappa = self.concentration.double()
        tau = 1 + (1 + 4 * kappa ** 2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho ** 2) / (2 * rho))

    @torch.no_grad()
    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Random angles, proposed until each has been accepted (Best & Fisher 1979).    -> (sample_shape, batch)"""
        shape = self._extended_shape(sample_shape)
        loc, kappa, r = [t.double().expand(shape) for t in (self.loc, self.concentration, self._proposal_r)]
        angles, done = torch.zeros(shape, dtype=torch.float64, device=loc.device), torch.zeros(shape, dtype=torch.bool, device=loc.device)
        while not bool(done.all()):
            u1, u2, u3 = torch.rand((3, *shape), dtype=torch.float64, device=loc.device).unbind()
            z = torch.cos(math.pi * u1)
            f = (1 + r * z) / (r + z)
            c = kappa * (r - f)
            accepted = (c * (2 - c) > u2) | ((c / u2).log() + 1 - c >= 0)
            angles = torch.where(accepted, (u3 - 0.5).sign() * f.acos(), angles)
            done = done | accepted
        return ((angles + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        kappa = self.concentration
        return kappa * (torch.cos(self._checked(value) - self.loc) - 1) - math.log(2 * math.pi) - torch.special.i0e(kappa).log()
