"""Powers of each element."""
from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.dtype import FLOATING, SHORT, check_number, dtype
from .._core.op import DOUBLE, FLOAT, SAME, Array, op
from .arguments import is_bool, is_complex, is_inexact, unimplemented
from .checks import is_floating, widened
from .derivatives import derived
from .nodes import by_operands
from .pointwise import ratio
from .single import in_single


def _exponent(number: complex, kind: dtype, name: str) -> None:
    """Raise for what integers, and 16 bits, cannot be raised to."""
    if kind.category < FLOATING and number.real < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if kind.category < FLOATING or kind in SHORT:
        check_number(number, kind)


@op(SAME, reflected=True, fits=("exponent",), fitting=_exponent, node=by_operands("Pow", 1, 2, 0))
def pow(input: Array, exponent: Array) -> Array:
    """`input ** exponent`.    input, exponent: (*)  ->  (*)

    >>> torch.pow(torch.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if is_bool(input):
        if not isinstance(exponent, np.ndarray):
            raise unimplemented("pow", input)
        return input if exponent else jnp.ones_like(input)
    if isinstance(exponent, np.ndarray):                                # a constant: whole powers compile to multiplications
        if not is_complex(input) and float(exponent).is_integer() and 0 <= exponent <= (3 if is_floating(input) else np.inf):
            return _whole_power(input, int(exponent))
        if is_floating(input) and exponent.item() in INVERSE:
            return _inverse_power(exponent.item())(input)
    if is_inexact(input):
        return _power(input, exponent)
    if jnp.issubdtype(input.dtype, jnp.unsignedinteger):
        return _integer_power(input, exponent)
    odd = jnp.where(exponent % 2 == 1, -1, 1)                           # 1 / n is an integer for n = 1 and n = -1 only
    inverse = jnp.where(input == 1, 1, jnp.where(input == -1, odd, 0))
    return jnp.where(exponent < 0, inverse.astype(input.dtype), _integer_power(input, exponent))


def _integer_power(x: Array, n: Array) -> Array:
    """Powers of integers modulo the size of their type, by squaring: bit after bit of the exponents, of which any may be set."""
    def step(k: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        made, square = state
        return jnp.where((n >> k) & 1, made * square, made), square * square

    x, n = jnp.broadcast_arrays(x, n)
    bits = int(jnp.iinfo(n.dtype).max).bit_length()
    return lax.fori_loop(0, bits, lambda k, state: step(lax.convert_element_type(k, n.dtype), state), (jnp.ones_like(x), x))[0]


pow.op.fixed = frozenset((-2, -1, -0.5, 0.5, 1, 2, 3))                   # numbers that have a way of their own: they stay constants however they vary
INVERSE: dict[float, Callable[[Array], Array]] = {-0.5: jnp.sqrt, -1: lambda x: x, -2: jnp.square}   # powers that are found as reciprocals, and of what


def _inverse_power(n: float) -> Callable[[Array], Array]:
    @derived(lambda t, _, x: t * (n * _power(x, jnp.asarray(n - 1, x.dtype))))
    def power(x: Array) -> Array:
        wide = widened(x) if n == -0.5 else _unless_stepwise(x)
        return ratio(jnp.ones_like(wide), INVERSE[n](wide)).astype(x.dtype)
    return power


def _whole_power(x: Array, n: int) -> Array:
    """`x ** n` for a constant; of `x ** 1` no derivative depends on x, nor of `x ** 0`."""
    return x if n == 1 else lax.integer_pow(_unless_stepwise(x), n).astype(x.dtype) if n else jnp.ones_like(x)


def _unless_stepwise(x: Array) -> Array:
    """float16 in single precision: PyTorch rounds such powers once, but those of bfloat16 after each multiplication."""
    return widened(x) if x.dtype == jnp.float16 else x


@derived(lambda t, _, x, y: jnp.where(y == 0, 0, t * jnp.where(y == 0, 0, y * _power(x, y - 1))),         # 0 also where t is infinite
         lambda t, result, x, y: t * jnp.where((x == 0) & (y == y.real) & (y.real >= 0), 0, result * jnp.log(x)))
def _power(x: Array, y: Array) -> Array:
    made = jnp.power(x, y)
    return jnp.where((x == 0) & (y.real > 0), 0, made) if is_complex(x) else made   # the logarithm of 0 has no direction


@op(DOUBLE, inplace="exact", node=by_operands("Pow", 1, 2, 0), saves="nothing")
def float_power(input: Array, exponent: Array) -> Array:
    """`input ** exponent` in double precision.    input, exponent: (*)  ->  (*)"""
    return _power(input, exponent)


@op(SAME, node="PowBackward0")
def square(input: Array) -> Array:
    """`input * input`.    input: (*)  ->  (*)"""
    return input.astype(jnp.int64) ** 2 if is_bool(input) else lax.integer_pow(input, 2)


@op(FLOAT, numbers=False, overlap="any")
def ldexp(input: Array, other: Array) -> Array:
    """`input * 2 ** other`.    input, other: (*)  ->  (*)"""
    return input * in_single(jnp.exp2)(other)
