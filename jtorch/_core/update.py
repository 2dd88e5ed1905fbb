"""An optimizer's step as one recorded entry for all its parameters."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as xp
import numpy as np

from .dtype import dtype
from .graph import Value, here
from .record import record
from .run import host_value

__all__ = ["Rule", "apply", "constant", "given", "xp"]       # xp: the array functions that rules are written with


class Rule:
    """A pure function that takes one parameter, its gradient and its state to the new parameter and the new state.

    function(p, g, state, h) -> (p, state)   `state` a list of arrays or Nones, `h` the hyperparameters by name
    """
    kind, differentiable = "none", False

    def __init__(self, name: str, function: Callable) -> None:
        self.name, self.function = name, function

    def __repr__(self) -> str:
        return self.name

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)

    def run(self, operands: Sequence, attrs: tuple) -> tuple:
        """New parameters, then new states, parameter by parameter.

        attrs  (number of parameters, states of each, names of the numbers, static options as pairs)
        """
        count, width, names, static = attrs
        h = {**dict(static), **dict(zip(names, operands[count * (2 + width):], strict=True))}
        params, grads, states = operands[:count], operands[count:2 * count], operands[2 * count:count * (2 + width)]
        made, kept = [], []
        for k, (p, g) in enumerate(zip(params, grads, strict=True)):
            p_new, state = self.function(p, g, list(states[k * width:(k + 1) * width]), h)
            made.append(p_new.astype(p.dtype))
            kept += [s.astype(old.dtype) for s, old in zip(state, states[k * width:(k + 1) * width], strict=True)]
        return (*made, *kept)


def apply(rule: Rule, params: Sequence[Any], grads: Sequence[Any], states: Sequence[Any], numbers: dict[str, Any],
          static: tuple[tuple[str, Any], ...] = ()) -> None:
    """Record `rule` for all parameters, and make the results their contents.  The step is complete: what is recorded next begins a new program."""
    trace = here.trace
    trace.boundary = False                                   # several optimizers may step before the program runs
    width = len(states) // len(params)
    operands = (*params, *grads, *states, *numbers.values())
    values = record(rule, operands, (len(params), width, tuple(numbers), static))
    values = values if type(values) is tuple else (values,)
    for tensor, value in zip((*params, *states), values, strict=True):
        leaf = tensor._leaf
        if (tensor._storage is not None or tensor._views is not None) and not _settle(tensor):
            tensor._write(value, "step")
            continue
        if leaf is not None and leaf.active:
            value.aval, value.origin = value.aval.gradded(), leaf
        tensor._value = value
        tensor._version_alone += 1
    here.trace.boundary = True


def _settle(tensor: Any) -> bool:
    """Give up a storage that nobody else looks at."""
    if tensor._views is not None and any(r() is not None for r in tensor._views):
        return False
    storage, tensor._views = tensor._storage, None
    if storage is None:
        return True
    if storage.buffer is not None or tensor._step.op is not None or sum(r() is not None for r in storage.aliases) > 1:
        return False
    tensor._version_alone = storage.version
    tensor._read_value()
    tensor._storage = tensor._step = None
    return True


def given(number: Any) -> bool:
    """Whether a term with this factor is there at all: not where the factor is the constant zero."""
    return not isinstance(number, int | float) or number != 0


def constant(number: float, kind: dtype) -> Value:
    """A number that is known to vary, as an input of the program from the first step on."""
    return host_value(np.asarray(number, kind.numpy))
