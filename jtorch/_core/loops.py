"""Loops that never read a value: recorded on and on they would make one long program.  Where one is seen to repeat itself, what there is runs."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .graph import Aval, Edge, Entry, Node, here
from .run import user_line

LEAST = 100                                                  # recorded entries that are worth a program of their own
LONGEST = 400                                                # operations of a round that are looked for
ROUNDS = 3                                                   # repetitions that make a loop
FEW = 4                                                      # operations of a round that is worth it though it does not go on from the one before

Round = Sequence[Edge]                                       # its operations, the latest first


def closes(node: Node, op: Any, attrs: tuple) -> bool:
    """Whether the path ends with the third round of a loop, which `op`, called at the user's line, is about to begin again.

    What needs gradients stays together: a training step is one program, however its layers repeat.
    """
    if node.length < LEAST or node.trains or here.capture is not None or here.mode.levels:
        return False
    path, where = node.path(), user_line()
    back = [e for e in reversed(path) if e.entry is not None]
    for size in range(1, min(len(back) // ROUNDS, LONGEST) + 1):
        first = back[size - 1]
        if first.entry.op is op and first.where == where and first.entry.attrs == attrs and _repeats(back, size):
            begins = _alike(back[-1], first) or not any(_alike(back[-1], e) for e in back[:size])   # each piece begins at the same place
            return begins and not _binds_parameters(path, back[2 * size].slot) and _goes_on(back, size)
    return False


def _alike(a: Edge, b: Edge) -> bool:
    return a.entry.op is b.entry.op and a.where == b.where and a.entry.attrs == b.entry.attrs and a.entry.outputs == b.entry.outputs


def _repeats(back: Round, size: int) -> bool:
    return all(map(_alike, back[:(ROUNDS - 1) * size], back[size:ROUNDS * size]))


def _binds_parameters(path: list[Edge], since: int) -> bool:
    """Whether inputs after this slot require gradients: then the rounds are layers, and the loop runs over them."""
    return any(e.entry is None and e.slot > since and (e.aval is None or isinstance(e.aval, Aval) and e.aval.requires_grad) for e in path)


def _goes_on(back: Round, size: int) -> bool:
    """Whether the latest round depends on the earliest, or all read something that they share, such as weights.  Updates of many tensors do not."""
    earliest, *later = [[e.entry for e in back[k * size:(k + 1) * size]][::-1] for k in range(ROUNDS)][::-1]
    reached = {s for entry in earliest for s in _makes(entry)}
    for entries in later:
        through = set[int]()
        for entry in entries:
            if not (reached | through).isdisjoint(_reads(entry)):
                through.update(_makes(entry))
        reached = through
    return bool(reached) or size >= FEW and any(_reads(a) & _reads(b) for a, b in zip(*later, strict=True))


def _reads(entry: Entry) -> set[int]:
    return {s for s in entry.operands if isinstance(s, int)}


def _makes(entry: Entry) -> range:
    return range(entry.first, entry.first + len(entry.outputs))
