"""Adadelta."""
from __future__ import annotations

from typing import Any

from .._core.update import given, xp
from .optimizer import Optimizer, ParamsT, check


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012, arXiv:1212.5701).  v ← ρ v + (1-ρ) g²;  Δ = √(a + eps) / √(v + eps) · g;  a ← ρ a + (1-ρ) Δ²;  p ← p - lr Δ

    lr  factor of the step;  rho  ρ, the decay of both averages;  weight_decay  λ, added to the gradient as λ p
    """
    slots = "square_avg", "acc_delta"
    numbers = "lr", "rho", "eps", "weight_decay"
    static = ("maximize",)
    counts_steps = True
    captures_on = 4

    def __init__(self, params: ParamsT, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0, foreach: bool | None = None, *,
                 capturable: bool = False, maximize: bool = False, differentiable: bool = False) -> None:
        check(lr=lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check(eps=eps, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize, capturable=capturable, foreach=foreach,
                                      differentiable=differentiable))

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        rho, eps = h["rho"], h["eps"]
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        v = rho * state[0] + (1 - rho) * g * g
        move = xp.sqrt(state[1] + eps) / xp.sqrt(v + eps) * g
        return p - h["lr"] * move, [v, rho * state[1] + (1 - rho) * move * move]
