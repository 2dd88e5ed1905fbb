"""Operations that NumPy computes right away, without a trace: in a forked process, such as a loader's worker, and while samples are fetched."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import host, lower
from .device import CPU
from .graph import Aval, aval, computed, here
from .promote import NUMBERS
from .infer import check_numbers, infer
from .record import TENSORS, Immediate
from .run import Fork, user_line, watching
from .transfer import to_host

KEPT = 1 << 14                                               # of each of these
KNOWN: dict[tuple, Known] = {}
FACTS = 3                                                    # of a key, before the operands' kinds: the operation, its attributes, the mode
LATEST: dict[tuple, tuple] = {}                              # the operands' kinds, with the numbers, that an operation last had at a line


class Known(NamedTuple):
    """What computes an operation for operands of some kinds (None: NumPy cannot), what is known of its results, and whether numbers are its inputs."""
    program: host.Program | None
    avals: tuple[Aval, ...]
    takes_numbers: bool

    def values(self, results: list[np.ndarray]) -> Any:
        """What the operation returns."""
        if len(results) == 1:
            return computed(self.avals[0], results[0])
        return tuple([computed(a, r) for a, r in zip(self.avals, results, strict=True)])


def compute(op: Any, operands: tuple, attrs: tuple) -> Any:
    """What `record` gives, computed.  None where there is more to it: gradients, batches, other devices, operands of unknown kinds."""
    if here.capture is not None or watching:
        return None
    kinds: list = [op, attrs, here.mode]
    given: list = []
    shared: list = []
    for x in operands:
        kind = type(x)
        if kind in TENSORS:
            v = x._value
            if v is None and (found := x._storage.shared_aval(x._step)) is not None:
                kinds.append(found)
                given.append(x._storage.look(x._step))       # not copied: it is used at once
                shared.append(given[-1])
                continue
            v = v or x._read()
            array = v.array
            if type(array) is not np.ndarray:
                if array is None or v.aval.device is not CPU:
                    return None
                array = to_host(v, "a sample")
            kinds.append(v.aval)
            given.append(array)
        elif kind in NUMBERS:
            kinds.append((kind, x) if x else (kind, repr(x)))     # 0.0 and -0.0 are equal but not the same
        elif x is None:
            kinds.append(None)
        else:
            return None
    known = KNOWN.get(tuple(kinds)) or _known(op, attrs, tuple(kinds), operands)
    if known is None or known.program is None:
        return None
    if known.takes_numbers:
        check_numbers(op, operands, known.avals[0].dtype)
        arrays = iter(given)
        given = [x if type(x) in NUMBERS else next(arrays) for x in operands if x is not None]
    with np.errstate(all="ignore"):
        results = known.program(given)
    if shared:                                               # somebody else writes to that memory
        results = [r.copy() if any(np.may_share_memory(r, x) for x in shared) else r for r in results]
    return known.values(results)


def _known(op: Any, attrs: tuple, found: tuple, operands: tuple) -> Known | None:
    """An operation with a new number at a line where it had another takes numbers as inputs, as it does elsewhere."""
    if isinstance(op, lower.Special) or hasattr(op, "label"):
        return None
    kinds = [host.Fixed(k[0], repr(x), x) if type(k) is tuple else k for k, x in zip(found[FACTS:], operands, strict=True)]
    if any(type(k) is Aval and (k.requires_grad or k.levels or k.device is not CPU) for k in kinds):
        return None
    general = *found[:FACTS], *[k.kind if type(k) is host.Fixed else k for k in kinds], user_line()
    known = KNOWN.get(general)
    if known is None:
        casts, results = infer(op, [k.kind if type(k) is host.Fixed else k for k in kinds], operands, attrs, here.mode)
        avals = tuple([aval(shape, t, CPU) for shape, t in results])
        takes_numbers = LATEST.setdefault(general, found) != found
        of = [(k.shape, k.dtype.numpy) if type(k) is Aval else k.kind if takes_numbers and k is not None else k for k in kinds]
        known = Known(_program(op, attrs, casts, tuple(of)), avals, takes_numbers)
        if len(KNOWN) < KEPT:
            KNOWN[general if takes_numbers else found] = known
    return known


def _program(op: Any, attrs: tuple, casts: tuple, kinds: tuple) -> host.Program | None:
    try:
        return host.traced(op, attrs, casts, kinds)
    except RuntimeError:                                     # NumPy has nothing for it
        if Fork.child:
            raise
        return None


class computing:
    """Within it operations are computed right away: the samples of a batch would make one long program of their own."""

    def __enter__(self) -> None:
        self.before, Immediate.on = Immediate.on, True

    def __exit__(self, *error: object) -> None:
        Immediate.on = self.before


Immediate.compute = staticmethod(compute)
