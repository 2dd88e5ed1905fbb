"""Optax transformations as optimizers."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jtorch as torch

from ..interop.optax import Transformation
from .optimizer import Optimizer, ParamsT


class OptaxOptimizer(Optimizer):
    """An optax transformation as an optimizer, with parameter groups, state dict and schedulers.  Each group has a state of its own.

    lr        factor of the transformation's updates, for schedulers and groups; the transformation has its own learning rate inside
    maximize  go up the gradient instead of down
    A parameter without gradient counts as one whose gradient is zero.
    """

    def __init__(self, params: ParamsT, transformation: Any, *, lr: Any = 1.0, maximize: bool = False) -> None:
        super().__init__(params, dict(lr=lr, maximize=maximize))
        self.transformation = Transformation(transformation)

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> Any:
        """Update the parameters.  `closure`, if given, computes the loss again; returns that loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for k, group in enumerate(self.param_groups):
            params = group["params"]
            if all(p.grad is None for p in params):
                continue
            state = self.state[f"optax.{k}"]
            if not state:
                state["leaves"] = self.transformation.init(params)
            grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
            self.transformation.step(params, grads, state["leaves"], group["lr"], group["maximize"])
        return loss

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "transformation": self.transformation}


def from_optax(transformation: Any) -> Callable[..., OptaxOptimizer]:
    """The optimizer class of an optax transformation: call it with parameters, as any class in `torch.optim`.

    >>> import optax
    >>> w = nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.from_optax(optax.sgd(0.1))([w])
    >>> w.sum().backward()
    >>> optimizer.step()
    >>> w.tolist()
    [0.8999999761581421, 0.8999999761581421]
    """
    def make(params: ParamsT, *, lr: Any = 1.0, maximize: bool = False) -> OptaxOptimizer:
        return OptaxOptimizer(params, transformation, lr=lr, maximize=maximize)
    return make
