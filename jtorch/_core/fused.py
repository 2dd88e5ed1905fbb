"""Multiplication and addition with one rounding, as processors do it and NumPy does not."""
from __future__ import annotations

import numpy as np

SPLIT = 2.0**27 + 1


def single(value: np.ndarray | float) -> np.ndarray:
    """Each value rounded to float32, kept as float64.  Products of such numbers are exact, so `single(a * b + c)` is a fused multiply-add."""
    return np.asarray(value, np.float32).astype(np.float64)


def fma64(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """`a * b + c` in float64, rounded once (Boldo & Melquiond 2008, "Emulation of FMA").  No over- or underflow inside."""
    if c == 0 or abs(b) == 1:
        return a * b + c
    high, low = _product(a, b)
    carry, rest = _sum(low, c)
    total, error = _sum(high, carry)
    return total + _odd_sum(rest, error)


def _sum(a: np.ndarray, b: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """A sum and its rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _product(a: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
    """A product and its rounding error (Dekker)."""
    a1, b1 = a * SPLIT - (a * SPLIT - a), b * SPLIT - (b * SPLIT - b)
    a2, b2 = a - a1, b - b1
    total = a * b
    return total, a2 * b2 - (((total - a1 * b1) - a2 * b1) - a1 * b2)


def _odd_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A sum that is odd in its last bit where it is inexact: rounding it once more is then as good as rounding once."""
    total, error = _sum(a, b)
    even = (error != 0) & (total.view(np.int64) & 1 == 0)
    return np.where(even, np.nextafter(total, np.copysign(np.inf, error)), total)
