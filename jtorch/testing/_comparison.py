"""`assert_close`: whether two values are close, and if not, where and by how much."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NoReturn

import numpy as np

import jtorch as torch
from jtorch import Tensor

Number = int | float | complex | np.number
Path = tuple[Any, ...]
Message = str | Callable[[str], str] | None
TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7), "complex32": (1e-3, 1e-5),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}     # rtol and atol; 0 for all other types
OLD_TOLERANCES = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
OF_PYTHON = {int: "int64", float: "float64", complex: "complex128"}
BITWISE = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")                   # types without arithmetic
COMPRESSED = {"sparse_csr": ("crow_indices", "col_indices"), "sparse_bsr": ("crow_indices", "col_indices"),
              "sparse_csc": ("ccol_indices", "row_indices"), "sparse_bsc": ("ccol_indices", "row_indices")}
UNEXPECTED = ("\n\nresulted in the unexpected exception above. If you are a user and see this message during normal operation please file an issue at "
              "https://github.com/pytorch/pytorch/issues. If you are a developer and working on the comparison functions, please except the previous error "
              "and raise an expressive `ErrorMeta` instead.")


@dataclass
class Rules:
    """How two values are compared, and with what message a difference is told."""
    rtol: float | None = None
    atol: float | None = None
    equal_nan: bool = False
    allow_subclasses: bool = True
    check_device: bool = True
    check_dtype: bool = True
    check_layout: bool = True
    check_stride: bool = False
    msg: Message = None

    def tolerances(self, *types: str) -> tuple[float, float]:
        """`rtol` and `atol`, by default the largest of these types'."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        known = [TOLERANCES.get(t, (0.0, 0.0)) for t in types]
        return max(r for r, _ in known), max(a for _, a in known)

    def fail(self, text: str, path: Path = (), error: type[Exception] = AssertionError) -> NoReturn:
        """Raise the error for a difference at a place in nested sequences and mappings."""
        text += f"\n\nThe failure occurred for item {_shown(path)}" if path else ""
        raise error(self.msg if isinstance(self.msg, str) else self.msg(text) if callable(self.msg) else text)


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
                 equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True, check_stride: bool = False,
                 msg: Message = None) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol |expected|: for tensors, numbers, arrays, or sequences and mappings of them.

    rtol, atol    given both or neither; by default they depend on the type: 1.3e-6 and 1e-5 for float32, 0 for integers
    msg           the text of the error instead, or what makes it from the usual one

    >>> torch.testing.assert_close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))
    Traceback (most recent call last):
    AssertionError: Tensor-likes are not close!
    ...
    """
    if (rtol is None) is not (atol is None):
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {'rtol' if rtol is None else 'atol'}.")
    rules = Rules(rtol, atol, equal_nan, allow_subclasses, check_device, check_dtype, check_layout, check_stride, msg)
    for compare, one, other, path in list(_pairs(actual, expected, rules, ())):
        compare(one, other, rules, path)


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True, msg: str = "") -> None:
    """The old, laxer `assert_close`; deprecated."""
    warnings.warn("`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please use "
                  "`torch.testing.assert_close()` instead. You can find detailed upgrade instructions in https://github.com/pytorch/pytorch/issues/61844.",
                  FutureWarning, stacklevel=2)
    actual, expected = (x if isinstance(x, Tensor) else torch.tensor(x) for x in (actual, expected))
    if rtol is None and atol is None:
        known = [OLD_TOLERANCES.get(x.dtype.name, (0.0, 0.0)) for x in (actual, expected)]
        rtol, atol = max(r for r, _ in known), max(a for _, a in known)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False, check_stride=False, msg=msg or None)


def _shown(path: Path) -> str:
    return "".join(f"[{key!r}]" for key in path)


# What is compared with what

def _pairs(actual: Any, expected: Any, rules: Rules, path: Path) -> Iterator[tuple[Callable, Any, Any, Path]]:
    """For each pair of parts: the function that compares them, both, and where they are."""
    both = actual, expected
    if all(isinstance(x, Sequence) and not isinstance(x, str) for x in both):
        if len(actual) != len(expected):
            rules.fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for k, (one, other) in enumerate(zip(actual, expected, strict=True)):
            yield from _pairs(one, other, rules, (*path, k))
    elif all(isinstance(x, Mapping) for x in both):
        yield from _values(actual, expected, rules, path)
    elif actual is None or expected is None:
        yield _compare_none, actual, expected, path
    elif all(isinstance(x, bool | np.bool_) for x in both):
        yield _compare_bools, bool(actual), bool(expected), path
    elif all(isinstance(x, Number) for x in both):
        if rules.rtol is None and any(isinstance(x, bool) for x in both):
            raise RuntimeError(f"Originating a NumberPair() at item {_shown(path)} with\n\n{type(actual).__name__}(): {actual}\n\nand\n\n"
                               f"{type(expected).__name__}(): {expected}{UNEXPECTED}")
        yield _compare_numbers, *(x.item() if isinstance(x, np.number) else x for x in both), path
    else:
        yield _compare_tensors, *_tensors(actual, expected, rules, path), path


def _values(actual: Mapping, expected: Mapping, rules: Rules, path: Path) -> Iterator[tuple[Callable, Any, Any, Path]]:
    if actual.keys() != expected.keys():
        # Sets, not views: where keys cannot be sorted, the error names the first two in the set's order, and a view's difference has another.
        rules.fail(f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {sorted(set(expected) - set(actual))}\n"
                   f"Additional keys in the actual mapping: {sorted(set(actual) - set(expected))}", path)
    for key in actual:
        yield from _pairs(actual[key], expected[key], rules, (*path, key))


def _tensors(actual: Any, expected: Any, rules: Rules, path: Path) -> tuple[Tensor, Tensor]:
    a, b = type(actual), type(expected)
    related = a is b or rules.allow_subclasses and (issubclass(a, b) or issubclass(b, a))
    try:
        if related:
            return torch.as_tensor(actual), torch.as_tensor(expected)
    except (TypeError, ValueError, RuntimeError):            # they are no data for a tensor
        related = False
    return rules.fail(f"No comparison pair was able to handle inputs of type {a} and {b}.", path, TypeError)


# Comparing one pair

def _compare_none(actual: Any, expected: Any, rules: Rules, path: Path) -> None:
    if actual is not expected:
        rules.fail(f"None mismatch: {actual} is not {expected}", path)


def _compare_bools(actual: bool, expected: bool, rules: Rules, path: Path) -> None:
    if actual is not expected:
        rules.fail(f"Booleans mismatch: {actual} is not {expected}", path)


def _compare_numbers(actual: Any, expected: Any, rules: Rules, path: Path) -> None:
    if rules.check_dtype and type(actual) is not type(expected):
        rules.fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", path)
    rtol, atol = rules.tolerances(*(OF_PYTHON.get(type(x), "") for x in (actual, expected)))
    difference, equal = abs(actual - expected), actual == expected or rules.equal_nan and actual != actual and expected != expected
    if not equal and not (difference <= atol + rtol * abs(expected) < inf):
        rules.fail(_numbers_differ(actual, expected, rtol, atol), path)


def _numbers_differ(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    relative = inf if expected == 0 else difference / abs(expected)
    return (f"Scalars are not {_wanted(rtol, atol)}!\n\nExpected {expected} but got {actual}.\nAbsolute difference: {difference}{_allowed(rtol, atol, atol)}\n"
            f"Relative difference: {relative}{_allowed(rtol, atol, rtol)}")


def _wanted(rtol: float, atol: float) -> str:
    return "equal" if rtol == atol == 0 else "close"


def _allowed(rtol: float, atol: float, which: float) -> str:
    return "" if rtol == atol == 0 else f" (up to {which} allowed)"


def _compare_tensors(actual: Tensor, expected: Tensor, rules: Rules, path: Path) -> None:
    for name, checked in (("shape", True), ("layout", rules.check_layout), ("device", rules.check_device), ("dtype", rules.check_dtype)):
        one, other = getattr(actual, name), getattr(expected, name)
        if checked and one != other:
            rules.fail(f"The values for attribute '{name}' do not match: {one} != {other}.", path)
    strided = actual.layout == expected.layout == torch.strided
    if rules.check_stride and strided and actual.stride() != expected.stride():
        rules.fail(f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}.", path)
    if "meta" in (actual.device.type, expected.device.type):
        return
    tolerances = rules.tolerances(actual.dtype.name, expected.dtype.name)
    if actual.layout != expected.layout:
        actual, expected = actual.to_dense(), expected.to_dense()
    if actual.layout == torch.strided:
        _check_tolerances(actual, expected, tolerances, rules)
        _compare_values(actual, expected, tolerances, rules, path, "Tensor-likes")
    else:
        _compare_sparse(actual, expected, tolerances, rules, path)


def _check_tolerances(actual: Tensor, expected: Tensor, tolerances: tuple[float, float], rules: Rules) -> None:
    cause = None
    for name, given in zip(("rtol", "atol"), tolerances, strict=True):
        if not isinstance(given, int | float | Tensor | np.number):
            cause = TypeError(f"isclose(): argument '{name}' must be float, not {type(given).__name__}")
        elif given < 0:
            cause = RuntimeError(f"{name} must be greater than or equal to zero, but got {given:g}")
        if cause is not None:
            raise RuntimeError(
                f"Comparing\n\nTensorLikePair(\n    id=(),\n    actual={actual},\n    expected={expected},\n    rtol={rules.rtol},\n    atol={rules.atol},\n"
                f"    equal_nan={rules.equal_nan},\n    check_device={rules.check_device},\n    check_dtype={rules.check_dtype},\n    check_layout="
                f"{rules.check_layout},\n    check_stride={rules.check_stride},\n){UNEXPECTED}") from cause


def _compare_sparse(actual: Tensor, expected: Tensor, tolerances: tuple[float, float], rules: Rules, path: Path) -> None:
    name = actual.layout.name
    title = name.removeprefix("sparse_").upper()
    if actual._nnz() != expected._nnz():
        rules.fail(f"The number of specified values in sparse {title} tensors does not match: {actual._nnz()} != {expected._nnz()}", path)
    for members in COMPRESSED.get(name, ("_indices",)):
        one, other = getattr(actual, members)(), getattr(expected, members)()
        _compare_values(one, other, (0, 0), rules, path, f"Sparse {title} {members.lstrip('_')}")
    values = "values" if name in COMPRESSED else "_values"
    _compare_values(getattr(actual, values)(), getattr(expected, values)(), tolerances, rules, path, f"Sparse {title} values")


def _compare_values(actual: Tensor, expected: Tensor, tolerances: tuple[float, float], rules: Rules, path: Path, title: str) -> None:
    kind = torch.promote_types(actual.dtype, expected.dtype) if actual.dtype != expected.dtype else actual.dtype
    a, b = (x.detach().cpu().to(kind)._host() for x in (actual, expected))
    rtol, atol = tolerances
    bitwise = kind.name in BITWISE
    if bitwise and (rtol or atol):
        rules.fail(f"Rtol={rtol} and atol={atol} are not supported for bitwise comparison of low dimensional floats. Please use rtol=0.0 and atol=0.0.", path)
    if not bitwise and not kind.is_floating_point and not kind.is_complex:
        a, b = a.astype(np.int64), b.astype(np.int64)        # differences of narrow integers would overflow
    with np.errstate(all="ignore"):
        same = a.view(np.uint8) == b.view(np.uint8) if bitwise and a.ndim else _are_close(a, b, rtol, atol, rules.equal_nan)
        if same.all():
            return
        if not a.ndim:
            rules.fail(_numbers_differ(actual.item(), expected.item(), rtol, atol), path)
        counted = f"Mismatched elements: {np.sum(~same)} / {a.size} ({np.sum(~same) / a.size:.1%})"
        if bitwise:
            first = tuple(map(int, np.argwhere(~same)[0]))
            rules.fail(f"{title} are not 'equal'!\n\n{counted}\nThe first mismatched element is at index {first}.", path)
        greatest = "".join(f"\nGreatest {which} difference: {_greatest(x, same)}{_allowed(rtol, atol, tolerance)}"
                           for which, x, tolerance in zip(("absolute", "relative"), _differences(a, b), (atol, rtol), strict=True))
        rules.fail(f"{title} are not {_wanted(rtol, atol)}!\n\n{counted}{greatest}", path)


def _are_close(a: np.ndarray, b: np.ndarray, rtol: float, atol: float, equal_nan: bool) -> np.ndarray:
    """`isclose` on the host, so that a test compiles nothing."""
    same = np.asarray(a == b)
    if equal_nan:
        same = same | (a != a) & (b != b)
    if rtol or atol:
        size = np.abs(b)
        real = size.dtype if a.dtype.kind not in "iu" else np.dtype(np.float32)
        wide = np.float64 if real.itemsize == 8 else np.float32
        part = (size.astype(wide) * wide(rtol)).astype(real).astype(wide)
        allowed = (part + wide(atol)).astype(real)
        same = same | np.isfinite(allowed) & (np.abs(a - b) <= allowed)
    return same


def _differences(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    absolute, size = np.abs(a - b), np.abs(b)
    if a.dtype.kind in "iu":
        return absolute, absolute.astype(np.float32) / size.astype(np.float32)
    return absolute, absolute / size


def _greatest(difference: np.ndarray, same: np.ndarray) -> str:
    difference = np.where(same, np.zeros((), difference.dtype), difference)
    where = np.unravel_index(np.argmax(difference), difference.shape)
    found = difference[where]
    return f"{int(found) if difference.dtype.kind in 'iu' else float(found)} at index {tuple(map(int, where))}"
