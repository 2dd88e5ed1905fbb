"""The table of cases for the tensor operators: `case(op, *samples, **options)` and `raises(op, sample, error)`.

A sample is one call: an operand, or a tuple of arguments that may end in `kw(...)`.  A `kw(...)` that stands alone goes to every sample of its case.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np

nan, inf = math.nan, math.inf
_rng = np.random.default_rng(0)


class kw(dict):
    """Keyword arguments of a sample."""


@dataclass(frozen=True)
class T:
    """An element type by its name: `T("float64")` stands for `torch.float64`."""
    name: str


@dataclass
class Call:
    """One call of one operator, and how it is checked."""
    name: str
    args: tuple
    kwargs: dict
    grad: bool = True
    tol: float = 1.0                                                    # factor on the usual tolerance
    signs: bool = True                                                  # whether the signs of the results count


CALLS: list[Call] = []
RAISES: list[tuple[str, tuple, dict, type[Exception], bool]] = []


def _split(sample: object, shared: dict) -> tuple[tuple, dict]:
    args = sample if isinstance(sample, tuple) else (sample,)
    own = [a for a in args if isinstance(a, kw)]
    return tuple(a for a in args if not isinstance(a, kw)), shared | (own[0] if own else {})


def case(name: str, *samples: object, grad: bool = True, tol: float = 1.0, signs: bool = True) -> None:
    """Add calls of each operator named in `name`."""
    shared = next((dict(s) for s in samples if isinstance(s, kw)), {})
    for each in name.split():
        for sample in samples:
            if not isinstance(sample, kw):
                CALLS.append(Call(each, *_split(sample, shared), grad, tol, signs))


def raises(name: str, sample: object, error: type[Exception] = RuntimeError, text: bool = True) -> None:
    """Add a call that fails with `error` and, if `text`, with PyTorch's first line."""
    RAISES.append((name, *_split(sample, {}), error, text))


def f(*shape: int, type: object = "float32") -> np.ndarray:
    """Normal numbers."""
    return np.asarray(_rng.standard_normal(shape)).astype(type)


def u(*shape: int, low: float = 0.1, high: float = 0.9, type: object = "float32") -> np.ndarray:
    """Uniform numbers."""
    return np.asarray(_rng.uniform(low, high, shape)).astype(type)


def d(*shape: int) -> np.ndarray:
    """Normal double precision numbers."""
    return f(*shape, type="float64")


def h(*shape: int) -> np.ndarray:
    """Normal half precision numbers."""
    return f(*shape, type="float16")


def bf(*shape: int) -> np.ndarray:
    """Normal bfloat16 numbers."""
    return f(*shape, type=ml_dtypes.bfloat16)


def i(*shape: int, low: int = -5, high: int = 6, type: str = "int64") -> np.ndarray:
    """Integers."""
    return np.asarray(_rng.integers(low, high, shape)).astype(type)


def b(*shape: int) -> np.ndarray:
    """Booleans."""
    return np.asarray(_rng.integers(0, 2, shape)).astype(bool)


def c(*shape: int) -> np.ndarray:
    """Complex numbers."""
    return np.asarray(_rng.standard_normal(shape) + 1j * _rng.standard_normal(shape)).astype("complex64")


def v(*values: object, type: str = "float32") -> np.ndarray:
    """The numbers given."""
    return np.array(values, type)


