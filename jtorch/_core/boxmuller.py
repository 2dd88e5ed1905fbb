"""PyTorch's normal numbers for large contiguous outputs: Box & Muller's method over blocks of 16, in float32 as its vector code rounds it."""
from __future__ import annotations

import math

import numpy as np

from .fused import fma64, single
from .twister import in_unit, libm

BLOCK = 16                                                   # eight radii, eight angles; the smallest output that is made this way

# Cephes' polynomials for single precision (Moshier): log(1 + m), cos and sin on [0, pi/4], highest power first.
LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
       -2.4999993993e-1, 3.3333331174e-1)
COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
PI_QUARTER = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)


def polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Horner's scheme with fused multiply-adds."""
    value = np.full_like(x, single(coefficients[0]))
    for coefficient in coefficients[1:]:
        value *= x
        value += single(coefficient)
        value = single(value)
    return value


def log(x: np.ndarray) -> np.ndarray:
    """Logarithm of float32 numbers in (0, 1]."""
    bits = x.view(np.int32)
    m = (bits & 0x7fffff | 0x3f000000).view(np.float32)      # x = m * 2^e, m in [1/2, 1)
    low = m < np.float32(math.sqrt(0.5))
    e = ((bits >> 23) - 126 - low).astype(np.float64)
    m = ((m - np.float32(1)) + m * low).astype(np.float64)
    z = single(m * m)
    y = single(polynomial(LOG, m) * m)
    y = single(y * z + single(e * single(-2.12194440e-4)))
    y = single(y - z * 0.5)
    return single(e * 0.693359375 + single(m + y))


def cos_sin(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of numbers in [0, 2 pi]."""
    octant = (single(x * single(1.27323954473516)).astype(np.int32) + 1) & ~1
    for part in PI_QUARTER:
        x = single(octant * single(part) + x)
    z = single(x * x)
    c = single(single(single(polynomial(COS, z) * z) * z - single(z * 0.5)) + 1)
    s = single(single(polynomial(SIN, z) * z) * x + x)
    crossed = octant & 2 != 0
    cos, sin = np.where(crossed, s, c), np.where(crossed, c, s)
    cos *= ((octant - 2) & 4) * 0.5 - 1                      # the signs
    sin *= 1 - (octant & 4) * 0.5
    return cos, sin


def pairs32(words: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normal float32 numbers from as many words, a multiple of 16."""
    u = np.ascontiguousarray(in_unit(words).reshape(-1, 2, BLOCK // 2).swapaxes(0, 1))
    radius = single(np.sqrt((-2 * log(1 - u[0])).astype(np.float32)))
    cos, sin = cos_sin(single(single(2 * math.pi) * u[1]))
    z = np.stack([single(radius * cos), single(radius * sin)], 1).reshape(-1)
    return (z * single(std) + single(mean)).astype(np.float32)


def pairs64(uniform: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normal float64 numbers from as many of `uniform53`, a multiple of 16."""
    u = np.ascontiguousarray(uniform.reshape(-1, 2, BLOCK // 2).swapaxes(0, 1))
    radius = np.sqrt(-2 * libm(math.log, 1 - u[0]))
    angle = 2 * math.pi * u[1]
    return fma64(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1), std, mean)
