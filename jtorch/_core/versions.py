"""Values that were overwritten in place after a gradient came to need them.

jtorch's values never change, so such gradients would still be right; PyTorch refuses them, and programs may rely on the refusal.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from weakref import ref

from .dtype import bool_
from .graph import Aval, Entry, Leaf, Trace, Value
from .lower import gradient_needs
from .op import Op, Put, View

MODIFIED = ("one of the variables needed for gradient computation has been modified by an inplace operation: [{kind} {shape}]{maker} is at version {now}; "
            "expected version {then} instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
            "torch.autograd.set_detect_anomaly(True, check_nan=False).")


class Overwrite:
    """A write in place.

    versions  the cell that counts the tensor's writes, expected  what it said before this one
    by        what was written: the serial number of its trace, and its slot
    becomes   weak reference to what the tensor holds then
    """
    __slots__ = ("versions", "expected", "by", "becomes")

    def __init__(self, versions: list[int], new: Value, becomes: Value) -> None:
        self.versions, self.expected, self.becomes = versions, versions[0], ref(becomes)
        trace, slot = new.origin if type(new.origin) is tuple else (new.trace, new.slot)   # it may be an input of a later trace by now
        self.by = (trace.serial if trace is not None else -1), slot


def note(old: Value, versions: list[int], new: Value, becomes: Value) -> None:
    """Note that `new` was written to a tensor that held `old`, whose memory then holds `becomes`; `versions` are not counted up yet."""
    trace, origin = old.trace, old.origin
    if trace is not None and (trace.saved if trace.done else trace.sources):
        trace.overwritten.setdefault(old.slot, Overwrite(versions, new, becomes))
    if type(origin) is tuple and origin[0] is not trace:
        origin[0].overwritten.setdefault(origin[1], Overwrite(versions, new, becomes))


def note_saved(trace: Trace) -> None:
    """Of a trace that has just run and whose graph lives on: note which version of each leaf it used, and which leaves it updated itself."""
    for slot, leaf in trace.sources.items():
        owner = leaf.owner() if type(leaf) is Leaf else None
        if owner is not None:
            trace.leaf_versions[slot] = owner._version
    for _, entry in trace.entries():
        if getattr(entry.op, "packs", False):                # an optimizer's step: its first operands are what it updates
            for slot in entry.operands[:entry.attrs[0]]:
                if slot in trace.leaf_versions:
                    trace.leaf_versions[slot] -= 1


def saved_by_pytorch(entry: Entry) -> Sequence[int]:
    """The slots whose contents PyTorch keeps for the gradient of `entry`."""
    if not isinstance(entry.op, Op) or isinstance(entry.op, View | Put):
        return ()
    kept = entry.op.facts.get("saves")
    results = range(entry.first, entry.first + len(entry.outputs))
    if kept == "result":
        return results
    if kept == "nothing":
        return ()
    roles = entry.op.roles(entry.attrs)
    operands = [entry.operands[k] for k in sorted(gradient_needs(entry)) if roles[k] != "scalar"]
    return [*operands, *results] if kept == "both" else operands


def seen_through(slot: int, makers: dict[int, Entry]) -> list[int]:
    """The slot, and those of the tensors that it is a view of."""
    found = [slot]
    while (entry := makers.get(found[-1])) is not None and isinstance(entry.op, View) and entry.op.counts:
        found.append(entry.operands[0])
    return found


def changed(of: Aval, node: str | None, number: int, now: int, then: int) -> str:
    """The error's text."""
    kind = "CPUBoolType" if of.dtype is bool_ else f"torch.{'' if of.device.type == 'cpu' else of.device.type + '.'}{of.dtype.title}Tensor"
    name = "torch::autograd::CopySlices" if node == "CopySlices" else re.sub("Backward(?:0$)?", "", node or "")
    maker = f", which is output {number} of {name}," if node else ""
    return MODIFIED.format(kind=kind, shape=list(of.shape), maker=maker, now=now, then=then)

