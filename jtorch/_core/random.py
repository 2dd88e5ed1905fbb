"""Random numbers on the host, equal to those of PyTorch's CPU generator in every bit.

Each function takes the generator and the shape and type of the result, a new array in C order; it draws as PyTorch does for a contiguous tensor.
"""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from . import dtype as dtypes
from .boxmuller import BLOCK
from .dtype import dtype
from .fused import fma64
from .normals import fill
from .twister import Generator, default_generator, libm

__all__ = ["Generator", "bernoulli", "cauchy", "default_generator", "exponential", "geometric", "keep_mask", "log_normal", "multinomial",
           "normal", "randint", "randperm", "uniform"]

Shape = tuple[int, ...]
CHUNK = 1 << 15                                              # elements made at once: intermediate results stay in the cache
LONG = 1 << 28                                               # the least range that takes two words a number
DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
LIMITS = {name: dtypes.finfo(dtypes.named(name)).max for name in DIGITS}
NAMES = {"bool": ("Bool", "bool"), "uint8": ("Byte", "unsigned char"), "int8": ("Char", "signed char"), "int16": ("Short", "short int"),
         "int32": ("Int", "int"), "int64": ("Long", "long int"), "uint16": ("UInt16", "short unsigned int"),
         "uint32": ("UInt32", "unsigned int"), "uint64": ("UInt64", "long unsigned int"), "float16": ("Half", "c10::Half"),
         "bfloat16": ("BFloat16", "c10::BFloat16"), "float32": ("Float", "float"), "float64": ("Double", "double"),
         "complex64": ("ComplexFloat", "c10::complex<float>"), "complex128": ("ComplexDouble", "c10::complex<double>"),
         "float8_e4m3fn": ("Float8_e4m3fn", "c10::Float8_e4m3fn"), "float8_e5m2": ("Float8_e5m2", "c10::Float8_e5m2")}
CONTINUOUS = "{} distribution is a continuous probability distribution. dtype must be a floating point but you specified {}"
FLOATS = frozenset(DIGITS)
SMALL = frozenset(("uint8", "int8", "int16", "int32", "int64"))
NUMBERS = FLOATS | SMALL | {"bool"}
WIDE_UNSIGNED = frozenset(("uint16", "uint32", "uint64"))


def need(kernel: str, type: dtype, allowed: frozenset[str], shape: Shape = ()) -> None:
    """Raise PyTorch's error where `kernel` does not serve `type`; an empty `shape` needs no kernel."""
    if type.name not in allowed and 0 not in shape:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{NAMES[type.name][0]}'")


def expect(fact: bool, message: str) -> None:
    """Raise PyTorch's error unless `fact`."""
    if not fact:
        raise RuntimeError(message)


def narrow(value: np.ndarray, type: dtype) -> np.ndarray:
    """`value` in `type`; to 16 bits by way of float32, as PyTorch does."""
    return (value.astype(np.float32) if type.name in ("float16", "bfloat16") else value).astype(type.numpy, copy=False)


def _filled(shape: Shape, type: dtype, part: Callable[[int], np.ndarray]) -> np.ndarray:
    """An array made of consecutive parts; `part` gives the next so many elements."""
    count = math.prod(shape)
    if count <= CHUNK:
        return part(count).astype(type.numpy, copy=False).reshape(shape)
    out = np.empty(shape, type.numpy)
    flat = out.reshape(-1)
    for start in range(0, flat.size, CHUNK):
        piece = flat[start:start + CHUNK]
        piece[:] = part(piece.size)
    return out


def _exact(function: str, value: np.ndarray, type: dtype) -> np.ndarray:
    """A function of the C library, or NumPy's where rounding to a smaller type hides the difference in the last bit of float64."""
    return libm(getattr(math, function), value) if type.itemsize == 8 else getattr(np, function)(value)


