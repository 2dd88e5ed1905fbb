"""Running optax transformations inside recorded programs."""
from __future__ import annotations

from typing import Any

import jax
import optax

from .._core.record import record
from .._core.tensor import Tensor, wrap, wrap_all


class Transformation:
    """An optax transformation on lists of tensors: its state is a list of tensors too, the leaves of optax's tree.

    One step is one recorded operation, so it runs in the program of the whole training step.
    """
    kind, differentiable = "none", False

    def __init__(self, transformation: optax.GradientTransformation) -> None:
        self.transformation = optax.with_extra_args_support(transformation)
        self.name = "optax"
        self.trees: dict[tuple, Any] = {}                    # shapes and types of the parameters -> structure of the state

    def __repr__(self) -> str:
        return self.name

    def conversions(self, kinds: Any, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Any, attrs: tuple) -> tuple:
        """attrs[0] parameters and nothing else: the first state.  With gradients and state (attrs[1] leaves): new parameters and state."""
        count, leaves, factor = attrs
        params = list(operands[:count])
        if leaves is None:
            return tuple(jax.tree.leaves(self.transformation.init(params)))
        state = jax.tree.unflatten(self.tree(params), operands[2 * count:2 * count + leaves])
        grads = [g * factor for g in operands[count:2 * count]] if factor != 1 else list(operands[count:2 * count])
        updates, state = self.transformation.update(grads, state, params)
        made = [p + (u * operands[-1]).astype(p.dtype) for p, u in zip(params, updates, strict=True)]
        kept = [s.astype(old.dtype) for s, old in zip(jax.tree.leaves(state), operands[2 * count:2 * count + leaves], strict=True)]
        return (*made, *kept)

    def tree(self, params: list) -> Any:
        """The structure of the state for these parameters."""
        key = tuple((p.shape, str(p.dtype)) for p in params)
        if key not in self.trees:
            self.trees[key] = jax.tree.structure(jax.eval_shape(self.transformation.init, params))
        return self.trees[key]

    def init(self, params: list[Tensor]) -> list[Tensor]:
        """The state before the first step."""
        made = wrap_all(record(self, tuple(params), (len(params), None, 1)))
        return list(made) if isinstance(made, tuple) else [made]

    def step(self, params: list[Tensor], grads: list[Tensor], state: list[Tensor], scale: Any, factor: int) -> None:
        """Update parameters and state in place.  `scale` multiplies the updates, `factor` (1 or -1) the gradients."""
        made = record(self, (*params, *grads, *state, scale), (len(params), len(state), factor))
        for tensor, new in zip((*params, *state), made if isinstance(made, tuple) else (made,), strict=True):
            tensor.copy_(wrap(new))
