"""Programs that hardly repeat, as where shapes depend on the data: NumPy carries out the first run, in less time than XLA takes to compile.

Its numbers differ from XLA's in the last digits, so that the same call may give two answers: only who asks for it has it (`JTORCH_FLEETING=1`).
"""
from __future__ import annotations

from . import config
from .device import CPU
from .graph import Node, Trace

UNREPEATED = 4                                               # programs that end at a line, one after the other, before its next ones are taken to be fleeting
MOST = 1 << 22                                               # elements of all results, from which NumPy would take long
SLOW = ("conv1d", "conv2d", "conv3d", "conv_transpose")      # how operations begin of which NumPy has no quick ones
lines: dict[str, Line] = {}


class Line:
    """What is known of the programs that end at a line of the user's: how many were made since one ran again, and the latest, by their nodes and when."""
    __slots__ = ("made", "latest")

    def __init__(self) -> None:
        self.made = 0
        self.latest: list[tuple[Node, int]] = []


def note(node: Node, stamp: int) -> None:
    """A program that ends at `node` runs for the first time, just after `stamp` of the engine's clock."""
    if not config.fleeting:
        return
    line = lines.setdefault(node.edge.where, Line())
    repeated = any(one.stamp > first + 1 for one, first in line.latest)
    line.made = 0 if repeated else line.made + 1
    line.latest = [*line.latest[1 - UNREPEATED:], (node, stamp)]


def is_fleeting(trace: Trace, live: tuple[int, ...]) -> bool:
    """Whether NumPy should run this trace, of which there is no program yet, and which it never ran."""
    node = trace.node
    if not config.fleeting or config.eager or trace.device is not CPU or node.edge is None:
        return False
    line = lines.get(node.edge.where)
    if line is None or line.made < UNREPEATED:
        return False
    if node.fleeting is not None and live in node.fleeting:
        return False
    entries = [e.entry for e in node.path() if e.entry is not None]
    return sum(a.shape.numel() for entry in entries for a in entry.outputs) <= MOST and not any(str(entry.op).startswith(SLOW) for entry in entries)
