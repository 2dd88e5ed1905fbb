"""Function transforms at work: how tensors enter and leave `vmap`, gradient levels and forward-mode derivatives, and what is refused inside."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import indent
from typing import Any

import jax.numpy as jnp
import numpy as np

from .batched import is_batched
from .dtype import bool_
from .graph import Array, Aval, Guard, Level, Value, aval, computed_on_host, here, mode
from .promote import FLOAT_CATEGORIES
from .record import moved, record

Avals = tuple[Aval, ...]
TRANSFORMS = ("vmap", "grad", "jvp")
ALL = "all"
NOT_INSIDE = ("You are attempting to call Tensor.{}{} inside of a function being transformed by a functorch transform. This is unsupported, please attempt to "
              "use the functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call {} outside of a function being transformed instead.")
REQUIRES_GRAD = NOT_INSIDE.format("requires_grad_()", " (or perhaps using torch.autograd.functional.* APIs)", "requires_grad_()")
BACKWARD = ("backward() called inside a functorch transform. This is not supported, please use functorch.grad or functorch.vjp instead or call backward() "
            "outside of functorch transforms.")
MORE_ELEMENTS = ("vmap: {name}(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has more elements than `self`. This "
                 "happened due to `other` being vmapped over but `self` not being vmapped over in a vmap. Please try to use out-of-place operators instead "
                 "of {name}. If said operator is being called inside the PyTorch framework, please file a bug report instead.")


class Relabel:
    """An operation that changes what is known of an array rather than its elements."""
    kind, differentiable, hidden = "none", True, True        # hidden: the gradient graph shows what made the operand

    def conversions(self, kinds: Sequence, attrs: tuple, mode: Any) -> tuple:
        """No operand is converted."""
        return (None,) * len(kinds)


class Enter(Relabel):
    """A dimension becomes that of a batch, or several first ones those of several.  Attributes: the dimension, the levels."""
    name = "enter"

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """The dimension first."""
        return jnp.moveaxis(operands[0], attrs[0], 0)

    def label(self, outputs: Avals, inputs: Avals, attrs: tuple) -> Avals:
        """One element of the batch."""
        a, = outputs
        return (aval(a.shape[len(attrs[1]):], a.dtype, a.device, a.tracks, a.levels + attrs[1]),)


class Leave(Relabel):
    """A batch, or a pair, whose level is no longer at work, as an ordinary array.  Attribute: where its dimension goes."""
    name = "leave"

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """The dimension in its place."""
        return jnp.moveaxis(operands[0], 0, attrs[0])


class Part(Relabel):
    """The value or the tangents of a pair whose level is not at work.  Attribute: 0, 1, or what stands for all tangents."""
    name = "part"

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """The part."""
        return operands[0][1:] if attrs[0] == ALL else operands[0][attrs[0]]


class Pair(Relabel):
    """A value and its tangent, or a batch of tangents, as a pair.  Attribute: the level."""
    name = "pair"

    def inner(self) -> Relabel:
        """What it is for gradients taken inside its level: these are pairs themselves, and go to the value."""
        return PRIMAL

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """Both."""
        value, tangent = operands
        return jnp.concatenate([value[None], tangent if tangent.ndim > value.ndim else tangent[None]])

    def label(self, outputs: Avals, inputs: Avals, attrs: tuple) -> Avals:
        """The value."""
        a, = outputs
        return (aval(a.shape[1:], a.dtype, a.device, a.tracks, (*a.levels, attrs[0])),)


class Primal(Relabel):
    """The first of two operands."""
    name = "primal"

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """The first."""
        return operands[0]


class Like(Relabel):
    """The first operand, with the batches of the second too."""
    name = "like"

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """The first operand."""
        return operands[0]

    def label(self, outputs: Avals, inputs: Avals, attrs: tuple) -> Avals:
        """The first, with the batches of both."""
        a, own = outputs[0], inputs[0]
        return (aval(a.shape, a.dtype, a.device, own.tracks & a.tracks, tuple([n for n in a.levels if not n.dual or n in own.levels])),)


class Track(Relabel):
    """Where the gradients of a level end.  Attribute: its number."""
    name = "track"

    def run(self, operands: Sequence, attrs: tuple) -> Array:
        """The operand."""
        return operands[0]

    def label(self, outputs: Avals, inputs: Avals, attrs: tuple) -> Avals:
        """With the level's gradients."""
        a, = outputs
        return (aval(a.shape, a.dtype, a.device, a.tracks | {attrs[0]}, a.levels),)


class Untrack(Track):
    """The way out of gradient levels, whose numbers are the attributes."""
    name = "untrack"

    def label(self, outputs: Avals, inputs: Avals, attrs: tuple) -> Avals:
        """Without the levels' gradients."""
        a, = outputs
        return (aval(a.shape, a.dtype, a.device, a.tracks.difference(attrs), a.levels),)


ENTER, LEAVE, PART, PAIR, PRIMAL, LIKE, TRACK, UNTRACK = Enter(), Leave(), Part(), Pair(), Primal(), Like(), Track(), Untrack()


@contextmanager
def working(guard: Guard) -> Iterator[Guard]:
    """The transform is at work inside."""
    here.active.append(guard)
    here.trace.guards.append(guard)
    before = here.mode
    if guard.kind != "grad":
        here.mode = mode(before.grad, before.inference, before.floating, before.autocast, (*before.levels, guard.level))
    try:
        yield guard
    finally:
        here.active.remove(guard)
        now = here.mode
        here.mode = mode(now.grad, now.inference, now.floating, now.autocast, tuple([n for n in now.levels if n != guard.level]))


