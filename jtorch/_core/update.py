"""An optimizer's step as one recorded entry for all its parameters."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any
from weakref import ref

import jax.numpy as xp
import numpy as np

from .dtype import dtype
from .graph import Value, here, mode
from .pack import SMALL, concatenated, pack_values
from .record import EAGER, Few, advance, known_edge, record
from .run import flush, host_value

__all__ = ["Rule", "apply", "constant", "counted", "drop_gradients", "given", "gradient_tensors", "prepare", "put_together",
           "run_pending", "with_gradients", "xp"]            # xp: the functions that rules use

OWNED = 4                                                    # references to a value: its tensor's, the list's, the loop's and the argument's


class Rule:
    """A pure function that takes one parameter, its gradient and its state to the new parameter and the new state.

    function(p, g, state, h) -> (p, state)   `state` a list of arrays or Nones, `h` the hyperparameters by name
    elementwise  whether each element is updated on its own, so that small parameters can be updated as one vector
    varies       whether the hyperparameters are inputs of the program from the first step on
    """
    kind, differentiable, packs = "none", False, True

    def __init__(self, name: str, function: Callable, elementwise: bool = True, varies: bool = False) -> None:
        self.name, self.function, self.elementwise, self.varies = name, function, elementwise, varies

    def role(self, output: int, attrs: tuple) -> int:
        """Which of a parameter's results an output is: 0 the parameter, then its states."""
        count, width = attrs[:2]
        return 0 if output < count else 1 + (output - count) % width

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
        rows = [[operands[k], operands[count + k], *operands[2 * count + k * width:2 * count + (k + 1) * width]] for k in range(count)]
        done: list = [None] * count
        for together in self.groups(rows):
            if len(together) == 1:
                done[together[0]] = self.one(rows[together[0]], h)
                continue
            whole = self.one([concatenated(column) for column in zip(*[rows[k] for k in together], strict=True)], h)
            start = 0
            for k in together:
                end = start + rows[k][0].size
                done[k] = [x[start:end].reshape(rows[k][0].shape) for x in whole]
                start = end
        return (*[d[0] for d in done], *[s for d in done for s in d[1:]])

    def groups(self, rows: list[list]) -> list[list[int]]:
        """Which parameters are updated as one vector: the small ones of one type."""
        found: dict[Any, list[int]] = {}
        for k, row in enumerate(rows):
            small = self.elementwise and all(x.shape == row[0].shape and x.size <= SMALL for x in row)
            found.setdefault(tuple([x.dtype for x in row]) if small else k, []).append(k)
        return list(found.values())

    def one(self, row: list, h: dict[str, Any]) -> list:
        """The new parameter and states, in the types of the old."""
        made, states = self.function(row[0], row[1], list(row[2:]), h)
        return [new.astype(old.dtype) for new, old in zip([made, *states], [row[0], *row[2:]], strict=True)]


def apply(rule: Rule, params: Sequence[Any], grads: Sequence[Any], states: Sequence[Any], numbers: dict[str, Any],
          static: tuple[tuple[str, Any], ...] = ()) -> None:
    """Record `rule` for all parameters, and make the results their contents.  The step is complete: what is recorded next begins a new program."""
    here.trace.boundary = False                              # several optimizers may step before the program runs
    count = len(params)
    attrs = count, len(states) // count, tuple(numbers), static
    slots = _slots_of(grads)
    if slots is None:
        grads = gradient_tensors(params, grads)
    edge, values = known_edge(rule, (params, slots or grads, states), tuple(numbers.values()), attrs)
    trace = here.trace
    if slots is None:
        del values[count:2 * count]
    if edge is not None and not EAGER and _only_these(params, states, values):
        trace.node = edge.node
        trace.refs.extend(map(ref, values))
        for pack in trace.packs:
            pack.members = ()                                # they are elsewhere from now on
        for v, slot in zip(values, range(edge.entry.first, edge.node.slots), strict=True):
            v.slot, v.array = slot, None
        for p in params:
            versions = p._versions
            if versions is None:
                p._versions = [1]
            else:
                versions[0] += 1
    else:
        made = record(rule, (*params, *gradient_tensors(params, grads), *states, *numbers.values()), attrs) if edge is None else advance(trace, edge)
        _replace(params, states, made if type(made) is tuple else (made,))
    here.trace.boundary = True


