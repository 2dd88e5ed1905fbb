"""Results that have a history but no derivative."""
from __future__ import annotations

import jax
import jax.numpy as jnp

from .._core.op import NONE, Array, op


@jax.custom_vjp
def _underived(made: Array, source: Array) -> Array:
    return made


def _forward(made: Array, source: Array) -> tuple[Array, Array]:
    return made, source


def _backward(source: Array, grad: Array) -> tuple[Array, Array]:
    return grad, jnp.zeros_like(source)


_underived.defvjp(_forward, _backward)


@op(NONE, home="", inplace=False, out=False, node="NotImplemented")
def underived(made: Array, source: Array) -> Array:
    """`made`, with the history of `source`; who records it lets a hook raise when a gradient arrives."""
    return _underived(made, source)
