"""Arithmetic on each element."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.dtype import IN_C, SHORT, bool_, check_number, dtype
from .._core.graph import Aval
from .._core.op import FLOAT, NONE, SAME, Array, Scalar, op
from .._core.run import ACCELERATED
from .arguments import cast, is_bool, is_complex, is_inexact, unimplemented
from .checks import scalar_type
from .derivatives import derived, direction, magnitude
from .nodes import by_number, by_tensor
from .ranges import divisor
from .single import accumulated, in_single, multiply_add, rounded_once

INTEGER_ADDCDIV = ("Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true division of tensor1 "
                   "and tensor2. The historic addcdiv behavior can be implemented as (input + value * torch.trunc(tensor1 / tensor2))"
                   ".to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv "
                   "behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all dtypes.")


# ---- sums and products

def _apart(x: Array, number: Array) -> Array:
    """A constant of the program, kept apart from others: XLA would add up those of `x + 3.3 - 0.7` beforehand, which is rounded otherwise."""
    if isinstance(number, np.ndarray) and not number.ndim and is_inexact(number) and not ACCELERATED:
        return lax.optimization_barrier(jnp.broadcast_to(number, x.shape))
    return number


def _plus(x: Array, y: Array, alpha: Scalar, combine: Callable[[Array, Array], Array] = jnp.add) -> Array:
    """`x + alpha * y`, or with `combine` subtracting `x - alpha * y`, rounded once."""
    if isinstance(alpha, int) and alpha == 1:
        return combine(x, y)
    factor = combine(jnp.zeros((), y.dtype), cast(alpha, y))
    return in_single(multiply_add)(x, y, factor)


@op(SAME, reflected=True, fits=("alpha",))
def add(input: Array, other: Array, *, alpha: Scalar = 1) -> Array:
    """`input + alpha * other`.    input, other: (*)  ->  (*)

    >>> torch.add(torch.tensor([1, 2]), 10, alpha=2)
    tensor([21, 22])
    """
    return _plus(_apart(other, input), _apart(input, other), alpha)


def without_bool(input: Aval | type, other: Aval | type, *numbers: type) -> None:
    """What subtraction takes: no booleans."""
    booleans = [x is bool or x == bool_ for x in (x if isinstance(x, type) else x.dtype for x in (input, other))]
    if all(booleans):
        raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.")
    if any(booleans):
        raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
                           "use the `~` or `logical_not()` operator instead.")


@op(SAME, aliases=("subtract",), reflected=True, fits=("alpha",), refuses=without_bool,
    node=lambda entry: "RsubBackward1" if 0 in entry.numbers else "SubBackward0")
def sub(input: Array, other: Array, *, alpha: Scalar = 1) -> Array:
    """`input - alpha * other`.    input, other: (*)  ->  (*)"""
    return _plus(_apart(other, input), _apart(input, other), alpha, jnp.subtract)


@op(SAME, home="torch", inplace=False, out=False, node=by_number("Rsub"), numbers="other", fits=("alpha",), refuses=without_bool)
def rsub(input: Array, other: Array, *, alpha: Scalar = 1) -> Array:
    """`other - alpha * input`.    input, other: (*)  ->  (*)"""
    return sub(other, input, alpha=alpha)


@op(SAME, aliases=("multiply",), reflected=True, wide=True)
def mul(input: Array, other: Array) -> Array:
    """`input * other`.    input, other: (*)  ->  (*)"""
    return rounded_once(jnp.multiply, _apart(other, input), _apart(input, other))


@op(SAME, fits=("value",), wide=True)
def addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: Scalar = 1) -> Array:
    """`input + value * tensor1 * tensor2`.    (*), (*), (*)  ->  (*)"""
    if is_bool(input):
        raise unimplemented("addcmul_cpu_out", input)
    return in_single(lambda x, y, z: multiply_add(x, cast(value, x) * y, z))(input, tensor1, tensor2)


@op(SAME, fits=("value",), wide=True)
def addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: Scalar = 1) -> Array:
    """`input + value * tensor1 / tensor2`.    (*), (*), (*)  ->  (*)"""
    if not is_inexact(input):
        raise RuntimeError(INTEGER_ADDCDIV)
    return in_single(lambda x, y, z: x + _parts(y, z, cast(value, x)))(input, tensor1, tensor2)


@derived(lambda t, _, x, y, value: t * (value / y), lambda t, _, x, y, value: -t * (value * x / (y * y)))
def _parts(x: Array, y: Array, value: Array) -> Array:
    return ratio(value * x, y)


@op(SAME, node=by_tensor("Lerp", (2,)), fits=("weight",), wide=True)
def lerp(input: Array, end: Array, weight: Array) -> Array:
    """The point a part `weight` of the way from `input` to `end`.    (*), (*), (*)  ->  (*)

    >>> torch.lerp(torch.tensor([0.0, 10.0]), torch.tensor([10.0, 20.0]), 0.5)
    tensor([ 5., 15.])
    """
    if not is_inexact(input):
        raise unimplemented("lerp_kernel_scalar", input)
    return in_single(between)(input, end, weight)


@derived(lambda t, _, start, end, weight: t * (1 - weight), lambda t, _, start, end, weight: t * weight, lambda t, _, start, end, weight: t * (end - start))
def between(start: Array, end: Array, weight: Array) -> Array:
    """The point a part `weight` of the way from `start` to `end`."""
    near = jnp.abs(weight) < 0.5                                        # the nearer end is met exactly
    return jnp.where(near, multiply_add(start, weight, end - start), multiply_add(end, start - end, 1 - weight))


# ---- quotients

def ratio(x: Array, y: Array) -> Array:
    """`x / y`, rounded once.  XLA would multiply by the reciprocal of a number, and divide by the product of two divisors.

    A barrier keeps it from that; where there are accelerators, on which it would keep operations apart, they are divided as XLA likes.
    """
    if ACCELERATED or not is_inexact(x):
        return x / y
    return jnp.divide(*map(lax.optimization_barrier, jnp.broadcast_arrays(x, y)))   # apart: the change of one, that it is 0, is no matter of the other's


@derived(lambda t, _, x, y: t / y, lambda t, result, x, y: -(t / y) * result)
def quotient(x: Array, y: Array) -> Array:
    """`x / y`: the derivative, and its own, at y = 0 is infinite."""
    return ratio(x, y)


@op(SAME, name="div", aliases=("divide",), node="DivBackward2", known=divisor)
def rounded_div(input: Array, other: Array, *, rounding_mode: str) -> Array:
    """`input / other`, rounded to an integer as `rounding_mode` says: "trunc" (towards zero) or "floor".    (*), (*)  ->  (*)"""
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")
    _require_real(input, "div_trunc")
    return jnp.trunc(input / other) if is_inexact(input) else lax.div(*jnp.broadcast_arrays(input, other))


@derived(lambda t, result, _: -t * (result * result))
def _inverse(x: Array) -> Array:
    return ratio(jnp.ones_like(x), x)


@op(FLOAT, home="", inplace=False, out=False, node="MulBackward0", wide=True)
def divided_by(input: Array, other: Array) -> Array:
    """`input / other` as Python's reflected operator has it: rounded twice, since PyTorch multiplies with the reciprocal.    (*), (*)  ->  (*)"""
    return rounded_once(jnp.multiply, input, _inverse(other))


