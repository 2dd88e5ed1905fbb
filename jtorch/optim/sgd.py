"""Stochastic gradient descent."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor

from .._core.update import constant, given, xp
from . import _functional
from .optimizer import Optimizer, ParamsT, apart, check, check_ways


class SGD(Optimizer):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).  b ← μ b + (1-τ) g;  p ← p - lr b;  Nesterov: p ← p - lr (g + μ b)

    lr        step size
    momentum  μ;  dampening  τ;  weight_decay  λ, added to the gradient as λ p
    maximize  go up the gradient instead of down

    >>> w = nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> w.square().sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter containing:
    tensor([0.8000, 0.8000], requires_grad=True)
    """
    numbers = "lr", "momentum", "dampening", "weight_decay"
    static = "nesterov", "maximize"

    def __init__(self, params: ParamsT, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0, nesterov: bool = False, *,
                 maximize: bool = False, foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None) -> None:
        check(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize,
                                      foreach=foreach, differentiable=differentiable, fused=fused))
        check_ways(foreach, fused, differentiable)

    def slots_of(self, group: dict[str, Any], params: Sequence) -> tuple[str, ...]:
        """The momentum buffer, if there is momentum."""
        return ("momentum_buffer",) if group["momentum"] else ()

    def parts(self, params: Sequence, group: dict[str, Any]) -> list[tuple[Sequence, dict[str, Any]]]:
        """With dampening, apart those whose momentum begins: it begins with the gradient itself.  The dampening varies, so it is an input."""
        if not group["dampening"] or not group["momentum"]:
            return [(params, {})]
        parts = ([p for p in params if ("momentum_buffer" in self.state[p]) is begun] for begun in (False, True))
        return [(part, {"dampening": constant(tau, torch.float64)}) for part, tau in zip(parts, (0.0, group["dampening"]), strict=True) if part]

    @torch.no_grad()
    def update_sparse(self, group: dict[str, Any], params: Sequence, grads: Sequence) -> tuple[Sequence, Sequence]:
        """Update the parameters whose gradients are sparse; returns the others, and their gradients."""
        sparse, rest = apart(params, grads)
        for p, g in sparse:
            g = -g if group["maximize"] else g
            if group["weight_decay"]:
                g = g.add(p, alpha=group["weight_decay"])
            if group["momentum"]:
                state, before = self.state[p], self.state[p].get("momentum_buffer")
                buffer = g if before is None else before * group["momentum"] + g * (1 - group["dampening"])
                buffer = state["momentum_buffer"] = buffer.coalesce().clone()
                g = g + buffer * group["momentum"] if group["nesterov"] else buffer
            p.add_(g, alpha=-group["lr"])
        return rest

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        if state:
            buffer = h["momentum"] * state[0] + xp.asarray(1 - h["dampening"], p.dtype) * g
            g = g + h["momentum"] * buffer if h["nesterov"] else buffer
            state = [buffer]
        return p - h["lr"] * g, state


def sgd(params: list[Tensor], d_p_list: list[Tensor], momentum_buffer_list: list[Tensor | None], has_sparse_grad: bool = False, foreach: bool | None = None,
        fused: bool | None = None, grad_scale: Tensor | None = None, found_inf: Tensor | None = None, *, weight_decay: float, momentum: float, lr: float,
        dampening: float, nesterov: bool, maximize: bool) -> None:
    """One step of `SGD` for parameters with the gradients `d_p_list`.  Buffers that are None begin, and the list has them then."""
    states = _functional.step(SGD, params, d_p_list, {"momentum_buffer": momentum_buffer_list}, None, dict(
        lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize), grad_scale, found_inf)
    for k, state in enumerate(states):
        if momentum and momentum_buffer_list[k] is None:
            momentum_buffer_list[k] = state.get("momentum_buffer")
