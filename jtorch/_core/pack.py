"""Many small arrays in one: what an optimizer keeps of small parameters travels in and out of programs as a few vectors.

A compiled program's call costs by the argument, and an optimizer's step by the kernel; a deep, narrow model would spend its time on both.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from weakref import ref

import jax.numpy as jnp
import numpy as np
from jax import lax

from .dtype import dtype
from .graph import Array, Aval, Value

SMALL = 1 << 14                                              # elements up to which an array is packed
ALIKE = 12                                                   # arrays of a shape that others have too, from which they are taken out alike


class Layout:
    """Which arrays lie in a vector, one after another.  Interned: equal means identical."""
    __slots__ = ("avals", "offsets", "size", "dtype", "__weakref__")

    def __init__(self, avals: tuple[Aval, ...]) -> None:
        self.avals, self.dtype = avals, avals[0].dtype
        ends = np.cumsum([0, *[a.shape.numel() for a in avals]]).tolist()
        self.offsets, self.size = ends[:-1], ends[-1]

    def split(self, vector: Array) -> list[Array]:
        """The arrays in the vector."""
        return [vector[o:o + a.shape.numel()].reshape(a.shape) for o, a in zip(self.offsets, self.avals, strict=True)]

    def split_alike(self, vector: Array) -> list[Array]:
        """The same, where many have one shape: at places that XLA does not know, so that it compiles what it does with them once for all of them."""
        if len(self.avals) - len({a.shape for a in self.avals}) < ALIKE or not self.size:
            return self.split(vector)
        offsets = [np.int32(o) for o in self.offsets]
        known = lax.cond(vector[0] != 0, lambda: offsets, lambda: offsets)    # the same in both cases, which XLA does not see
        return [lax.dynamic_slice(vector, (o,), (a.shape.numel(),)).reshape(a.shape) for o, a in zip(known, self.avals, strict=True)]


@cache
def layout(avals: tuple[Aval, ...]) -> Layout:
    """The interned layout of arrays of one type."""
    return Layout(avals)


class Pack:
    """A vector and its layout.

    members  weak references to the values that lie in it, in order; when one becomes an input of a trace, all do
    """
    __slots__ = ("array", "layout", "members", "__weakref__")

    def __init__(self, array: Array, layout: Layout, members: Sequence[ref] = ()) -> None:
        self.array, self.layout, self.members = array, layout, members

    def part(self, index: int) -> Part:
        """The place of one array."""
        made = Part()                                        # without an `__init__`, which would take twice as long
        made.pack, made.index = self, index
        return made


class Part:
    """The place of one array in a pack: what `Value.array` is until somebody needs the array itself."""
    __slots__ = ("pack", "index")
    pack: Pack
    index: int

    def array(self) -> np.ndarray:
        """The array, copied out on the host."""
        of, k = self.pack.layout, self.index
        start, shape = of.offsets[k], of.avals[k].shape
        return np.array(np.asarray(self.pack.array)[start:start + shape.numel()]).reshape(shape)


def concatenated(arrays: Sequence[Array]) -> Array:
    """Arrays of one type as one vector."""
    return jnp.concatenate([a.reshape(-1) for a in arrays])


def is_small(a: Aval) -> bool:
    """Whether arrays like this are packed."""
    return a.device.type == "cpu" and not a.levels and a.shape.numel() <= SMALL


def pack_values(values: Sequence[Value]) -> None:
    """Put small concrete values together, those of one type in one vector."""
    groups: dict[dtype, list[Value]] = {}
    for v in values:
        if v.array is not None and type(v.array) is not Part and is_small(v.aval):
            groups.setdefault(v.aval.dtype, []).append(v)
    for group in groups.values():
        if len(group) > 1:
            pack = Pack(np.concatenate([np.asarray(v.array).reshape(-1) for v in group]), layout(tuple([v.aval.plain for v in group])), [ref(v) for v in group])
            for k, v in enumerate(group):
                v.array = pack.part(k)

