"""The Wishart distribution."""
from __future__ import annotations

import math
import warnings
from typing import Any

import jtorch as torch
from jtorch import Size, Tensor

from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import half_log_det, precision_to_scale_tril
from .utils import lazy_property


class Wishart(ExponentialFamily):
    """Σ xᵢ xᵢᵀ of df normal vectors (Wishart 1928).    df > p - 1: (batch), covariance, its inverse or its Cholesky factor: (batch, p, p)"""
    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None, scale_tril: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        given = {name: m for name, m in (("covariance_matrix", covariance_matrix), ("precision_matrix", precision_matrix), ("scale_tril", scale_tril))
                 if m is not None}
        if len(given) != 1:
            raise AssertionError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        [(name, matrix)] = given.items()
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        df = df if isinstance(df, Tensor) else torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        batch, event = torch.broadcast_shapes(matrix.shape[:-2], df.shape), matrix.shape[-2:]
        if bool((df <= event[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}.")
        self.df = df.expand(batch)
        setattr(self, name, matrix.expand(batch + (-1, -1)))
        super().__init__(batch, event, validate_args=validate_args)
        if bool((self.df < event[-1]).any()):
            warnings.warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.", stacklevel=2)
        whole = getattr(self, name)
        self._unbroadcasted_scale_tril = whole if name == "scale_tril" else (
            torch.linalg.cholesky(whole) if name == "covariance_matrix" else precision_to_scale_tril(whole))
        less = torch.arange(event[-1], dtype=self._unbroadcasted_scale_tril.dtype, device=matrix.device).expand(batch + (-1,))
        self._dist_chi2 = Chi2(df=self.df.unsqueeze(-1) - less)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self._event_shape[-1] - 1)}

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance of the vectors."""
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return torch.cholesky_inverse(self._unbroadcasted_scale_tril)

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        return torch.where(factor > 0, factor, torch.nan)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape: Any = Size()) -> Tensor:
        """L A Aᵀ Lᵀ for A with normal numbers below a diagonal of χ numbers (Bartlett 1933)."""
        p, noise = self._event_shape[-1], self._dist_chi2.rsample(sample_shape).sqrt().diag_embed(dim1=-2, dim2=-1)
        rows, columns = torch.tril_indices(p, p, offset=-1)
        below = torch.randn(Size((*sample_shape, *self._batch_shape, p * (p - 1) // 2)), dtype=noise.dtype, device=noise.device)
        noise[..., rows, columns] = below
        root = self._unbroadcasted_scale_tril @ noise
        return root @ root.mT

    def rsample(self, sample_shape: Any = Size(), max_try_correction: int | None = None) -> Tensor:
        """Random matrices, drawn again up to `max_try_correction` times while singular.    -> (sample_shape, batch, p, p)"""
        if max_try_correction is None:
            max_try_correction = 3 if self._batch_shape else 10
        sample = self._bartlett_sampling(Size(sample_shape))
        again = self._somewhere(self.support.check(sample))               # PyTorch takes what is not singular for singular here, and draws it again
        if bool(again.any()):
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(max_try_correction):
                drawn = self._bartlett_sampling(Size((int(again.sum()),)))
                sample[again] = drawn
                again = torch.zeros_like(again).masked_scatter(again, self._somewhere(~self.support.check(drawn)))
                if not bool(again.any()):
                    break
        return sample

    def _somewhere(self, found: Tensor) -> Tensor:
        """Whether a sample has it for any matrix of the batch.    (*, batch)  ->  (*)"""
        return found.flatten(found.dim() - len(self._batch_shape)).any(-1) if self._batch_shape else found

    def log_prob(self, value: Tensor) -> Tensor:
        value, n, p = self._checked(value), self.df, self._event_shape[-1]
        constant = n * p / 2 * math.log(2) + n * half_log_det(self._unbroadcasted_scale_tril) + torch.mvlgamma(n / 2, p=p)
        trace = torch.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (n - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet - trace / 2 - constant

    def entropy(self) -> Tensor:
        n, p = self.df, self._event_shape[-1]
        digammas = torch.digamma(n.unsqueeze(-1) / 2 - torch.arange(p, dtype=n.dtype, device=n.device) / 2).sum(-1)
        half = half_log_det(self._unbroadcasted_scale_tril)
        return (p + 1) * (half + p / 2 * math.log(2)) + torch.mvlgamma(n / 2, p=p) - (n - p - 1) / 2 * digammas + n * p / 2

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * -torch.linalg.slogdet(-x).logabsdet + torch.mvlgamma(half, p=p)
