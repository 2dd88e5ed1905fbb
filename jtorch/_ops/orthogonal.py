"""Orthogonal polynomials (Abramowitz & Stegun 1964, chapter 22) by their recurrences.  None has a gradient, as in PyTorch."""
from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from .._core.op import FLOAT, Array, op
from .bessel import require_plain

MANY = 6                                                     # the degree above which Chebyshev's polynomials inside [-1, 1] are trigonometric
LIMITS = {"float32": 128, "float64": 512}                    # the degree above which PyTorch gives no Hermite polynomial


def recur(first: Array, degree: Array, following: Callable[[Array, Array, Array], Array]) -> Array:
    """The polynomial of each degree, where degree 0 is 1 and degree 1 is `first`: `following(k, p, before)` is degree k, after p and the one before.
    Negative degrees give 0."""
    def unfinished(state: tuple) -> Array:
        k, p, _ = state
        return jnp.any((k <= degree) & ~jnp.isnan(p))

    def step(state: tuple) -> tuple:
        k, p, before = state
        going = k <= degree
        return k + 1, jnp.where(going, following(k.astype(p.dtype), p, before), p), jnp.where(going, p, before)
    two, one = jnp.asarray(2, degree.dtype), jnp.ones_like(first)
    _, last, _ = lax.while_loop(unfinished, step, (two, first, one))
    return jnp.where(degree < 0, 0, jnp.where(degree == 0, 1, last))


def prepared(x: Array, n: Array, name: str) -> tuple[Array, Array]:
    """Both in one shape, and whole degrees; what is no finite number becomes negative."""
    require_plain(x, name)
    x, n = jnp.broadcast_arrays(x, n)
    return x, jnp.where(jnp.isfinite(n), n, -1).astype(jnp.int64)


def chebyshev(x: Array, degree: Array, first: Array, inside: Callable[[Array, Array], Array]) -> Array:
    """A Chebyshev polynomial: by its recurrence, but as `inside(degree, angle)` where that is high and |x| < 1."""
    wavy = (jnp.abs(x) < 1) & (degree > MANY)
    found = recur(first, jnp.where(wavy, 0, degree), lambda k, p, before: 2 * x * p - before)
    return jnp.where(wavy, inside(degree.astype(x.dtype), jnp.arccos(jnp.clip(x, -1, 1))), found)


def signs(degree: Array) -> Array:
    """1 for even degrees, -1 for odd ones."""
    return jnp.where(degree % 2 == 0, 1, -1)


def at_ends(x: Array, degree: Array, right: Array, left: Array, found: Array) -> Array:
    """`found`, with what is known at 1 and -1."""
    known = (jnp.abs(x) == 1) & (degree > 0)
    return jnp.where(known, jnp.where(x > 0, right, left * signs(degree)), found)


def first_kind(x: Array, degree: Array) -> Array:
    """T: cos n θ, where x = cos θ."""
    return at_ends(x, degree, jnp.ones_like(x), jnp.ones_like(x), chebyshev(x, degree, x, lambda n, angle: jnp.cos(n * angle)))


def second_kind(x: Array, degree: Array) -> Array:
    """U: sin (n + 1) θ / sin θ."""
    ends = degree.astype(x.dtype) + 1
    return at_ends(x, degree, ends, ends, chebyshev(x, degree, 2 * x, lambda n, angle: jnp.sin((n + 1) * angle) / jnp.sin(angle)))


def third_kind(x: Array, degree: Array) -> Array:
    """V: cos (n + 1/2) θ / cos θ/2."""
    ends = 2 * degree.astype(x.dtype) + 1
    found = chebyshev(x, degree, 2 * x - 1, lambda n, angle: jnp.cos((n + 0.5) * angle) / jnp.cos(angle / 2))
    return at_ends(x, degree, jnp.ones_like(x), ends, found)


def fourth_kind(x: Array, degree: Array) -> Array:
    """W: sin (n + 1/2) θ / sin θ/2."""
    ends = 2 * degree.astype(x.dtype) + 1
    found = chebyshev(x, degree, 2 * x + 1, lambda n, angle: jnp.sin((n + 0.5) * angle) / jnp.sin(angle / 2))
    return at_ends(x, degree, ends, jnp.ones_like(x), found)


def _declare_chebyshev(letter: str, which: str, polynomial: Callable[[Array, Array], Array]) -> None:
    def plain(x: Array, n: Array) -> Array:
        return polynomial(*prepared(x, n, f"chebyshev_polynomial_{letter}"))

    def shifted(x: Array, n: Array) -> Array:
        x, degree = prepared(x, n, f"shifted_chebyshev_polynomial_{letter}")
        return polynomial(2 * x - 1, degree)
    for body, prefix, text in (plain, "", ""), (shifted, "shifted_", ", of 2x - 1"):
        body.__doc__ = f"Chebyshev polynomial of the {which} kind and degree n{text}.    x, n: (*)  ->  (*)"
        op(FLOAT, name=f"{prefix}chebyshev_polynomial_{letter}", home="special", inplace=False, differentiable=False)(body)


_declare_chebyshev("t", "first", first_kind)
_declare_chebyshev("u", "second", second_kind)
_declare_chebyshev("v", "third", third_kind)
_declare_chebyshev("w", "fourth", fourth_kind)


def _limited(x: Array, degree: Array, first: Array, following: Callable[[Array, Array, Array], Array]) -> Array:
    """A Hermite polynomial, of a degree that is not too high."""
    high = degree > LIMITS[x.dtype.name]
    return jnp.where(high, jnp.nan, recur(first, jnp.where(high, 0, degree), following))


@op(FLOAT, home="special", inplace=False, differentiable=False)
def hermite_polynomial_h(x: Array, n: Array) -> Array:
    """Physicist's Hermite polynomial of degree n.    x, n: (*)  ->  (*)"""
    x, degree = prepared(x, n, "hermite_polynomial_h")
    return _limited(x, degree, 2 * x, lambda k, p, before: 2 * (x * p - (k - 1) * before))


@op(FLOAT, home="special", inplace=False, differentiable=False)
def hermite_polynomial_he(x: Array, n: Array) -> Array:
    """Probabilist's Hermite polynomial of degree n.    x, n: (*)  ->  (*)"""
    x, degree = prepared(x, n, "hermite_polynomial_he")
    return _limited(x, degree, x, lambda k, p, before: x * p - (k - 1) * before)


@op(FLOAT, home="special", inplace=False, differentiable=False)
def laguerre_polynomial_l(x: Array, n: Array) -> Array:
    """Laguerre polynomial of degree n.    x, n: (*)  ->  (*)"""
    x, degree = prepared(x, n, "laguerre_polynomial_l")
    return recur(1 - x, jnp.where(x == 0, jnp.minimum(degree, 1), degree), lambda k, p, before: ((2 * k - 1 - x) * p - (k - 1) * before) / k)


@op(FLOAT, home="special", inplace=False, differentiable=False)
def legendre_polynomial_p(x: Array, n: Array) -> Array:
    """Legendre polynomial of degree n.    x, n: (*)  ->  (*)"""
    x, degree = prepared(x, n, "legendre_polynomial_p")
    ends = jnp.abs(x) == 1
    found = recur(x, jnp.where(ends, jnp.minimum(degree, 1), degree), lambda k, p, before: ((2 * k - 1) * x * p - (k - 1) * before) / k)
    return at_ends(x, degree, jnp.ones_like(x), jnp.ones_like(x), found)
