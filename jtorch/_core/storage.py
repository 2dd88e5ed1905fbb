"""Memory that several tensors look at: views read the base's current value through a chain of steps and write back through it."""
from __future__ import annotations

from sys import getrefcount
from typing import Any
from weakref import ref

import jax
import jax.numpy as jnp
import numpy as np

from . import run
from .graph import Leaf, Value, here, mode
from .op import Array, View, op, view
from .record import record, to_host

ALONE = 2                                                    # references to a NumPy buffer that only its storage holds: attribute, getrefcount


class Step:
    """One step from a base to a view: read with `op`, write back with `op.put`.  The base's own step has no op.

    leaf   where gradients stop, if the tensor at this point of the chain is a leaf
    """
    __slots__ = ("parent", "op", "numbers", "attrs", "leaf")

    def __init__(self, parent: Step | None, op: View | None, numbers: tuple, attrs: tuple, leaf: Leaf | None = None) -> None:
        self.parent, self.op, self.numbers, self.attrs, self.leaf = parent, op, numbers, attrs, leaf


class Storage:
    """The current contents of a base tensor, and who looks at it.

    value    the base's contents, without requires_grad where the base is a leaf
    buffer   the NumPy array that is the truth instead, while somebody outside holds it
    """
    __slots__ = ("value", "buffer", "version", "aliases", "__weakref__")

    def __init__(self, value: Value | None, buffer: np.ndarray | None = None) -> None:
        self.value, self.buffer, self.version = value, buffer, 0
        self.aliases: list[ref] = []

    def join(self, tensor: Any, step: Step) -> None:
        """Let `tensor` look at this storage through `step`."""
        if len(self.aliases) > 32:
            self.aliases = [r for r in self.aliases if r() is not None]
        tensor._storage, tensor._step = self, step
        self.aliases.append(ref(tensor))

    def shared(self) -> bool:
        """Whether the truth is a NumPy array that somebody else holds too; otherwise it becomes an ordinary value."""
        if self.buffer is None:
            return False
        if getrefcount(self.buffer) > ALONE or not self.buffer.flags.owndata:
            return True
        self.value, self.buffer = run.host_value(self.buffer), None
        return False

    def read(self, step: Step) -> Value:
        """What a tensor at the end of `step` sees."""
        if self.shared():
            seen = run.host_value(np.array(self.look(step)))
        elif step.op is None:
            seen = self.value
        else:
            seen = apply_view(step.op, self.read(step.parent), step.numbers, step.attrs)
        leaf = step.leaf
        if leaf is not None and leaf.active and here.mode.grad:
            seen = leaf_value(seen, leaf)
        return seen

    def look(self, step: Step) -> np.ndarray:
        """The shared buffer seen through the chain: a NumPy view of it."""
        if step.op is None:
            return self.buffer
        return step.op.run((self.look(step.parent), *step.numbers), step.attrs)

    def write(self, step: Step, new: Value) -> None:
        """Make `new` the contents of the part that `step` sees."""
        if self.shared():
            self.look(step)[...] = to_host(new, "write to an array shared with NumPy")
        else:
            self.value = self._through(step, new)
        self.version += 1
        for alias in self.aliases:
            tensor = alias()
            if tensor is not None:
                tensor._value = None

    def _through(self, step: Step, new: Value) -> Value:
        while step.op is not None:
            new = record(step.op.put, (self.read(step.parent), new, *step.numbers), step.attrs)
            step = step.parent
        return new


def leaf_value(value: Value, leaf: Leaf) -> Value:
    """`value` as an operand whose gradient goes to `leaf`.  A leaf is always an input of a trace, so a pending value runs first."""
    array = run.concrete(value, "leaf updated")
    return Value(value.aval.gradded(), None, -1, array, leaf)


def apply_view(op: View, value: Value, numbers: tuple, attrs: tuple) -> Value:
    """The view of a value; on the host for host arrays without gradients, since that only moves data."""
    array = value.array
    if type(array) is np.ndarray and not value.aval.requires_grad and op.on_host:
        return run.host_value(op.run((array, *numbers), attrs))
    return record(op, (value, *numbers), attrs)


@jax.custom_jvp
def _with_data(base: Array, new: Array) -> Array:
    return new


@_with_data.defjvp
def _with_data_jvp(primals: tuple, tangents: tuple) -> tuple:
    return primals[1], tangents[0]                           # the gradient ignores that the data was changed behind autograd's back


@op(home="", inplace=False)
def with_data(base: Array, new: Array) -> Array:
    """`new`, with the gradient history of `base`: what an in-place write outside autograd leaves."""
    return _with_data(base, jnp.broadcast_to(new, base.shape).astype(base.dtype))


@view(put=_with_data, home="")
def detach(input: Array) -> Array:
    """The same memory, cut off from the gradient history.    input: (*)  ->  (*)"""
    return input


@op(home="", inplace=False)
def convert(input: Array, dtype: Any) -> Array:
    """`input` in another type.    input: (*)  ->  (*)"""
    if jnp.issubdtype(input.dtype, jnp.complexfloating) and not dtype.is_complex:
        input = input != 0 if dtype.category == 0 else input.real
    return input.astype(dtype.numpy)


@op(home="", inplace=False)
def copied(input: Array) -> Array:
    """A copy.    input: (*)  ->  (*)"""
    return input


detach.op.differentiable = False
WITH_DATA = with_data.op


def keep_history(old: Value, new: Value) -> Value:
    """`new` with the history of `old`, for a write under `no_grad` to a tensor that has one."""
    before = here.mode
    here.mode = mode(True, False, before.floating, before.autocast)
    try:
        return record(WITH_DATA, (old, new))
    finally:
        here.mode = before
