"""Operations on a few numbers that lie on the host: NumPy computes them at once where its answer is the only right one, since a program takes longer to start."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import host, lower
from .device import CPU
from .dtype import WIDE
from .graph import Aval, aval, here
from .immediate import Known
from .infer import check_numbers, infer
from .promote import NUMBERS
from .record import TENSORS, Few
from .run import leaving, watching

MOST = 15                                                    # elements of a tensor
KEPT = 1 << 14                                               # operations that are remembered
PLAIN = frozenset(("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"))   # types with which NumPy computes as XLA does
FACTS = 3                                                    # of a key, before the operands' kinds: the operation, its attributes, the mode
KNOWN: dict[tuple, Known | None] = {}


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
            if kind is int and abs(x) >= WIDE:               # how it overflows is the recorded operation's affair
                return None
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
    known = KNOWN[key] if key in KNOWN else _remember(key, op, operands, attrs, kinds[FACTS:])
    if known is None and numbers:                            # `x ** 2` is exact, `x ** y` is not
        key = *key, *map(repr, numbers)
        fixed = [host.Fixed(type(x), repr(x), x) if type(x) in NUMBERS else k for k, x in zip(kinds[FACTS:], operands, strict=True)]
        known = KNOWN[key] if key in KNOWN else _remember(key, op, operands, attrs, fixed)
    if known is None or known.program is None:
        return None
    if numbers:
        check_numbers(op, operands, known.avals[0].dtype)
    with np.errstate(all="ignore"):
        return known.values(known.program(given if known.takes_numbers else arrays))


def _remember(key: tuple, op: Any, operands: tuple, attrs: tuple, kinds: list) -> Known | None:
    """Find what computes an operation for operands of these kinds (avals, fixed numbers, the classes of others), or None, and keep it."""
    if len(KNOWN) >= KEPT:
        KNOWN.clear()
    KNOWN[key] = found = None if isinstance(op, lower.Special) or hasattr(op, "label") else _exactly(op, operands, attrs, kinds)
    return found


def _exactly(op: Any, operands: tuple, attrs: tuple, kinds: list) -> Known | None:
    casts, results = infer(op, [k.kind if type(k) is host.Fixed else k for k in kinds], operands, attrs, here.mode)
    try:
        program = host.traced(op, attrs, casts, tuple([(k.shape, k.dtype.numpy) if type(k) is Aval else k for k in kinds]))
    except RuntimeError:                                     # NumPy has nothing for it
        return None
    takes_numbers = not any(type(k) is host.Fixed for k in kinds)
    return Known(program, tuple([aval(shape, t, CPU) for shape, t in results]), takes_numbers) if program.exact else None


Few.compute = staticmethod(compute)
