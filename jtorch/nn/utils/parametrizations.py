"""Ready-made parametrizations: orthogonal matrices, weight and spectral normalisation."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from jtorch.nn.modules.module import Module
from jtorch.nn.utils.parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

ORTHOGONAL_MAPS = "matrix_exp", "cayley", "householder"
FIXED_TENSOR = "It is not possible to assign to the matrix exponential or the Cayley parametrizations when use_trivialization=False."


class _Orthogonal(Module):
    """Orthogonal (or unitary) matrices; of a matrix that is not square, its columns or its rows are.

    `base`, where there is one, is a fixed orthogonal matrix that the map's result multiplies (Lezcano-Casado 2019, arXiv:1909.09501).
    """
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """An orthogonal matrix of X's shape."""
        wide = X.size(-2) < X.size(-1)
        if wide:
            X = X.mT
        if self.orthogonal_map == "householder":
            Q = _reflections(X.tril(diagonal=-1)) * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            Q = self._from_skew(X)
        if hasattr(self, "base"):
            Q = self.base @ Q                                # type: ignore[operator]  # a tensor by now
        return Q.mT if wide else Q

    def _from_skew(self, X: Tensor) -> Tensor:
        """exp(A) or (I - A/2)⁻¹ (I + A/2) of the skew-symmetric matrix in X's lower triangle, which is completed with zeros."""
        n, k = X.size(-2), X.size(-1)
        A = F.pad(X.tril(), (0, n - k))
        A = A - A.mH
        if self.orthogonal_map == "matrix_exp":
            Q = torch.matrix_exp(A)
        else:
            one = torch.eye(n, dtype=A.dtype, device=A.device)
            Q = torch.linalg.solve(one - A / 2, one + A / 2)
        return Q[..., :k]

    @torch.no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        """What gives Q: with a base, Q becomes the base."""
        if Q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}.")
        wide = Q.size(-2) < Q.size(-1)
        if wide:
            Q = Q.mT
        n, k = Q.size(-2), Q.size(-1)
        if not hasattr(self, "base"):
            if self.orthogonal_map != "householder":
                raise NotImplementedError(FIXED_TENSOR)
            A, tau = torch.geqrf(Q)
            signs = A.diagonal(dim1=-2, dim2=-1)
            signs.copy_(torch.where(tau == 0, -signs.sign(), signs.sign()))   # `forward` reflects also where LAPACK does not
            return A.mT if wide else A
        if n != k:                                           # columns at random complete it
            Q = torch.cat([Q, torch.randn(*Q.shape[:-2], n, n - k, dtype=Q.dtype, device=Q.device)], -1)
        self.base = Q.clone() if n == k and _is_orthogonal(Q) else _orthogonal_of(Q)
        Q = Q[..., :k]
        start = torch.zeros_like(Q)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start.mT if wide else start


def _reflections(A: Tensor) -> Tensor:
    """The first columns of the product of the reflections at the columns of V = A + 1, in closed form: 1 - V T Vᵀ with T⁻¹ = half the diagonal and
    all above it of VᵀV (Joffrain et al. 2006, doi:10.1145/1141885.1141886)."""
    n, k = A.size(-2), A.size(-1)
    one = torch.eye(n, k, dtype=A.dtype, device=A.device)
    V = A + one
    G = V.mT @ V
    inverse = G.triu(1) + 0.5 * torch.diag_embed(G.diagonal(dim1=-2, dim2=-1))
    return one - V @ torch.linalg.solve_triangular(inverse, V[..., :k, :].mT, upper=True)


def _is_orthogonal(Q: Tensor) -> bool:
    one = torch.eye(Q.size(-1), dtype=Q.dtype, device=Q.device)
    eps = 10.0 * Q.size(-1) * torch.finfo(Q.dtype).eps
    return bool(torch.allclose(Q.mH @ Q, one, atol=eps))


def _orthogonal_of(A: Tensor) -> Tensor:
    """The Q of A = QR, with signs so that the diagonal of R is positive."""
    Q, R = torch.linalg.qr(A)
    return Q * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True) -> Module:
    """Keep a matrix orthogonal.    orthogonal_map: "matrix_exp" (square matrices' default), "cayley" or "householder" (default of others)

    >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(4, 2))
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(2), atol=1e-6)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) or weight.is_complex() else "householder"
    if orthogonal_map not in ORTHOGONAL_MAPS:
        raise ValueError(f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}')
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization), unsafe=True)


class _WeightNorm(Module):
    """g · v / ‖v‖"""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """The weight of a length and a direction."""
        return weight_v * (weight_g / torch.norm_except_dim(weight_v, 2, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction of a weight."""
        return torch.norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a parameter into length and direction (Salimans & Kingma 2016, arXiv:1602.07868).

    dim  what keeps a length of its own; None: one length in all

    >>> sorted(nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)).state_dict())
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_hooks(state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        old = [f"{prefix}{name}{end}" for end in ("_g", "_v")]
        if all(key in state_dict for key in old):            # saved with the older `nn.utils.weight_norm`
            for place, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{place}"] = state_dict.pop(key)
    module._register_load_state_dict_pre_hook(from_hooks)
    return module


class _SpectralNorm(Module):
    """A weight over its largest singular value, whose vectors `_u` and `_v` improve with each use in training."""
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if dim >= weight.ndim or dim < -weight.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim = dim if dim >= 0 else dim + weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            height, width = matrix.size()
            for name, size in (("_u", height), ("_v", width)):
                self.register_buffer(name, F.normalize(matrix.new_empty(size).normal_(0, 1), dim=0, eps=eps))
            self._power_method(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    @torch.no_grad()
    def _power_method(self, matrix: Tensor, iterations: int) -> None:
        u, v = self._u, self._v
        for _ in range(iterations):
            u.copy_(F.normalize(torch.mv(matrix, v), dim=0, eps=self.eps))
            v.copy_(F.normalize(torch.mv(matrix.H, u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """The normalised weight."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()              # a later use changes them in place, while this one's gradient still needs them
        return weight / torch.vdot(u, torch.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None) -> Module:
    """Divide a parameter by its largest singular value, estimated by power iteration (Miyato et al. 2018, arXiv:1802.05957).

    >>> nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40)).weight.shape
    torch.Size([40, 20])
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d) else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
