"""Random numbers that take a varying number of draws: Poisson, binomial, gamma and Dirichlet, equal to PyTorch's in every bit."""
from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from . import dtype as dtypes
from .random import FLOATS, NAMES, Generator, expect, narrow, need

DOUBLES = frozenset(("float32", "float64"))
THIRD, SQUEEZE = float(np.float32(1) / np.float32(3)), float(np.float32(0.0331))
STIRLING = (0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
            0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287)


def _each(function: Callable[..., float], *values: np.ndarray) -> np.ndarray:
    """`function` of corresponding elements, in order, as float64."""
    columns = [value.astype(np.float64).reshape(-1).tolist() for value in values]
    return np.fromiter(map(function, *columns), np.float64, values[0].size).reshape(values[0].shape)


def poisson(generator: Generator, rate: np.ndarray) -> np.ndarray:
    """Poisson numbers with the means `rate`, in its type."""
    type = dtypes.from_numpy(rate.dtype)
    need("poisson_cpu", type, FLOATS)
    expect(bool((rate >= 0).all()), "invalid Poisson rate, expected rate to be non-negative")
    with generator.stream(rate.size) as draw:
        return narrow(_each(lambda mean: _poisson_large(draw, mean) if mean >= 10 else _poisson_small(draw, mean), rate), type)


def _poisson_small(draw: Callable[[], float], mean: float) -> int:
    """By multiplication (Knuth)."""
    if mean == 0:
        return 0
    limit, product, result = math.exp(-mean), draw(), 0
    while product > limit:
        product *= draw()
        result += 1
    return result


def _poisson_large(draw: Callable[[], float], mean: float) -> float:
    """PTRS (Hörmann 1993, "The transformed rejection method for generating Poisson random variables")."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    scale = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u, v = draw() - 0.5, draw()
        rest = 0.5 - abs(u)
        k = math.floor((2 * a / rest + b) * u + mean + 0.43)
        if rest >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or rest < 0.013 and v > rest:
            continue
        if math.log(v) + math.log(scale) - math.log(a / (rest * rest) + b) <= -mean + k * math.log(mean) - math.lgamma(k + 1):
            return k


def binomial(generator: Generator, count: np.ndarray, p: np.ndarray) -> np.ndarray:
    """How many of `count` trials succeed with probability `p`: arrays of one shape and type."""
    type, other = dtypes.from_numpy(count.dtype), dtypes.from_numpy(p.dtype)
    if not type.is_floating_point:
        raise ValueError(f"binomial only supports floating-point dtypes for count, got: {NAMES[type.name][0]}")
    if not other.is_floating_point:
        raise ValueError(f"binomial only supports floating-point dtypes for prob, got: {NAMES[other.name][0]}")
    expect(type is other, f"Found dtype {NAMES[other.name][0]} but expected {NAMES[type.name][0]}")
    need("binomial_cpu", type, DOUBLES)
    with generator.stream(count.size) as draw:
        return narrow(_each(lambda n, q: _binomial(draw, n, q), count, p), type)


def _binomial(draw: Callable[[], float], count: float, p: float) -> float:
    if count <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return count
    if p > 0.5:
        return count - _binomial(draw, count, 1 - p)
    if math.isnan(p):
        return p
    return _binomial_large(draw, count, p) if count * p >= 10 else _binomial_small(draw, count, p)


def _binomial_small(draw: Callable[[], float], count: float, p: float) -> float:
    """By adding up the waiting times between successes."""
    waited, result, rate = math.ceil(math.log(draw()) / math.log1p(-p)), 0.0, math.log1p(-p)
    while waited <= count:
        waited += math.ceil(math.log(draw()) / rate)
        result += 1
    return result


def _binomial_large(draw: Callable[[], float], count: float, p: float) -> float:
    """BTRS (Hörmann 1993, "The generation of binomial random variates")."""
    spread = math.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    odds, alpha, mode = p / (1 - p), (2.83 + 5.1 / b) * spread, math.floor((count + 1) * p)
    while True:
        u, v = draw() - 0.5, draw()
        rest = 0.5 - abs(u)
        k = math.floor((2 * a / rest + b) * u + count * p + 0.5)
        if rest >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        if k < 0 or k > count:
            continue
        bound = ((mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
                 + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
                 + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
                 + _stirling(mode) + _stirling(count - mode) - _stirling(k) - _stirling(count - k))
        if math.log(v * alpha / (a / (rest * rest) + b)) <= bound:
            return k


def _stirling(k: float) -> float:
    """What Stirling's formula leaves of log k!."""
    if k <= 9:
        return STIRLING[int(k)]
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def standard_gamma(generator: Generator, shape: np.ndarray) -> np.ndarray:
    """Gamma numbers of scale 1, in the type of their parameters `shape`."""
    type = dtypes.from_numpy(shape.dtype)
    need("gamma_cpu", type, DOUBLES)
    return np.fmax(narrow(_gammas(generator, shape, type.numpy.type), type), np.finfo(type.numpy).tiny)


def dirichlet(generator: Generator, alpha: np.ndarray) -> np.ndarray:
    """Dirichlet numbers, which sum to 1 along the last dimension, in the type of `alpha`."""
    type = dtypes.from_numpy(alpha.dtype)
    need("dirichlet", type, DOUBLES)
    gamma = np.fmax(_gammas(generator, alpha, np.float64), np.finfo(np.float64).tiny)
    limits = np.finfo(type.numpy)
    return narrow(gamma / gamma.sum(-1, keepdims=True), type).clip(limits.tiny, 1 - limits.epsneg)


def _gammas(generator: Generator, shape: np.ndarray, rounded: Callable[[float], float]) -> np.ndarray:
    with generator.stream(shape.size) as draw:
        return _each(lambda alpha: _gamma(generator, draw, alpha, rounded), shape)


def _gamma(generator: Generator, draw: Callable[[], float], alpha: float, rounded: Callable[[float], float]) -> float:
    """Marsaglia & Tsang 2000, "A simple method for generating gamma variables".

    As in PyTorch, two constants are float32 numbers, and what is made of `alpha` alone is `rounded` to the type of the result."""
    if alpha == 0:
        return 0.0
    scale = 1.0
    if alpha < 1:
        base = 1 - draw()
        scale = base ** float(rounded(1 / alpha)) if alpha > 0 else math.nan
        alpha = float(rounded(alpha + 1))
    d = float(rounded(alpha - THIRD))
    c = 1 / math.sqrt(9 * d) if d > 0 else math.nan
    while True:
        y = 0.0
        while y <= 0:
            x = generator.normal(draw)
            y = 1 + c * x
        v, u, square = y * y * y, 1 - draw(), x * x
        if not u >= 1 - SQUEEZE * square * square or not math.log(u) >= 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v
