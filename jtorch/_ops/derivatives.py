"""PyTorch's derivatives where JAX has others, and sizes and directions of numbers with them."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero


def derived(*rules: Callable[..., jax.Array]) -> Callable[[Callable[..., jax.Array]], Callable[..., jax.Array]]:
    """Give a body of arrays PyTorch's derivatives in place of JAX's, for each operand `rule(change, result, *operands)`; what has no rule is a constant.

    The rules are written as PyTorch documents them: from the form follows where they and their own derivatives are infinite or no number.
    """
    def declare(body: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        made = jax.custom_jvp(body)

        def jvp(operands: tuple, changes: tuple) -> tuple[jax.Array, Any]:
            result = made(*operands)
            parts = [rule(t, result, *operands) for rule, t in zip(rules, changes, strict=False) if not isinstance(t, SymbolicZero)]
            return result, jnp.broadcast_to(sum(parts), result.shape) if parts else jnp.zeros_like(result)
        made.defjvp(jvp, symbolic_zeros=True)

        @wraps(body)
        def run(*operands: Any) -> jax.Array:
            return made(*operands)
        return run
    return declare


def magnitude(input: jax.Array) -> jax.Array:
    """The absolute value; its derivative at 0 and nan is 0, where `jnp.abs` has 1 and -1."""
    return _modulus(input) if jnp.issubdtype(input.dtype, jnp.complexfloating) else _size(input)


@derived(lambda t, _, x: t * jnp.where(jnp.isnan(x), 0, jnp.sign(x)))
def _size(x: jax.Array) -> jax.Array:
    return jnp.abs(x)


@jax.custom_jvp
def direction(z: jax.Array) -> jax.Array:
    """The number of size 1 in the direction of a complex number; 0 at 0."""
    size = jnp.abs(z)
    return jnp.where(size == 0, 0, z / jnp.where(size == 0, 1, size))


@jax.custom_jvp
def _modulus(z: jax.Array) -> jax.Array:
    return jnp.abs(z)


@direction.defjvp
def _direction_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    # Without the squares of JAX's own, which vanish for small numbers.
    along, size = direction(*primals), _modulus(*primals)
    change = tangents[0] - along * (along.conj() * tangents[0]).real
    return along, jnp.where(size == 0, 0, change / jnp.where(size == 0, 1, size))


_modulus.defjvps(lambda t, _, z: (direction(z).conj() * t).real)
