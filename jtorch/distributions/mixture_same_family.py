"""Mixtures of distributions of one family."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .categorical import Categorical
from .distribution import Distribution
from .constraints import MixtureSameFamilyConstraint


class MixtureSameFamily(Distribution):
    """Σ_k w_k p_k(x).    mixture: Categorical (batch) over K; components: (batch, K)"""
    arg_constraints: dict[str, Any] = {}

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution, validate_args: bool | None = None) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        inner, outer = component_distribution.batch_shape, mixture_distribution.batch_shape
        for a, b in zip(reversed(outer), reversed(inner[:-1])):
            if a != 1 and b != 1 and a != b:
                raise ValueError(f"`mixture_distribution.batch_shape` ({outer}) is not compatible with `component_distribution.batch_shape`({inner})")
        if mixture_distribution._num_events != inner[-1]:
            raise ValueError(f"`mixture_distribution component` ({mixture_distribution._num_events}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({inner[-1]})")
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        self._num_component = inner[-1]
        super().__init__(inner[:-1], component_distribution.event_shape, validate_args=validate_args)

    @constraints.dependent_property
    def support(self) -> Any:
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The distribution over components."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    def _averaged(self, x: Tensor) -> Tensor:
        dims = len(self._event_shape)
        return (self._mixture_distribution.probs.reshape(self._mixture_distribution.probs.shape + (1,) * dims) * x).sum(-1 - dims)

    @property
    def mean(self) -> Tensor:
        return self._averaged(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        between = (self._component_distribution.mean - self.mean.unsqueeze(-1 - len(self._event_shape))).pow(2)
        return self._averaged(self._component_distribution.variance) + self._averaged(between)

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        dims = len(self._event_shape)
        with torch.no_grad():
            chosen = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            where = chosen.reshape(chosen.shape + (1,) * (dims + 1)).expand(drawn.shape[:drawn.dim() - dims - 1] + (1,) + self._event_shape)
            return drawn.gather(-1 - dims, where).squeeze(-1 - dims)

    def log_prob(self, x: Tensor) -> Tensor:
        x = self._checked(x).unsqueeze(-1 - len(self._event_shape))
        weights = torch.log_softmax(self._mixture_distribution.logits, dim=-1)
        return torch.logsumexp(self._component_distribution.log_prob(x) + weights, dim=-1)

    def cdf(self, x: Tensor) -> Tensor:
        return (self._component_distribution.cdf(self._checked(x).unsqueeze(-1)) * self._mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
