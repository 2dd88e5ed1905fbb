"""Operations on a few numbers that lie on the host: NumPy computes them at once where its answer is the only right one, since a program takes longer to start."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import host, lower
from .device import CPU
from .graph import Aval, aval, computed, here
from .infer import infer
from .promote import NUMBERS
from .record import TENSORS, Few
from .run import leaving, watching

MOST = 15                                                    # elements of a tensor
KEPT = 1 << 14                                               # operations that are remembered
PLAIN = frozenset(("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"))   # types with which NumPy computes as XLA does
KNOWN: dict[tuple, Known | None] = {}


class Known(NamedTuple):
    """What computes an operation for operands of some kinds, what is known of its results, and whether numbers are its inputs or fixed in it."""
    program: host.Program
    avals: tuple[Aval, ...]
    takes_numbers: bool


def compute(op: Any, operands: tuple, attrs: tuple) -> Any:
    """What `record` gives, computed.  None where it is to be recorded: with gradients, more elements, what is still being computed, roundings that differ."""
    kinds: list = [op, attrs, here.mode]
    arrays: list = []
    numbers: list = []
    given: list = []
    for x in operands:
        kind = type(x)
        if kind in TENSORS:
            v = x._value
            if v is None or type(v.array) is not np.ndarray or v.array.size > MOST:
                return None
            of = v.aval
            if of.requires_grad or of.levels or of.device is not CPU or of.dtype.name not in PLAIN:
                return None
            kinds.append(of)
            arrays.append(v.array)
            given.append(v.array)
        elif kind in NUMBERS:
            kinds.append(kind)
            numbers.append(x)
            given.append(x)
        elif x is None:
            kinds.append(None)
        else:
            return None
    if not arrays or here.capture is not None or watching or leaving:
        return None
    key = tuple(kinds)
    known = KNOWN[key] if key in KNOWN else _remember(key, _known(op, attrs, key, operands, numbers, True))
    if known is None and numbers:                            # `x ** 2` is exact, `x ** y` is not
        key = *key, *map(repr, numbers)
        known = KNOWN[key] if key in KNOWN else _remember(key, _known(op, attrs, key, operands, numbers, False))
    if known is None:
        return None
    with np.errstate(all="ignore"):
        results = known.program(given if known.takes_numbers else arrays)
    if len(results) == 1:
        return computed(known.avals[0], results[0])
    return tuple([computed(a, r) for a, r in zip(known.avals, results, strict=True)])


def _remember(key: tuple, known: Known | None) -> Known | None:
    if len(KNOWN) >= KEPT:
        KNOWN.clear()
    KNOWN[key] = known
    return known


def _known(op: Any, attrs: tuple, key: tuple, operands: tuple, numbers: list, takes_numbers: bool) -> Known | None:
    if isinstance(op, lower.Special) or hasattr(op, "label"):
        return None
    kinds = [None if x is None else k if type(k) is Aval or takes_numbers else host.Fixed(k, repr(x), x) for k, x in zip(key[3:], operands, strict=False)]
    casts, results = infer(op, [k.kind if type(k) is host.Fixed else k for k in kinds], operands, attrs, here.mode)
    try:
        program = host.traced(op, attrs, casts, tuple([(k.shape, k.dtype.numpy) if type(k) is Aval else k for k in kinds]))
    except RuntimeError:                                     # NumPy has nothing for it
        return None
    return Known(program, tuple([aval(shape, t, CPU) for shape, t in results]), takes_numbers) if program.exact else None


Few.compute = staticmethod(compute)
