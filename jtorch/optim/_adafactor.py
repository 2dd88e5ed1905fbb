"""Adafactor."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch

from .._core.update import given, xp
from .optimizer import Optimizer, ParamsT


class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018, arXiv:1804.04235): of the squared gradient of a matrix only the means of rows and columns are kept.

    lr            largest relative step size;  the size is max(eps2, rms(p)) · min(lr, 1/√t)
    beta2_decay   the means decay with 1 - t^beta2_decay
    eps           the smallest squared gradient (None: the type's own eps, squared), and the smallest parameter scale
    d             a step whose root mean square is above d is scaled down to it
    weight_decay  λ;  p ← p - lr λ p before the step
    """
    elementwise = False                                      # it normalises each parameter as a whole
    numbers = "lr", "beta2_decay", "d", "weight_decay"
    static = ("maximize",)
    counts_steps = True

    def __init__(self, params: ParamsT, lr: Any = 1e-2, beta2_decay: float = -0.8, eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0,
                 weight_decay: float = 0.0, *, foreach: bool | None = None, maximize: bool = False) -> None:
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        super().__init__(params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, foreach=foreach, maximize=maximize))

    def parts(self, params: Sequence, group: dict[str, Any]) -> list[tuple[Sequence, dict[str, Any]]]:
        """Matrices and others apart, each type for itself, and both bounds."""
        smallest, scale = group["eps"]
        found: dict[tuple, list] = {}
        for p in params:
            if p.is_complex():
                raise RuntimeError("Adafactor does not support complex parameters")
            found.setdefault((p.ndim > 1, p.dtype), []).append(p)
        return [(some, {"smallest": torch.finfo(kind).eps if smallest is None else smallest, "scale": scale}) for (_, kind), some in found.items()]

    def slots_of(self, group: dict[str, Any], params: Sequence) -> tuple[str, ...]:
        """Means of rows and columns for matrices."""
        return ("row_var", "col_var") if params[0].ndim > 1 else ("variance",)

    def initial_state(self, p: torch.Tensor, slots: tuple[str, ...], group: dict[str, Any]) -> dict[str, Any]:
        """Means of zero."""
        shapes = dict(row_var=(*p.shape[:-1], 1), col_var=(*p.shape[:-2], 1, *p.shape[-1:]), variance=p.shape)
        return super().initial_state(p, (), group) | {s: torch.zeros(shapes[s], dtype=p.dtype, device=p.device) for s in slots}

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        lr, step = h["lr"], h["step"].astype(xp.float64)
        if h["maximize"]:
            g = -g
        renewal = (step ** h["beta2_decay"]).astype(p.dtype)
        size = xp.maximum(h["scale"], root_mean_square(p)) * xp.minimum(lr, 1 / xp.sqrt(step)).astype(p.dtype)
        if given(h["weight_decay"]):
            p = p * xp.asarray(1 - lr * h["weight_decay"], p.dtype)
        squares = [xp.mean(g * g, -1, keepdims=True), xp.mean(g * g, -2, keepdims=True)] if len(state) == 2 else [g * g]
        state = [old + renewal * (new - old) for old, new in zip(state, squares, strict=True)]
        if len(state) == 2:
            variance = state[0] * state[1] / xp.maximum(xp.mean(state[0], -2, keepdims=True), h["smallest"])
        else:
            variance = state[0]
        move = g / xp.sqrt(xp.maximum(variance, h["smallest"] * h["smallest"]))
        return p - size / xp.maximum(1, root_mean_square(move) / h["d"]) * move, state


def root_mean_square(x: Any) -> Any:
    """√ of the mean of the squares."""
    return xp.sqrt(xp.mean(x * x))
