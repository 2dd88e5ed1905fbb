"""Optimizers' steps as functions of lists of tensors, which they change (`torch.optim.sgd.sgd`, `torch.optim.adam.adam`, ...)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor

from .optimizer import Optimizer

Slots = dict[str, Sequence[Tensor | None]]


def step(optimizer: type[Optimizer], params: Sequence[Tensor], grads: Sequence[Tensor], slots: Slots, steps: Sequence[Tensor] | None, options: dict[str, Any],
         grad_scale: Tensor | None, found_inf: Tensor | None) -> list[dict[str, Any]]:
    """One step of an optimizer with these options for parameters with these gradients; the states after it.

    slots       the states before it, by name; those that are tensors are changed, None stands for one that has not begun
    steps       how many steps there were, or None where the optimizer does not count them; changed too
    grad_scale  what the gradients are to be divided by
    found_inf   not 0 where nothing is to be done, because gradients are infinite

    Raises RuntimeError where a parameter may not be written to, and where the steps are no tensors.
    """
    if steps is not None and not all(isinstance(t, Tensor) for t in steps):
        raise RuntimeError("API has changed, `state_steps` argument must contain a list of singleton tensors")
    if torch.is_grad_enabled() and any(p.requires_grad and p.is_leaf for p in params):
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if found_inf is not None and found_inf.item():
        return [{} for _ in params]
    copies = [p.detach().clone() for p in params]
    for copy, grad in zip(copies, grads, strict=True):
        copy.grad = grad if grad_scale is None else grad / grad_scale
    made = optimizer(copies, **options)
    for k, copy in enumerate(copies):
        known = {name: states[k].clone() for name, states in slots.items() if states and states[k] is not None}    # type: ignore[union-attr]
        if steps is not None:
            known["step"] = steps[k].clone()
        if known:
            made.state[copy] = known
    made.step()
    states = [made.state[copy] for copy in copies]
    with torch.no_grad():
        for k, (p, copy, state) in enumerate(zip(params, copies, states, strict=True)):
            p.copy_(copy)
            for name, old in {**slots, **({} if steps is None else {"step": steps})}.items():
                if old and isinstance(before := old[k], Tensor):
                    before.copy_(state[name])
    return states