@op(FLOAT, aliases=("divide",), reflected=divided_by, node="DivBackward0", wide=True)
def div(input: Array, other: Array, *, rounding_mode: None = None) -> Array:
    """`input / other`; integers become floating point.    input, other: (*)  ->  (*)

    >>> torch.div(torch.tensor([7, -7]), 2)
    tensor([ 3.5000, -3.5000])
    >>> torch.div(torch.tensor([7, -7]), 2, rounding_mode="floor")
    tensor([ 3, -4])
    """
    return rounded_once(quotient, input, other)


@op(FLOAT, node="DivBackward0", wide=True)
def true_divide(input: Array, other: Array) -> Array:
    """`input / other`; integers become floating point.    input, other: (*)  ->  (*)"""
    return rounded_once(quotient, input, other)


def _require_real(input: Array, name: str) -> None:
    if is_bool(input) or is_complex(input):
        raise unimplemented(f"{name}_cpu", input)


@op(SAME, reflected=True, differentiable=False, known=divisor)
def floor_divide(input: Array, other: Array) -> Array:
    """`input / other` rounded down, as Python's `//`.    input, other: (*)  ->  (*)"""
    _require_real(input, "div_floor")
    if not is_inexact(input):
        return jnp.floor_divide(input, other)
    input, other = lax.stop_gradient(jnp.broadcast_arrays(input, other))
    ratio, rest = input / other, lax.rem(input, other)
    whole = (input - rest) / other - ((rest != 0) & ((other < 0) != (rest < 0))).astype(input.dtype)
    floor = jnp.floor(whole)
    floor = jnp.where(whole - floor > 0.5, floor + 1, floor)            # `whole` is an integer up to rounding
    return jnp.where(other == 0, ratio, jnp.where(whole == 0, jnp.copysign(jnp.zeros_like(ratio), ratio), floor))