@contextmanager
def outside(level: Level) -> Iterator[None]:
    """A level, and what is further inside, is not at work inside the `with` block."""
    now, active = here.mode, here.active
    here.active = [g for g in active if g.number < level.number]
    here.mode = mode(now.grad, now.inference, now.floating, now.autocast, tuple([n for n in now.levels if n.number < level.number]))
    try:
        yield
    finally:
        after, here.active = here.mode, active
        here.mode = mode(after.grad, after.inference, after.floating, after.autocast, now.levels)


def transforming() -> bool:
    """Whether a transform of `torch.func` is at work."""
    return any(g.kind in TRANSFORMS for g in here.active)


# vmap

def enter(value: Any, dim: int, level: Level) -> Value:
    """One element of the batch along `dim`."""
    with outside(level):
        return record(ENTER, (value,), (dim, (level,)))


def enter_drawn(value: Any, levels: tuple[Level, ...]) -> Value:
    """One element of nested batches along the first dimensions."""
    return record(ENTER, (value,), (0, levels))


def leave(value: Value, dim: int, level: Level) -> Value:
    """All elements of the batch, along `dim`."""
    if level not in value.aval.levels:
        value = record(LIKE, (value, _member(value, level)))
    with outside(level):
        return record(LEAVE, (value,), (dim,))


def _member(value: Value, level: Level) -> Value:
    """Something on the same device that belongs to the batch."""
    return enter(moved(computed_on_host(aval((level.size,), bool_), np.zeros(level.size, bool)), value.aval.device), 0, level)


def like(value: Any, other: Any) -> Value:
    """`value` as a member of the batches that `other` is a member of."""
    v, of = value._read_value(), other._read_value()
    missing = any(not n.dual and n not in v.aval.levels for n in of.aval.levels)
    return record(LIKE, (v, of)) if missing else v


def check_data(a: Aval) -> None:
    """Raise where `.data` is asked for inside `vmap`."""
    if is_batched(a):
        raise RuntimeError("accessing `data` under vmap transform is not allowed")


def fitted(new: Value, old: Value, name: str) -> Value:
    """What is written in place of `old`: a member of its batches.  Raises where it is a member of more."""
    if any(not n.dual and n not in old.aval.levels for n in new.aval.levels):
        raise RuntimeError(MORE_ELEMENTS.format(name=name if name == "index_put_" else "inplace arithmetic"))
    return like(new, old)


# What a tensor is wrapped in

def wrappers(a: Aval) -> list[Guard]:
    """The transforms whose tensor it is, innermost first."""
    numbers = {n.number for n in a.levels}
    return [g for g in reversed(here.active) if g.number in numbers or g.number in a.tracks]


def unwrapped(value: Value, guard: Guard) -> Value:
    """What is inside the tensor of a transform: for `vmap` the whole batch."""
    if guard.kind == "grad":
        return untracked(value, guard.number)
    return leave(value, 0, guard.level) if guard.kind == "vmap" else parted(value, guard.level)[0]


def shown(value: Value, guards: Sequence[Guard], text_of: Callable[[Value], str]) -> str:
    """The printed text of a tensor inside these transforms, innermost first; `text_of` gives that of an ordinary one."""
    if not guards:
        return text_of(value)
    guard, rest = guards[0], guards[1:]
    if guard.kind == "dual":
        primal, tangent = [shown(v, rest, text_of) for v in parted(value, guard.level) if v is not None]
        return f"{primal[:-1]}, tangent={tangent})"
    depth = 1 + [g for g in here.active if g.kind in TRANSFORMS].index(guard)
    inside = indent(shown(unwrapped(value, guard), rest, text_of), "    ")
    return (f"BatchedTensor(lvl={depth}, bdim=0, value=" if guard.kind == "vmap" else f"GradTrackingTensor(lvl={depth}, value=") + f"\n{inside}\n)"


# Gradient levels

def tracked(value: Any, number: int) -> Value:
    """The value as an input of a gradient level."""
    if value._read_value().aval.dtype.category not in FLOAT_CATEGORIES:
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    return record(TRACK, (value,), (number,))


def untracked(value: Value, number: int) -> Value:
    """The value outside of a gradient level: one that others at work, or the user, may still need gradients of."""
    gone = value.aval.tracks - further(value.aval, number)
    return record(UNTRACK, (value,), tuple(sorted(gone))) if gone else value


def further(a: Aval, number: int) -> frozenset[int]:
    """The gradient levels that a value belongs to and that are at work, other than this one."""
    return a.tracks & {0, *[g.number for g in here.active if g.number != number]}


# Pairs of value and tangent

def paired(primal: Any, tangent: Any, level: Level) -> Value:
    """A value that has a tangent, or as many as the level is for."""
    with outside(level):
        return record(PAIR, (primal, tangent), (level,))


def parted(value: Value, level: Level) -> tuple[Value, Value | None]:
    """The value and its tangent (or all as a batch, where the level is for several), None where it has none."""
    if level not in value.aval.levels:
        return value, None
    with outside(level):
        return record(PART, (value,), (0,)), record(PART, (value,), (1 if level.size == 2 else ALL,))