def _only_these(params: Sequence[Any], states: Sequence[Any], values: list[Value]) -> bool:
    """Whether nobody but these tensors looks at their values, which then may become the results, instead of new ones."""
    for some in (params, states):
        for t in some:
            if t._storage is not None or t._views is not None or t._seen_from is not None:
                return False
    for v in values:
        if v.array is None or getrefcount(v) != OWNED:
            return False
    return True


def _replace(params: Sequence[Any], states: Sequence[Any], values: tuple[Value, ...]) -> None:
    """Make values the contents of the tensors."""
    for tensor, value in zip(params, values, strict=False):
        if (tensor._storage is not None or tensor._views is not None) and not _settle(tensor):
            _write(tensor, value)
            continue
        leaf = tensor._leaf
        if leaf is not None and leaf.active:
            value.aval = value.aval.twin or value.aval.gradded()
            value.origin = leaf
        tensor._value = value
        if tensor._versions is None:
            tensor._versions = [1]
        else:
            tensor._versions[0] += 1
    for tensor, value in zip(states, values[len(params):], strict=True):     # gradients never flow from these: their versions need no count
        if (tensor._storage is None and tensor._views is None) or _settle(tensor):
            tensor._value = value
        else:
            _write(tensor, value)


def _slots_of(grads: Sequence[Any]) -> list[int] | None:
    """The slots of gradients of the current trace that nobody has looked at, or None if there are others."""
    trace, slots = here.trace, []
    for g in grads:
        if g.__class__ is not tuple or g[0].trace is not trace:
            return None
        slots.append(g[2])
    return slots


def gradient_tensors(params: Sequence[Any], grads: Sequence[Any]) -> Sequence[Any]:
    """Gradients as `with_gradients` gives them, as tensors."""
    return [p._leaf.grad if g.__class__ is tuple else g for p, g in zip(params, grads, strict=True)]


def with_gradients(params: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Those of the parameters that have a gradient, and the gradients (see `Leaf.own`)."""
    try:
        grads = [p._leaf.own for p in params]
    except AttributeError:                                   # one was never a leaf that requires grad
        grads = [p.grad for p in params]
    for g in grads:
        if g is None:
            return [p for p, g in zip(params, grads, strict=True) if g is not None], [g for g in grads if g is not None]
    return params, grads


def drop_gradients(params: Sequence[Any]) -> None:
    """Forget the gradients."""
    for p in params:
        leaf = p._leaf
        if leaf is None:
            p.grad = None
        else:
            leaf.own = None


def _write(tensor: Any, value: Value) -> None:
    """Write outside autograd to a tensor whose memory others see."""
    before = here.mode
    here.mode = mode(False, before.inference, before.floating, before.autocast)
    try:
        tensor._write(value, "step")
    finally:
        here.mode = before


def run_pending() -> None:
    """Run what is recorded, where it must not become a part of the next step's program."""
    for trace in list(here.traces.values()):
        flush(trace, "step")


def prepare(params: Sequence[Any]) -> None:
    """Make parameters ready to be updated.  How they and the data were made is no part of the first step."""
    run_pending()
    put_together(params)


def put_together(tensors: Sequence[Any]) -> None:
    """Let small tensors that are updated together travel as one vector from the first step on."""
    pack_values([t._value for t in tensors if (t._alone() or _settle(t)) and t._value is not None])


def _settle(tensor: Any) -> bool:
    """Give up a storage that nobody else looks at."""
    if tensor._views is not None and any(r() is not None for r in tensor._views):
        return False
    storage, tensor._views = tensor._storage, None
    if storage is None:
        return tensor._seen_from is None
    others = [t for r in storage.aliases if (t := r()) is not None and t is not tensor]
    if storage.buffer is not None or not tensor._step.is_whole() or others:
        return False
    tensor._versions = tensor._step.versions
    tensor._read_value()
    tensor._storage, tensor._step, tensor._strides = None, None, storage.strides
    return True


def given(number: Any) -> bool:
    """Whether a term with this factor is there at all: not where the factor is the constant zero."""
    return not isinstance(number, int | float) or number != 0


def counted(step: Any) -> Any:
    """One more than the tensor `step`, as a part of the step that is being recorded: a count that stays in the program needs no new input."""
    here.trace.boundary = False
    before, Few.on = Few.on, False
    try:
        return step + 1
    finally:
        Few.on = before


def constant(number: float, kind: dtype) -> Value:
    """A number that is known to vary, as an input of the program from the first step on."""
    return host_value(np.asarray(number, kind.numpy))