@op(SAME, reflected=True, node=by_tensor("Remainder"), saves="nothing", known=divisor)
def remainder(input: Array, other: Array) -> Array:
    """The rest of division with the sign of `other`, as Python's `%`.    input, other: (*)  ->  (*)

    >>> torch.remainder(torch.tensor([-3.0, 3.0]), 2)
    tensor([1., 1.])
    """
    _require_real(input, "remainder")
    return _rest(input, other)


@derived(lambda t, _, x, y: t, lambda t, _, x, y: -t * floor_divide(x, y))
def _rest(x: Array, y: Array) -> Array:
    return jnp.remainder(x, y)


@op(SAME, node=by_tensor("Fmod"), known=divisor, numbers="other")
def fmod(input: Array, other: Array) -> Array:
    """The rest of division with the sign of `input`, as C's `fmod`.    input, other: (*)  ->  (*)"""
    _require_real(input, "fmod")
    return lax.rem(*jnp.broadcast_arrays(input, other))


@op(FLOAT, saves="result")
def reciprocal(input: Array) -> Array:
    """`1 / input`.    input: (*)  ->  (*)"""
    return _inverse(input)


@op(SAME, numbers=False)
def gcd(input: Array, other: Array) -> Array:
    """Greatest common divisor, never negative.    input, other: (*)  ->  (*)"""
    if is_inexact(input) or is_bool(input):
        raise unimplemented("gcd_cpu", input)
    return jnp.gcd(input, other)


@op(SAME, numbers=False)
def lcm(input: Array, other: Array) -> Array:
    """Least common multiple, never negative.    input, other: (*)  ->  (*)"""
    if is_inexact(input) or is_bool(input):
        raise unimplemented("lcm_cpu", input)
    return jnp.lcm(input, other)


# ---- sign and size

@op(SAME, aliases=("negative",))
def neg(input: Array) -> Array:
    """`-input`.    input: (*)  ->  (*)"""
    if is_bool(input):
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
                           "use the `~` or `logical_not()` operator instead.")
    return -input


@op(SAME, aliases=("absolute",), inplace="exact")
def abs(input: Array) -> Array:
    """Size of each element; its derivative at 0 is 0.    input: (*)  ->  (*)

    >>> torch.abs(torch.tensor([-1, 2]))
    tensor([1, 2])
    """
    if is_bool(input):
        raise unimplemented("abs_cpu", input)
    return magnitude(input)


@op(SAME)
def sign(input: Array) -> Array:
    """-1, 0 or 1 by the sign of each element.    input: (*)  ->  (*)"""
    if is_complex(input):
        raise NotImplementedError("Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.")
    return input if is_bool(input) else jnp.where(jnp.isnan(input), 0, jnp.sign(input))


@op(SAME, saves="both")
def sgn(input: Array) -> Array:
    """`sign`; of a complex number the number of size 1 in the same direction.    input: (*)  ->  (*)"""
    if not is_complex(input):
        return sign(input)
    return direction(input)


@op(FLOAT, node=by_number("Copysign"), saves="both", numbers="other")
def copysign(input: Array, other: Array) -> Array:
    """The size of `input` with the sign of `other`; the derivative at 0 is 0.    input, other: (*)  ->  (*)"""
    if is_complex(input):
        raise unimplemented("copysign_cpu", input)
    return _with_sign(input, other)


@derived(lambda t, _, x, sign: t * ((x - x) / x))                       # 0, and no number where the ratio is none
def _turn(x: Array, sign: Array) -> Array:
    """The ratio of `copysign` to its first operand; 0 at 0."""
    return jnp.where(x == 0, 0, jnp.where(jnp.signbit(x) != jnp.signbit(sign), -x, x) / x)


@derived(lambda t, _, x, sign: t * _turn(x, sign))
def _with_sign(x: Array, sign: Array) -> Array:
    return jnp.where(jnp.signbit(x) != jnp.signbit(sign), -x, x)


