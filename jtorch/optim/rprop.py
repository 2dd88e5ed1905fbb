"""Rprop."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch

from .._core.update import xp
from .optimizer import Optimizer, ParamsT, check


class Rprop(Optimizer):
    """Resilient backpropagation (Riedmiller & Braun 1993).  Each element has a step size, which grows while its gradient keeps its sign.

    lr          first step size of all elements
    etas        factors after a change of sign (which is then skipped) and after none
    step_sizes  smallest and largest step size
    """
    slots = "prev", "step_size"
    static = ("maximize",)
    counts_steps = True
    views_complex = True

    def __init__(self, params: ParamsT, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2), step_sizes: tuple[float, float] = (1e-6, 50), *,
                 capturable: bool = False, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        check(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, dict(lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize, differentiable=differentiable,
                                      capturable=capturable))

    def initial_state(self, p: torch.Tensor, slots: tuple[str, ...], group: dict[str, Any]) -> dict[str, Any]:
        """No gradient before, and the first step size everywhere."""
        lr = float(group["lr"])
        sizes = torch.full(p.shape, complex(lr, lr) if p.is_complex() else lr, dtype=p.dtype, device=p.device)
        return super().initial_state(p, ("prev",), group) | {"step_size": sizes}

    def parts(self, params: Sequence, group: dict[str, Any]) -> list[tuple[Sequence, dict[str, Any]]]:
        """All parameters, and the factors and bounds of their step sizes."""
        (down, up), (smallest, largest) = group["etas"], group["step_sizes"]
        return [(params, {"down": down, "up": up, "smallest": smallest, "largest": largest})]

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        if h["maximize"]:
            g = -g
        agreement = g * state[0]
        factor = xp.where(agreement > 0, h["up"], xp.where(agreement < 0, h["down"], 1)).astype(p.dtype)
        size = xp.clip(state[1] * factor, h["smallest"], h["largest"])
        g = xp.where(agreement < 0, 0, g)
        return p - xp.sign(g) * size, [g, size]
