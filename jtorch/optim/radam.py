"""RAdam."""
from __future__ import annotations

from typing import Any

from .._core.update import given, xp
from .adam import Adam
from .optimizer import Optimizer, ParamsT, check, check_betas


class RAdam(Optimizer):
    """Rectified Adam (Liu et al. 2020, arXiv:1908.03265).  p ← p - lr · r m̂ / √v̂, where r follows the variance of 1/√v̂; first steps p ← p - lr · m̂

    lr            step size;  betas  β1 and β2
    weight_decay  λ, added to the gradient as λ p (to the step itself with `decoupled_weight_decay`)
    """
    slots = "exp_avg", "exp_avg_sq"
    numbers = "lr", "eps", "weight_decay"
    static = "maximize", "decoupled_weight_decay"
    counts_steps = True
    views_complex = True
    parts = Adam.parts                                       # gives the βs

    def __init__(self, params: ParamsT, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 decoupled_weight_decay: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        check(lr=lr, eps=eps)
        check_betas(betas)
        check(weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize, foreach=foreach,
                                      capturable=capturable, decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable))

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        lr, beta1, beta2, step = h["lr"], h["beta1"], h["beta2"], h["step"].astype(xp.float64)
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            if h["decoupled_weight_decay"]:
                p = p * xp.asarray(1 - lr * h["weight_decay"], p.dtype)
            else:
                g = g + h["weight_decay"] * p
        m = state[0] + (1 - beta1) * (g - state[0])
        v = state[1] * beta2 + (1 - beta2) * g * g
        correction = 1 - beta2 ** step
        limit = 2 / (1 - beta2) - 1                          # ρ∞, the length of a simple average as long as v's
        length = limit - 2 * step * beta2 ** step / correction
        settled = length > 5                                 # from here on the variance of 1/√v̂ is finite
        safe = xp.where(settled, length, 6)
        rectified = xp.sqrt((safe - 4) * (safe - 2) * limit / ((limit - 4) * (limit - 2) * safe))
        size = lr / (1 - beta1 ** step)
        adapted = (size * rectified * xp.sqrt(correction)).astype(p.dtype) / (xp.sqrt(v) + h["eps"])
        return p - m * xp.where(settled, adapted, size.astype(p.dtype)), [m, v]