@op(SAME, numbers=False)
def nextafter(input: Array, other: Array) -> Array:
    """The next floating point number after `input` in the direction of `other`.    input, other: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("nextafter_cpu", input)
    return _beside(input, other)


@derived(lambda t, _, x, to: jnp.where(x == to, 0, t))
def _beside(x: Array, to: Array) -> Array:
    return jnp.nextafter(x, to)


@op(SAME, saves="both", numbers=False)
def hypot(input: Array, other: Array) -> Array:
    """Length of the hypotenuse, `sqrt(input² + other²)`.    input, other: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("hypot_cpu", input)
    return in_single(_hypotenuse)(input, other)


@derived(lambda t, side, x, y: t * quotient(x, side), lambda t, side, x, y: t * quotient(y, side))
def _hypotenuse(x: Array, y: Array) -> Array:
    return jnp.hypot(accumulated(x), accumulated(y)).astype(x.dtype)


@op(SAME, differentiable=False, numbers=False)
def heaviside(input: Array, values: Array) -> Array:
    """0 below zero, 1 above zero, `values` at zero.    input, values: (*)  ->  (*)"""
    return jnp.where(input == 0, values, (input > 0).astype(values.dtype))


# ---- bounds

def _require_bounds(input: Array, bound: Array, name: str) -> None:
    if is_complex(input):
        raise NotImplementedError("clamp is not supported for complex types")
    if is_bool(input) and isinstance(bound, np.ndarray):                # a number
        raise unimplemented(f"{name}_scalar_cpu", input)


def _clamped(entry: Any) -> str:
    tensors = {1, 2} - entry.numbers - {k for k in (1, 2) if entry.operands[k] is None}
    return f"ClampBackward{int(not tensors)}"


