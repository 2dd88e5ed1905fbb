"""Comparisons and predicates: their results are bool."""
from __future__ import annotations

from functools import partial

import jax.numpy as jnp

from .._core.dtype import bool_, dtype, of_python
from .._core.graph import Aval
from .._core.op import BOOL, NONE, Array, Scalar, op
from .arguments import is_complex, is_inexact, unimplemented
from .checks import scalar_type

comparison = partial(op, BOOL, differentiable=False, numbers="other")
predicate = partial(op, BOOL, inplace=False, out=False, differentiable=False)
verdict = partial(op, NONE, home="", inplace=False, out=False, differentiable=False)    # its zero-dim result becomes a Python bool at the door


# ---- two operands

def _require_order(input: Array, kernel: str) -> None:
    if is_complex(input):
        raise unimplemented(kernel, input)


@comparison()
def eq(input: Array, other: Array) -> Array:
    """Whether `input == other`.    input, other: (*)  ->  (*), bool

    >>> torch.eq(torch.tensor([1, 2]), 2)
    tensor([False,  True])
    """
    return input == other


@comparison(aliases=("not_equal",))
def ne(input: Array, other: Array) -> Array:
    """Whether `input != other`.    input, other: (*)  ->  (*), bool"""
    return input != other


@comparison(aliases=("less",))
def lt(input: Array, other: Array) -> Array:
    """Whether `input < other`.    input, other: (*)  ->  (*), bool"""
    _require_order(input, "lt_cpu")
    return input < other


@comparison(aliases=("less_equal",))
def le(input: Array, other: Array) -> Array:
    """Whether `input <= other`.    input, other: (*)  ->  (*), bool"""
    _require_order(input, "le_cpu")
    return input <= other


@comparison(aliases=("greater",))
def gt(input: Array, other: Array) -> Array:
    """Whether `input > other`.    input, other: (*)  ->  (*), bool"""
    _require_order(input, "gt_cpu")
    return input > other


@comparison(aliases=("greater_equal",))
def ge(input: Array, other: Array) -> Array:
    """Whether `input >= other`.    input, other: (*)  ->  (*), bool"""
    _require_order(input, "ge_cpu")
    return input >= other


def _tolerance(number: float, kind: dtype, name: str) -> None:
    if number < 0:
        raise RuntimeError(f"{name} must be greater than or equal to zero, but got {number}")


def _ordered(*operands: Aval | type) -> None:
    """What `isin` compares: real numbers."""
    for x in operands:
        of = of_python[x] if isinstance(x, type) else x.dtype
        if of is bool_ or of.is_complex:
            raise RuntimeError(f"Unsupported input type encountered for isin(): {of.title}")


@op(NONE, out=False, differentiable=False, strides="like", fits=("rtol", "atol"), fitting=_tolerance)
def isclose(input: Array, other: Array, rtol: Scalar = 1e-05, atol: Scalar = 1e-08, equal_nan: bool = False) -> Array:
    """Whether `|input - other| <= atol + rtol * |other|`.    input, other: (*)  ->  (*), bool"""
    if input.dtype != other.dtype:
        raise RuntimeError(f"{scalar_type(input)} did not match {scalar_type(other)}")
    close = input == other
    if equal_nan and is_inexact(input):
        close |= jnp.isnan(input) & jnp.isnan(other)
    wide = jnp.float64 if not is_inexact(input) else None
    a, b = (x.astype(wide) if wide else x for x in (input, other))
    gap = jnp.abs(a - b)
    return close | jnp.isfinite(gap) & (gap <= jnp.asarray(atol).astype(gap.dtype) + jnp.asarray(rtol).astype(gap.dtype) * jnp.abs(b))


@verdict(fits=("rtol", "atol"), fitting=_tolerance)
def _allclose(input: Array, other: Array, rtol: Scalar = 1e-05, atol: Scalar = 1e-08, equal_nan: bool = False) -> Array:
    """Whether all elements are close: `isclose(...).all()`.    input, other: (*)  ->  (), bool"""
    return jnp.all(isclose(input, other, rtol, atol, equal_nan))


@verdict()
def _equal(input: Array, other: Array) -> Array:
    """Whether two tensors have the same size and elements.    input, other: (*)  ->  (), bool"""
    return jnp.all(input == other) if input.shape == other.shape else jnp.zeros((), jnp.bool_)


@op(BOOL, home="torch", inplace=False, differentiable=False, overlap="any", strides="fresh", refuses=_ordered)
def isin(elements: Array, test_elements: Array, *, assume_unique: bool = False, invert: bool = False) -> Array:
    """Whether each element is among `test_elements`.    elements: (*), test_elements: (*)  ->  (*), bool

    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 5]))
    tensor([False,  True, False])
    """
    return jnp.isin(elements, test_elements, assume_unique=assume_unique, invert=invert)


# ---- one operand

@predicate()
def isnan(input: Array) -> Array:
    """Whether each element is nan.    input: (*)  ->  (*), bool"""
    return jnp.isnan(input) if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@predicate()
def isinf(input: Array) -> Array:
    """Whether each element is inf or -inf.    input: (*)  ->  (*), bool"""
    return jnp.isinf(input) if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@predicate()
def isfinite(input: Array) -> Array:
    """Whether each element is neither infinite nor nan.    input: (*)  ->  (*), bool"""
    return jnp.isfinite(input) if is_inexact(input) else jnp.ones(input.shape, jnp.bool_)


@predicate()
def isreal(input: Array) -> Array:
    """Whether each element has no imaginary part.    input: (*)  ->  (*), bool"""
    return input.imag == 0 if is_complex(input) else jnp.ones(input.shape, jnp.bool_)


@op(BOOL, inplace=False, differentiable=False)
def isneginf(input: Array) -> Array:
    """Whether each element is -inf.    input: (*)  ->  (*), bool"""
    return _infinite(input, -jnp.inf, "isneginf")


@op(BOOL, inplace=False, differentiable=False)
def isposinf(input: Array) -> Array:
    """Whether each element is inf.    input: (*)  ->  (*), bool"""
    return _infinite(input, jnp.inf, "isposinf")


def _infinite(input: Array, value: float, name: str) -> Array:
    if is_complex(input):
        raise RuntimeError(f"{name} does not support complex inputs.")
    return input == value if is_inexact(input) else jnp.zeros(input.shape, jnp.bool_)


@op(BOOL, inplace=False, differentiable=False)
def signbit(input: Array) -> Array:
    """Whether each element's sign bit is set.    input: (*)  ->  (*), bool"""
    if is_complex(input):
        raise NotImplementedError("signbit is not implemented for complex tensors.")
    return jnp.signbit(input) if is_inexact(input) else input < 0
