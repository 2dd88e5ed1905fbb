"""Memory that several tensors look at: views read the base's current value through a chain of steps and write back through it."""
from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any
from weakref import ref

import jax
import jax.numpy as jnp
import numpy as np

from . import levels, run
from .device import CPU
from .dtype import COMPLEX, FLOATING, bool_, from_numpy
from .graph import Aval, Leaf, Value, aval, computed, here, mode
from .hostwrite import written_through
from .op import Array, View, in_type, op, view
from .record import record
from .transfer import refuse_repetition, to_host
from .versions import note

FEW = 256                                                    # elements that are rather copied by the host than by a program
ALONE = 2                                                    # references to a NumPy buffer that only its storage holds: attribute, getrefcount


class Step:
    """One step from a base to a view: read with `op`, write back with `op.put`.  The base's own step has no op.

    leaf      where gradients stop, if the tensor at this point of the chain is a leaf
    versions  how many in-place writes there were, as one cell that tensors which count together share
    known     the shape and type of a base that is shared with NumPy, and what was found of what is seen of it
    seen      such a base itself, and what is seen of it
    history   of a step that cuts gradients off, after a write of something with a history: what is seen from here, with that history, and the
              contents of the storage that it was seen of
    """
    __slots__ = ("parent", "op", "numbers", "attrs", "leaf", "versions", "history", "known", "seen")

    def __init__(self, parent: Step | None, op: View | None, numbers: tuple, attrs: tuple, leaf: Leaf | None = None,
                 versions: list[int] | None = None) -> None:
        self.parent, self.op, self.numbers, self.attrs, self.leaf = parent, op, numbers, attrs, leaf
        self.history: tuple[Value, Value | None] | None = None
        self.known: tuple[tuple, Aval] | None = None
        self.seen: tuple[np.ndarray, np.ndarray] | None = None
        self.versions: list[int] = versions or ([0] if parent is None or op is data_of.op else parent.versions)

    def cut(self) -> Step:
        """This step without gradient history: what a view made under `no_grad` looks at."""
        return Step(self, detach.op, (), ())

    def is_whole(self) -> bool:
        """Whether all of the base is seen, as it lies there."""
        step = self
        while step.op in (detach.op, data_of.op) and step.parent is not None:
            step = step.parent
        return step.op is None

    def is_in_order(self) -> bool:
        """Whether elements that lie in order in the base do so here."""
        step = self
        while step.op is not None and step.op.in_order:
            step = step.parent
        return step.op is None

    def counts_for_base(self) -> bool:
        """Whether a write here counts as one to the base."""
        step = self
        while step.parent is not None:
            step = step.parent
        return step.versions is self.versions

    def under_leaf(self) -> bool:
        """Whether this or a step before it is a leaf, or has a history of its own: then what is seen depends on the gradient mode."""
        step: Step | None = self
        while step is not None and step.leaf is None and step.history is None:
            step = step.parent
        return step is not None

    def last_cut(self) -> Step | None:
        """The last step on the way to here that no gradient flows through."""
        step: Step | None = self
        while step is not None and step.op not in CUTS:
            step = step.parent
        return step


