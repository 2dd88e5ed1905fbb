"""JAX's primitive operations in NumPy, for processes where XLA cannot run (see host.py): elementwise, of shapes, reductions."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter, signature
from typing import Any

import numpy as np

Array = np.ndarray
Axes = Sequence[int]
RULES: dict[str, Callable] = {}


def rule(*names: str) -> Callable[[Callable], Callable]:
    """Declare how primitives work: a function of their arrays and, as keywords, of those of their parameters that it needs; `out` is the result's aval."""
    def declare(function: Callable) -> Callable:
        RULES.update(dict.fromkeys(names, function))
        return function
    return declare


def bound(primitive: str, params: dict[str, Any], out: Any) -> Callable | None:
    """The function from arrays to results that an equation means; None where there is no rule."""
    function = RULES.get(primitive)
    if function is None or isinstance(function, np.ufunc):
        return function
    wanted = [n for n, p in signature(function).parameters.items() if p.kind is Parameter.KEYWORD_ONLY]
    return partial(function, **{n: out if n == "out" else params[n] for n in wanted}) if wanted else function


EXACT = frozenset((                                          # correctly rounded, or no arithmetic at all
    "add sub mul div rem max min neg abs floor ceil round sign sqrt square is_finite eq ne lt le gt ge eq_to le_to lt_to and or xor not shift_left "
    "shift_right_arithmetic shift_right_logical population_count clz select_n clamp convert_element_type copy stop_gradient iota broadcast_in_dim reshape "
    "squeeze expand_dims transpose rev slice dynamic_slice dynamic_update_slice concatenate stack unstack tile split pad reduce_max reduce_min reduce_and "
    "reduce_or argmax argmin optimization_barrier").split())


def is_exact(equation: Any) -> bool:
    """Whether every right implementation gives the same bits."""
    return equation.primitive.name in EXACT or equation.primitive.name == "integer_pow" and equation.params["y"] == 2


def is_low(kind: np.dtype) -> bool:
    """Whether numbers of this type are added up in single precision."""
    return kind.itemsize < 4 and kind.kind not in "iub"


def wide(x: Array) -> Array:
    """`x` in the type in which it is added up."""
    return x.astype(np.float32) if is_low(x.dtype) else x


# Elementwise

RULES.update(
    add=np.add, add_any=np.add, sub=np.subtract, mul=np.multiply, max=np.maximum, min=np.minimum, neg=np.negative, abs=np.absolute, floor=np.floor,
    ceil=np.ceil, exp=np.exp, exp2=np.exp2, expm1=np.expm1, log=np.log, log1p=np.log1p, sqrt=np.sqrt, cbrt=np.cbrt, square=np.square, sin=np.sin, cos=np.cos,
    tan=np.tan, asin=np.arcsin, acos=np.arccos, atan=np.arctan, atan2=np.arctan2, sinh=np.sinh, cosh=np.cosh, tanh=np.tanh, asinh=np.arcsinh,
    acosh=np.arccosh, atanh=np.arctanh, nextafter=np.nextafter, is_finite=np.isfinite, eq=np.equal, ne=np.not_equal, lt=np.less, le=np.less_equal,
    gt=np.greater, ge=np.greater_equal, eq_to=np.equal, le_to=np.less_equal, lt_to=np.less, conj=np.conjugate, real=np.real, imag=np.imag,
    shift_left=np.left_shift, shift_right_arithmetic=np.right_shift, population_count=np.bitwise_count)
RULES["and"], RULES["or"], RULES["xor"], RULES["not"] = np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert
_erf, _erfc = np.vectorize(math.erf, otypes=[np.float64]), np.vectorize(math.erfc, otypes=[np.float64])


@rule("copy", "stop_gradient", "reduce_precision", "sharding_constraint", "xla_metadata_value")
def same(x: Array) -> Array:
    """The array itself."""
    return x


@rule("optimization_barrier", "device_put")
def same_all(*arrays: Array) -> tuple:
    """The arrays themselves."""
    return arrays


