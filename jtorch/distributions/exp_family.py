"""Exponential families."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor

from .distribution import Distribution

class ExponentialFamily(Distribution):
    """p(x; θ) = h(x) exp(θ · t(x) - F(θ)), with natural parameters θ and log normalizer F."""

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """F(θ) - θ · ∇F(θ) - E[log h(x)] (Nielsen & Nock 2010)."""
        with torch.enable_grad():
            natural = [p.detach().requires_grad_() for p in self._natural_params]
            normalizer = self._log_normalizer(*natural)
            slopes = torch.autograd.grad(normalizer.sum(), natural, create_graph=True)
        result = normalizer - self._mean_carrier_measure
        for parameter, slope in zip(natural, slopes):
            result = result - (parameter * slope).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
