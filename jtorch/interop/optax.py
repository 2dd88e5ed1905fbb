"""Running optax transformations inside recorded programs."""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from .._core.record import record
from .._core.tensor import Tensor, wrap_all
from .._core.update import apply


class Transformation:
    """An optax transformation on lists of tensors, as one recorded operation.  Its state is a list of tensors: the leaves of optax's tree."""
    kind, differentiable, varies, name = "none", False, False, "optax"

    def __init__(self, transformation: optax.GradientTransformation) -> None:
        self.transformation = optax.with_extra_args_support(transformation)
        self.structures: dict[tuple, Any] = {}               # shapes and types of the parameters -> structure of the state

    def __repr__(self) -> str:
        return self.name

    def conversions(self, kinds: Any, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Any, attrs: tuple) -> tuple:
        """The first state of the parameters where `attrs` is empty, else new parameters and state (see `update.apply`)."""
        if not attrs:
            return tuple(jnp.asarray(x) for x in jax.tree.leaves(self.transformation.init(list(operands))))
        count, _, names, static = attrs
        params, grads, leaves = list(operands[:count]), list(operands[count:2 * count]), operands[2 * count:len(operands) - len(names)]
        h = {**dict(static), **dict(zip(names, operands[len(operands) - len(names):], strict=True))}
        if h["maximize"]:
            grads = [-g for g in grads]
        updates, state = self.transformation.update(grads, jax.tree.unflatten(self.structure(params), leaves), params)
        made = [(p + h["lr"] * u).astype(p.dtype) for p, u in zip(params, updates, strict=True)]
        return (*made, *[jnp.asarray(s).astype(old.dtype) for s, old in zip(jax.tree.leaves(state), leaves, strict=True)])

    def structure(self, params: list) -> Any:
        """The structure of the state for these parameters."""
        key = tuple((p.shape, p.dtype) for p in params)
        if key not in self.structures:
            self.structures[key] = jax.tree.structure(jax.eval_shape(self.transformation.init, params))
        return self.structures[key]

    def init(self, params: list[Tensor]) -> list[Tensor]:
        """The state before the first step."""
        made = wrap_all(record(self, tuple(params)))
        return list(made) if isinstance(made, tuple) else [made]

    def step(self, params: list[Tensor], grads: list[Tensor], state: list[Tensor], lr: Any, maximize: bool) -> None:
        """Update parameters and state in place."""
        apply(self, params, grads, state, {"lr": lr}, (("maximize", maximize),))   # type: ignore[arg-type]  # it has all of a rule