def uniform(generator: Generator, shape: Shape, type: dtype, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Numbers in [low, high)."""
    if type.is_complex:
        return uniform(generator, (*shape, 2), type.to_real(), low, high).view(type.numpy)[..., 0]
    first, last, least, bound = _uniform_bounds(type, low, high)

    def part(count: int) -> np.ndarray:
        if type is dtypes.float64:
            value = fma64(generator.uniform53(count), high - low, low)
        elif first == 0:
            value = narrow(generator.uniform24(count) * last, type)
            if type is dtypes.float32:                       # a product stays below the bound
                return value
        else:
            value = narrow(generator.uniform24(count).astype(np.float64) * np.float64(last - first) + first, type)
        np.copyto(value, least, where=value >= bound)        # only rounding gets there
        return value
    return _filled(shape, type, part)


@lru_cache(256)
def _uniform_bounds(type: dtype, low: float, high: float) -> tuple[Any, ...]:
    """The bounds of `uniform` in float32 and in `type`.  Raises where they do not exist in `type` or are the wrong way round."""
    need("check_uniform_bounds", type, FLOATS)
    limit = LIMITS[type.name]
    for name, bound in ("from", low), ("to", high):
        expect(-limit <= bound <= limit, f"{name} is out of bounds for {NAMES[type.name][1]}")
    expect(low <= high, f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    expect(high - low <= limit, f"uniform_ expects to-from <= std::numeric_limits<{NAMES[type.name][0]}>::max(), but found to={high:g} "
                                f"and from={low:g} which result in to-from to exceed the limit")
    with np.errstate(over="ignore"):                         # only float64 has larger bounds, and does not use these
        return *np.array([low, high]).astype(np.float32), *narrow(np.array([low, high]), type)


def normal(generator: Generator, shape: Shape, type: dtype, mean: float = 0.0, std: float = 1.0, *, contiguous: bool = True) -> np.ndarray:
    """Normal numbers.  PyTorch makes few of them, and those of a tensor that is not `contiguous`, one at a time."""
    expect(std >= 0, f"normal expects std >= 0.0, but found std {std:g}")
    if type.is_complex:
        return normal(generator, (*shape, 2), type.to_real(), mean, std / math.sqrt(2), contiguous=contiguous).view(type.numpy)[..., 0]
    need("normal_kernel_cpu", type, FLOATS, shape)
    if contiguous and math.prod(shape) >= BLOCK:
        out = np.empty(shape, type.numpy)
        fill(generator, out.reshape(-1), mean, std)
        return out
    return _filled(shape, type, lambda count: narrow(fma64(generator.normals(count), std, mean), type))


def bernoulli(generator: Generator, shape: Shape, type: dtype, p: float | np.ndarray = 0.5) -> np.ndarray:
    """Ones with probability `p`, a number or an array of that shape, else zeros."""
    if not isinstance(p, np.ndarray):
        expect(0 <= p <= 1, f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        need("bernoulli_scalar_cpu_", type, NUMBERS, shape)
        return _filled(shape, type, lambda count: generator.below(count, p))
    need("bernoulli_tensor_cpu_self_", type, NUMBERS, shape)
    need("bernoulli_tensor_cpu_p_", dtypes.from_numpy(p.dtype), FLOATS, shape)
    check_chances(p)
    draw = generator.uniform53 if p.dtype == np.float64 else generator.uniform24
    return (draw(p.size).reshape(shape) < p.astype(np.float64).reshape(shape)).astype(type.numpy)


def check_chances(p: np.ndarray) -> None:
    """Raise where something is no probability."""
    expect(bool(((p >= 0) & (p <= 1)).all()), "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  "
           "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)")


def keep_mask(generator: Generator, shape: Shape, p: float) -> np.ndarray:
    """Which elements dropout keeps, where it drops with probability `p`.  Nothing is drawn for 0 and 1."""
    if p in (0, 1):
        return np.full(shape, p == 0)
    return _filled(shape, dtypes.bool_, lambda count: generator.below(count, 1 - p))


def randint(generator: Generator, shape: Shape, type: dtype, low: int | None = None, high: int | None = None) -> np.ndarray:
    """Whole numbers from `low` up to, not including, `high`; without `high` up to the type's largest (a float's 2^digits), without both from 0."""
    if low is None:
        need("random_kernel_cpu", type, NUMBERS)
        return _whole(generator, shape, type, 0, _largest(type) + 1, type.itemsize == 8)
    if high is None:
        return _from(generator, shape, type, low)
    expect(low < high, f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    expect(not type.is_complex, "check_random_bounds handles only integral, floating-point and boolean types")
    need("random_update_from_to", type, NUMBERS | WIDE_UNSIGNED)
    _check_bounds(type, low, high - 1)
    if type.is_floating_point:
        low, high = _raised(type, low), _lowered(type, high)
        expect(low < high, f"random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from={low} >= to={high}")
    return _whole(generator, shape, type, low, high - low, high - low >= LONG)


def _from(generator: Generator, shape: Shape, type: dtype, low: int) -> np.ndarray:
    """`randint` without an upper bound."""
    if low == -2**63:
        return _whole_range(generator, shape, type)
    expect(not type.is_complex, "random_from_to_impl handles only integral, floating-point and boolean types")
    need("random_from_to_range_calc", type, NUMBERS | WIDE_UNSIGNED)
    last = _largest(type)
    _check_bounds(type, low, last)
    if type.is_floating_point:
        low = _raised(type, low)
        expect(low <= last, "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got "
                            f"from={low} > to_inc={last}")
    expect(type is not dtypes.uint64, f"to - 1 is out of bounds for {NAMES[type.name][1]}")
    return _whole(generator, shape, type, low, last - low + 1, last - low + 1 >= LONG)


def _whole_range(generator: Generator, shape: Shape, type: dtype) -> np.ndarray:
    """Any number of 64 bits."""
    need("random_full_64_bits_range_kernel_cpu", type, (FLOATS - {"float16"}) | SMALL | {"bool"}, shape)
    expect(type.is_floating_point or type is dtypes.int64 or 0 in shape,
           "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16")
    return _filled(shape, type, lambda count: narrow(generator.long_words(count).view(np.int64), type))


def _largest(type: dtype) -> int:
    """The largest whole number such that all below it exist in `type`."""
    if type.is_floating_point:
        return 1 << DIGITS[type.name]
    return 1 if type is dtypes.bool_ else int(np.iinfo(type.numpy).max)


def _check_bounds(type: dtype, low: int, last: int) -> None:
    """Raise where a bound does not exist in `type`, warn where not all the numbers up to it do."""
    name, limit = NAMES[type.name][1], _largest(type)
    least, most = 0 if type is dtypes.bool_ or not type.is_signed else -limit - 1, limit
    if type.is_floating_point:
        most = LIMITS[type.name]
        least = -most
    for label, bound in ("from", low), ("to - 1", last):
        expect(least <= bound <= most, f"{label} is out of bounds for {name}")
        if type.is_floating_point and abs(bound) > limit:
            digits = DIGITS[type.name]
            warnings.warn(f"{label} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations {name} can support discrete "
                          "uniform distribution only within this range. This warning will become an error in version 1.7 release, please fix "
                          "the code in advance", stacklevel=4)


def _raised(type: dtype, low: int) -> int:
    """A lower bound, moved up where rounding to the float `type` would fall below it."""
    nearest = int(narrow(np.array(low + 1), type))
    return low if nearest >= low else nearest + _spacing(type, low + 1)


def _lowered(type: dtype, high: int) -> int:
    """An upper bound, moved down where rounding to the float `type` would reach it."""
    nearest = int(narrow(np.array(high - 1), type))
    return high if nearest < high else nearest - _spacing(type, high - 1)


def _spacing(type: dtype, value: int) -> int:
    return 1 << abs(value).bit_length() - DIGITS[type.name]


def _whole(generator: Generator, shape: Shape, type: dtype, low: int, span: int, long: bool) -> np.ndarray:
    """`low` plus the remainders by `span` of words, or of `long` words."""
    def part(count: int) -> np.ndarray:
        if not long:
            return narrow((generator.words(count) % np.uint32(span)).astype(np.int64) + low, type)
        return narrow((generator.long_words(count) % np.uint64(span)).view(np.int64) + low, type)
    return _filled(shape, type, part)


def randperm(generator: Generator, n: int, type: dtype = dtypes.int64) -> np.ndarray:
    """The numbers 0 to n - 1 in random order (Fisher & Yates)."""
    expect(n >= 0, f"Trying to create tensor with negative dimension {n}: [{n}]")
    need("randperm", type, FLOATS | SMALL)
    if not type.is_floating_point:
        expect(n - 1 <= _largest(type), f"value cannot be converted to type {type.name}_t without overflow")
    elif type is not dtypes.bfloat16:
        limit = "2049" if type is dtypes.float16 else f"2^{DIGITS[type.name]}+1"
        expect(n - 1 <= _largest(type), f"n cannot be greater than {limit} for {NAMES[type.name][0]} type.")
    places = np.arange(max(n - 1, 0))
    order = list(range(n))
    for i, j in enumerate((places + generator.words(places.size) % (n - places)).tolist()):
        order[i], order[j] = order[j], order[i]
    return narrow(np.array(order, np.int64), type)


def multinomial(generator: Generator, weights: np.ndarray, count: int, replacement: bool = False, by_column: bool = False) -> np.ndarray:
    """`count` indices per row, drawn with probability proportional to the weights.    weights: (n) or (m, n)  ->  (count) or (m, count)

    by_column  whether the weights lie column by column in memory: PyTorch draws in that order"""
    type = dtypes.from_numpy(weights.dtype)
    expect(weights.ndim in (1, 2), "prob_dist must be 1 or 2 dim")
    expect(type.is_floating_point, f"multinomial only supports floating-point dtypes for input, got: {NAMES[type.name][0]}")
    expect(count > 0, "cannot sample n_sample <= 0 samples")
    expect(replacement or count <= weights.shape[-1], "cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    expect(weights.shape[-1] <= 1 << 24, "number of categories cannot exceed 2^24")
    if replacement and count > 1:
        rows = [_with_replacement(generator, row, count) for row in np.atleast_2d(weights)]
        return np.array(rows, np.int64).reshape(*weights.shape[:-1], count)
    expect(bool(((weights >= 0) & (weights < np.inf)).all()), "probability tensor contains either `inf`, `nan` or element < 0")
    expect(bool((weights.sum(-1) > 0).all()), "invalid multinomial distribution (sum of probabilities <= 0)")
    race = weights / (exponential(generator, weights.shape[::-1], type).T if by_column else exponential(generator, weights.shape, type))
    return np.argsort(-race, -1, kind="stable")[..., :count] if count > 1 else race.argmax(-1, keepdims=True)


def _with_replacement(generator: Generator, weights: np.ndarray, count: int) -> np.ndarray:
    expect(bool((weights >= 0).all()), "invalid multinomial distribution (encountering probability entry < 0)")
    expect(bool(np.isfinite(weights).all()), "invalid multinomial distribution (encountering probability entry = infinity or NaN)")
    reached = weights.astype(np.float64 if weights.dtype == np.float64 else np.float32).cumsum()
    expect(reached[-1] > 0, "invalid multinomial distribution (sum of probabilities <= 0)")
    reached /= reached[-1]
    reached[-1] = 1
    return np.searchsorted(reached.astype(np.float64), generator.uniform53(count))


def exponential(generator: Generator, shape: Shape, type: dtype, rate: float = 1.0) -> np.ndarray:
    """Exponential numbers with mean 1 / rate."""
    expect(rate > 0, f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    expect(type.is_floating_point or 0 in shape, CONTINUOUS.format("Exponential", NAMES[type.name][0]))
    need("exponential_cpu", type, FLOATS, shape)
    return _filled(shape, type, lambda count: narrow(-1 / rate * _exact("log1p", -generator.uniform53(count), type), type))


def geometric(generator: Generator, shape: Shape, type: dtype, p: float) -> np.ndarray:
    """How many trials up to the first success, whose probability is `p`."""
    expect(0 < p < 1, f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    need("geometric_cpu", type, FLOATS | SMALL, shape)
    scale = math.log1p(-p)
    return _filled(shape, type, lambda count: narrow(np.ceil(_exact("log", generator.uniform53(count), type) / scale), type))


def cauchy(generator: Generator, shape: Shape, type: dtype, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
    """Cauchy (Lorentz) numbers."""
    expect(sigma > 0, f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    expect(type.is_floating_point, CONTINUOUS.format("Cauchy", NAMES[type.name][1]))
    need("cauchy_cpu", type, FLOATS, shape)
    return _filled(shape, type, lambda count: narrow(
        fma64(_exact("tan", math.pi * (generator.uniform53(count) - 0.5), type), sigma, median), type))


def log_normal(generator: Generator, shape: Shape, type: dtype, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """Numbers whose logarithm is normal."""
    expect(std > 0, f"log_normal_ expects std > 0.0, but found std={std:g}")
    need("log_normal_cpu", type, FLOATS, shape)
    return _filled(shape, type, lambda count: narrow(_exact("exp", fma64(generator.normals(count), std, mean), type), type))
