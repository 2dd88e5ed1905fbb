"""Distances between vectors."""
from __future__ import annotations

from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """‖x₁ - x₂ + eps‖ₚ of each pair of vectors.    x1: (N, D), x2: (N, D)  ->  (N), or (N, 1) with keepdim"""
    __constants__ = ["norm", "eps", "keepdim"]

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The distances."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x₁·x₂ / (max(‖x₁‖, eps) max(‖x₂‖, eps)) along dim.    x1: (*, D, *), x2: (*, D, *)  ->  (*, *)

    >>> nn.CosineSimilarity(dim=0)(torch.tensor([1., 0.]), torch.tensor([1., 1.]))
    tensor(0.7071)
    """
    __constants__ = ["dim", "eps"]

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The similarities."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
