"""Adam."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor

from .._core.update import given, xp
from . import _functional
from .optimizer import Optimizer, ParamsT, check, check_betas, check_ways


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980).  m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²;  p ← p - lr · m̂ / (√v̂ + eps)

    lr            step size
    betas         β1 and β2
    weight_decay  λ, added to the gradient as λ p (to the step itself with `decoupled_weight_decay`)
    amsgrad       divide by the largest v̂ so far (Reddi et al. 2018)
    """
    numbers = "lr", "eps", "weight_decay"
    static = "amsgrad", "maximize", "decoupled_weight_decay"
    counts_steps = True
    views_complex = decays_first = True

    def __init__(self, params: ParamsT, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False, fused: bool | None = None, decoupled_weight_decay: bool = False) -> None:
        if isinstance(lr, torch.Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check(lr=lr, eps=eps)
        check_betas(betas)
        check(weight_decay=weight_decay)
        if isinstance(betas[0], torch.Tensor) != isinstance(betas[1], torch.Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        if isinstance(betas[0], torch.Tensor) and foreach and not capturable:
            raise ValueError("betas[0] as a Tensor is not supported for capturable=False and foreach=True")
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize, foreach=foreach,
                                      capturable=capturable, differentiable=differentiable, fused=fused,
                                      decoupled_weight_decay=decoupled_weight_decay))
        check_ways(foreach, fused, differentiable)

    def slots_of(self, group: dict[str, Any], params: Sequence) -> tuple[str, ...]:
        """The moments."""
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def parts(self, params: Sequence, group: dict[str, Any]) -> list[tuple[Sequence, dict[str, Any]]]:
        """All parameters, and the βs."""
        beta1, beta2 = group["betas"]
        return [(params, {"beta1": beta1, "beta2": beta2})]

    def update_sparse(self, group: dict[str, Any], params: Sequence, grads: Sequence) -> tuple[Sequence, Sequence]:
        """Raise: a sparse gradient would leave the moments of other rows as they are."""
        raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")

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
        size = (lr / (1 - beta1 ** step)).astype(p.dtype)
        scale = xp.sqrt(1 - beta2 ** step).astype(p.dtype)
        largest = [xp.maximum(state[2], v)] if h["amsgrad"] else []
        spread = xp.sqrt(largest[0] if largest else v) / scale + h["eps"]
        return p - size * (m / spread), [m, v, *largest]


def adam(params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor], exp_avg_sqs: list[Tensor], max_exp_avg_sqs: list[Tensor], state_steps: list[Tensor],
         foreach: bool | None = None, capturable: bool = False, differentiable: bool = False, fused: bool | None = None, grad_scale: Tensor | None = None,
         found_inf: Tensor | None = None, has_complex: bool = False, decoupled_weight_decay: bool = False, *, amsgrad: bool, beta1: Any, beta2: Any, lr: Any,
         weight_decay: float, eps: float, maximize: bool) -> None:
    """One step of `Adam` for parameters with these gradients and moments, which it changes."""
    moments = {"exp_avg": exp_avgs, "exp_avg_sq": exp_avg_sqs, "max_exp_avg_sq": max_exp_avg_sqs}
    _functional.step(Adam, params, grads, moments, state_steps, dict(
        lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize, capturable=capturable,
        decoupled_weight_decay=decoupled_weight_decay), grad_scale, found_inf)
