"""Stochastic gradient descent."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._core.update import given
from .optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).  b ← μ b + (1-τ) g;  p ← p - lr b;  Nesterov: p ← p - lr (g + μ b)

    lr        step size
    momentum  μ;  dampening  τ;  weight_decay  λ, added to the gradient as λ p
    maximize  go up the gradient instead of down
    """
    numbers = "lr", "momentum", "dampening", "weight_decay"
    static = "nesterov", "maximize"

    def __init__(self, params: Iterable, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0, nesterov: bool = False, *,
                 maximize: bool = False, foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None) -> None:
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize,
                                      foreach=foreach, differentiable=differentiable, fused=fused))

    def slots_of(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The momentum buffer, if there is momentum."""
        return ("momentum_buffer",) if group["momentum"] else ()

    def initial_state(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        """A buffer that makes the first step's momentum the gradient itself, whatever the dampening."""
        state = super().initial_state(p, group)
        if group["dampening"]:
            grad = -p.grad if group["maximize"] else p.grad
            first = grad + group["weight_decay"] * p if group["weight_decay"] else grad
            state["momentum_buffer"] = first * (group["dampening"] / group["momentum"])
        return state

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        if state:
            buffer = h["momentum"] * state[0] + (1 - h["dampening"]) * g
            g = g + h["momentum"] * buffer if h["nesterov"] else buffer
            state = [buffer]
        return p - h["lr"] * g, state
