"""Element types: PyTorch's names over NumPy's types (`ml_dtypes` supplies bfloat16 and the 8-bit floats)."""
from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

BOOL, INTEGRAL, FLOATING, COMPLEX = range(4)                 # promotion categories, lowest first


class dtype:
    """The type of a tensor's elements, such as `torch.float32`.

    `numpy` is the matching NumPy type, `itemsize` the bytes of one element, `category` its place in type promotion.
    """
    __slots__ = ("name", "numpy", "itemsize", "category", "is_signed", "is_floating_point", "is_complex", "__weakref__")
    name: str
    numpy: np.dtype
    itemsize: int
    category: int
    is_signed: bool
    is_floating_point: bool
    is_complex: bool

    def __init__(self, name: str, numpy: np.dtype, category: int) -> None:
        self.name, self.numpy, self.category = name, numpy, category
        self.itemsize = numpy.itemsize
        self.is_floating_point, self.is_complex = category == FLOATING, category == COMPLEX
        self.is_signed = category > BOOL and numpy.kind != "u"

    @property
    def title(self) -> str:
        """The name that error messages and old constructors use, such as `Float` and `Long`."""
        return TITLES.get(self.name) or self.name.capitalize()

    @property
    def in_c(self) -> str:
        """The name that some error messages use, such as `float` and `long int`."""
        return IN_C.get(self.name, self.name)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple:
        return named, (self.name,)

    def to_real(self) -> dtype:
        """The real type of a complex type; every other type itself."""
        return {"complex32": float16, "complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex type that has this type as its parts."""
        found = {"float64": complex128, "float32": complex64, "bfloat16": complex64, "float16": complex64}.get(self.name)
        if self.is_complex:
            return self
        if found is None:
            raise RuntimeError(f"complex type of {self!r} does not exist")
        return found


class Absent(dtype):
    """A type that XLA has not: programs may name it and compare it, no tensor has it."""
    __slots__ = ()

    def __init__(self, name: str, itemsize: int, category: int) -> None:
        self.name, self.category, self.itemsize = name, category, itemsize
        self.is_floating_point, self.is_complex, self.is_signed = category == FLOATING, category == COMPLEX, True

    @property
    def numpy(self) -> np.dtype:                             # type: ignore[override]
        """Raises RuntimeError: there is none."""
        raise RuntimeError(f"torch.{self.name}: XLA has no complex numbers of half precision; use torch.complex64")


def _declare(name: str, numpy: Any, category: int) -> dtype:
    made = dtype(name, np.dtype(numpy), category)
    _by_name[name] = made
    _by_numpy.setdefault(made.numpy, made)
    return made


def named(name: str) -> dtype:
    """The dtype called `name`, such as `"float32"` or `"long"`."""
    return _by_name[name]


def from_numpy(numpy: Any) -> dtype:
    """The dtype of a NumPy or JAX type.  Raises TypeError where PyTorch has none."""
    found = _by_numpy.get(np.dtype(numpy))
    if found is None:
        raise TypeError(f"can't convert np.ndarray of type numpy.{np.dtype(numpy).type.__name__}. The only supported types are: float64, float32, float16, "
                        "complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool.")
    return found


_by_name: dict[str, dtype] = {}
_by_numpy: dict[np.dtype, dtype] = {}

uint8 = _declare("uint8", np.uint8, INTEGRAL)
int8 = _declare("int8", np.int8, INTEGRAL)
int16 = _declare("int16", np.int16, INTEGRAL)
int32 = _declare("int32", np.int32, INTEGRAL)
int64 = _declare("int64", np.int64, INTEGRAL)
uint16 = _declare("uint16", np.uint16, INTEGRAL)
uint32 = _declare("uint32", np.uint32, INTEGRAL)
uint64 = _declare("uint64", np.uint64, INTEGRAL)
float16 = _declare("float16", np.float16, FLOATING)
bfloat16 = _declare("bfloat16", ml_dtypes.bfloat16, FLOATING)
float32 = _declare("float32", np.float32, FLOATING)
float64 = _declare("float64", np.float64, FLOATING)
float8_e4m3fn = _declare("float8_e4m3fn", ml_dtypes.float8_e4m3fn, FLOATING)
float8_e5m2 = _declare("float8_e5m2", ml_dtypes.float8_e5m2, FLOATING)
float8_e4m3fnuz = _declare("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, FLOATING)
float8_e5m2fnuz = _declare("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, FLOATING)
float8_e8m0fnu = _declare("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu, FLOATING)
complex32 = Absent("complex32", 4, COMPLEX)
complex64 = _declare("complex64", np.complex64, COMPLEX)
complex128 = _declare("complex128", np.complex128, COMPLEX)
bool_ = _declare("bool", np.bool_, BOOL)                     # `torch.bool`; underscored here so that the builtin stays itself
ALL = tuple(_by_name.values())

IN_C = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char",
        "uint8": "unsigned char", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "complex64": "c10::complex<float>",
        "complex128": "c10::complex<double>"}
TITLES = {"uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long", "float16": "Half", "bfloat16": "BFloat16",
          "float32": "Float", "float64": "Double", "complex64": "ComplexFloat", "complex128": "ComplexDouble", "uint16": "UInt16",
          "uint32": "UInt32", "uint64": "UInt64"}
ALIASES = {"complex32": complex32, "chalf": complex32, "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
           "cfloat": complex64, "cdouble": complex128}
_by_name.update(ALIASES)
of_python = {float: float64, int: int64, bool: bool_, complex: complex128}   # what PyTorch takes Python's classes for where there must be a type


def chosen(given: dtype | type | None, default: dtype) -> dtype:
    """The type that a `dtype=` argument means."""
    return default if given is None else of_python.get(given, given)


WIDE = 1 << 63                                               # the least integer that 64 bits do not hold next to a sign
SHORT = (float16, bfloat16)                                  # types in which PyTorch does not compute, but only keeps results
DType = dtype                                                # inside the next two classes `dtype` is an attribute


def check_integer(value: int) -> None:
    """Raise OverflowError for what 64 bits do not hold, with a sign or without."""
    if not -WIDE <= value < 2 * WIDE:
        raise OverflowError("int too big to convert" if value > 0 else "can't convert negative int to unsigned")


def check_number(value: complex, kind: dtype) -> None:
    """Raise RuntimeError where a tensor of the type `kind` can't hold the number `value`; an unsigned type takes a negative integer modulo its size."""
    if isinstance(value, int):
        check_integer(value)
    if kind is bool_:
        return
    fits = kind.is_complex or not isinstance(value, complex) or not value.imag
    if fits and kind.category == INTEGRAL:
        limits = np.iinfo(kind.numpy)
        low = -limits.max if limits.min == 0 and isinstance(value, int) else limits.min
        fits = low <= value.real <= limits.max
    elif fits and not np.isinf(value):
        fits = not abs(value) > float(ml_dtypes.finfo(kind.to_real().numpy).max)
    if not fits:
        name = f"{kind.name}_t" if kind.category == INTEGRAL and kind is not int32 else IN_C[kind.name]
        raise RuntimeError(f"value cannot be converted to type {name} without overflow")


def _checked(type: object, name: str) -> DType:
    if not isinstance(type, DType):
        raise TypeError(f"{name}(): argument 'type' (position 1) must be torch.dtype, not {type.__class__.__name__}")
    return type


class finfo:
    """Limits of a floating point type: `bits, eps, max, min, tiny, smallest_normal, resolution, dtype`.

    >>> torch.finfo(torch.float32).eps
    1.1920928955078125e-07
    """
    __slots__ = ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype")
    bits: int
    eps: float
    max: float
    min: float
    tiny: float
    smallest_normal: float
    resolution: float
    dtype: str

    def __init__(self, type: DType | None = None) -> None:
        type = _checked(float32 if type is None else type, "finfo").to_real()
        if not type.is_floating_point:
            raise TypeError("torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'")
        info = ml_dtypes.finfo(type.numpy)
        self.bits, self.dtype = type.itemsize * 8, type.name
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            setattr(self, name, float(getattr(info, name)))

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:
    """Limits of an integer type: `bits, max, min, dtype`.

    >>> torch.iinfo(torch.uint8).max
    255
    """
    __slots__ = ("bits", "max", "min", "dtype")
    bits: int
    max: int
    min: int
    dtype: str

    def __init__(self, type: DType) -> None:
        if _checked(type, "iinfo") is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if type.category != INTEGRAL:
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        info = np.iinfo(type.numpy)
        self.bits, self.max, self.min, self.dtype = info.bits, int(info.max), int(info.min), type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
