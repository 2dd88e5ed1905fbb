"""Elementary and special functions of each element: exponentials, logarithms, trigonometry, rounding, the gamma and error functions."""
from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from .._core.op import FLOAT, NONE, SAME, Array, Scalar, op
from .arguments import cast, is_bool, is_complex, is_inexact, unimplemented
from .checks import scalar_type, widened
from .derivatives import derived, direction
from .nodes import by_operands
from .pointwise import quotient, ratio
from .single import in_single, kept

WITH_SPECIAL = "torch Tensor special"


# ---- roots, exponentials, logarithms

@op(FLOAT, saves="result")
def sqrt(input: Array) -> Array:
    """Square root.    input: (*)  ->  (*)

    >>> torch.sqrt(torch.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return jnp.sqrt(input)


@op(FLOAT, saves="result")
def rsqrt(input: Array) -> Array:
    """`1 / sqrt(input)`.    input: (*)  ->  (*)"""
    return _inverse_root(input)


@derived(lambda t, root, x: t * (-0.5 * lax.integer_pow(root, 3)))
def _inverse_root(x: Array) -> Array:
    if is_complex(x):
        return lax.rsqrt(x)
    wide = widened(x)
    return ratio(jnp.ones_like(wide), jnp.sqrt(wide)).astype(x.dtype)


@op(FLOAT, saves="result")
def exp(input: Array) -> Array:
    """e to the power of each element.    input: (*)  ->  (*)

    >>> torch.exp(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return jnp.exp(input)


@op(FLOAT, home=WITH_SPECIAL, saves="result")
@in_single
def exp2(input: Array) -> Array:
    """2 to the power of each element.    input: (*)  ->  (*)"""
    return jnp.exp2(input)


@op(FLOAT, home=WITH_SPECIAL, saves="result")
@in_single
def expm1(input: Array) -> Array:
    """`exp(input) - 1`, exact near 0.    input: (*)  ->  (*)"""
    return jnp.expm1(input)


@op(FLOAT)
def log(input: Array) -> Array:
    """Natural logarithm.    input: (*)  ->  (*)

    >>> torch.log(torch.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """
    return jnp.log(input)


@op(FLOAT)
@in_single
def log2(input: Array) -> Array:
    """Logarithm to base 2.    input: (*)  ->  (*)"""
    return jnp.log2(input)


@op(FLOAT)
@in_single
def log10(input: Array) -> Array:
    """Logarithm to base 10.    input: (*)  ->  (*)"""
    return jnp.log10(input)


@op(FLOAT, home=WITH_SPECIAL)
@in_single
def log1p(input: Array) -> Array:
    """`log(1 + input)`, exact near 0.    input: (*)  ->  (*)"""
    return jnp.log1p(input)


@op(SAME, inplace=False, numbers=False)
@in_single
def logaddexp(input: Array, other: Array) -> Array:
    """`log(exp(input) + exp(other))` without overflow.    input, other: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("logaddexp_cpu", input)
    if is_complex(input):
        return log_add_exp(input, other)
    return _log_sum(input, other)


@derived(lambda t, _, x, y: t / (1 + jnp.exp(y - x)), lambda t, _, x, y: t / (1 + jnp.exp(x - y)))
def _log_sum(x: Array, y: Array) -> Array:
    return jnp.logaddexp(x, y)


def log_add_exp(a: Array, b: Array) -> Array:
    """`log(exp(a) + exp(b))` of complex numbers: the larger one's imaginary part stays as it is, without being brought into (-π, π]."""
    first = a.real > b.real
    small, large = jnp.where(first, b, a), jnp.where(first, a, b)
    return large + jnp.log1p(jnp.exp(small - large))


@op(SAME, inplace=False, numbers=False)
@in_single
def logaddexp2(input: Array, other: Array) -> Array:
    """`log2(2 ** input + 2 ** other)` without overflow.    input, other: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("logaddexp2_cpu", input)
    return _log2_sum(input, other)


@derived(lambda t, _, x, y: t / (1 + jnp.exp2(y - x)), lambda t, _, x, y: t / (1 + jnp.exp2(x - y)))
def _log2_sum(x: Array, y: Array) -> Array:
    return jnp.logaddexp2(x, y)


@op(FLOAT, home=WITH_SPECIAL, node=by_operands("Xlogy", 0, 1, 2))
def xlogy(input: Array, other: Array) -> Array:
    """`input * log(other)`, and 0 where `input` is 0.    input, other: (*)  ->  (*)"""
    if is_complex(input):
        raise unimplemented("xlogy_cpu", input)
    return x_log_y(input, other)


@derived(lambda t, _, x, y: t * jnp.where((x == 0) & (y <= 0), 0, jnp.log(y)), lambda t, _, x, y: t * quotient(x, y))
def x_log_y(x: Array, y: Array) -> Array:
    """`x * log(y)`, and 0 where x is 0."""
    return jnp.where((x == 0) & ~jnp.isnan(y), 0, x * jnp.log(y))


@op(FLOAT, home="special", inplace=False, node=by_operands("SpecialXlog1Py", 0, 1, 2))
def xlog1py(input: Array, other: Array) -> Array:
    """`input * log(1 + other)`, and 0 where `input` is 0.    input, other: (*)  ->  (*)"""
    return _x_log_y_1(input, other)


@derived(lambda t, _, x, y: t * jnp.where((x == 0) & (y <= -1), 0, jnp.log1p(y)), lambda t, _, x, y: t * quotient(x, y + 1))
def _x_log_y_1(x: Array, y: Array) -> Array:
    return jnp.where((x == 0) & ~jnp.isnan(y), 0, x * in_single(jnp.log1p)(y))


# ---- trigonometry

@op(FLOAT)
def sin(input: Array) -> Array:
    """Sine of each element, in radians.    input: (*)  ->  (*)

    >>> torch.sin(torch.tensor([0.0, 0.5]))
    tensor([0.0000, 0.4794])
    """
    return jnp.sin(input)


@op(FLOAT)
def cos(input: Array) -> Array:
    """Cosine of each element, in radians.    input: (*)  ->  (*)"""
    return jnp.cos(input)


@op(FLOAT, saves="result")
@in_single
def tan(input: Array) -> Array:
    """Tangent of each element, in radians.    input: (*)  ->  (*)"""
    return jnp.tan(input)


@op(FLOAT, aliases=("arcsin",))
@in_single
def asin(input: Array) -> Array:
    """Arc sine, in radians.    input: (*)  ->  (*)"""
    return jnp.arcsin(input)


@op(FLOAT, aliases=("arccos",))
@in_single
def acos(input: Array) -> Array:
    """Arc cosine, in radians.    input: (*)  ->  (*)"""
    return jnp.arccos(input)


@op(FLOAT, aliases=("arctan",))
def atan(input: Array) -> Array:
    """Arc tangent, in radians.    input: (*)  ->  (*)"""
    return jnp.arctan(input)


@op(FLOAT, aliases=("arctan2",), numbers=False)
def atan2(input: Array, other: Array) -> Array:
    """Angle of the point (x, y) = (other, input), in radians.    input, other: (*)  ->  (*)"""
    return _angle(input, other)


def _turning(y: Array, x: Array) -> Array:
    """`1 / (x² + y²)`, and 0 at the origin: there the angle's derivative is 0."""
    square = x * x + y * y
    return jnp.where(square == 0, 0, 1 / square)


@derived(lambda t, _, y, x: t * (x * _turning(y, x)), lambda t, _, y, x: t * (-y * _turning(y, x)))
def _angle(y: Array, x: Array) -> Array:
    return jnp.arctan2(y, x)


@op(FLOAT)
def sinh(input: Array) -> Array:
    """Hyperbolic sine.    input: (*)  ->  (*)"""
    return jnp.sinh(input)


@op(FLOAT)
def cosh(input: Array) -> Array:
    """Hyperbolic cosine.    input: (*)  ->  (*)"""
    return jnp.cosh(input)


@op(FLOAT, saves="result")
def tanh(input: Array) -> Array:
    """Hyperbolic tangent.    input: (*)  ->  (*)"""
    return jnp.tanh(input) if widened(input) is input else _short_tanh(input)


@derived(in_single(lambda t, result, _: t * (1 - result * result)))         # in float32, but of the rounded result, as PyTorch's
def _short_tanh(x: Array) -> Array:
    return jnp.tanh(x)


@op(FLOAT, aliases=("arcsinh",))
@in_single
def asinh(input: Array) -> Array:
    """Inverse hyperbolic sine.    input: (*)  ->  (*)"""
    return jnp.arcsinh(input)


@op(FLOAT, aliases=("arccosh",))
@in_single
def acosh(input: Array) -> Array:
    """Inverse hyperbolic cosine.    input: (*)  ->  (*)"""
    return _area_cosine(input)


@derived(lambda t, _, x: t * (1 / (jnp.sqrt(x - 1) * jnp.sqrt(x + 1) if is_complex(x) else jnp.sqrt(x * x - 1))))
def _area_cosine(x: Array) -> Array:
    return jnp.arccosh(x)


@op(FLOAT, aliases=("arctanh",))
@in_single
def atanh(input: Array) -> Array:
    """Inverse hyperbolic tangent.    input: (*)  ->  (*)"""
    return _area_tangent(input)


@derived(lambda t, _, x: t * (1 / (1 - x * x)))
def _area_tangent(x: Array) -> Array:
    return jnp.arctanh(x)


@op(FLOAT, home=WITH_SPECIAL)
@in_single
def sinc(input: Array) -> Array:
    """`sin(π input) / (π input)`, and 1 at 0.    input: (*)  ->  (*)"""
    return _sinc(input)


def _sinc_slope(x: Array) -> Array:
    angle, square = jnp.pi * x, x * x * jnp.pi
    return jnp.where(square == 0, 0, (angle * jnp.cos(angle) - jnp.sin(angle)) / square)


@derived(lambda t, _, x: t * _sinc_slope(x))
def _sinc(x: Array) -> Array:
    return jnp.sinc(x)


@op(FLOAT)
@in_single
def deg2rad(input: Array) -> Array:
    """Degrees to radians.    input: (*)  ->  (*)"""
    return input * (jnp.pi / 180)


@op(FLOAT)
@in_single
def rad2deg(input: Array) -> Array:
    """Radians to degrees.    input: (*)  ->  (*)"""
    return input * (180 / jnp.pi)


# ---- rounding

def _rounded(input: Array, how: Callable, name: str) -> Array:
    """`how(input)` for floating point; integers are round already."""
    if is_complex(input):
        raise NotImplementedError(f"{name} is not supported for complex inputs")
    if is_bool(input):
        raise unimplemented(f"{name}_vml_cpu", input)
    return how(input) if is_inexact(input) else input


@op(SAME)
def floor(input: Array) -> Array:
    """The largest integer not above each element.    input: (*)  ->  (*)"""
    return _rounded(input, jnp.floor, "floor")


@op(SAME)
def ceil(input: Array) -> Array:
    """The smallest integer not below each element.    input: (*)  ->  (*)"""
    return _rounded(input, jnp.ceil, "ceil")


@op(SAME, aliases=("fix",))
def trunc(input: Array) -> Array:
    """Each element without its fraction.    input: (*)  ->  (*)"""
    return _rounded(input, jnp.trunc, "trunc")


@op(SAME)
def frac(input: Array) -> Array:
    """The fraction of each element, with its sign; the derivative is 1.    input: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("frac_cpu", input)
    return input - jnp.trunc(input)


@op(SAME, node=lambda entry: f"RoundBackward{int(entry.attrs[0] != 0)}")
@in_single
def round(input: Array, *, decimals: int = 0) -> Array:
    """The nearest number with `decimals` digits after the point; halves go to the even neighbour.    input: (*)  ->  (*)

    >>> torch.round(torch.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    if decimals == 0:
        return _rounded(input, jnp.round, "round")
    if not is_inexact(input):
        raise unimplemented("round_cpu", input)
    unit = cast(10.0 ** decimals if decimals > 0 else 10.0 ** -decimals, input)
    return ratio(jnp.round(input * unit), unit) if decimals > 0 else jnp.round(ratio(input, unit)) * unit


@op(SAME, name="round", home="special", inplace=False, node=lambda entry: f"RoundBackward{int(entry.attrs[0] != 0)}")
def special_round(input: Array, *, decimals: int = 0) -> Array:
    """`round` of floating point numbers.    input: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("round_vml_cpu", input)
    return round(input, decimals=decimals)


# ---- sigmoids

@op(FLOAT, saves="result", aliases=("special.expit",))
def sigmoid(input: Array) -> Array:
    """`1 / (1 + exp(-input))`.    input: (*)  ->  (*)

    >>> torch.sigmoid(torch.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """
    return jax.nn.sigmoid(input) if widened(input) is input else _short_sigmoid(input)


@derived(in_single(lambda t, result, _: t * (1 - result) * result))
def _short_sigmoid(x: Array) -> Array:
    return in_single(jax.nn.sigmoid)(x)


@op(FLOAT, home=WITH_SPECIAL)
def logit(input: Array, eps: Scalar | None = None) -> Array:
    """`log(input / (1 - input))`, of `input` held within [eps, 1 - eps].    input: (*)  ->  (*)"""
    if eps is None:
        return _logit(input)
    return _held_logit(input, cast(eps, input))


@derived(in_single(lambda t, _, x: t * jnp.where((x >= 0) & (x <= 1), 1 / (x * (1 - x)), jnp.nan)))
def _logit(x: Array) -> Array:
    held = x * jnp.where((x < 0) | (x > 1), jnp.nan, 1)
    return _log_odds(held)


@derived(in_single(lambda t, _, x, eps: t * jnp.where((x >= eps) & (x <= 1 - eps), 1 / (x * (1 - x)), 0)))
def _held_logit(x: Array, eps: Array) -> Array:
    held = jnp.where(x < eps, eps, jnp.where(x > 1 - eps, 1 - eps, x))
    return _log_odds(held)


def _log_odds(x: Array) -> Array:
    wide = widened(x)
    return jnp.log(kept(wide / kept(1 - wide, x), x)).astype(x.dtype)


# ---- complex numbers

@op(FLOAT, inplace=False)
def angle(input: Array) -> Array:
    """Angle in the complex plane, in radians: π for negative real numbers.    input: (*)  ->  (*)"""
    if not is_complex(input):
        return lax.stop_gradient(jnp.where(jnp.isnan(input), input, jnp.where(input < 0, jnp.pi, 0)).astype(input.dtype))
    return _angle(input.imag, input.real)


@op(SAME)
def conj_physical(input: Array) -> Array:
    """Each complex number with its imaginary part negated.    input: (*)  ->  (*)"""
    return jnp.conj(input)


@op(NONE, home="", inplace=False, out=False, node="ConjBackward0")
def conjugate(input: Array) -> Array:
    return jnp.conj(input)


@op(NONE, home="torch", strides="like")
def complex(real: Array, imag: Array) -> Array:
    """Complex numbers from their parts.    real, imag: (*)  ->  (*)"""
    return _joined(real, imag)


@op(NONE, home="torch", strides="like")
def polar(abs: Array, angle: Array) -> Array:
    """Complex numbers from their sizes and angles.    abs, angle: (*)  ->  (*)"""
    _joined(abs, angle)
    return _turned(abs, angle)


@derived(lambda t, z, size, _: t * direction(z), lambda t, z, _, angle: t * (1j * z))
def _turned(size: Array, angle: Array) -> Array:
    return _joined(size * jnp.cos(angle), size * jnp.sin(angle))            # by what stands above the derivative at size 0 is 0


def _joined(real: Array, imag: Array) -> Array:
    if real.dtype != imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {scalar_type(real)} but got scalar type {scalar_type(imag)} for second argument")
    if real.dtype not in (jnp.float32, jnp.float64):
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {scalar_type(real)} and {scalar_type(imag)}")
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@op(NONE, returns="mantissa exponent", saves="nothing", overlap="whole", strides="like")
def frexp(input: Array) -> tuple[Array, Array]:
    """Mantissa in [1/2, 1) and exponent with `input = mantissa * 2 ** exponent`.    input: (*)  ->  (*), (*) int32"""
    if not is_inexact(input):
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = jnp.frexp(input)
    return mantissa, exponent.astype(jnp.int32)
