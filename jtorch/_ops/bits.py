"""Bits and truth values of each element."""
from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .._core.op import BOOL, SAME, Array, op
from .arguments import is_bool, is_inexact, unimplemented


def _integral(kernel: str, input: Array) -> None:
    """Raise unless `input` holds integers or booleans."""
    if is_inexact(input):
        raise unimplemented(kernel, input)


@op(SAME, differentiable=False, reflected=True)
def bitwise_and(input: Array, other: Array) -> Array:
    """Bits that both have.    input, other: (*)  ->  (*)

    >>> torch.bitwise_and(torch.tensor([5, 6]), 3)
    tensor([1, 2])
    """
    _integral("bitwise_and_cpu", input)
    return input & other


@op(SAME, differentiable=False, reflected=True)
def bitwise_or(input: Array, other: Array) -> Array:
    """Bits that either has.    input, other: (*)  ->  (*)"""
    _integral("bitwise_or_cpu", input)
    return input | other


@op(SAME, differentiable=False, reflected=True)
def bitwise_xor(input: Array, other: Array) -> Array:
    """Bits that one of the two has.    input, other: (*)  ->  (*)"""
    _integral("bitwise_xor_cpu", input)
    return input ^ other


@op(SAME, differentiable=False)
def bitwise_not(input: Array) -> Array:
    """Bits that `input` lacks; for booleans the negation.    input: (*)  ->  (*)"""
    _integral("bitwise_not_cpu", input)
    return ~input


@op(SAME, reflected=True)
def bitwise_left_shift(input: Array, other: Array) -> Array:
    """`input` times 2 ** other.    input, other: (*)  ->  (*)"""
    _integral("lshift_cpu", input)
    return jnp.where((other < 0) | (other >= _width(input)), 0, lax.shift_left(*jnp.broadcast_arrays(input, other))).astype(input.dtype)


@op(SAME, reflected=True)
def bitwise_right_shift(input: Array, other: Array) -> Array:
    """`input` divided by 2 ** other, rounded down.    input, other: (*)  ->  (*)"""
    _integral("rshift_cpu", input)
    signed = jnp.issubdtype(input.dtype, jnp.signedinteger)
    last = _width(input) - 1                                            # a larger shift leaves the sign alone
    by = jnp.where((other < 0) | (other > last), last, other)
    shifted = (lax.shift_right_arithmetic if signed else lax.shift_right_logical)(*jnp.broadcast_arrays(input, by))
    return shifted if signed else jnp.where((other < 0) | (other > last), 0, shifted).astype(input.dtype)


def _width(input: Array) -> int:
    if is_bool(input):
        raise unimplemented("shift_cpu", input)
    return input.dtype.itemsize * 8


@op(BOOL, differentiable=False, numbers=False)
def logical_and(input: Array, other: Array) -> Array:
    """Whether both are other than 0.    input, other: (*)  ->  (*), bool"""
    return (input != 0) & (other != 0)


@op(BOOL, differentiable=False, numbers=False)
def logical_or(input: Array, other: Array) -> Array:
    """Whether either is other than 0.    input, other: (*)  ->  (*), bool"""
    return (input != 0) | (other != 0)


@op(BOOL, differentiable=False, numbers=False)
def logical_xor(input: Array, other: Array) -> Array:
    """Whether exactly one is other than 0.    input, other: (*)  ->  (*), bool"""
    return (input != 0) ^ (other != 0)


@op(BOOL, differentiable=False)
def logical_not(input: Array) -> Array:
    """Whether each element is 0.    input: (*)  ->  (*), bool

    >>> torch.logical_not(torch.tensor([0, 2]))
    tensor([ True, False])
    """
    return input == 0
