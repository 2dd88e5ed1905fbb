"""Memory that a loader's worker writes large batches to and the loader's process reads, again and again: new pages cost more than what is written to them.

A region is an anonymous file in memory, mapped by both.  Its last byte says whose it is: the worker's until it lends the region, then the loader's
process's, until nothing there looks at it any more.  Numbers name a worker's regions, so that each is mapped once.
"""
from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np

MOST, LEAST = 64, 4                                          # regions of all workers, and of each: they take file descriptors on both sides
SMALLEST = 1 << 18                                           # bytes from which a region is cheaper than the pipe
FREE, TAKEN, KEPT = range(3)                                 # the worker's; the other process's until it gives it back; its own for good
AVAILABLE = hasattr(os, "memfd_create")


class Region:
    """An anonymous file in memory, mapped here."""

    def __init__(self, handle: int, capacity: int) -> None:
        self.capacity = capacity
        self.mapping = mmap.mmap(handle, capacity + 1, flags=mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
        self.seen: weakref.ref | None = None                 # the array that all others in it are views of

    @property
    def state(self) -> int:
        """Whose it is."""
        return self.mapping[self.capacity]

    @state.setter
    def state(self, state: int) -> None:
        self.mapping[self.capacity] = state

    def bytes(self, size: int) -> np.ndarray:
        """Its first bytes."""
        found = np.frombuffer(self.mapping, np.uint8, size)
        self.seen = weakref.ref(found)
        return found

    def is_seen(self) -> bool:
        """Whether an array here looks at it."""
        return self.seen is not None and self.seen() is not None


class Lent(NamedTuple):
    """What the loader's process is told of a region: its number, capacity, how many bytes count, and whether it sees the region for the first time."""
    number: int
    capacity: int
    size: int
    new: bool


# ---- the worker's side

class Own(Region):
    """A region that this process has made."""

    def __init__(self, number: int, capacity: int) -> None:
        self.number, handle = number, os.memfd_create("jtorch-batch")
        self.handle, self.close = handle, weakref.finalize(self, os.close, handle)
        os.ftruncate(handle, capacity + 1)
        super().__init__(handle, capacity)

    def lend(self, size: int) -> Lent:
        """From now on the other process says when it is free."""
        self.state = TAKEN
        return Lent(self.number, self.capacity, size, self.close.alive)

    def hand_over(self, send: Callable[[int], None]) -> None:
        """Send the descriptor, the first time; the mapping does not need it."""
        if self.close.alive:
            send(self.handle)
            self.close()


class Shelf:
    """The regions that this process has made: none where it is not a loader's worker."""

    def __init__(self) -> None:
        self.most = self.made = 0
        self.regions: dict[int, Own] = {}                    # by the address where they are mapped
        self.dropped: list[int] = []                         # the numbers of those that are no more, until the other process is told

    def open(self, workers: int) -> None:
        """This process is one of so many workers."""
        self.most = max(MOST // workers, LEAST) if AVAILABLE else 0

    def take(self, size: int) -> Own | None:
        """A region to write so many bytes to; None where they are few, or too many regions are in use."""
        if size < SMALLEST or not self.most:
            return None
        states = [(region.state, address) for address, region in self.regions.items()]
        for address in [a for state, a in states if state == KEPT]:
            self._drop(address)
        free = sorted([(self.regions[a].capacity, a) for state, a in states if state == FREE and not self.regions[a].is_seen()])
        for capacity, address in free:
            if capacity >= size:
                return self.regions[address]
        if free:
            self._drop(free[0][1])                           # a larger one takes its place
        if len(self.regions) >= self.most:
            return None
        self.made += 1
        region = Own(self.made, size)
        self.regions[region.bytes(1).ctypes.data] = region
        return region

    def _drop(self, address: int) -> None:
        self.dropped.append(self.regions.pop(address).number)

    def forgotten(self) -> list[int]:
        """The numbers of regions that are no more, told once."""
        told, self.dropped = self.dropped, []
        return told

    def holding(self, array: np.ndarray) -> Own | None:
        """The region that begins with this array, if it is there to be lent."""
        region = self.regions.get(array.ctypes.data)
        return region if region is not None and array.flags.c_contiguous and region.state == FREE and region.is_seen() else None

    def stacked(self, arrays: Sequence[np.ndarray]) -> np.ndarray | None:
        """The arrays, which have one shape and type, along a new first dimension, written where the loader's process will read them; None: not there."""
        size = sum([array.nbytes for array in arrays]) if self.most else 0
        region = self.take(size)
        if region is None:
            return None
        made = region.bytes(size).view(arrays[0].dtype).reshape(len(arrays), *arrays[0].shape)
        for row, array in zip(made, arrays, strict=True):
            row[...] = array
        return made


shelf = Shelf()


# ---- the loader's process's side

_known: weakref.WeakKeyDictionary[Connection, dict[int, Region]] = weakref.WeakKeyDictionary()
_lent: set[Region] = set()                                   # those that something here looks at


def forget(connection: Connection, numbers: Sequence[int]) -> None:
    """The worker at the other end has no such regions any more."""
    for number in numbers:
        _known.get(connection, {}).pop(number, None)


def look(connection: Connection, lent: Lent, handle: int | None = None) -> np.ndarray:
    """The bytes of a region that the worker at the other end has lent.  It goes back with the last array that looks at them."""
    known = _known.setdefault(connection, {})
    if handle is not None:
        known[lent.number] = Region(handle, lent.capacity)
    region = known[lent.number]
    found = region.bytes(lent.size)
    _lent.add(region)
    weakref.finalize(found, _give_back, region).atexit = False
    return found


def _give_back(region: Region) -> None:
    if region in _lent:
        _lent.discard(region)
        region.state = FREE


def _keep_lent() -> None:
    """A forked process may look at what is lent for as long as it lives, and does not tell."""
    for region in tuple(_lent):
        region.state = KEPT
    _lent.clear()


os.register_at_fork(before=_keep_lent)
