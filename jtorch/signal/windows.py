"""Window functions.  Each is `M` long, with its maximum 1 in the middle; with `sym=False` the first `M` values of the window of length `M + 1`."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import jtorch as torch
from jtorch import Tensor

__all__ = ["bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann", "kaiser", "nuttall"]


def _window(values: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Check what all windows take; `values` makes one of two elements or more from `M`, the number of steps from end to end and the type."""
    name = values.__name__

    @wraps(values)
    def window(M: int, *, sym: bool = True, dtype: torch.dtype | None = None, layout: Any = torch.strided, device: Any = None,
               requires_grad: bool = False, **given: Any) -> Tensor:
        dtype = torch.get_default_dtype() if dtype is None else dtype
        _check(name, M, dtype, layout)
        checked = values(M, M - 1 if sym else M, dtype, **given)
        made = checked if M > 1 else torch.ones(M, dtype=dtype)
        return made.to(device).requires_grad_(requires_grad)
    return window


def _check(name: str, M: int, dtype: torch.dtype, layout: Any) -> None:
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not torch.strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")


def _places(M: int, dtype: torch.dtype) -> Tensor:
    return torch.arange(M, dtype=dtype)


@_window
def general_cosine(M: int, steps: int, dtype: torch.dtype, *, a: Iterable[float]) -> Tensor:
    """`Σ_i (-1)^i a_i cos(2 π i n / N)`.    ->  (M)

    >>> torch.signal.windows.general_cosine(5, a=[0.5, 0.5])
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    angles = _places(M, dtype) * (2 * torch.pi / max(steps, 1))
    order = torch.arange(len(weights), dtype=dtype)[:, None]
    signed = torch.tensor([(-1) ** i * w for i, w in enumerate(weights)], dtype=dtype)[:, None]
    return (signed * torch.cos(order * angles)).sum(0)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, dtype: torch.dtype | None = None, layout: Any = torch.strided,
                    device: Any = None, requires_grad: bool = False) -> Tensor:
    """`alpha - (1 - alpha) cos(2 π n / N)`.    ->  (M)"""
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hamming(M: int, *, sym: bool = True, dtype: torch.dtype | None = None, layout: Any = torch.strided, device: Any = None,
            requires_grad: bool = False) -> Tensor:
    """`0.54 - 0.46 cos(2 π n / N)`.    ->  (M)"""
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(M: int, *, sym: bool = True, dtype: torch.dtype | None = None, layout: Any = torch.strided, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """`sin²(π n / N)`.    ->  (M)"""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def blackman(M: int, *, sym: bool = True, dtype: torch.dtype | None = None, layout: Any = torch.strided, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`0.42 - 0.5 cos(2 π n / N) + 0.08 cos(4 π n / N)`.    ->  (M)"""
    _check("blackman", M, torch.get_default_dtype() if dtype is None else dtype, layout)
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def nuttall(M: int, *, sym: bool = True, dtype: torch.dtype | None = None, layout: Any = torch.strided, device: Any = None,
            requires_grad: bool = False) -> Tensor:
    """Nuttall's window of four cosines (Nuttall 1981).    ->  (M)"""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout, device=device,
                          requires_grad=requires_grad)


@_window
def bartlett(M: int, steps: int, dtype: torch.dtype) -> Tensor:
    """A triangle from 0 to 1 to 0.    ->  (M)"""
    return 1 - torch.abs(_places(M, dtype) * (2 / max(steps, 1)) - 1)


@_window
def cosine(M: int, steps: int, dtype: torch.dtype) -> Tensor:
    """`sin(π (n + ½) / (N + 1))`, half a wave.    ->  (M)"""
    return torch.sin((_places(M, dtype) + 0.5) * (torch.pi / max(steps + 1, 1)))


@_window
def exponential(M: int, steps: int, dtype: torch.dtype, *, center: float | None = None, tau: float = 1.0) -> Tensor:
    """`exp(-|n - center| / tau)`, by default round the middle.    ->  (M)"""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if center is not None and steps == M - 1:
        raise ValueError("Center must be None for symmetric windows")
    return torch.exp(-torch.abs(_places(M, dtype) - (steps / 2 if center is None else center)) / tau)


@_window
def gaussian(M: int, steps: int, dtype: torch.dtype, *, std: float = 1.0) -> Tensor:
    """`exp(-((n - N/2) / std)² / 2)`.    ->  (M)"""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return torch.exp(-(((_places(M, dtype) - steps / 2) / (std * 2 ** 0.5)) ** 2))


@_window
def kaiser(M: int, steps: int, dtype: torch.dtype, *, beta: float = 12.0) -> Tensor:
    """`I0(beta √(1 - (2 n / N - 1)²)) / I0(beta)` (Kaiser & Schafer 1980).    ->  (M)"""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    height = torch.tensor(beta, dtype=dtype)
    place = torch.minimum(_places(M, dtype) * (2 * height / max(steps, 1)) - height, height)
    return torch.i0(torch.sqrt(height * height - place * place)) / torch.i0(height)
