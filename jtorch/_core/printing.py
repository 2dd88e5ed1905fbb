"""The text of tensors, as PyTorch prints them."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .dtype import bool_, dtype, int64

__all__ = ["format_tensor", "get_printoptions", "printoptions", "set_printoptions", "type_suffixes"]


@dataclass(frozen=True)
class Options:
    """What `set_printoptions` sets: digits after the point, elements up to which all are shown, those shown of each end, characters of a line."""
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {"default": Options(), "short": Options(precision=2, edgeitems=2), "full": Options(threshold=math.inf)}
_options = Options()


def set_printoptions(precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None, linewidth: int | None = None,
                     profile: str | None = None, sci_mode: bool | None = None) -> None:
    """Set how tensors are printed.  `profile` (default, short or full) comes first, single options after; `sci_mode` is always set.

    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([1.12345])
    tensor([1.12])
    >>> torch.set_printoptions(profile="default")
    """
    global _options
    chosen: dict[str, Any] = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    base = PROFILES.get(profile or "", _options)
    _options = replace(base, sci_mode=sci_mode, **{name: value for name, value in chosen.items() if value is not None})


def get_printoptions() -> dict[str, object]:
    """How tensors are printed now, as the arguments of `set_printoptions`."""
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """`set_printoptions` for the length of a block."""
    global _options
    before = _options
    set_printoptions(**options)
    try:
        yield
    finally:
        _options = before


class Style:
    """How the elements of one tensor are printed: the notation that suits the `values`, and the width of the widest of them."""

    def __init__(self, values: np.ndarray) -> None:
        self.text: Callable[[Any], str] = str
        if values.dtype.kind != "f":
            self.width = max((len(str(value)) for value in values.ravel().tolist()), default=1)
            return
        shown = values[np.isfinite(values) & (values != 0)]
        self.text = self._notation(shown)
        self.width = max((len(self.text(value)) for value in shown.tolist()), default=1)

    @staticmethod
    def _notation(values: np.ndarray) -> Callable[[Any], str]:
        digits, scientific = _options.precision, _options.sci_mode and values.size > 0
        whole = bool((values == np.ceil(values)).all())
        if _options.sci_mode is None and values.size:
            low, high = np.abs(values).min(), np.abs(values).max()
            scientific = bool(high / low > 1000 or high > 1e8 or not whole and low < 1e-4)
        if scientific:
            return f"{{:.{digits}e}}".format
        if whole:
            return lambda value: f"{value:.0f}." if math.isfinite(value) else str(value)
        return f"{{:.{digits}f}}".format

    def __call__(self, value: Any) -> str:
        return self.text(value).rjust(self.width)


class ComplexStyle:
    """The same for complex elements, whose parts are styled one by one."""

    def __init__(self, values: np.ndarray) -> None:
        self.real, self.imag = Style(values.real), Style(values.imag)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).lstrip()
        return f"{self.real(value.real)}{'' if imag[0] in '+-' else '+'}{imag}j"


def format_tensor(array: np.ndarray | str, type: dtype, *, indent: int = 0, suffixes: list[str], prefix: str = "tensor(", broken: bool = False) -> str:
    """The text of a tensor with the elements `array`, or with a text in their place ("..." where there is no data).

    `suffixes` (see `type_suffixes`) follow the elements, on a new line where the last has no room for them; other lines are indented by `indent`
    and the length of the `prefix`.  Where it is `broken`, they begin on a new line in any case.
    """
    indent += len(prefix)
    return ended(prefix + (array if isinstance(array, str) else _elements(array, type, indent)), suffixes, indent, broken)


def ended(text: str, suffixes: Sequence[str], indent: int, broken: bool) -> str:
    """A text with what follows the elements, and its end."""
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if broken or length + len(suffix) + 2 > _options.linewidth:
            text, length = f"{text},\n{' ' * indent}{suffix}", indent + len(suffix)
        else:
            text, length = f"{text}, {suffix}", length + len(suffix) + 2
        broken = False
    return text + ")"


def type_suffixes(shape: tuple[int, ...], type: dtype, default: dtype, *, hidden: bool = False) -> list[str]:
    """What is said of a tensor's shape and type where its elements, which may be `hidden`, and the default float type do not tell."""
    empty = 0 in shape
    told = (default,) if empty or hidden else (default, default.to_complex(), int64, bool_)
    sized = hidden or (len(shape) != 1 if empty else _options.edgeitems == 0)
    return [f"size={tuple(shape)}"] * sized + [f"dtype={type}"] * (type not in told)


def _elements(array: np.ndarray, type: dtype, indent: int) -> str:
    """All elements, or of a large tensor the edges: nothing else is looked at."""
    if array.size == 0:
        return "[]"
    edge = _options.edgeitems
    cut = [array.size > _options.threshold and size > 2 * edge for size in array.shape]
    if edge == 0 and any(cut):
        return "[...]"
    for axis, size in enumerate(array.shape):
        if cut[axis]:
            array = array.take([*range(edge), *range(size - edge, size)], axis)
    if type.is_complex:
        array = array.astype(np.complex128)
        return _nested(array, ComplexStyle(array), cut, indent)
    if type.is_floating_point:
        array = array.astype(np.float64)
    return _nested(array, Style(array), cut, indent)


def _nested(array: np.ndarray, style: Style | ComplexStyle, cut: list[bool], indent: int) -> str:
    """Brackets and line breaks around the elements; `cut` tells the dimensions whose middle was left out."""
    if array.ndim == 0:
        return style(array.item())
    if array.ndim == 1:
        parts = [style(value) for value in array.tolist()]
    else:
        parts = [_nested(part, style, cut[1:], indent + 1) for part in array]
    if cut[0]:
        parts.insert(_options.edgeitems, "..." if array.ndim > 1 else " ...")
    if array.ndim == 1:
        per_line = max(1, (_options.linewidth - indent) // (style.width + 2))
        parts = [", ".join(parts[start:start + per_line]) for start in range(0, len(parts), per_line)]
    separator = "," + "\n" * max(1, array.ndim - 1) + " " * (indent + 1)
    return f"[{separator.join(parts)}]"
