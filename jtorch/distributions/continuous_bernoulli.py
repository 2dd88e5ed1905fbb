"""The continuous Bernoulli distribution."""
from __future__ import annotations

import math
from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .exp_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs, pair_given, probs_to_logits, uniform


class ContinuousBernoulli(ExponentialFamily):
    """Density C p^x (1-p)^(1-x) on [0, 1] (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845).    probs p or logits: (batch)

    For p within `lims` a Taylor series at ½ is taken.
    """
    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501), validate_args: bool | None = None) -> None:
        if pair_given(probs, logits):
            (self.probs,) = broadcast_all(probs)
            if validate_args is not None and not bool(self.arg_constraints["probs"].check(self.probs).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        else:
            (self.logits,) = broadcast_all(logits)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """p, which is not the mean."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.size()

    def _stable(self) -> Tensor:
        """Where p is far enough from ½ for the closed forms."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        """p, held away from ½ where the closed forms are not used."""
        return torch.where(self._stable(), self.probs, self._lims[0])

    def log_constant(self) -> Tensor:
        """log C for C = 2 artanh(1 - 2p) / (1 - 2p)."""
        odd, x = 1 - 2 * self._cut(), (self.probs - 0.5) ** 2
        return torch.where(self._stable(), torch.log(2 * torch.atanh(odd) / odd), math.log(2.0) + (4 / 3 + 104 / 45 * x) * x)

    @property
    def mean(self) -> Tensor:
        p, x = self._cut(), self.probs - 0.5
        return torch.where(self._stable(), p / (2 * p - 1) + 1 / (2 * torch.atanh(1 - 2 * p)), 0.5 + (1 / 3 + 16 / 45 * x ** 2) * x)

    @property
    def variance(self) -> Tensor:
        p, x = self._cut(), (self.probs - 0.5) ** 2
        closed = p * (p - 1) / (1 - 2 * p) ** 2 + 1 / (torch.log1p(-p) - torch.log(p)) ** 2
        return torch.where(self._stable(), closed, 1 / 12 - (1 / 15 + 128 / 945 * x) * x)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        return self.icdf(uniform(self._extended_shape(sample_shape), self.probs))

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        return -torch.nn.functional.binary_cross_entropy_with_logits(logits, value, reduction="none") + self.log_constant()

    def cdf(self, value: Tensor) -> Tensor:
        value, p = self._checked(value), self._cut()
        closed = (p ** value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        inside = torch.where(self._stable(), closed, value)
        return torch.where(value <= 0, 0.0, torch.where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        p = self._cut()
        closed = (torch.log1p(-p + value * (2 * p - 1)) - torch.log1p(-p)) / (torch.log(p) - torch.log1p(-p))
        return torch.where(self._stable(), closed, value)

    def entropy(self) -> Tensor:
        zero, one = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (zero - one) - self.log_constant() - zero

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        stable = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = torch.where(stable, x, self._lims[0] - 0.5)
        return torch.where(stable, torch.log((torch.special.expm1(cut) / cut).abs()), 0.5 * x + x ** 2 / 24 - x ** 4 / 2880)
