"""Normal numbers for large contiguous outputs: of NumPy at first, once many are drawn of an XLA program with the same bits, several times faster."""
from __future__ import annotations

import math
import os
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from .boxmuller import BLOCK, COS, LOG, PI_QUARTER, SIN, pairs32, pairs64
from .device import CPU, jax_device
from .twister import Generator, in_unit

CHUNK = 1 << 13                                              # numbers made at once: intermediate results stay in the cache
SIZES = 512, 2048, CHUNK                                     # what programs are compiled for; the rest of an input is ignored
CALL, NUMBER, PATIENCE = 120, 0.05, 200_000                  # microseconds: what a call and a number take NumPy, and what compilation is worth


def fill(generator: Generator, out: np.ndarray, mean: float, std: float) -> None:
    """Write normal numbers to `out`, of one dimension and at least 16 elements.  The last 16 are made anew where they are no whole block."""
    double = out.dtype == np.float64
    draw, pairs = (generator.uniform53, pairs64) if double else (generator.words, programs.method(out.size))
    whole = out.size - out.size % BLOCK
    for start in range(0, whole, CHUNK):
        part = out[start:min(start + CHUNK, whole)]
        part[:] = pairs(draw(part.size), mean, std)
    if whole < out.size:
        if out.itemsize > 2:                                 # the 16-bit types do not draw what they would throw away
            draw(out.size - whole)
        out[-BLOCK:] = pairs(draw(BLOCK), mean, std)


class Programs:
    """The compiled programs, and how much NumPy has done without them.  They are used where they give NumPy's bits, which is seen when they are compiled."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.usable: bool | None = None                      # None: not compiled yet

    def method(self, count: int) -> Callable[[np.ndarray, float, float], np.ndarray]:
        """What makes this many numbers."""
        if self.usable is None:
            self.spent += CALL + NUMBER * count
            if self.spent > PATIENCE:
                self.usable = all(self._agrees(size) for size in SIZES)
        return self.pairs if self.usable else pairs32

    def pairs(self, words: np.ndarray, mean: float, std: float) -> np.ndarray:
        """`pairs32` of XLA, for as many words as a program takes at most."""
        halves = words.reshape(-1, 2, BLOCK // 2).swapaxes(0, 1)
        given = np.zeros((2, next(s for s in SIZES if s >= words.size) // 2), np.uint32)
        given[:, :words.size // 2].reshape(halves.shape)[:] = halves
        with jax.default_device(jax_device(CPU)):
            made = np.asarray(normal(given, np.float32(mean), np.float32(std)))
        return made[:, :words.size // 2].reshape(halves.shape).swapaxes(0, 1).reshape(-1)

    def _agrees(self, size: int) -> bool:
        words = Generator().manual_seed(size).words(size)
        return bool((self.pairs(words, 0.3, 0.7) == pairs32(words, 0.3, 0.7)).all())

    def stop(self) -> None:
        """In a forked process, where XLA must not be called."""
        self.usable = False


programs = Programs()
os.register_at_fork(after_in_child=programs.stop)


# The steps of `boxmuller`, in float32: XLA's CPU compiler makes one operation of a product and the sum that takes it, with one rounding, as PyTorch's does.

@jax.jit
def normal(words: jax.Array, mean: jax.Array, std: jax.Array) -> jax.Array:
    """Normal numbers from words.    words: (2, n)  ->  (2, n), cosines and sines"""
    radius_from, angle_from = in_unit(words)
    radius = jnp.sqrt(-2 * _log(1 - radius_from))
    angle = jnp.maximum(np.float32(2 * math.pi) * angle_from, 0)   # no change, but the product must not be taken up into a sum
    return jnp.stack([radius * x for x in _cos_sin(angle)]) * std + mean


def _polynomial(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    value = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + np.float32(coefficient)
    return value


def _log(x: jax.Array) -> jax.Array:
    bits = x.view(jnp.int32)
    m = (bits & 0x7fffff | 0x3f000000).view(jnp.float32)
    low = m < np.float32(math.sqrt(0.5))
    e = ((bits >> 23) - 126 - low).astype(jnp.float32)
    m = jnp.where(low, m - 1 + m, m - 1)
    z = m * m
    y = _polynomial(LOG, m) * m * z + e * np.float32(-2.12194440e-4) - z * np.float32(0.5)
    return e * np.float32(0.693359375) + (m + y)


def _cos_sin(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    octant = (x * np.float32(1.27323954473516)).astype(jnp.int32) + 1 & ~1
    for part in PI_QUARTER:
        x = octant.astype(jnp.float32) * np.float32(part) + x
    z = x * x
    c = _polynomial(COS, z) * z * z - z * np.float32(0.5) + 1
    s = _polynomial(SIN, z) * z * x + x
    crossed = octant & 2 != 0
    cos, sin = jnp.where(crossed, s, c), jnp.where(crossed, c, s)
    return jnp.where(octant - 2 & 4 != 0, cos, -cos), jnp.where(octant & 4 != 0, -sin, sin)
