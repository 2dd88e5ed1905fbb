"""Samples that carry gradients to the parameters of gamma and Dirichlet distributions (implicit reparametrization, arXiv:1805.08498)."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor


class StandardGamma(torch.autograd.Function):
    """Gamma numbers of scale 1."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        """Draws; (*) -> (*)."""
        drawn = torch._standard_gamma(concentration)
        ctx.save_for_backward(concentration, drawn)
        return drawn

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """The draws' derivatives by the concentration."""
        return grad * torch._standard_gamma_grad(*ctx.saved_tensors)


class Dirichlet(torch.autograd.Function):
    """Dirichlet numbers."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        """Draws; (*, k) -> (*, k)."""
        drawn = torch._sample_dirichlet(concentration)
        ctx.save_for_backward(drawn, concentration)
        return drawn

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """The draws' derivatives by the concentrations."""
        drawn, concentration = ctx.saved_tensors
        total = concentration.sum(-1, True).expand_as(concentration)
        return torch._dirichlet_grad(drawn, concentration, total) * (grad - (drawn * grad).sum(-1, True))