@rule("div")
def div(x: Array, y: Array) -> Array:
    """The quotient; of integers without its fraction, and -1 by zero."""
    if x.dtype.kind not in "iu":
        return np.divide(x, y)
    safe = np.where(y == 0, np.ones_like(y), y)
    return np.where(y == 0, np.asarray(-1).astype(x.dtype), (x - np.fmod(x, safe)) // safe)


@rule("rem")
def rem(x: Array, y: Array) -> Array:
    """The remainder with the sign of `x`."""
    return np.where(y == 0, x, np.fmod(x, np.where(y == 0, np.ones_like(y), y))) if x.dtype.kind in "iu" else np.fmod(x, y)


@rule("sign")
def sign(x: Array) -> Array:
    """-1, 0 or 1; a zero keeps its sign."""
    return np.where(x == 0, x, np.sign(x))


@rule("round")
def round(x: Array, *, rounding_method: Any) -> Array:
    """The nearest integer; a half goes to the even one or away from zero."""
    if rounding_method.name == "TO_NEAREST_EVEN":
        return np.rint(x)
    whole = np.trunc(x)
    return whole + np.where(np.absolute(x - whole) >= 0.5, np.sign(x), np.zeros_like(x))


@rule("rsqrt")
def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    return 1 / np.sqrt(x)


@rule("logistic")
def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


@rule("erf")
def erf(x: Array) -> Array:
    """The error function."""
    return _erf(x.astype(np.float64))


@rule("erfc")
def erfc(x: Array) -> Array:
    """1 - erf(x)."""
    return _erfc(x.astype(np.float64))


@rule("integer_pow")
def integer_pow(x: Array, *, y: int) -> Array:
    """A constant power."""
    return np.power(x, x.dtype.type(y)) if y >= 0 else 1 / np.power(x, x.dtype.type(-y))


@rule("pow")
def pow(x: Array, y: Array) -> Array:
    """x to the y; a negative power of an integer is that of 1 or -1, or nothing."""
    if x.dtype.kind not in "iu":
        return np.power(x, y.astype(x.dtype))
    found = np.power(x, np.maximum(y, np.zeros_like(y)))
    odd = np.where(y % 2 == 0, x * x, x)
    return np.where(y >= 0, found, np.where(np.absolute(x) == 1, odd, np.zeros_like(x)))


@rule("complex")
def complex_of(real: Array, imaginary: Array, *, out: Any) -> Array:
    """A complex number of its parts."""
    found = np.empty(real.shape, out.dtype)
    found.real, found.imag = real, imaginary
    return found


@rule("shift_right_logical")
def shift_right_logical(x: Array, y: Array) -> Array:
    """A shift that brings in zeros."""
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    return np.right_shift(x.view(unsigned), y.view(unsigned)).view(x.dtype)


@rule("clz")
def count_leading_zeros(x: Array) -> Array:
    """How many bits are zero before the first that is not."""
    bits = x.dtype.itemsize * 8
    return sum(((x.view(f"u{x.dtype.itemsize}") >> np.array(k, f"u{x.dtype.itemsize}")) == 0).astype(x.dtype) for k in range(bits))


@rule("select_n")
def select_n(which: Array, *cases: Array) -> Array:
    """The element of the case that `which` names."""
    return np.where(which, cases[1], cases[0]) if which.dtype == bool else np.choose(which, cases)


@rule("clamp")
def clamp(low: Array, x: Array, high: Array) -> Array:
    """`x` within bounds."""
    return np.minimum(np.maximum(x, low), high)


@rule("convert_element_type")
def convert(x: Array, *, new_dtype: Any) -> Array:
    """Another type; from floating point to integers within their range."""
    to = np.dtype(new_dtype)
    if x.dtype == to:
        return x
    if to.kind == "b":
        return x != 0
    if x.dtype.kind == "c" and to.kind != "c":
        x = x.real
    if to.kind not in "iu" or x.dtype.kind in "iub":
        return x.astype(to)
    x = wide(x)
    limits = np.iinfo(to)
    low, high = float(limits.min), float(limits.max)
    within = (x >= low) & (x < high + 1)
    if within.all():
        return x.astype(to)
    beyond = np.where(x > 0, limits.max, np.where(x < 0, limits.min, 0)).astype(to)
    return np.where(within, np.where(within, x, 0).astype(to), beyond)


@rule("bitcast_convert_type")
def bitcast(x: Array, *, new_dtype: Any) -> Array:
    """The same bits as another type."""
    old, to = x.dtype.itemsize, np.dtype(new_dtype)
    x = np.asarray(x, order="C")
    if old > to.itemsize:
        return x[..., None].view(to)
    return x.view(to) if old == to.itemsize else x.view(to)[..., 0]


# Shapes

@rule("iota")
def iota(*, dtype: Any, shape: tuple, dimension: int) -> Array:
    """Numbers from 0 along a dimension."""
    lined = [1] * len(shape)
    lined[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension]).astype(dtype).reshape(lined), shape)


