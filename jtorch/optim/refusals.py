"""Steps that PyTorch refuses, in its words."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jtorch as torch

if TYPE_CHECKING:
    from .optimizer import Optimizer

CAPTURING = "cuda", "xpu", "hpu", "privateuseone", "xla"      # where a step can be part of a graph
LEAF = " leaf Variable that requires grad is being used in an in-place operation."


def check_capturable(optimizer: Optimizer, group: dict[str, Any], where: torch.device) -> None:
    """Raise AssertionError where a step on `where` should be `capturable` and cannot be."""
    if group.get("capturable") and not group.get("fused") and where.type not in CAPTURING:
        raise AssertionError(f"If capturable=True, {optimizer.captured} must be on supported devices: {list(CAPTURING[:optimizer.captures_on])}.")


def check_no_leaves(optimizer: Optimizer, group: dict[str, Any], params: Sequence[torch.Tensor]) -> None:
    """Raise RuntimeError for parameters that a differentiable step cannot change, since gradients gather in them."""
    whole = not optimizer.views_complex or optimizer.decays_first and group["decoupled_weight_decay"] and group["weight_decay"]
    for p in params:
        if p.is_leaf and p.requires_grad:
            raise RuntimeError(("a" if whole or not p.is_complex() else "a view of a") + LEAF)
