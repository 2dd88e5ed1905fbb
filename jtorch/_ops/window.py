"""Weighted sums of a few neighbours along one dimension, at places that the shapes alone decide: uneven pooling, interpolation."""
from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .._core.op import Array


def weighted_sums(values: Array, axis: int, places: np.ndarray, weights: np.ndarray) -> Array:
    """Along `axis` the sums of the elements at `places` times `weights`; a place of -1 counts for nothing.    places, weights: (after, taps)"""
    matrix = np.zeros((values.shape[axis], len(places)), weights.dtype)
    np.add.at(matrix, (np.maximum(places, 0), np.arange(len(places))[:, None]), np.where(places < 0, 0, weights))
    behind = (1,) * (values.ndim - 1 - axis)

    @jax.custom_jvp
    def sums(values: Array) -> Array:
        taken = jnp.take(values, np.maximum(places, 0), axis, mode="clip")
        taken = taken * jnp.asarray(weights.reshape(*weights.shape, *behind)).astype(values.dtype)
        seen = taken if (places >= 0).all() else jnp.where(jnp.asarray((places >= 0).reshape(*places.shape, *behind)), taken, 0)
        return seen.sum(axis + 1)

    # The value looks at its own elements only, for 0 times inf is nan; the derivative is a product with a matrix, whose transpose needs no scatter
    sums.defjvp(lambda primals, tangents: (sums(*primals), _product(tangents[0], axis, matrix)))
    return sums(values)


def _product(values: Array, axis: int, matrix: np.ndarray) -> Array:
    return jnp.moveaxis(jnp.moveaxis(values, axis, -1) @ jnp.asarray(matrix).astype(values.dtype), -1, axis)