@rule("broadcast_in_dim")
def broadcast_in_dim(x: Array, *, shape: tuple, broadcast_dimensions: Axes) -> Array:
    """Repeated along new dimensions and those of size 1."""
    lined = [1] * len(shape)
    for n, d in zip(x.shape, broadcast_dimensions, strict=True):
        lined[d] = n
    return np.broadcast_to(x.reshape(lined), shape)


@rule("reshape")
def reshape(x: Array, *, dimensions: Axes | None, out: Any) -> Array:
    """The same elements in another shape, taken in the order of these dimensions."""
    return (x if dimensions is None else x.transpose(dimensions)).reshape(out.shape)


@rule("squeeze", "expand_dims")
def squeeze(x: Array, *, out: Any) -> Array:
    """With fewer or more dimensions of size 1."""
    return x.reshape(out.shape)


@rule("transpose")
def transpose(x: Array, *, permutation: Axes) -> Array:
    """The dimensions in another order."""
    return x.transpose(permutation)


@rule("rev")
def rev(x: Array, *, dimensions: Axes) -> Array:
    """Backwards along dimensions."""
    return np.flip(x, tuple(dimensions))


@rule("slice")
def slice_of(x: Array, *, start_indices: Axes, limit_indices: Axes, strides: Axes | None) -> Array:
    """A part."""
    return x[tuple(map(slice, start_indices, limit_indices, strides or [1] * x.ndim))]


def _window(shape: tuple, sizes: tuple, starts: Sequence) -> tuple:
    firsts = [min(max(int(s), 0), n - size) for n, size, s in zip(shape, sizes, starts, strict=True)]
    return tuple(slice(s, s + size) for s, size in zip(firsts, sizes, strict=True))


@rule("dynamic_slice")
def dynamic_slice(x: Array, *starts: Array, slice_sizes: tuple) -> Array:
    """A part of fixed size, within bounds."""
    return x[_window(x.shape, slice_sizes, starts)]


@rule("dynamic_update_slice")
def dynamic_update_slice(x: Array, new: Array, *starts: Array) -> Array:
    """`x` with a part replaced."""
    found = x.copy()
    found[_window(x.shape, new.shape, starts)] = new
    return found


@rule("concatenate")
def concatenate(*arrays: Array, dimension: int) -> Array:
    """One after another."""
    return np.concatenate(arrays, dimension)


@rule("stack")
def stack(*arrays: Array, axis: int) -> Array:
    """Side by side along a new dimension."""
    return np.stack(arrays, axis)


@rule("unstack")
def unstack(x: Array, *, axis: int) -> tuple:
    """The slices along a dimension."""
    return tuple([x.take(k, axis) for k in range(x.shape[axis])])


@rule("tile")
def tile(x: Array, *, reps: Axes) -> Array:
    """Repeated along dimensions."""
    return np.tile(x, reps)


@rule("split")
def split(x: Array, *, sizes: Axes, axis: int) -> list:
    """Parts of these sizes."""
    return np.split(x, np.cumsum(sizes)[:-1], axis)