class Storage:
    """The current contents of a base tensor, and who looks at it.

    value    the base's contents, without requires_grad where the base is a leaf
    buffer   the NumPy array that is the truth instead, while somebody outside holds it
    strides  those of the base where PyTorch would not keep its elements in order; here they are
    place    memory with the contents as of when somebody last asked for its address
    """
    __slots__ = ("value", "buffer", "strides", "place", "aliases", "__weakref__")

    def __init__(self, value: Value | None, buffer: np.ndarray | None = None) -> None:
        self.value, self.buffer = value, buffer
        self.strides: tuple[int, ...] | None = None
        self.place: np.ndarray | None = None
        self.aliases: list[ref] = []

    def join(self, tensor: Any, step: Step) -> None:
        """Let `tensor` look at this storage through `step`."""
        if crowded(self.aliases):
            self.aliases = [r for r in self.aliases if r() is not None]
        tensor._storage, tensor._step = self, step
        tensor._in_order = self.buffer is None and self.strides is None and step.is_in_order()
        self.aliases.append(ref(tensor))

    def shared(self) -> bool:
        """Whether the truth is a NumPy array that somebody else holds too; otherwise it becomes an ordinary value."""
        if self.buffer is None:
            return False
        if getrefcount(self.buffer) > ALONE or not self.buffer.flags.owndata:
            return True
        self.value, self.buffer = self._contents(self.buffer), None
        return False

    def _contents(self, array: np.ndarray) -> Value:
        """`array` as the base's value: the one it had if that is equal, otherwise with the history that it had."""
        old = self.value
        if old is None:
            return run.host_value(array)
        known = np.asarray(run.concrete(old, "values"))
        if np.array_equal(*[np.ascontiguousarray(x).view(np.uint8) for x in (known, array)]):
            return old
        return keep_history(old, run.host_value(array)) if old.aval.requires_grad else run.host_value(array)

    def _is_plain(self, step: Step) -> bool:
        """Whether what is seen through `step` is just what lies in an array that somebody else holds too."""
        return self.shared() and (self.value is None or not self.value.aval.requires_grad) and not step.under_leaf()

    def shared_aval(self, step: Step) -> Aval | None:
        """What is known of what `step` sees of a shared array, which is not copied for that; None where it is none."""
        if not self._is_plain(step):
            return None
        base = self.buffer.shape, self.buffer.dtype
        if step.known is None or step.known[0] != base:
            seen = self.look(step)
            step.known = base, aval(seen.shape, from_numpy(seen.dtype))
        return step.known[1]

    def read(self, step: Step) -> Value:
        """What a tensor at the end of `step` sees."""
        if self._is_plain(step):
            refuse_repetition("it reads memory that it shares with NumPy")
            return run.host_value(np.array(self.look(step)))
        if step.op is None:
            seen = self.value if self.buffer is None else self._contents(np.array(self.buffer))
        else:
            below = self.read(step.parent)
            seen = with_history(apply_view, below.aval.requires_grad, step.op, below, step.numbers, step.attrs)
            if step.history is not None:
                seen = self._with_own(step, step.history, seen)
        leaf = step.leaf
        if leaf is not None and leaf.active and here.mode.grad:
            seen = leaf_value(seen, leaf)
        return seen

    def _with_own(self, step: Step, history: tuple[Value, Value | None], seen: Value) -> Value:
        """What is `seen` at a step that cuts gradients off, with the history that was written there."""
        own, of = history
        if self.buffer is not None or self.value is not of:  # somebody else wrote since
            own = keep_history(own, seen)
            step.history = own, self.value
        return own

    def look(self, step: Step) -> np.ndarray:
        """The shared buffer seen through the chain: a NumPy view of it."""
        if step.op is None:
            return self.buffer
        if step.seen is not None and step.seen[0] is self.buffer:
            return step.seen[1]
        found = step.op.run((self.look(step.parent), *step.numbers), step.attrs)
        if run.Fork.child:                                   # elsewhere it counts who holds the buffer
            step.seen = self.buffer, found
        return found

    def write(self, step: Step, new: Value) -> None:
        """Make `new` the contents of the part that `step` sees."""
        shared = self.shared()
        at_once = None if shared else written_through(self, step, new)
        old, cut = self.value, step.last_cut() if new.aval.requires_grad else None
        target, data = step, new
        if cut is not None:                                  # the history stays on this side of the cut
            own = self._through(step, new, cut)
            target, data = cut.parent, with_history(apply_view, True, detach.op, own, (), ())
        if not shared or data.aval.requires_grad or old is not None and old.aval.requires_grad:
            made = at_once or self._through(target, data)
            self.value = keep_history(old, made) if old is not None and old.aval.requires_grad and not made.aval.requires_grad else made
        if shared:
            self.look(target)[...] = to_host(data, "write to an array shared with NumPy")
        if cut is not None:
            cut.history = own, self.value
        if old is not None and step.counts_for_base():
            note(old, step.versions, new, self.value)
        for alias in self.aliases:
            tensor = alias()
            if tensor is not None:
                if tensor._value is not None and tensor._step.versions is step.versions:
                    note(tensor._value, step.versions, new, self.value)
                tensor._value = None
        step.versions[0] += 1

    def _through(self, step: Step, new: Value, base: Step | None = None) -> Value:
        """The contents at the step `base`, by default all of the storage's, after `new` was written to the part that `step` sees."""
        chain = []
        while step.op is not None and step is not base:
            chain.append(step)
            step = step.parent
        if any(s.op.overlaps for s in chain):
            old = self.value if base is None else self.read(base)
            made = record(WRITE_CHAIN.op, (old, new), (tuple([(s.op, s.numbers, s.attrs) for s in reversed(chain)]),))
            behind = old.aval.requires_grad and any(s.op in CUTS for s in chain)
            return keep_history(old, made) if behind else made
        for s in chain:
            new = record(s.op.put, (self.read(s.parent), new, *s.numbers), s.attrs)
        return new


def crowded(references: list) -> bool:
    """Whether it is time to drop dead weak references: each time that their number reaches another power of two."""
    count = len(references)
    return count > 31 and not count & (count - 1)


