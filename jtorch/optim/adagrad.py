"""Adagrad."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch

from .._core.update import given, xp
from .optimizer import Optimizer, ParamsT, apart, check, check_ways


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011, JMLR 12).  s ← s + g²;  p ← p - lr / (1 + (t-1) η) · g / (√s + eps)

    lr                         step size;  lr_decay  η
    weight_decay               λ, added to the gradient as λ p
    initial_accumulator_value  what s begins with
    """
    slots = ("sum",)
    numbers = "lr", "lr_decay", "weight_decay", "eps"
    static = ("maximize",)
    counts_steps = True
    views_complex = True

    def __init__(self, params: ParamsT, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0, initial_accumulator_value: float = 0,
                 eps: float = 1e-10, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
                 fused: bool | None = None) -> None:
        check(lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, initial_accumulator_value=initial_accumulator_value, eps=eps)
        super().__init__(params, dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                                      initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, fused=fused))
        check_ways(foreach, fused, differentiable)
        for group in self.param_groups:
            self.states_of(group["params"], self.slots, group)

    def share_memory(self) -> None:
        """Move the state into memory that other processes can share."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def initial_state(self, p: torch.Tensor, slots: tuple[str, ...], group: dict[str, Any]) -> dict[str, Any]:
        """The sum that squares are added to."""
        start = group["initial_accumulator_value"]
        total = torch.full(p.shape, complex(start, start) if p.is_complex() else start, dtype=p.dtype, device=p.device)
        return super().initial_state(p, (), group) | {"sum": total}

    @torch.no_grad()
    def update_sparse(self, group: dict[str, Any], params: Sequence, grads: Sequence) -> tuple[Sequence, Sequence]:
        """Update the parameters whose gradients are sparse; returns the others, and their gradients."""
        sparse, rest = apart(params, grads)
        for p, g in sparse:
            if group["weight_decay"]:
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
            state = self.states_of([p], self.slots, group)[0][0]
            state["step"] = state["step"] + 1
            g = (-g if group["maximize"] else g).coalesce()
            total = state["sum"].add_(g * g).sparse_mask(g).values()
            size = group["lr"] / (1 + (state["step"].item() - 1) * group["lr_decay"])
            p.add_(torch.sparse_coo_tensor(g.indices(), g.values() / (total.sqrt() + group["eps"]), g.shape, is_coalesced=True), alpha=-size)
        return rest

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """One step for one parameter."""
        if h["maximize"]:
            g = -g
        if given(h["weight_decay"]):
            g = g + h["weight_decay"] * p
        size = h["lr"] / (1 + (h["step"].astype(xp.float64) - 1) * h["lr_decay"])
        total = state[0] + g * g
        return p - size.astype(p.dtype) * (g / (xp.sqrt(total) + h["eps"])), [total]
