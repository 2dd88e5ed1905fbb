"""Adamax."""
from __future__ import annotations

from typing import Any

from .._core.update import given, xp
from .adam import Adam
from .optimizer import Optimizer, ParamsT, check, check_betas


class Adamax(Optimizer):
    """Adamax, Adam with the infinity norm (Kingma & Ba 2015, arXiv:1412.6980).  u ← max(β2 u, |g| + eps);  p ← p - lr · m̂ / u

    lr  step size;  betas  decay of the mean and of the largest gradient;  weight_decay  λ, added to the gradient as λ p
    """
    slots = "exp_avg", "exp_inf"
    numbers = "lr", "eps", "weight_decay"
    static = ("maximize",)
    counts_steps = True
    views_complex = True
    parts = Adam.parts                                       # gives the βs

    def __init__(self, params: ParamsT, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        check(lr=lr, eps=eps)
        check_betas(betas)
        check(weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, capturable=capturable))

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        m = state[0] + (1 - h["beta1"]) * (g - state[0])
        u = xp.maximum(h["beta2"] * state[1], xp.abs(g) + h["eps"])
        size = (h["lr"] / (1 - h["beta1"] ** h["step"].astype(xp.float64))).astype(p.dtype)
        return p - size * (m / u), [m, u]
