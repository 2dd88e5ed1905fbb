"""Python's numbers and nested lists, and NumPy's arrays, as arrays of the type that PyTorch infers."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core import dtype as dt
from .._core import promote
from .._core.dtype import FLOATING, dtype
from .._core.graph import here
from .._core.tensor import Tensor


def floating() -> dtype:
    """The default floating point type."""
    return here.mode.floating


def to_array(data: Any, kind: dtype | None) -> np.ndarray:
    """Python data as a fresh NumPy array of the type that PyTorch infers, or of the type `kind`."""
    if isinstance(data, Tensor):
        array = np.array(data.detach()._host())
    elif isinstance(data, np.ndarray | np.generic):
        array = np.array(data)
        dt.from_numpy(array.dtype)
    else:
        array = _from_lists(data, kind)
    return array if kind is None else cast_array(array, kind)


def cast_array(array: np.ndarray, kind: dtype) -> np.ndarray:
    """NumPy's conversion, with complex numbers losing their imaginary part as in PyTorch."""
    if array.dtype.kind == "c" and not kind.is_complex:
        array = array.real
    with np.errstate(all="ignore"):
        return array.astype(kind.numpy, copy=False)


def _from_lists(data: Any, kind: dtype | None) -> np.ndarray:
    if isinstance(data, str) or not isinstance(data, bool | int | float | complex | Sequence) and not hasattr(data, "__array__"):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'") if isinstance(data, str) else RuntimeError(
            f"Could not infer dtype of {type(data).__name__}")
    plain = _plain(data)
    _check_regular(plain)
    found = _inferred(data)
    if kind is not None and kind.category == found.category == dt.INTEGRAL:
        return _integers(plain, kind)
    try:
        with np.errstate(over="ignore"):
            array = np.array(plain, dtype=kind.numpy if kind is not None and kind.category >= found.category >= FLOATING else found.numpy)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None
    if kind is not None and kind.category < found.category and array.size:
        array = _narrowed(array, kind)
    return array if array.size or not isinstance(data, Sequence) else array.reshape(_shape(plain))


def _integers(plain: Any, kind: dtype) -> np.ndarray:
    limits = dt.iinfo(kind)
    array = np.array(plain, dtype=object)
    low = limits.min or -limits.max                          # a negative number wraps around in an unsigned type
    if array.size and not (low <= np.min(array) and np.max(array) <= limits.max):
        if not -dt.WIDE <= np.min(array) or not np.max(array) < dt.WIDE:
            raise ValueError("Overflow when unpacking long long")
        raise RuntimeError(f"value cannot be converted to type {kind.numpy} without overflow")
    return array.astype(np.int64).astype(kind.numpy) if kind is dt.uint8 else array.astype(kind.numpy)


def _narrowed(array: np.ndarray, kind: dtype) -> np.ndarray:
    """Floating point and complex numbers for a type of a lower category, which must hold them."""
    if kind is dt.bool_:
        return array != 0
    if array.dtype.kind == "c":
        raise TypeError("must be real number, not complex" if kind.category == FLOATING else "'complex' object cannot be interpreted as an integer")
    limits = dt.iinfo(kind)
    if not (array.min() >= limits.min and array.max() <= limits.max):    # nan is not either
        raise RuntimeError(f"value cannot be converted to type {kind.numpy} without overflow")
    return array


def _plain(data: Any, number: Callable[[Any], Any] | None = None) -> Any:
    if isinstance(data, Tensor):                             # an element, whatever its dimensions
        if data.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return data.item()
    if isinstance(data, np.ndarray | np.generic):
        return data.tolist()
    if isinstance(data, Sequence) and not isinstance(data, str):
        if not data or number or not isinstance(data[0], bool | int | float | complex):
            return [_plain(d, number) for d in data]
        return list(map(_number, data))
    return data


def _number(x: Any) -> Any:
    if isinstance(x, bool | int | float | complex):
        return x
    if isinstance(x, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(x, Sequence):
        raise TypeError(f"'{type(x).__name__}' object cannot be interpreted as an integer")
    if not hasattr(x, "item"):
        raise RuntimeError(f"Could not infer dtype of {type(x).__name__}")
    return x.item()


def _shape(data: Any) -> tuple[int, ...]:
    return (len(data), *(_shape(data[0]) if data else ())) if isinstance(data, list) else ()


def _check_regular(data: Any, dim: int = 0) -> tuple[int, ...]:
    if not isinstance(data, list):
        return ()
    if not data or not isinstance(data[0], list):
        for d in data:
            if isinstance(d, list):
                raise TypeError("must be real number, not list")
        return (len(data),)
    shapes = [_check_regular(d, dim + 1) for d in data]
    for s in shapes[1:]:
        if not s and shapes[0]:
            raise TypeError("not a sequence")
        if s[:1] != shapes[0][:1]:
            raise ValueError(f"expected sequence of length {shapes[0][0] if shapes[0] else 1} at dim {dim + 1} (got {s[0] if s else 1})")
    return (len(data), *shapes[0])


def numbers(data: Sequence, kind: dtype) -> list:
    """Nested sequences as nested lists, for the old constructors, which take the numbers of one type only."""
    plain = _plain(data, lambda x: x)
    _check_regular(plain)
    first = plain
    while isinstance(first, list) and first:
        first = first[0]
    for k in _kinds(plain):
        if not issubclass(k, bool | int | float | complex):
            raise ValueError(f"too many dimensions '{k.__name__}'") if isinstance(first, str) else TypeError(
                f"must be real number, not {k.__name__}" if kind.category >= FLOATING else f"'{k.__name__}' object cannot be interpreted as an integer")
    return plain


def _inferred(data: Any) -> dtype:
    kinds = _types(data)
    if str in kinds:
        raise ValueError("too many dimensions 'str'")
    return functools.reduce(promote.promote_types, map(_type_of, kinds)) if kinds else floating()


def _types(data: Any) -> set[Any]:
    """The types of all tensors and NumPy's numbers in nested sequences, and the classes of all else."""
    if isinstance(data, Tensor):
        return {data.dtype}
    if isinstance(data, np.ndarray | np.generic):
        return {dt.from_numpy(data.dtype)}
    if isinstance(data, Sequence) and not isinstance(data, str):
        kinds = set(map(type, data))
        return kinds if kinds <= {bool, int, float, complex} else set().union(*map(_types, data))
    return {type(data)}


def _type_of(kind: Any) -> dtype:
    if isinstance(kind, dtype):
        return kind
    for python, found in ((bool, dt.bool_), (int, dt.int64), (float, floating()), (complex, floating().to_complex())):
        if issubclass(kind, python):
            return found
    raise RuntimeError(f"Could not infer dtype of {kind.__name__}")


def _kinds(data: Any) -> set[type]:
    return set().union(*map(_kinds, data)) if isinstance(data, list) else {type(data)}
