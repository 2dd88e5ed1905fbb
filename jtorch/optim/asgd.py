"""Averaged stochastic gradient descent."""
from __future__ import annotations

from typing import Any

import jtorch as torch

from .._core.update import given, xp
from .optimizer import Optimizer, ParamsT, check, step_dtype


class ASGD(Optimizer):
    """Averaged SGD (Polyak & Juditsky 1992).  p ← (1 - λ η) p - η g;  η = lr / (1 + λ lr t)^α;  the state `ax` averages p from step t0 on

    lr     step size;  lambd  λ;  alpha  α;  weight_decay  factor of p in the gradient
    """
    slots = "eta", "mu", "ax"
    numbers = "lr", "lambd", "alpha", "t0", "weight_decay"
    static = ("maximize",)
    counts_steps = True
    views_complex = True
    captured = "params, mus, etas, and state_steps"

    def __init__(self, params: ParamsT, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6, weight_decay: float = 0,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        check(lr=lr, weight_decay=weight_decay)
        super().__init__(params, dict(lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, capturable=capturable))

    def initial_state(self, p: torch.Tensor, slots: tuple[str, ...], group: dict[str, Any]) -> dict[str, Any]:
        """A step size of `lr`, and an average that takes over the next parameter."""
        numbers = {n: torch.full((), float(v), dtype=step_dtype(), device=p.device) for n, v in (("eta", group["lr"]), ("mu", 1.0))}
        state = super().initial_state(p, ("ax",), group)
        return {"step": state["step"], **numbers, "ax": state["ax"]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for s in self.state.values():                        # saved by an older PyTorch as numbers; loading gives them the parameter's type
            s.update({n: torch.as_tensor(s[n], dtype=step_dtype()) for n in ("eta", "mu") if n in s and not isinstance(s[n], torch.Tensor)})

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        eta, mu, ax = state
        lr, lambd, step = h["lr"], h["lambd"], h["step"].astype(xp.float64)
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        p = p * (1 - lambd * eta.astype(xp.float64)).astype(p.dtype) - eta.astype(p.dtype) * g
        ax = xp.where(mu == 1, p, ax + (p - ax) * mu.astype(p.dtype))
        return p, [lr / (1 + lambd * lr * step) ** h["alpha"], 1 / xp.maximum(1, step - h["t0"]), ax]
