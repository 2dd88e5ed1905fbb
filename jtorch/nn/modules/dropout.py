"""Dropout and its variants (Srivastava et al. 2014, jmlr.org/papers/v15/srivastava14a)."""
from __future__ import annotations

from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    __constants__ = ["p", "inplace"]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training each element is zeroed with probability p and the others are divided by 1 - p.    input: (*)  ->  (*)

    >>> nn.Dropout(0.5).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Zeroes whole channels (Tompson et al. 2014, arXiv:1411.4280).    input: (N, C, L) or (C, L)"""

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Zeroes whole channels (Tompson et al. 2014, arXiv:1411.4280).    input: (N, C, H, W)"""

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Zeroes whole channels (Tompson et al. 2014, arXiv:1411.4280).    input: (N, C, D, H, W) or (C, D, H, W)"""

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance, for SELU (Klambauer et al. 2017, arXiv:1706.02515).    input: (*)  ->  (*)"""

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels.    input: (N, C, *)  ->  (N, C, *)"""

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training)