def spd(*shape: int) -> np.ndarray:
    """Symmetric positive definite matrices."""
    a = d(*shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def well(*shape: int) -> np.ndarray:
    """Well-conditioned square matrices."""
    return d(*shape) + 3 * np.eye(shape[-1])


TIES = v([1.0, 3.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0], [-1.0, 0.0, 0.0, -1.0])

# ---- one operand, each element
case("sin cos sinh cosh tanh asinh atan exp exp2 expm1 sigmoid erf erfc sinc deg2rad rad2deg square abs neg positive sgn",
     f(3, 4), f(), f(0), d(3))
case("sin cos tan sinh cosh tanh asinh atan exp exp2 expm1 sigmoid erf erfc sinc deg2rad rad2deg angle", i(5), b(3), tol=4)
case("tan", u(3, low=-1, high=1), d(3), tol=4)
case("square abs neg sgn sign positive negative absolute", i(5), i(3, type="int32"))
case("square sgn sign", b(3))
case("square", i(4, low=0, type="uint8"))
case("sqrt rsqrt log log2 log10 log1p lgamma reciprocal", u(3, 4, high=4), u(), f(0), u(3, type="float64"), i(5, low=1), tol=4)
case("digamma", u(3, 4, high=4), u(), f(0), i(5, low=1), tol=4)
case("digamma", u(3, type="float64"), tol=100)                           # XLA's is good to 1e-10
case("logit", u(3, 4), u(3, type="float64"), v(-0.5, 0.3, 1.5), tol=4)
case("sqrt", v(0.0, 4.0, -1.0), grad=False)                             # the derivative at 0 is inf in both, times a cotangent of either sign
case("asin acos atanh erfinv arcsin arccos arctanh", u(3, 4, low=-0.8, high=0.8), u(3, type="float64"), tol=10)
case("acosh arccosh", u(3, 4, low=1.2, high=4))
case("arcsinh arctan sign", f(3))
case("abs sgn sign", v(-1.0, 0.0, 2.0, -0.0))
case("exp log sin sqrt abs sigmoid tanh", h(4), bf(4), tol=4)
case("sin cos exp sqrt log tanh abs sgn neg conj_physical angle square reciprocal", c(3), tol=4)
case("floor ceil trunc fix round", v(-1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 2.4), i(4), d(3), h(3))
case("round", (f(4), kw(decimals=2)), (v(123.0, 155.0, -7.0), kw(decimals=-1)), (f(4), kw(decimals=0)))
case("frac", v(-1.5, 0.25, 2.0, 3.75))
case("logit", v(0.0, 0.2, 1.0), (v(0.0, 0.1, 0.5, 0.95, 1.0), kw(eps=0.1)))
case("digamma", v(0.0, 0.5, 2.0, -1.5), grad=False)                     # the derivative at the pole is inf or nan by rounding
case("erfinv", v(-1.0, 0.0, 1.0, 0.999), grad=False)                    # inf at the ends
case("sinc", v(0.0, 1.0, -0.5))
case("nan_to_num", v(nan, inf, -inf, 1.0), (v(nan, inf, -inf), kw(nan=2.0, posinf=5.0, neginf=-5.0)), i(3))
case("special.ndtr special.log_ndtr special.erfcx special.i0e special.i1 special.i1e special.i0", f(5), tol=10)
case("special.ndtri special.entr", u(5), tol=10)
case("special.entr", v(-1.0, 0.0, nan, 2.0), grad=False)                # the derivative at 0 is inf
case("special.expit special.exp2 special.expm1 special.round special.sinc special.erf", f(3))
case("special.gammaln special.psi special.digamma special.log1p", u(3))
case("polygamma special.polygamma", (0, u(3)), (1, u(3)), (2, u(3, high=3)), tol=20)
case("mvlgamma special.multigammaln", (u(3, low=2, high=4), 2), tol=4)
case("igamma igammac", (u(3, high=3), u(3, high=3)), tol=10, grad=False)   # PyTorch has no derivative by the first operand
case("special.zeta", (u(3, low=1.5, high=3), u(3, high=3)), tol=10, grad=False)   # neither has PyTorch here
case("angle", f(4), v(-1.0, 0.0, 1.0, nan))
case("sign sgn", v(nan, -inf))

# ---- two operands, each element
PAIRS = ((f(3, 4), f(3, 4)), (f(3, 4), f(4)), (f(3, 1), f(1, 4)), (f(3), f()), (f(3), 2.5), (f(3), 2), (f(0), f(0)), (d(3), f(3)), (f(3), d()),
     (h(3), f()))
INTS = ((i(5), i(5, low=1)), (i(5), 3), (i(5, type="int32"), i(5, low=1)), (i(4, type="int8"), i(4, low=1, type="uint8", high=6)))
TENSORS = tuple(s for s in PAIRS if isinstance(s[1], np.ndarray))
case("add sub mul div true_divide divide multiply subtract rsub copysign", *PAIRS, tol=2)
case("maximum minimum fmax fmin atan2 arctan2", *TENSORS, tol=2)
case("remainder fmod", *PAIRS[:6], (d(3), f(3)), tol=10)
case("floor_divide", *PAIRS[:6], (d(3), f(3)), grad=False)              # PyTorch has none
case("hypot logaddexp logaddexp2", *PAIRS[:4], (d(3), f(3)), tol=4)
case("add sub mul floor_divide remainder fmod", *INTS)
case("maximum minimum fmax fmin gcd lcm", *(s for s in INTS if isinstance(s[1], np.ndarray)))
case("div true_divide copysign", *INTS, tol=4)
case("atan2 ldexp", INTS[0], tol=4)
case("add mul", (b(4), b(4)), (b(4), 2), (b(4), 1.5), (b(4), f(4)), (i(3), 1.5), (f(3), True), (c(3), f(3)), (c(3), 2), (f(3), c(3)))
case("add sub rsub", (f(3), f(3), kw(alpha=2.5)), (i(3), i(3), kw(alpha=2)), (f(3), 2, kw(alpha=3)))
case("maximum minimum fmax fmin max min", (TIES, TIES[::-1].copy()))
case("fmax fmin", (v(1.0, nan, 2.0), v(1.0, 1.0, 3.0)))
case("maximum minimum fmax", (v(nan, 1.0, nan), v(nan, nan, 0.0)), grad=False)   # nan has no meaningful derivative
case("remainder", (v(7.0, -7.0, 7.0, -7.0, 0.0), v(2.0, 2.0, -2.0, -2.0, 3.0)), (v(6.0, -6.0), 0.1), (i(5, low=-9), -4))
case("floor_divide", (v(7.0, -7.0, 7.0, -7.0, 0.0), v(2.0, 2.0, -2.0, -2.0, 3.0)), (v(6.0, -6.0), 0.1), (i(5, low=-9), -4),
     (v(1.0, -1.0, 0.0), v(0.0, 0.0, 0.0)), (v(1.0, 5.5), 1.1), grad=False)   # PyTorch has none
case("fmod remainder", (v(7.0, -7.0, 7.5), v(2.0, 2.0, -2.0)), (i(5, low=-9), 4))
case("div divide", (f(5), f(5), kw(rounding_mode="floor")), (f(5), f(5), kw(rounding_mode="trunc")), (i(5), i(5, low=1), kw(rounding_mode="trunc")),
     (i(5), 2, kw(rounding_mode="floor")), (i(5), 2, kw(rounding_mode=None)), (f(3), 2, kw(rounding_mode="floor")),
     (i(3), 2.5, kw(rounding_mode="trunc")))
case("pow", (f(3, 4), 2), (f(4), 3), (u(4), -2), (f(3), 0), (f(3), 1), (i(4), 2), (b(3), 2), (u(3), 0.5), (u(3), u(3)), (2, f(3)), (2.5, f(3)),
     (u(3), i(3)), (i(4), i(4, low=0)), (v(0.0, 0.0, 2.0), 2), (v(0.0, 2.0), 2.0), (v(0.0, 2.0), 1.0),
     (v(2, 1, -1, -1, 0, 3, type="int64"), v(-1, -2, -3, -2, 0, -1, type="int64")),
     (2, i(3, low=0)), (u(3, type="float64"), 0.3), (c(2), 2), (i(3, low=1), 0.5), (i(3, low=1), 2.0), tol=4)
case("float_power", (u(3), 2), (i(3, low=1), 0.5), (u(3), u(3)), (2.0, f(3)), tol=4)
case("xlogy special.xlogy special.xlog1py", (u(3), u(3)), (v(0.0, 0.0, 1.0), v(1.0, 2.0, 3.0)), (f(3), u()), (2, u(3)), (u(3), 2.0))
case("xlogy", (v(0.0, 0.0, 0.0, 1.0), v(0.0, nan, inf, 0.0)), grad=False)    # nan or inf
case("ldexp", (f(3), i(3, low=0)), (f(3), f(3)))
case("copysign", (v(0.0, -0.0, 1.0, -2.0), v(-1.0, 1.0, -0.0, 3.0)))
case("nextafter", (f(4), f(4)), grad=False)                             # PyTorch has none
case("heaviside", (v(-1.0, 0.0, 2.0, nan), v(0.5)), grad=False)         # PyTorch has none
case("logaddexp logaddexp2", (v(-inf, inf, 1.0), v(-inf, 1.0, -inf)), grad=False)   # nan or 1/2 at infinities
case("atan2 hypot", (v(0.0, 3.0), v(2.0, 4.0)))
case("clamp clip", (f(3, 4), -0.5, 0.5), (f(4), kw(min=0.1)), (f(4), kw(max=0.1)), (f(4), f(4), f(4)), (f(3, 4), f(4)), (i(5), -2, 2), (i(5), 0.5),
     (v(0.0, 1.0, 2.0), 0.0, 2.0), (v(0.0, 1.0, 2.0), v(0.0, 1.0, 2.0)), (f(3), f(), None), (f(3), None, f(3)), (b(3), 0), (h(3), 0.1))
case("clamp", (f(3), 1.0, -1.0), (f(3), kw(min=nan)))
case("clamp", (v(1.0, nan), 0.0, 2.0), grad=False)                      # nan has no meaningful derivative
case("clamp_min clamp_max", (f(5), 0.2), (f(5), f(5)), (i(5), 1), (v(0.0, 1.0), 0.0))
case("lerp", (f(4), f(4), 0.3), (f(4), f(4), 0.7), (f(4), f(4), u(4)), (f(3, 4), f(4), u()))
case("addcmul addcdiv", (f(3, 4), f(4), u(3, 1)), (f(3), f(3), u(3), kw(value=0.5)))
case("addcmul", (i(3), i(3), i(3), kw(value=2)))
case("where", (b(3, 4), f(3, 4), f(4)), (b(3), f(3), 0.0), (b(3), 1, f(3)), (b(3), f(3), d(3)), (b(3), i(3), 2), (b(3), i(3), 2.5), (b(3), 1.0, 2),
     (b(3), 1, 2),
     (b(3), b(3), b(3)), (b(2, 1), f(3), f()), (b(3), f(3), d()))
case("masked_fill", (f(3, 4), b(3, 4), 2), (f(3, 4), b(4), -inf), (f(3), b(3), f()), (i(3), b(3), 2), (b(3), b(3), True), (h(3), b(3), 1e-3),
     (f(4), b(3, 4), 0.5))
case("bitwise_and bitwise_or bitwise_xor", (i(5), i(5)), (i(5), 3), (b(4), b(4)), (i(4, type="int16"), i(4)), (b(4), True),
     (i(4, low=0, type="uint8"), 3))
case("bitwise_not", i(5), b(3), i(3, low=0, type="uint8"))
case("bitwise_left_shift bitwise_right_shift", (i(5), i(5, low=0)), (i(5), 2), (i(4, type="int32"), 1), (i(3, low=0, type="uint8"), 1), (i(3), 70))
case("logical_and logical_or logical_xor", (i(5), i(5)), (f(3), b(3)), (b(4), b(4)), (v(0.0, 1.0), v(0.0, 0.0)))
case("logical_not", i(5), f(3), b(3), v(0.0, 1.0))

# ---- comparisons
case("eq ne lt le gt ge not_equal less less_equal greater greater_equal", (f(3, 4), f(4)), (i(5), i(5)), (i(5), 2), (f(3), 0), (i(3), 0.5),
     (b(3), b(3)), (TIES, 2),
     (v(nan, 1.0), v(nan, 1.0)), (f(3), d(3)))
case("eq ne", (c(3), c(3)))
case("isnan isinf isfinite isneginf isposinf isreal signbit", v(nan, inf, -inf, -1.0, 0.0, -0.0), i(3), b(2))
case("isnan isinf isfinite isreal", c(3))
case("isclose", (v(1.0, 2.0, nan, inf), v(1.0 + 1e-6, 2.1, nan, inf)), (v(nan), v(nan), kw(equal_nan=True)), (i(4), i(4)), (f(3), f(3), kw(atol=1.0)),
     (f(3), f(3), 0.5, 0.1))
case("allclose", (f(3), f(3)), (TIES, TIES), (TIES, TIES + 1e-7))
case("equal", (TIES, TIES), (f(3), f(4)), (f(3), f(3)))
case("isin", (i(6), i(3)), (i(2, 3), 2), (2, i(3)), (i(4), i(2), kw(invert=True)), (f(3), f(2, 2)))

# ---- reductions
REDUCED = (f(3, 4), f(), f(0), (f(3, 4), 0), (f(3, 4), -1, True), (f(2, 3, 4), (0, 2)), (f(2, 3), (0, 1), True), (f(2, 3), ()), (f(2, 3), None),
     (f(2, 3), kw(dim=1, keepdim=True)),
           (f(), 0), (f(), -1), (f(0, 3), 0), (f(2, 3), [0, -1]), d(3, 4))
case("sum mean nansum nanmean", *REDUCED)
case("sum", i(5), b(4), (i(2, 3, type="int32"), 0), (i(3, low=0, type="uint8"), kw(dtype=T("int32"))), (f(3), kw(dtype=T("float64"))),
     (i(3), kw(dtype=T("float32"))), c(3))
case("sum mean prod", h(400), bf(40), tol=2)
case("sum mean", (i(4), kw(dtype=T("float32"))), (v(1.0, nan), ))
case("nansum nanmean", v(nan, 1.0, 2.0))
case("nansum nanmean", (v([nan, 1.0], [nan, nan]), 1), grad=False)      # the mean of nothing
case("prod", f(5), (f(3, 4), 0), (f(3, 4), -1, True), f(), (f(), 0), v(0.0, 2.0, 3.0), v(0.0, 2.0, 0.0), (v([0.0, 2.0], [3.0, 4.0], [0.0, 0.0]), 1),
     i(4), (i(3, type="int32"), 0), f(0),
     (i(3), kw(dtype=T("float64"))), tol=4)
case("var std", *REDUCED[:2], *((s[0], s[1]) for s in REDUCED[3:7:3]), (f(3, 4), 0, False), (f(3, 4), True), (f(3, 4), False),
     (f(3, 4), 1, True, True), (f(3, 4), -1, kw(keepdim=True)),
     (f(3, 4), kw(correction=0)), (f(3, 4), 0, kw(correction=2)), (f(3, 4), kw(dim=1, unbiased=False)), (f(2, 3, 4), (0, 2)),
     (f(3, 4), kw(unbiased=False)), (f(1, 3), 1), h(20), c(4),
     (f(3, 4), None), tol=4)
case("var std", (f(3, 4), ()), grad=False)                               # PyTorch divides its gradient by 0 here
case("std var", (np.ones((2, 3), "float32"), 1))
case("std_mean var_mean", f(3, 4), (f(3, 4), 0), (f(3, 4), 0, False), (f(3, 4), False), (f(3, 4), kw(dim=1, correction=0, keepdim=True)), tol=4)
case("amax amin", f(3, 4), (TIES, 1), (TIES, 0, True), (TIES, (0, 1)), TIES, f(), (f(), 0), i(5), (i(2, 3), 1), b(3), (TIES, ()))
case("amax amin max min", (v(1.0, nan), 0), v(1.0, nan), grad=False)    # nan has no meaningful derivative
case("max min", f(3, 4), (f(3, 4), 1), (f(3, 4), 0, True), (f(3, 4), kw(dim=-1, keepdim=True)), f(), (f(), 0), i(5), (i(3, 4), 0), TIES, (b(3), 0),
     (f(3), f(3)), (i(3), i(3)), (f(3, 4), f(4)),
     (v([1.0, nan, 3.0], [2.0, 5.0, 1.0]), 1))
case("max min argmax argmin", (v([1.0, 3.0, 2.0], [5.0, 4.0, 4.5]), 1))
case("aminmax", f(3, 4), (f(3, 4), kw(dim=1)), (f(3, 4), kw(dim=0, keepdim=True)), TIES, f())
case("argmax argmin", f(3, 4), (f(3, 4), 1), (f(3, 4), 0, True), (f(3, 4), None, True), f(), (f(), 0), i(5), (TIES, 1), TIES, v(1.0, nan, 2.0))
case("all any", b(3, 4), (b(3, 4), 0), (b(3, 4), 1, True), f(3), i(4), (b(2, 3, 4), (0, 2)), b(0), (b(0, 3), 0), b(), i(3, low=0, type="uint8"),
     (b(2, 3), None))
case("count_nonzero", i(5), (i(3, 4), 0), (i(3, 4), (0, 1)), b(4), f(3))
case("cumsum cumprod", (f(3, 4), 0), (f(3, 4), -1), (i(5), 0), (b(4), 0), (f(), 0), (f(0), 0), (f(3), 0, kw(dtype=T("float64"))),
     (v(2.0, 0.0, 3.0, 0.0), 0), (h(20), 0), (i(3, type="int32"), 0), tol=4)
case("logcumsumexp", (f(3, 4), 0), (f(3, 4), 1), (f(), 0), tol=4)
case("cummax cummin", (f(3, 4), 0), (TIES, 1), (i(5), 0), (f(), 0), (v(1.0, nan, 3.0), 0), (v(1.0, 1.0, 0.0, 2.0, 0.0), 0))
case("logsumexp special.logsumexp", (f(3, 4), 0), (f(3, 4), -1, True), (f(2, 3, 4), (0, 2)), (f(), 0), (i(4), 0), (v(1000.0, 1000.0), 0), (h(5), 0))
case("logsumexp", (v(-inf, -inf), 0), (v(inf, 1.0), 0), grad=False)     # nan at infinities
case("norm", f(3, 4), (f(3, 4), 2), (f(3, 4), 1), (f(3, 4), inf), (f(3, 4), -inf), (f(3, 4), 0), (f(3, 4), 3), (f(3, 4), 0.5), (f(3, 4), 1.5, 1),
     (f(3, 4), "fro", (0, 1)), (f(3, 4), 2, 1, True),
     (f(3, 4), kw(p="fro", dim=-1)), (f(3, 4), kw(dtype=T("float64"))), f(), (f(3, 4), "nuc"), (f(3, 4), 2, (0, 1)), (v(0.0, 0.0), 2),
     (v(0.0, 1.0), 1), (v(0.0, 0.0), 3), (v(1.0, -1.0, 0.5), inf),
     (v([0.0, 0.0], [1.0, 0.0]), 2, 1), c(3), h(8), tol=4)
case("linalg.vector_norm", f(3, 4), (f(3, 4), 1, 0), (f(3, 4), inf, (0, 1), True), (f(3, 4), 3, kw(dim=1)), (f(3), kw(dtype=T("float64"))), tol=4)
case("linalg.matrix_norm", f(3, 4), (f(2, 3, 4), "nuc"), (f(3, 4), 1), (f(3, 4), -1), (f(3, 4), inf), (f(3, 4), -inf), (f(3, 4), 2), (f(3, 4), -2),
     (f(2, 3, 4), "fro", (0, 2), True), (f(2, 3, 4), 1, (0, 2), True),
     (f(2, 3, 4), 2, (0, 1), True), tol=10)
case("linalg.norm", f(3, 4), (f(3, 4), "fro"), (f(3, 4), 1), (f(4), 1), (f(2, 3, 4), 2, -1), (f(3, 4), kw(dim=0)),
     (f(2, 3, 4), kw(dim=(1, 2), ord="nuc")), tol=10)
case("dist", (f(3), f(3)), (f(3, 4), f(4), 1), (f(3), f(3), inf), (TIES, TIES.copy()))
case("median nanmedian", v(3.0, 1.0, 2.0, 4.0), v(3.0, 1.0, 2.0), f(3, 5), (f(3, 5), 1), (f(3, 5), 0, True), i(5), (f(), 0), f(),
     (v([1.0, nan, 2.0], [4.0, 3.0, 5.0]), 1), TIES)
case("median", (f(2, 5), kw(dim=-1)), f(0))
case("nanmedian", v(1.0, nan, 2.0))
case("median", v(1.0, nan, 2.0), grad=False)                            # nan has no meaningful derivative
case("kthvalue", (f(3, 5), 2), (f(3, 5), 1, 0), (f(5), 3, 0, True), (f(), 1))
case("mode", v(1.0, 3.0, 3.0, 1.0, 2.0), (TIES, 1), (TIES, 0, True), i(7), v(3.0, 1.0, 1.0, 3.0, 2.0, 3.0, 1.0), f())
case("quantile nanquantile", (f(5), 0.3), (f(3, 5), 0.5, 1), (f(3, 5), u(3), 1, True), (f(3, 5), v(0.0, 0.25, 1.0)),
     (f(4), 0.4, kw(interpolation="lower")), (f(4), 0.4, kw(interpolation="higher")),
     (f(4), 0.4, kw(interpolation="midpoint")), (f(4), 0.4, kw(interpolation="nearest")), (f(3, 4), 0.5, kw(keepdim=True)), (f(), 0.5), (d(5), 0.7),
     tol=4)
case("nanquantile", (v(1.0, nan, 2.0), 0.5))
case("quantile", (v(1.0, nan, 2.0), 0.5), grad=False)                   # nan has no meaningful derivative
case("diff", f(5), (f(3, 4), 2), (f(3, 4), 1, 0), (i(5), 1, 0, i(1), i(2)), b(4), (f(4), kw(prepend=f(1))), (f(2), 3), (f(3), 0))
case("trapezoid trapz cumulative_trapezoid", f(5), (f(3, 4), kw(dim=0)), (f(3, 4), kw(dx=0.5)), (f(3, 4), f(4)), (f(3, 4), f(3, 4)), i(4),
     (f(3, 4), f(3), kw(dim=0)))
