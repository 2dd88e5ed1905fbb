"""NAdam."""
from __future__ import annotations

from typing import Any

import jtorch as torch

from .._core.update import given, xp
from .adam import Adam
from .optimizer import Optimizer, ParamsT, check, check_betas, step_dtype


class NAdam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016, "Incorporating Nesterov Momentum into Adam").

    μₜ = β1 (1 - ½ 0.96^(t ψ));  p ← p - lr · (μₜ₊₁ m / (1 - Π μ over t+1 steps) + (1-μₜ) g / (1 - Π μ)) / (√v̂ + eps)

    lr              step size;  betas  β1 and β2
    momentum_decay  ψ, how fast the momentum approaches β1
    weight_decay    λ, added to the gradient as λ p (to the step itself with `decoupled_weight_decay`)
    """
    slots = "mu_product", "exp_avg", "exp_avg_sq"
    numbers = "lr", "eps", "weight_decay", "momentum_decay"
    static = "maximize", "decoupled_weight_decay"
    counts_steps = True
    views_complex = True
    captured = "params, mu_products and state_steps"
    parts = Adam.parts                                       # gives the βs

    def __init__(self, params: ParamsT, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *, foreach: bool | None = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False) -> None:
        check(lr=lr, eps=eps)
        check_betas(betas)
        check(weight_decay=weight_decay, momentum_decay=momentum_decay)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                                      decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable))

    def initial_state(self, p: torch.Tensor, slots: tuple[str, ...], group: dict[str, Any]) -> dict[str, Any]:
        """Moments of zero, and an empty product."""
        return super().initial_state(p, slots, group) | {"mu_product": torch.ones((), dtype=step_dtype(), device=p.device)}

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
        mu = beta1 * (1 - 0.5 * 0.96 ** (step * h["momentum_decay"]))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * h["momentum_decay"]))
        stored = state[0] * mu.astype(state[0].dtype)
        product = stored.astype(xp.float64)
        m = state[1] + (1 - beta1) * (g - state[1])
        v = state[2] * beta2 + (1 - beta2) * g * g
        spread = xp.sqrt(v / (1 - beta2 ** step).astype(p.dtype)) + h["eps"]
        p = p - (lr * (1 - mu) / (1 - product)).astype(p.dtype) * (g / spread)
        return p - (lr * mu_next / (1 - product * mu_next)).astype(p.dtype) * (m / spread), [stored, m, v]
