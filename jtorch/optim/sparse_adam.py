"""SparseAdam."""
from __future__ import annotations

from typing import Any, NoReturn

import jtorch as torch

from .optimizer import Optimizer, ParamsT, check_betas


class SparseAdam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) that updates only what a sparse gradient names.  Gradients here are never sparse: a step raises."""

    def __init__(self, params: ParamsT, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, maximize: bool = False) -> None:
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, maximize=maximize))

    def update(self, group: dict[str, Any]) -> NoReturn | None:
        """Raise where there is a gradient."""
        if any(p.grad is not None for p in group["params"]):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        return None

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> NoReturn:
        """There is no dense form."""
        raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
