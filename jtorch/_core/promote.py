"""Type promotion, by PyTorch's rules: category first, tensors before zero-dim tensors before Python numbers."""
from __future__ import annotations

from functools import cache

from . import dtype as dt
from .dtype import BOOL, COMPLEX, FLOATING, INTEGRAL, dtype

NUMBERS = {bool: dt.bool_, int: dt.int64, float: None, complex: None}   # None: follows the default dtype


class Default:
    """The default floating point type, which `torch.set_default_dtype` changes."""
    floating = dt.float32


@cache
def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest type that holds both.

    >>> torch.promote_types(torch.int32, torch.float16)
    torch.float16
    """
    if a is b:
        return a
    if a.category > b.category:
        a, b = b, a
    if b.category == COMPLEX:
        return dt.complex128 if dt.complex128 in (a, b) or a is dt.float64 else dt.complex64
    if a.category < b.category:
        return b
    if b.category == FLOATING:
        if a.itemsize == b.itemsize:
            return dt.float32                                # float16 with bfloat16
        return max(a, b, key=lambda t: t.itemsize)
    return _integers(a, b)


def _integers(a: dtype, b: dtype) -> dtype:
    if a.is_signed == b.is_signed:
        return max(a, b, key=lambda t: t.itemsize)
    signed, unsigned = (a, b) if a.is_signed else (b, a)
    if unsigned is not dt.uint8:
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a.name} and {b.name}")
    return dt.int16 if signed is dt.int8 else signed


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    if higher is None or lower is None:
        return higher or lower
    if higher.category == COMPLEX:
        return higher
    if higher.category == FLOATING:
        return higher.to_complex() if lower.category == COMPLEX else higher
    if higher.category == BOOL or lower.category in (FLOATING, COMPLEX):
        return promote_types(higher, lower)
    return higher


def number_type(kind: type) -> dtype:
    """The type that a Python number of class `kind` has as a tensor."""
    if kind is float:
        return Default.floating
    return Default.floating.to_complex() if kind is complex else NUMBERS[kind]


def result_type(operands: list[tuple[dtype, int] | type]) -> dtype:
    """The common type of operands, each `(dtype, ndim)` for a tensor or the class of a Python number."""
    tensors = zerodim = numbers = None
    for operand in operands:
        if isinstance(operand, type):
            kind = number_type(operand)
            numbers = kind if numbers is None else promote_types(numbers, kind)
        elif operand[1]:
            tensors = operand[0] if tensors is None else promote_types(tensors, operand[0])
        else:
            zerodim = operand[0] if zerodim is None else promote_types(zerodim, operand[0])
    return _combine(tensors, _combine(zerodim, numbers))


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether PyTorch's rules let a result of type `source` be stored as `target`.

    >>> torch.can_cast(torch.float32, torch.int32)
    False
    """
    if source.category > max(target.category, FLOATING if target.category == FLOATING else target.category):
        return False
    return not (source.category != BOOL and target.category == BOOL)


FLOAT_CATEGORIES = (FLOATING, COMPLEX)
INTEGER_CATEGORIES = (BOOL, INTEGRAL)
