"""Muon."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jtorch as torch

from .._core.update import given, xp
from .optimizer import Optimizer, ParamsT

ADJUSTMENTS = "original", "match_rms_adamw"


class Muon(Optimizer):
    """Muon (Jordan et al. 2024): momentum whose matrix is made orthogonal by Newton-Schulz iterations.  For parameters with two dimensions.

    lr               step size
    weight_decay     λ;  p ← p - lr λ p before the step
    momentum         μ;  b ← μ b + (1-μ) g;  nesterov  steps along μ b + (1-μ) g
    ns_coefficients  a, b, c of an iteration X ← a X + (b A + c A²) X, where A = X Xᵀ;  ns_steps  how many
    adjust_lr_fn     "original": lr √max(1, rows/columns);  "match_rms_adamw": lr 0.2 √max(rows, columns) (Liu et al. 2025, arXiv:2502.16982)
    """
    elementwise = False                                      # it normalises each parameter as a whole
    slots = ("momentum_buffer",)
    numbers = "lr", "weight_decay", "momentum", "eps"
    static = "nesterov", "ns_coefficients", "ns_steps", "adjust_lr_fn"

    def __init__(self, params: ParamsT, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
                 ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
                 adjust_lr_fn: str | None = None) -> None:
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not 0.0 <= value:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn is not None and adjust_lr_fn not in ADJUSTMENTS:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov, ns_coefficients=ns_coefficients,
                                      eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn))
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim != 2:
                raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}")

    def slots_of(self, group: dict[str, Any], params: Sequence) -> tuple[str, ...]:
        """The mean of the gradients."""
        if any(p.is_complex() for p in params):
            raise RuntimeError("Muon does not support complex parameters")
        return self.slots

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        buffer = state[0] + (1 - h["momentum"]) * (g - state[0])
        move = g + h["momentum"] * (buffer - g) if h["nesterov"] else buffer
        move = orthogonal(move, h["ns_coefficients"], h["ns_steps"], h["eps"])
        rows, columns = p.shape
        factor = 0.2 * math.sqrt(max(rows, columns)) if h["adjust_lr_fn"] == "match_rms_adamw" else math.sqrt(max(1, rows / columns))
        if given(h["weight_decay"]):
            p = p * xp.asarray(1 - h["lr"] * h["weight_decay"], p.dtype)
        return p - xp.asarray(h["lr"] * factor, p.dtype) * move.astype(p.dtype), [buffer]


def orthogonal(matrix: Any, coefficients: tuple, steps: int, eps: Any) -> Any:
    """Nearly U Vᵀ of a matrix U S Vᵀ, in bfloat16.    matrix: (n, m)  ->  (n, m)"""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = rounded(matrix.T if tall else matrix)
    x = rounded(x / xp.maximum(rounded(xp.linalg.norm(x)), eps))
    for _ in range(steps):
        gram = rounded(x @ x.T)
        x = rounded(a * x + rounded(b * gram + c * (gram @ gram)) @ x)
    return x.T if tall else x


def rounded(x: Any) -> Any:
    """Numbers of bfloat16, kept in float32: PyTorch's products of such matrices add up, and add another matrix, in float32 and round once."""
    return x.astype(xp.bfloat16).astype(xp.float32)
