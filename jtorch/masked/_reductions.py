"""Reductions and normalisations over the elements that a mask keeps: the others are replaced by what changes nothing, 0 for a sum.

input: (*), mask: broadcastable to it, True where an element counts.  Without a mask all count.
"""
from __future__ import annotations

import math
from typing import Any

import jtorch as torch
from jtorch import Tensor

Dim = int | tuple[int, ...] | None


def _split(input: Any, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The data, and the mask in its shape."""
    own = getattr(input, "_mask", None)                      # a MaskedTensor's
    if own is not None:
        input, mask = input._data, own if mask is None else mask
    if mask is None:
        return input, None
    if mask.dim() > input.dim():
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return input, mask.bool().expand(input.shape)


def _filled(input: Tensor, mask: Tensor | None, value: float) -> Tensor:
    return input if mask is None else torch.where(mask, input, torch.full((), value, dtype=input.dtype, device=input.device))


def _limit(input: Tensor, name: str, largest: bool) -> float:
    """The largest, or the least, number of the type."""
    if input.is_floating_point():
        return math.inf if largest else -math.inf
    if input.dtype is torch.bool or input.is_complex():
        raise NotImplementedError(f"identity of {name} on {input.dtype} input")
    limits = torch.iinfo(input.dtype)
    return limits.max if largest else limits.min


def _dims(dim: Dim) -> Any:
    return () if dim is None else dim


def _total(dtype: Any, input: Tensor) -> Any:
    """The type of a sum."""
    return dtype or (input.dtype if input.is_floating_point() or input.is_complex() else torch.int64)


def sum(input: Any, dim: Dim = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The sum of the elements that count.

    >>> torch.masked.sum(torch.tensor([1, 2, 3]), 0, mask=torch.tensor([True, False, True]))
    tensor(4)
    """
    data, mask = _split(input, mask)
    return torch.sum(_filled(data, mask, 0), _dims(dim), bool(keepdim), dtype=_total(dtype, data))


def prod(input: Any, dim: Dim = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The product of the elements that count; 1 where none does."""
    data, mask = _split(input, mask)
    found = _filled(data, mask, 1).to(_total(dtype, data))
    dims = range(data.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    for d in sorted((d % max(data.dim(), 1) for d in dims), reverse=True):
        found = found.prod(d, bool(keepdim))
    return found


def mean(input: Any, dim: Dim = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The mean of the elements that count; nan where none does."""
    data, mask = _split(input, mask)
    kind = dtype or data.dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise ValueError(f"mean(): Could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {kind}")
    if mask is None:
        return torch.mean(data, _dims(dim), bool(keepdim), dtype=dtype)
    return sum(data, dim, keepdim=keepdim, dtype=kind, mask=mask) / mask.sum(_dims(dim), bool(keepdim))


def amax(input: Any, dim: Dim = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The largest element that counts; the type's least number where none does."""
    data, mask = _split(input, mask)
    return torch.amax(_filled(data, mask, _limit(data, "amax", False)).to(dtype or data.dtype), _dims(dim), bool(keepdim))


def amin(input: Any, dim: Dim = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The least element that counts; the type's largest number where none does."""
    data, mask = _split(input, mask)
    return torch.amin(_filled(data, mask, _limit(data, "amin", True)).to(dtype or data.dtype), _dims(dim), bool(keepdim))


def argmax(input: Any, dim: int | None = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Where the largest element that counts is; as PyTorch has it, in the type of `input`."""
    data, mask = _split(input, mask)
    return torch.argmax(_filled(data, mask, _limit(data, "argmax", False)), dim, bool(keepdim)).to(dtype or data.dtype)


def argmin(input: Any, dim: int | None = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Where the least element that counts is; as PyTorch has it, in the type of `input`."""
    data, mask = _split(input, mask)
    return torch.argmin(_filled(data, mask, _limit(data, "argmin", True)), dim, bool(keepdim)).to(dtype or data.dtype)


def median(input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The median of the elements that count, the lower of two; nan where none does."""
    data, mask = _split(input, mask)
    dim = dim[0] if isinstance(dim, tuple) else dim
    kind = dtype or data.dtype
    if not data.is_floating_point():
        if mask is not None and not bool(mask.any(dim).all()):
            raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
        data = data.to(torch.float64)
    return torch.nanmedian(_filled(data, mask, math.nan), dim, keepdim).values.to(kind)


def logsumexp(input: Any, dim: Dim = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of the sum of the exponentials of the elements that count."""
    data, mask = _split(input, mask)
    dims = tuple(range(data.dim())) if dim is None else dim
    kind = dtype or data.dtype
    nothing = -math.inf if data.is_complex() else _limit(data, "logsumexp", False)
    return torch.logsumexp(_filled(data, mask, nothing).to(kind), dims, bool(keepdim)).to(kind)


def logaddexp(input: Any, other: Any, *, dtype: Any = None, input_mask: Tensor | None = None, other_mask: Tensor | None = None) -> Tensor:
    """`log(exp(input) + exp(other))` of the elements that count."""
    filled = []
    for given, mask in ((input, input_mask), (other, other_mask)):
        data, mask = _split(given, mask)
        filled.append(_filled(data, mask, _limit(data, "logaddexp", False)).to(dtype or data.dtype))
    return torch.logaddexp(*filled)


def norm(input: Any, ord: float | None = 2.0, dim: Dim = None, *, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The norm of the elements that count."""
    data, mask = _split(input, mask)
    order = 2.0 if ord is None else ord
    start = math.inf if not isinstance(order, str) and order < 0 and mask is not None else 0
    return torch.linalg.vector_norm(_filled(data, mask, start), order, dim, bool(keepdim), dtype=dtype)


def var(input: Any, dim: Dim = None, unbiased: bool | None = None, *, correction: float | None = None, keepdim: bool | None = False, dtype: Any = None,
        mask: Tensor | None = None) -> Tensor:
    """The variance of the elements that count."""
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    correction = correction if correction is not None else 1.0 if unbiased is None or unbiased else 0.0
    data, mask = _split(input, mask)
    if dtype is None and not (data.is_floating_point() or data.is_complex()):
        dtype = torch.float32
    data = data.to(dtype or data.dtype)
    count = (torch.ones_like(data, dtype=torch.int64) if mask is None else mask).sum(_dims(dim), True)
    centred = data - sum(data, dim, keepdim=True, mask=mask) / count
    total = sum(centred * centred.conj(), dim, keepdim=keepdim, mask=mask)
    left = count.reshape(total.shape) - correction
    return (total / torch.maximum(left, left.new_zeros(()))).to(total.dtype)


def std(input: Any, dim: Dim = None, unbiased: bool | None = None, *, correction: int | None = None, keepdim: bool | None = False, dtype: Any = None,
        mask: Tensor | None = None) -> Tensor:
    """The standard deviation of the elements that count."""
    return torch.sqrt(var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask))


# Along a dimension

def _first(dim: Any) -> int:
    return dim[0] if isinstance(dim, tuple) else dim


def cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The sums up to each element of those that count."""
    data, mask = _split(input, mask)
    return torch.cumsum(_filled(data, mask, 0), _first(dim), dtype=_total(dtype, data))


def cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The products up to each element of those that count."""
    data, mask = _split(input, mask)
    return torch.cumprod(_filled(data, mask, 1), _first(dim), dtype=_total(dtype, data))


def softmax(input: Any, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The softmax of the elements that count; 0 for the others, nan where none counts."""
    data, mask = _split(input, mask)
    return torch.softmax(_filled(data, mask, _limit(data, "softmax", False)), _first(dim), dtype=dtype)


def log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of `softmax`."""
    data, mask = _split(input, mask)
    return torch.log_softmax(_filled(data, mask, _limit(data, "log_softmax", False)), _first(dim), dtype=dtype)


def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The softmax of the negatives of the elements that count."""
    data, mask = _split(input, mask)
    return torch.nn.functional.softmin(_filled(data, mask, _limit(data, "softmin", True)), _first(dim), dtype=dtype)


def normalize(input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The elements over the norm of those that count, but at least `eps`; 0 for the others."""
    data, mask = _split(input, mask)
    size = norm(data, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _filled(data, mask, 0).to(dtype or data.dtype) / torch.maximum(size, size.new_full((), eps))
