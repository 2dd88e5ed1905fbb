"""Error, gamma and Bessel functions of each element."""
from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from .._core.op import FLOAT, SAME, Array, op
from .arguments import cast, is_inexact, unimplemented
from .checks import widened
from .derivatives import derived
from .single import in_single

WITH_SPECIAL = "torch Tensor special"


@op(FLOAT, home=WITH_SPECIAL)
def erf(input: Array) -> Array:
    """Error function.    input: (*)  ->  (*)"""
    return lax.erf(input)


@op(FLOAT, home=WITH_SPECIAL)
def erfc(input: Array) -> Array:
    """`1 - erf(input)`.    input: (*)  ->  (*)"""
    return lax.erfc(input)


@op(FLOAT, home=WITH_SPECIAL)
@in_single
def erfinv(input: Array) -> Array:
    """Inverse of the error function.    input: (*)  ->  (*)"""
    return lax.erf_inv(input)


@op(FLOAT, home="special", inplace=False, node="MulBackward1")
def ndtr(input: Array) -> Array:
    """Distribution function of the standard normal distribution.    input: (*)  ->  (*)"""
    return special.ndtr(input) if widened(input) is input else (1 + lax.erf(in_single(jnp.multiply)(input, math.sqrt(0.5)))) * 0.5


@op(FLOAT, home="special", inplace=False)
@in_single
def ndtri(input: Array) -> Array:
    """Quantile function of the standard normal distribution.    input: (*)  ->  (*)"""
    return _normal_quantile(input)


@derived(lambda t, quantile, _: t * ((2 * jnp.pi) ** 0.5 * jnp.exp(quantile * quantile / 2)))
def _normal_quantile(x: Array) -> Array:
    return special.ndtri(x)


@op(FLOAT, home="special", inplace=False)
def log_ndtr(input: Array) -> Array:
    """Logarithm of the distribution function of the standard normal distribution.    input: (*)  ->  (*)"""
    return _log_normal_below(input)


@derived(lambda t, slope, x: -t * (slope * (x + slope)))
def _inverse_mills_ratio(x: Array) -> Array:
    return jnp.where(x == -jnp.inf, jnp.nan, (2 / jnp.pi) ** 0.5 / _scaled_erfc(-x / 2 ** 0.5))


@derived(lambda t, _, x: t * _inverse_mills_ratio(x))
def _log_normal_below(x: Array) -> Array:
    wide = x.astype(jnp.float64)
    left = wide < -1
    scaled = _scaled_erfc(jnp.where(left, -wide, 1) / 2 ** 0.5)             # far out the distribution function itself is 0
    return jnp.where(left, jnp.log(scaled / 2) - wide * wide / 2, jnp.log1p(-lax.erfc(jnp.where(left, 0, wide) / 2 ** 0.5) / 2)).astype(x.dtype)


@op(FLOAT, home="special", inplace=False)
def erfcx(input: Array) -> Array:
    """`exp(input²) * erfc(input)`.    input: (*)  ->  (*)"""
    return _scaled_erfc(input)


@derived(lambda t, result, x: t * jnp.where((x > 5e7) & (x < jnp.inf), 0, 2 * x * result - 2 / jnp.pi ** 0.5))      # no more than the rounding of both
def _scaled_erfc(x: Array) -> Array:
    wide = x.astype(jnp.float64)
    large = wide > 3
    far = jnp.where(large, wide, 3)
    below = far
    for k in range(30, 0, -1):                                          # Laplace's continued fraction, where the product overflows
        below = far + k / 2 / below
    near = jnp.where(large, 0, wide)
    return jnp.where(large, jnp.pi ** -0.5 / below, jnp.exp(near * near) * lax.erfc(near)).astype(x.dtype)


@op(FLOAT, home="special", inplace=False)
def entr(input: Array) -> Array:
    """`-input * log(input)`, 0 at 0 and -inf below.    input: (*)  ->  (*)"""
    return _entropy(input)


@derived(lambda t, _, x: t * (-1 - jnp.log(x)))
def _entropy(x: Array) -> Array:
    positive = x > 0
    inside = -x * jnp.log(jnp.where(positive, x, 1))
    return jnp.where(positive | jnp.isnan(x), inside, jnp.where(x == 0, 0, -jnp.inf))


@op(FLOAT, aliases=("special.gammaln",))
def lgamma(input: Array) -> Array:
    """Logarithm of the size of the gamma function.    input: (*)  ->  (*)"""
    return _log_gamma(widened(input)).astype(input.dtype)


@op(FLOAT, home=WITH_SPECIAL, aliases=("special.psi",))
def digamma(input: Array) -> Array:
    """Derivative of `lgamma`.    input: (*)  ->  (*)"""
    return _digamma(widened(input)).astype(input.dtype)


# JAX's own derivatives of these are right for positive numbers only.

@jax.custom_jvp
def _log_gamma(x: Array) -> Array:
    return lax.lgamma(x)


@jax.custom_jvp
def _digamma(x: Array) -> Array:
    return jnp.where(x == 0, jnp.copysign(jnp.inf, -x), lax.digamma(x))


