"""RMSprop."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core.update import given, xp
from .optimizer import Optimizer, ParamsT, check


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012, "Neural Networks for Machine Learning", lecture 6e).  v ← α v + (1-α) g²;  b ← μ b + g / (√v + eps);  p ← p - lr b

    lr            step size;  alpha  α;  momentum  μ
    weight_decay  λ, added to the gradient as λ p
    centered      v less the square of the mean gradient (Graves 2013, arXiv:1308.0850)
    """
    numbers = "lr", "alpha", "eps", "weight_decay", "momentum"
    static = "centered", "maximize"
    counts_steps = True
    views_complex = True

    def __init__(self, params: ParamsT, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0, momentum: float = 0,
                 centered: bool = False, capturable: bool = False, foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False) -> None:
        check(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        super().__init__(params, dict(lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered, weight_decay=weight_decay,
                                      capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable))

    def slots_of(self, group: dict[str, Any], params: Sequence) -> tuple[str, ...]:
        """The mean square, and what momentum and centering need."""
        return ("square_avg", *(("momentum_buffer",) if group["momentum"] > 0 else ()), *(("grad_avg",) if group["centered"] else ()))

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        v, *rest = state
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        v = h["alpha"] * v + (1 - h["alpha"]) * g * g
        spread = v
        if h["centered"]:
            rest[-1] = rest[-1] + (1 - h["alpha"]) * (g - rest[-1])
            spread = v - rest[-1] * rest[-1]
        move = g / (xp.sqrt(spread) + h["eps"])
        if len(rest) > h["centered"]:
            move = rest[0] = h["momentum"] * rest[0] + move
        return p - h["lr"] * move, [v, *rest]
