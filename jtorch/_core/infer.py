"""What an operation's results will be: their shapes and types, found by its own body without computing, once for each kind of operands."""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import jax

from . import lower
from .dtype import FLOATING, SHORT, WIDE, check_integer, dtype, float32, from_numpy, int64
from .graph import Array, Aval, Entry, Mode
from .promote import NUMBERS
from .run import PACKAGE, user_frame

KEPT = 1 << 14                                               # inferences that are remembered
Facts = tuple[tuple, list[tuple[tuple, dtype]]]              # each operand's conversion, and the results' shapes and types
_notices: list[str] = []                                     # what bodies have warned of in the inference under way


def warn(message: str) -> None:
    """In an operator's body: warn on the user's line each time that the operation is recorded anew."""
    _notices.append(message)


def infer(op: Any, kinds: Sequence, operands: Sequence, attrs: tuple, mode: Mode) -> Facts:
    """The facts of an operation on tensors (avals), numbers (their class) and Nones."""
    numbers = tuple([None if isinstance(k, Aval) else x for k, x in zip(kinds, operands, strict=True)])
    _check_wide(op, numbers, kinds)
    facts, notices = _infer(op, tuple(kinds), numbers, attrs, tuple(map(type, attrs)), mode)   # 1 and True are equal but not the same
    if facts[1]:
        _check_fits(op, operands, facts[1][0][1])
    for message in notices:
        warnings.warn(message, stacklevel=user_frame()[1])
    return facts


def check_numbers(op: Any, operands: Sequence, result: dtype) -> None:
    """Raise for numbers that 64 bits do not hold, or where the operation converts them to it, the type of the result."""
    _check_wide(op, operands, (result,))
    _check_fits(op, operands, result)


def _check_fits(op: Any, operands: Sequence, result: dtype) -> None:
    for k, name in getattr(op, "fits", ()):
        if type(operands[k]) in NUMBERS:
            op.fitting(operands[k], float32 if op.wide and result in SHORT else result, name)


def _check_wide(op: Any, operands: Sequence, kinds: Sequence) -> None:
    """An integer that has no type with a sign may meet floating point numbers, but no integers."""
    for x in operands:
        if type(x) is int and not -WIDE <= x < WIDE:
            check_integer(x)
            met = next((k if isinstance(k, dtype) else k.dtype for k in kinds if isinstance(k, Aval | dtype)), int64)
            if met.category < FLOATING and not getattr(op, "fits", ()):
                raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {met.title} and UInt64")


@lru_cache(KEPT)
def _infer(op: Any, kinds: tuple, numbers: tuple, attrs: tuple, classes: tuple, mode: Mode) -> tuple[Facts, tuple[str, ...]]:
    _notices.clear()
    casts = op.conversions(kinds, attrs, mode)
    stand_ins = [jax.ShapeDtypeStruct(k.within(mode.levels).full, k.dtype.numpy) for k in kinds if isinstance(k, Aval)]
    entry = Entry(op, attrs, (), casts, (), (), 0)

    def run(*arrays: Array) -> tuple:
        source = iter(arrays)
        return lower.evaluate(entry, [next(source) if isinstance(k, Aval) else x for k, x in zip(kinds, numbers, strict=True)])

    try:
        with jax.enable_x64(True):
            shapes = jax.eval_shape(run, *stand_ins)
    except (TypeError, ValueError) as error:
        raise _translate(error, op, kinds) from None
    return (casts, [(s.shape, from_numpy(s.dtype)) for s in shapes]), tuple(_notices)


def _translate(error: Exception, op: Any, kinds: Sequence) -> Exception:
    """JAX's complaint about shapes or types as PyTorch's RuntimeError; an error of our own as it is."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    if trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
        return error.with_traceback(None)
    shapes = [k.shape for k in kinds if isinstance(k, Aval)]
    if op.kind != "none":
        for a, b in pairwise(shapes):
            check_broadcast(a, b)
    operands = ", ".join(repr(k) if isinstance(k, Aval) else k.__name__ if isinstance(k, type) else "None" for k in kinds)
    return RuntimeError(f"{op.name}: cannot be applied to ({operands})")


def check_broadcast(a: tuple, b: tuple) -> None:
    width = max(len(a), len(b))
    for d in range(-1, -min(len(a), len(b)) - 1, -1):
        if a[d] != b[d] and 1 not in (a[d], b[d]):
            raise RuntimeError(f"The size of tensor a ({a[d]}) must match the size of tensor b ({b[d]}) at non-singleton dimension {width + d}")
