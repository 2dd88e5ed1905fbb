"""The multivariate normal distribution with a covariance of low rank and a diagonal."""
from __future__ import annotations

import math
from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .distribution import Distribution
from .multivariate_normal import half_log_det
from .utils import lazy_property, standard_normal


class LowRankMultivariateNormal(Distribution):
    """Normal with covariance W Wᵀ + diag(D); log_prob costs O(n m²).    loc: (batch, n), cov_factor W: (batch, n, m), cov_diag D: (batch, n)

    The inverse and the determinant come from the capacitance matrix I + Wᵀ D⁻¹ W (Woodbury 1950).
    """
    arg_constraints = {"loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = torch.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}") from error
        self.loc, self.cov_diag = loc.expand(batch + event), cov_diag.expand(batch + event)
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        scaled = cov_factor.mT / cov_diag.unsqueeze(-2)
        inner = torch.eye(cov_factor.shape[-1], dtype=cov_factor.dtype, device=cov_factor.device) + torch.matmul(scaled, cov_factor)
        self._capacitance_tril = torch.linalg.cholesky(inner)
        super().__init__(batch, event, validate_args=validate_args)

    def _tail(self, name: str) -> int:
        return 2 if name in ("_capacitance_tril", "scale_tril", "covariance_matrix", "precision_matrix") else super()._tail(name)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The variance of each element.    -> (batch, n)"""
        return self.cov_factor.pow(2).sum(-1) + self.cov_diag

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        scaled = self.cov_factor / root
        inner = torch.eye(self._event_shape[0], dtype=root.dtype, device=root.device) + torch.matmul(scaled, scaled.mT)
        return root * torch.linalg.cholesky(inner)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return torch.matmul(self.cov_factor, self.cov_factor.mT) + torch.diag_embed(self.cov_diag)

    def whitened_factor(self) -> Tensor:
        """A with Σ⁻¹ = D⁻¹ - Aᵀ A.    -> (batch, m, n)"""
        return torch.linalg.solve_triangular(self._capacitance_tril, self.cov_factor.mT / self.cov_diag.unsqueeze(-2), upper=False)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        factor = self.whitened_factor()
        return torch.diag_embed(self.cov_diag.reciprocal()) - torch.matmul(factor.mT, factor)

    def log_det(self) -> Tensor:
        """The log determinant of the covariance.    -> (batch)"""
        return 2 * half_log_det(self._capacitance_tril) + self.cov_diag.log().sum(-1)

    def mahalanobis(self, off: Tensor) -> Tensor:
        """xᵀ Σ⁻¹ x.    off: (*, n)  ->  (*)"""
        inside = torch.matmul(self.whitened_factor(), off.unsqueeze(-1)).squeeze(-1)
        return (off.pow(2) / self.cov_diag).sum(-1) - inside.pow(2).sum(-1)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        common, own = standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc), standard_normal(shape, self.loc)
        return self.loc + torch.matmul(self.cov_factor, common.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * own

    def log_prob(self, value: Tensor) -> Tensor:
        squared = self.mahalanobis(self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self.log_det() + squared)

    def entropy(self) -> Tensor:
        return (0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self.log_det())).expand(self._batch_shape)