_log_gamma.defjvps(lambda t, _, x: t * _digamma(x))
_digamma.defjvps(lambda t, _, x: t * _polygamma(1, x))       # type: ignore[has-type]  # it stands below


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _polygamma(n: int, x: Array) -> Array:
    if n == 1:                                               # 1 - x in place of x below a half, then an asymptotic series from 6 on
        low = x < 0.5
        far, total = jnp.where(low, 1 - x, x), jnp.where(low, -(jnp.pi / jnp.sin(jnp.pi * x)) ** 2, 0)
        for _ in range(6):
            total, far = total + 1 / (far * far), far + 1
        inverse = 1 / (far * far)
        total = total + (1 + 1 / (2 * far) + inverse * (1 / 6 - inverse * (1 / 30 - inverse / 42))) / far
        return jnp.where(low, -total, total)
    return (-1) ** (n + 1) * jnp.exp(lax.lgamma(jnp.asarray(n + 1, x.dtype))) * _power_sum(n + 1, x)


def _power_sum(s: int | Array, x: Array) -> Array:
    """The Hurwitz zeta function `Σ_k (x + k)^-s`; JAX's own is right for positive numbers only."""
    def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
        x, total = state
        return jnp.where(x <= 0, x + 1, x), jnp.where(x <= 0, total + 1 / x ** s, total)

    pole = (x <= 0) & (x == jnp.floor(x))
    moved, total = lax.while_loop(lambda state: jnp.any(state[0] <= 0), step, (jnp.where(pole, 1, x), jnp.zeros_like(x)))
    return jnp.where(pole, jnp.inf, total + special.zeta(jnp.asarray(s, x.dtype), moved))


@_polygamma.defjvp
def _polygamma_jvp(n: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _polygamma(n, *primals), tangents[0] * _polygamma(n + 1, *primals)


@op(FLOAT, name="polygamma", home="torch special", inplace=False)
def polygamma(n: int, input: Array) -> Array:
    """The `n`-th derivative of `digamma`.    input: (*)  ->  (*)"""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    wide = widened(input)
    return (_digamma(wide) if n == 0 else _polygamma(n, wide)).astype(input.dtype)


@op(FLOAT, name="polygamma", home="Tensor", out=False)
def polygamma_method(input: Array, n: int) -> Array:
    """The `n`-th derivative of `digamma`.    input: (*)  ->  (*)"""
    return polygamma(n, input)


@op(FLOAT, aliases=("special.multigammaln",), overlap="any", strides="fresh")
def mvlgamma(input: Array, p: int) -> Array:
    """Logarithm of the gamma function of dimension `p`.    input: (*)  ->  (*)"""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    input = input + lax.stop_gradient(jnp.where(input == 0, -input, 0))     # -0 becomes 0
    steps = input[..., None] - jnp.arange(p, dtype=input.dtype) / 2
    return _log_gamma(steps).sum(-1) + cast(p * (p - 1) / 4 * jnp.log(jnp.pi), input)


@op(SAME, aliases=("special.gammainc",), numbers=False)
def igamma(input: Array, other: Array) -> Array:
    """Regularised lower incomplete gamma function.    input, other: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("igamma_cpu", input)
    return lax.igamma(*jnp.broadcast_arrays(input, other))


@op(SAME, aliases=("special.gammaincc",), numbers=False)
def igammac(input: Array, other: Array) -> Array:
    """Regularised upper incomplete gamma function.    input, other: (*)  ->  (*)"""
    if not is_inexact(input):
        raise unimplemented("igammac_cpu", input)
    return lax.igammac(*jnp.broadcast_arrays(input, other))


@op(FLOAT, name="zeta", home="", inplace=False, node="SpecialZetaBackward0")
def zeta(input: Array, other: Array) -> Array:
    """Hurwitz zeta function.    input, other: (*)  ->  (*)"""
    return _zeta(*jnp.broadcast_arrays(input, other))


@jax.custom_jvp
def _zeta(s: Array, x: Array) -> Array:
    below = (s < 1) | (x <= 0) & (x != jnp.floor(x)) & (s != jnp.floor(s))
    return jnp.where(s == 1, jnp.inf, jnp.where(below, jnp.nan, _power_sum(s, x)))


# There is no derivative by the first argument: the door raises for it.
_zeta.defjvps(None, lambda t, _, s, x: -s * _zeta(s + 1, x) * t)


@op(FLOAT, home=WITH_SPECIAL)
@in_single
def i0(input: Array) -> Array:
    """Modified Bessel function of the first kind, order 0.    input: (*)  ->  (*)"""
    return _i0(input)


@derived(lambda t, _, x: t * _i1(x))                         # JAX's own at 0 is 1
def _i0(x: Array) -> Array:
    return special.i0(x)


@op(FLOAT, home="special", inplace=False)
@in_single
def i0e(input: Array) -> Array:
    """`i0(input) * exp(-|input|)`.    input: (*)  ->  (*)"""
    return special.i0e(input)


@op(FLOAT, home="special", inplace=False)
@in_single
def i1(input: Array) -> Array:
    """Modified Bessel function of the first kind, order 1.    input: (*)  ->  (*)"""
    return _i1(input)


def _i1_slope(first: Array, x: Array) -> Array:
    """`i0(x) - i1(x) / x`, and a half near 0."""
    far = jnp.abs(x) > jnp.finfo(x.dtype).eps
    x = jnp.where(far, x, 1)
    return jnp.where(far, _i0(x) - first / x, 0.5)


@derived(lambda t, first, x: t * _i1_slope(first, x))
def _i1(x: Array) -> Array:
    return special.i1(x)


@op(FLOAT, home="special", inplace=False)
@in_single
def i1e(input: Array) -> Array:
    """`i1(input) * exp(-|input|)`.    input: (*)  ->  (*)"""
    return special.i1e(input)