@rule("pad")
def pad(x: Array, value: Array, *, padding_config: Sequence) -> Array:
    """With `value` around, or less at the edges, and between the elements."""
    inner = [max(0, n + (n - 1) * gap) for n, (_, _, gap) in zip(x.shape, padding_config, strict=True)]
    found = np.full([n + max(low, 0) + max(high, 0) for n, (low, high, _) in zip(inner, padding_config, strict=True)], value)
    found[tuple(slice(max(low, 0), max(low, 0) + n, gap + 1) for n, (low, _, gap) in zip(inner, padding_config, strict=True))] = x
    return found[tuple(slice(max(-low, 0), n - max(-high, 0)) for n, (low, high, _) in zip(found.shape, padding_config, strict=True))]


# Reductions

def lowest(kind: np.dtype) -> Any:
    return False if kind.kind == "b" else np.iinfo(kind).min if kind.kind in "iu" else -np.inf


def highest(kind: np.dtype) -> Any:
    return True if kind.kind == "b" else np.iinfo(kind).max if kind.kind in "iu" else np.inf


@rule("reduce_sum")
def reduce_sum(x: Array, *, axes: Axes) -> Array:
    """Sum over dimensions."""
    return np.add.reduce(wide(x), tuple(axes), None if is_low(x.dtype) else x.dtype)


@rule("reduce_prod")
def reduce_prod(x: Array, *, axes: Axes) -> Array:
    """Product over dimensions."""
    return np.multiply.reduce(wide(x), tuple(axes), None if is_low(x.dtype) else x.dtype)


@rule("reduce_max")
def reduce_max(x: Array, *, axes: Axes) -> Array:
    """Largest over dimensions."""
    return np.max(x, tuple(axes)) if x.size else np.full([n for d, n in enumerate(x.shape) if d not in axes], lowest(x.dtype))


@rule("reduce_min")
def reduce_min(x: Array, *, axes: Axes) -> Array:
    """Smallest over dimensions."""
    return np.min(x, tuple(axes)) if x.size else np.full([n for d, n in enumerate(x.shape) if d not in axes], highest(x.dtype))


def _combined(ufunc: np.ufunc, x: Array, *, axes: Axes) -> Array:
    return ufunc.reduce(x, tuple(axes))


RULES.update(reduce_and=partial(_combined, np.bitwise_and), reduce_or=partial(_combined, np.bitwise_or), reduce_xor=partial(_combined, np.bitwise_xor))


@rule("argmax")
def argmax(x: Array, *, axes: Axes) -> Array:
    """Where the first largest is."""
    return np.argmax(x, axes[0])


@rule("argmin")
def argmin(x: Array, *, axes: Axes) -> Array:
    """Where the first smallest is."""
    return np.argmin(x, axes[0])


def _accumulated(ufunc: np.ufunc, x: Array, *, axis: int, reverse: bool) -> Array:
    x = np.flip(x, axis) if reverse else x
    found = ufunc.accumulate(wide(x), axis, None if is_low(x.dtype) else x.dtype)
    return np.flip(found, axis) if reverse else found


for _name, _ufunc in (("cumsum", np.add), ("cumprod", np.multiply), ("cummax", np.maximum), ("cummin", np.minimum), ("cumlogsumexp", np.logaddexp)):
    RULES[_name] = partial(_accumulated, _ufunc)


@rule("sort")
def sort(*arrays: Array, dimension: int, num_keys: int) -> tuple:
    """All arrays in the order of the first ones."""
    keys = arrays[:num_keys]
    order = np.argsort(keys[0], dimension, kind="stable") if num_keys == 1 else np.lexsort(keys[::-1], dimension)
    return tuple([np.take_along_axis(x, order, dimension) for x in arrays])


@rule("top_k")
def top_k(x: Array, *, k: int, axis: int = -1) -> tuple:
    """The k largest of each row and where they are."""
    order = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    order = order.take(np.arange(k), axis)
    return np.take_along_axis(x, order, axis), order
