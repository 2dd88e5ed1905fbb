"""Results that are rounded once, at the end: PyTorch computes with numbers of 16 bits in single precision, and sums that run on in double."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.run import ACCELERATED
from .checks import widened

DOUBLE = {np.dtype(np.float32): np.float64, np.dtype(np.complex64): np.complex128}


def in_single(body: Callable[..., Any]) -> Callable[..., Any]:
    """`body`, for operands of 16 bits computed in float32, its results rounded once to their type, as PyTorch's are."""
    @wraps(body)
    def run(*args: Any, **kwargs: Any) -> Any:
        wide = [widened(x) if isinstance(x, jax.Array | np.ndarray) else x for x in args]
        short = next((x.dtype for x, y in zip(args, wide, strict=True) if x is not y), None)
        made = body(*wide, **kwargs)
        return made if short is None else jax.tree.map(lambda x: x.astype(short), made)
    return run


def accumulated(x: jax.Array) -> jax.Array:
    """`x` in the digits in which PyTorch runs on from one element to the next: 16 bits in single precision, and 32 on the CPU in double precision."""
    if ACCELERATED or x.dtype not in DOUBLE:
        return widened(x)
    return x.astype(DOUBLE[x.dtype])


def rounded_once(combine: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    """`in_single`, for what is rounded once anyway where both operands have the same type."""
    return combine(x, y) if x.dtype == y.dtype else in_single(combine)(x, y)


def multiply_add(x: jax.Array, y: jax.Array, z: jax.Array) -> jax.Array:
    """`x + y * z`; in single precision on the CPU rounded once, as the instruction does it that PyTorch uses there."""
    if ACCELERATED or x.dtype != np.float32:
        return x + y * z
    return (x.astype(np.float64) + y.astype(np.float64) * z.astype(np.float64)).astype(x.dtype)


def kept(x: jax.Array, like: jax.Array) -> jax.Array:
    """`x` in single precision, rounded to `like`'s type where that has 16 bits: what PyTorch keeps in between.  The derivative is not rounded."""
    return x if widened(like) is like else _kept(x, like.dtype)


def apart(x: jax.Array) -> jax.Array:
    """`x`, of 16-bit numbers rounded before it is used: XLA joins a root with a quotient, processors that compute in 16 bits a product with a sum."""
    return x if widened(x) is x else _kept(widened(x), x.dtype).astype(x.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _kept(x: jax.Array, dtype: np.dtype) -> jax.Array:
    # Two conversions would not last: compilers compute in the narrow type what lies before and after them, and there join both; a reduction of
    # precision they leave alone.  That makes the smallest numbers 0, which are rounded once they are converted.
    limits, x = jnp.finfo(dtype), x.astype(dtype).astype(x.dtype)
    return jnp.where(jnp.abs(x) < limits.smallest_normal, x, lax.reduce_precision(x, limits.nexp, limits.nmant))


_kept.defjvp(lambda dtype, primals, tangents: (_kept(*primals, dtype), *tangents))


def unrounded_product(left: jax.Array, right: jax.Array) -> jax.Array:
    """`left @ right`; of 16-bit numbers in float32, as it is before something is added to it and the sum is rounded."""
    return jnp.matmul(left, right) if widened(left) is left else _wide_product(left, right)


@jax.custom_jvp
def _wide_product(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.matmul(left, right, preferred_element_type=jnp.float32)


@_wide_product.defjvp
def _wide_product_jvp(operands: tuple[jax.Array, jax.Array], changes: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
    (left, right), (d_left, d_right) = operands, changes                 # the gradients are products of 16-bit numbers, as quick as those
    return _wide_product(left, right), widened(d_left @ right) + widened(left @ d_right)
