"""Adam and AdamW."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._core.dtype import float64
from .._core.update import constant, given, xp
from .optimizer import Optimizer


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980).  m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²;  p ← p - lr · m̂ / (√v̂ + eps)

    lr            step size
    betas         β1 and β2
    weight_decay  λ, added to the gradient as λ p (to the step itself with `decoupled_weight_decay`)
    amsgrad       divide by the largest v̂ so far (Reddi et al. 2018)
    """
    numbers = "lr", "eps", "weight_decay"
    static = "betas", "amsgrad", "maximize", "decoupled_weight_decay"
    counts_steps = True

    def __init__(self, params: Iterable, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None, decoupled_weight_decay: bool = False) -> None:
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for k in range(2):
            if not 0.0 <= betas[k] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {k}: {betas[k]}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize, foreach=foreach,
                                      capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=decoupled_weight_decay))

    def slots_of(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The moments."""
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def extra_numbers(self, group: dict[str, Any], step: int) -> dict[str, Any]:
        """The number of this step."""
        return {"step": constant(step, float64)}

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        (beta1, beta2), as_p = h["betas"], p.dtype
        if h["maximize"]:
            g = -g
        if not given(h["weight_decay"]):
            pass
        elif h["decoupled_weight_decay"]:
            p = p * xp.asarray(1 - h["lr"] * h["weight_decay"], as_p)
        else:
            g = g + xp.asarray(h["weight_decay"], as_p) * p
        m = state[0] + (1 - beta1) * (g - state[0])
        v = state[1] * beta2 + (1 - beta2) * g * g
        size = xp.asarray(h["lr"] / (1 - beta1 ** h["step"]), as_p)
        scale = xp.asarray(xp.sqrt(1 - beta2 ** h["step"]), as_p)
        largest = [xp.maximum(state[2], v)] if h["amsgrad"] else []
        spread = xp.sqrt(largest[0] if largest else v) / scale + xp.asarray(h["eps"], as_p)
        return p - size * (m / spread), [m, v, *largest]


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101).  Adam's step after p ← p - lr λ p"""

    def __init__(self, params: Iterable, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2,
                 amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
                         differentiable=differentiable, fused=fused, decoupled_weight_decay=True)
