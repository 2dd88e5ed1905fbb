"""What distributions share: broadcasting of parameters, probabilities and logits, lazy attributes."""
from __future__ import annotations

from collections.abc import Callable
from math import prod
from numbers import Number
from typing import Any

import jtorch as torch
from jtorch import Tensor

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """The values, tensors or numbers, as tensors of one shape; numbers take the type of the first tensor, or the default one."""
    if not all(isinstance(v, Tensor | Number) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__.")
    first = next((v for v in values if isinstance(v, Tensor)), None)
    options = {"dtype": torch.get_default_dtype()} if first is None else {"dtype": first.dtype, "device": first.device}
    return torch.broadcast_tensors(*[v if isinstance(v, Tensor) else torch.tensor(v, **options) for v in values])


def pair_given(probs: Any, logits: Any) -> bool:
    """Whether `probs` were given; raises unless exactly one of the two was."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return probs is not None


def standard_normal(shape: Any, like: Tensor) -> Tensor:
    """Standard normal numbers in the type of `like`."""
    return _standard_normal(shape, like.dtype, like.device)


def _standard_normal(shape: Any, dtype: torch.dtype, device: Any) -> Tensor:
    """`standard_normal` by PyTorch's name, which libraries import."""
    return torch.normal(torch.zeros(shape, dtype=dtype, device=device), torch.ones(shape, dtype=dtype, device=device))


def uniform(shape: Any, like: Tensor) -> Tensor:
    """Numbers uniform in [0, 1) in the type of `like`."""
    return torch.rand(shape, dtype=like.dtype, device=like.device)


def empty(shape: Any, like: Tensor) -> Tensor:
    """An unset tensor in the type of `like`, to be filled with random numbers."""
    return torch.empty(shape, dtype=like.dtype, device=like.device)


def sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last `dim` dimensions."""
    return value if dim == 0 else value.reshape(value.shape[:value.dim() - dim] + (-1,)).sum(-1)


_sum_rightmost = sum_rightmost                               # PyTorch's name, which libraries import


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of logits: the sigmoid, or the softmax of the last dimension."""
    return torch.sigmoid(logits) if is_binary else torch.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept off 0 and 1 by the precision of their type."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logits of probabilities: log(p / (1 - p)), or log p."""
    clamped = clamp_probs(probs)
    return torch.log(clamped) - torch.log1p(-clamped) if is_binary else torch.log(clamped)


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """A lower triangular matrix of the elements of `vec`, row by row.    vec: (*, n (n + 1) / 2)  ->  (*, n, n) for diag = 0"""
    n = round((-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * vec.shape[-1] + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2)
    if round(n * (n + 1 + 2 * diag) / 2) != vec.shape[-1]:
        raise ValueError(f"The size of last dimension is {vec.shape[-1]} which cannot be expressed as the lower triangular part of a square D x D matrix.")
    rows, columns = torch.tril_indices(n, n, diag)
    places = rows * n + columns
    flat = torch.zeros(vec.shape[:-1] + (n * n,), dtype=vec.dtype, device=vec.device)
    return flat.scatter(-1, places.expand(vec.shape), vec).reshape(vec.shape[:-1] + (n, n))


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements of the lower triangle, row by row.    mat: (*, n, n)  ->  (*, n (n + 1) / 2) for diag = 0"""
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = torch.tril_indices(n, n, diag)
    return mat.reshape(mat.shape[:-2] + (n * n,)).index_select(-1, rows * n + columns)


def shown(value: Any) -> Any:
    """The number that a tensor without dimensions holds, for texts; anything else as it is."""
    return value.item() if isinstance(value, Tensor) and value.dim() == 0 else value


def size_of(shape: Any) -> int:
    """How many elements a shape has."""
    return prod(shape)


class lazy_property:
    """An attribute that is computed when it is first read, with gradients, and kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.__name__ = wrapped.__name__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value
