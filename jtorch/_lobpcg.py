"""A few eigenpairs of a large symmetric matrix (Knyazev 2001, Toward the Optimal Preconditioned Eigensolver)."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor


def lobpcg(A: Tensor, k: int | None = None, B: Tensor | None = None, X: Tensor | None = None, n: int | None = None, iK: Tensor | None = None,
           niter: int | None = None, tol: float | None = None, largest: bool | None = None, method: str | None = None, tracker: Any = None,
           ortho_iparams: dict | None = None, ortho_fparams: dict | None = None, ortho_bparams: dict | None = None) -> tuple[Tensor, Tensor]:
    """The `k` largest (or smallest) eigenvalues of `A x = λ B x` and their vectors, from products with A alone.

    X, n            where to begin: vectors, or how many random ones
    iK              a preconditioner
    niter, tol      the most iterations (-1: any number), and the relative residual at which to stop
    method, ortho_* change nothing: the basis is always made orthogonal

    A, B: (*, m, m), X: (*, m, n)  ->  (*, k), (*, m, k)
    """
    if tracker is not None:
        raise RuntimeError("lobpcg: jtorch has no iteration object for `tracker`; call lobpcg with niter=1 and X=… repeatedly to follow the iteration")
    n = X.shape[-1] if X is not None else n or k or 1
    k = k or (n if X is not None else 1)
    _check(A, n, k)
    derived = torch.is_grad_enabled() and A.requires_grad and B is None
    even = (A + A.mH) / 2 if derived else A
    start = torch.randn(*A.shape[:-2], A.shape[-1], n, dtype=A.dtype, device=A.device) if X is None else X
    tol = torch.finfo(A.dtype).eps ** 0.5 if tol is None else tol
    with torch.no_grad():
        upper = None if B is None else torch.linalg.cholesky(B, upper=True)
        E, V = _iterate(even.detach(), upper, start, iK, 1000 if niter is None else niter, tol, largest is not False)
    return _derived(even, V[..., :k], largest is not False) if derived else (E[..., :k], V[..., :k])


def _check(A: Tensor, n: int, k: int) -> None:
    m = A.shape[-1]
    if A.shape[-2] != m:
        raise AssertionError(f"A must be square, got shape {A.shape}")
    if m < 3 * n:
        raise ValueError(f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of requested eigenpairs (={n})")
    if k > n:
        raise ValueError(f"lobpcg: k (={k}) is larger than the number of columns of X (={n})")


def _iterate(A: Tensor, upper: Tensor | None, X: Tensor, iK: Tensor | None, niter: int, tol: float, largest: bool) -> tuple[Tensor, Tensor]:
    """Rayleigh and Ritz in the space of the vectors, their residuals and the last step, until no residual is large."""
    n, last, size = X.shape[-1], None, A.norm()
    E, X = _ritz(A, upper, [X], n, largest)
    while niter:
        R = A @ X - (X if upper is None else upper.mH @ (upper @ X)) * E[..., None, :]
        if bool((R.norm(dim=-2) <= tol * size).all()):
            break
        W = R if iK is None else iK @ R
        E, new = _ritz(A, upper, [X, W] if last is None else [X, W, last], n, largest)
        last, X = new - X, new
        niter -= 1
    return E, X


def _ritz(A: Tensor, upper: Tensor | None, parts: list[Tensor], n: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The best `n` eigenpairs in the space of some vectors."""
    S = torch.cat([p / p.norm(dim=-2, keepdim=True).clamp_min(torch.finfo(A.dtype).tiny) for p in parts], -1)
    S = torch.linalg.qr(S if upper is None else upper @ S).Q
    S = S if upper is None else torch.linalg.solve_triangular(upper, S, upper=True)
    E, turn = torch.linalg.eigh(S.mH @ (A @ S))
    E, turn = (E.flip(-1), turn.flip(-1)) if largest else (E, turn)
    E, turn = E[..., :n], turn[..., :n]
    return E, _aligned(S @ turn, parts[0])


def _aligned(X: Tensor, like: Tensor) -> Tensor:
    """The vectors with signs such that they point where `like` does: then their differences are steps."""
    along = (X.conj() * like).sum(-2, keepdim=True).real
    return torch.where(along < 0, -X, X)


def _derived(A: Tensor, V: Tensor, largest: bool) -> tuple[Tensor, Tensor]:
    """The same eigenpairs as functions of A: those of its whole decomposition."""
    E, U = torch.linalg.eigh(A)
    E, U = (E.flip(-1), U.flip(-1)) if largest else (E, U)
    return E[..., :V.shape[-1]], _aligned(U[..., :V.shape[-1]], V)