@op(SAME, aliases=("clip",), node=_clamped, numbers="other", fits=("min", "max"))
def clamp(input: Array, min: Array | None = None, max: Array | None = None) -> Array:
    """`input` held between `min` and `max`; its derivative at a bound is 1.    input: (*)  ->  (*)

    >>> torch.clamp(torch.tensor([-2.0, 0.5, 3.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if min is None or max is None:
        return clamp_max(input, max) if min is None else clamp_min(input, min)
    _require_bounds(input, min, "clamp")
    if is_bool(input):
        raise unimplemented("clamp_cpu", input)
    return _within(input, min, max)


@derived(lambda t, _, x, low, high: jnp.where((x >= low) & (x <= high), t, 0), lambda t, _, x, low, high: jnp.where((low < high) & (x < low), t, 0),
         lambda t, _, x, low, high: jnp.where((x > high) | (high < low), t, 0))
def _within(x: Array, low: Array, high: Array) -> Array:
    return _at_most(_at_least(x, low), high)


@op(SAME, node=by_tensor("ClampMin"), numbers="other", fits=("min",))
def clamp_min(input: Array, min: Array) -> Array:
    """`input`, but at least `min`.    input: (*)  ->  (*)"""
    _require_bounds(input, min, "clamp_min")
    return _at_least(input, min)


@derived(lambda t, _, x, low: jnp.where(x >= low, t, 0), lambda t, _, x, low: jnp.where(x < low, t, 0))
def _at_least(x: Array, low: Array) -> Array:
    return jnp.where((x < low) | jnp.isnan(low), low, x)


@op(SAME, node=by_tensor("ClampMax"), numbers="other", fits=("max",))
def clamp_max(input: Array, max: Array) -> Array:
    """`input`, but at most `max`.    input: (*)  ->  (*)"""
    _require_bounds(input, max, "clamp_max")
    return _at_most(input, max)


@derived(lambda t, _, x, high: jnp.where(x <= high, t, 0), lambda t, _, x, high: jnp.where(x > high, t, 0))
def _at_most(x: Array, high: Array) -> Array:
    return jnp.where((x > high) | jnp.isnan(high), high, x)


def _require_order(input: Array, name: str) -> None:
    if is_complex(input):
        raise RuntimeError(f"{name} not implemented for complex tensors.")


@op(SAME, inplace=False, numbers=False)
def maximum(input: Array, other: Array) -> Array:
    """The larger of two elements; nan where either is nan.    input, other: (*)  ->  (*)"""
    _require_order(input, "maximum")
    return larger(input, other)


def _won(t: Array, tie: Array, lost: Array) -> Array:
    """The change of the larger or smaller of two numbers: equal ones share it."""
    return jnp.where(lost, 0, jnp.where(tie, t / 2, t))


@derived(lambda t, _, x, y: _won(t, x == y, x < y), lambda t, _, x, y: _won(t, x == y, x > y))
def larger(x: Array, y: Array) -> Array:
    """The larger of two elements; nan where either is nan, and then both have the gradient."""
    return jnp.maximum(x, y)


@derived(lambda t, _, x, y: _won(t, x == y, x > y), lambda t, _, x, y: _won(t, x == y, x < y))
def smaller(x: Array, y: Array) -> Array:
    """The smaller of two elements; nan where either is nan, and then both have the gradient."""
    return jnp.minimum(x, y)


@op(SAME, inplace=False, numbers=False)
def minimum(input: Array, other: Array) -> Array:
    """The smaller of two elements; nan where either is nan.    input, other: (*)  ->  (*)"""
    _require_order(input, "minimum")
    return smaller(input, other)


@op(SAME, inplace=False, numbers=False)
def fmax(input: Array, other: Array) -> Array:
    """The larger of two elements; a nan counts as missing.    input, other: (*)  ->  (*)"""
    return jnp.where((input >= other) | jnp.isnan(other), input, other)


@op(SAME, inplace=False, numbers=False)
def fmin(input: Array, other: Array) -> Array:
    """The smaller of two elements; a nan counts as missing.    input, other: (*)  ->  (*)"""
    return jnp.where((input <= other) | jnp.isnan(other), input, other)


# ---- choosing

def _choice(number: complex, kind: dtype, name: str) -> None:
    """PyTorch lets a number that 16 bits do not hold become infinite."""
    if kind not in SHORT:
        check_number(number, kind)


@op(SAME, inplace=False, keeps=("condition",), fits=("input", "other"), fitting=_choice)
def where(condition: Array, input: Array, other: Array) -> Array:
    """`input` where `condition` holds, elsewhere `other`.    (*), (*), (*)  ->  (*)

    >>> torch.where(torch.tensor([True, False]), torch.tensor([1, 2]), 0)
    tensor([1, 0])
    """
    if condition.dtype not in (jnp.bool_, jnp.uint8):
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {scalar_type(condition)}")
    return jnp.where(condition, input, other)


@op(NONE, inplace=True, out=False, node=by_tensor("MaskedFill", (2,)), fits=("value",))
def masked_fill(input: Array, mask: Array, value: Scalar) -> Array:
    """`input` with `value` where `mask` holds.    input, mask: (*)  ->  (*)"""
    return _fill(input, mask, value)


@op(NONE, name="masked_fill", inplace=True, out=False, node="MaskedFillBackward1")
def masked_fill_tensor(input: Array, mask: Array, value: Array) -> Array:
    """`input` with the zero-dim tensor `value` where `mask` holds.    input, mask: (*)  ->  (*)"""
    if value.ndim:
        raise RuntimeError(f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
    return _fill(input, mask, value)


def _fill(input: Array, mask: Array, value: Scalar | Array) -> Array:
    if not is_bool(mask):
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {IN_C.get(mask.dtype.name, mask.dtype.name)}")
    if not is_complex(input) and getattr(value, "dtype", None) in (jnp.complex64, jnp.complex128):
        raise RuntimeError(f"value cannot be converted to type {IN_C.get(input.dtype.name, input.dtype.name)} without overflow")
    return jnp.where(mask, cast(value, input), input)


@op(SAME)
def nan_to_num(input: Array, nan: Scalar | None = 0.0, posinf: Scalar | None = None, neginf: Scalar | None = None) -> Array:
    """nan, inf and -inf replaced; by default by 0 and the largest and smallest finite number.    input: (*)  ->  (*)"""
    for position, (name, x) in enumerate((("nan", nan), ("posinf", posinf), ("neginf", neginf)), 2):
        if isinstance(x, complex):
            raise TypeError(f"nan_to_num(): argument '{name}' (position {position}) must be float, not complex")
    if not is_inexact(input):
        return input
    if is_complex(input):
        return lax.complex(nan_to_num(input.real, nan, posinf, neginf), nan_to_num(input.imag, nan, posinf, neginf))
    limits = jnp.finfo(input.dtype)
    low, high = (limits.min if neginf is None else neginf), (limits.max if posinf is None else posinf)
    bounded = jnp.where(input == jnp.inf, cast(high, input), jnp.where(input == -jnp.inf, cast(low, input), input))
    return jnp.where(jnp.isnan(input), cast(0 if nan is None else nan, input), bounded)