def leaf_value(value: Value, leaf: Leaf) -> Value:
    """`value` as an operand whose gradient goes to `leaf`.  A leaf is always an input of a trace, so a pending value runs first."""
    array = run.concrete(value, "leaf updated")
    return computed(value.aval.gradded(), array, leaf)


def apply_view(op: View, value: Value, numbers: tuple, attrs: tuple) -> Value:
    """The view of a value; on the host for host arrays without gradients (and for a few elements of others), since that only moves data."""
    array, a = value.array, value.aval
    if op is data_of.op:
        levels.check_data(a)
    if op in (detach.op, data_of.op) and not a.requires_grad and not a.levels:
        return value                                         # nothing to cut off
    if array is not None and not a.requires_grad and not a.levels and op.on_host and not run.EAGER and here.capture is None:
        if type(array) is np.ndarray:
            return run.host_value(op.run((array, *numbers), attrs))
        if (op.picks or run.Fork.child) and a.device is CPU:
            seen = op.run((to_host(value, "view"), *numbers), attrs)
            if seen.size <= FEW or run.Fork.child:
                return run.host_value(np.array(seen))        # a copy: the program may later give the array's memory to another
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


@view(put=_with_data, home="", in_order=True)
def detach(input: Array) -> Array:
    """The same memory, cut off from the gradient history.    input: (*)  ->  (*)"""
    return input


@view(put=_with_data, home="", in_order=True)
def data_of(input: Array) -> Array:
    """As `detach`, but writes are not counted on the tensor itself.    input: (*)  ->  (*)"""
    return input


@view(put=lambda base, new: new, home="", in_order=True)
def alias(input: Array) -> Array:
    """The same memory, and the same gradient history.    input: (*)  ->  (*)"""
    return input


@op(home="", inplace=False)
def write_chain(base: Array, new: Array, chain: Any) -> Array:
    """`base` with `new` written through a chain of views of which one sees elements several times: number the elements and look where they are."""
    where = jnp.arange(base.size).reshape(base.shape)
    for seen_through, numbers, attrs in chain:
        where = seen_through.run((where, *numbers), attrs)
    return base.reshape(-1).at[where.reshape(-1)].set(new.reshape(-1)).reshape(base.shape)


@op(home="", inplace=False, node="ToCopyBackward0")
def convert(input: Array, dtype: Any) -> Array:
    """`input` in another type.    input: (*)  ->  (*)"""
    if jnp.issubdtype(input.dtype, jnp.complexfloating) and not dtype.is_complex:
        input = input != 0 if dtype.category == 0 else input.real
    return in_type(input, dtype.numpy)


@op(home="", inplace=False, node="CloneBackward0")
def copied(input: Array) -> Array:
    """A copy.    input: (*)  ->  (*)"""
    return input


detach.op.differentiable = data_of.op.differentiable = False
data_of.op.counts = False
with_data.op.hidden = detach.op.put.hidden = data_of.op.put.hidden = True   # in the gradient graph: writes behind autograd's back leave it as it was
CUTS = detach.op, data_of.op                                 # views that no gradient flows through
WITH_DATA, WRITE_CHAIN, ALIAS = with_data.op, write_chain, alias.op


def fitting(value: Value, before: Value, name: str) -> Value:
    """`value` as it can be written in place of `before`.  Raises where its shape, its type or its batches don't fit."""
    old = before.aval
    if value.aval.levels != old.levels:
        value = levels.fitted(value, before, name)
    if value.aval.shape != old.shape:
        raise RuntimeError(f"output with shape {list(old.shape)} doesn't match the broadcast shape {list(value.aval.shape)}")
    if value.aval.dtype.category > old.dtype.category and not (old.dtype.category == FLOATING and value.aval.dtype.category == FLOATING):
        if value.aval.dtype.category in (COMPLEX, FLOATING) or old.dtype is bool_:
            raise RuntimeError(f"result type {value.aval.dtype.title} can't be cast to the desired output type {old.dtype.title}")
    return record(convert.op, (value,), (old.dtype,)) if value.aval.dtype is not old.dtype else value


def keep_history(old: Value, new: Value) -> Value:
    """`new` with the history of `old`, for a write under `no_grad` to a tensor that has one."""
    return with_history(record, True, WITH_DATA, (old, new))


def with_history(function: Callable, tracked: bool, *args: Any) -> Value:
    """`function(*args)`, recorded for gradients where `tracked` whatever the mode is."""
    before = here.mode
    if before.grad or not tracked:
        return function(*args)
    here.mode = mode(True, False, before.floating, before.autocast)
    try:
        return function(*args)
    finally:
        here.mode = before
