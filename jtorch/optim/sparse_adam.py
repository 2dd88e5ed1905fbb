"""SparseAdam."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import jtorch as torch

from .optimizer import Optimizer, ParamsT, apart, check_betas


class SparseAdam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) that updates only the rows that a sparse gradient names, and only their moments.

    >>> table = nn.Embedding(3, 1, sparse=True)
    >>> optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.5)
    >>> before = table.weight.detach().clone()
    >>> table(torch.tensor([1])).sum().backward()
    >>> optimizer.step()
    >>> (before - table.weight.detach()).squeeze()
    tensor([0.0000, 0.5000, 0.0000])
    """

    def __init__(self, params: ParamsT, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, maximize: bool = False) -> None:
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, maximize=maximize))
        places = [([k, n], p) for k, group in enumerate(self.param_groups) for n, p in enumerate(group["params"])]
        if sparse := [place for place, p in places if p.is_sparse]:
            raise ValueError(f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")
        if complexes := [place for place, p in places if p.is_complex()]:
            raise ValueError(f"Complex params at indices {complexes}: SparseAdam does not support complex parameters")

    @torch.no_grad()
    def update_sparse(self, group: dict[str, Any], params: Sequence, grads: Sequence) -> tuple[Sequence, Sequence]:
        """Update the parameters."""
        sparse, (dense, _) = apart(params, grads)
        if dense:
            self.rule(None, None, [], {})
        beta1, beta2 = group["betas"]
        for p, g in sparse:
            state = self.state[p]
            if not state:
                state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
            state["step"] += 1
            g = (-g if group["maximize"] else g).coalesce()
            if not g._nnz():
                continue
            mean = _moved(state["exp_avg"], g, g.values(), beta1)
            square = _moved(state["exp_avg_sq"], g, g.values() ** 2, beta2)
            size = group["lr"] * (1 - beta2 ** state["step"]) ** 0.5 / (1 - beta1 ** state["step"])
            p.add_(_at(g, mean / (square.sqrt() + group["eps"])), alpha=-size)
        return [], []

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> NoReturn:
        """There is no dense form."""
        raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")


def _at(like: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return torch.sparse_coo_tensor(like.indices(), values, like.shape, is_coalesced=True)


def _moved(average: torch.Tensor, g: torch.Tensor, values: torch.Tensor, beta: float) -> torch.Tensor:
    """Move a running average, where `g` has elements, towards these values; returns it there."""
    old = average.sparse_mask(g).values()
    step = (values - old) * (1 - beta)
    average.add_(_at(g, step))
    return old + step
