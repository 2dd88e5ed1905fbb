"""Signals: windows, frequencies, short-time Fourier transforms."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.dtype import FLOATING, dtype, float64
from .._core.public import PUBLIC, public
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops.fourier import fft, irfft, rfft
from .._ops.pad import fold as folded
from .._ops.pad import pad as padded
from .._ops.fourier import ifft
from .create import finish, floating


# ---- frequencies

def _frequencies(name: str, make: Callable, text: str) -> None:
    @public("fft", name=name)
    def frequencies(n: int, d: float = 1.0, *, out: Tensor | None = None, dtype: dtype | None = None, layout: Any = None, device: Any = None,
                    requires_grad: bool = False) -> Tensor:
        made = finish(make(n, d).astype((dtype or floating()).numpy), device, requires_grad)
        return made if out is None else out._resize(made.shape)._write(made._value)
    frequencies.__name__ = frequencies.__qualname__ = name
    frequencies.__doc__ = f"The frequencies of what `{text}` gives, for samples `d` apart."


_frequencies("fftfreq", np.fft.fftfreq, "fft")
_frequencies("rfftfreq", np.fft.rfftfreq, "rfft")


# ---- windows

def _window(name: str, doc: str, shape: Callable) -> None:
    @public("torch", name=name)
    def window(window_length: int, periodic: bool = True, *coefficients: float, dtype: dtype | None = None, layout: Any = None, device: Any = None,
               requires_grad: bool = False, pin_memory: bool = False, **named: float) -> Tensor:
        kind = dtype or floating()
        if kind.category < FLOATING:
            raise RuntimeError(f"{name} expects floating point dtypes, got: {kind}")
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
        if window_length < 2:
            return finish(np.ones(window_length, kind.numpy), device, requires_grad)
        at = np.arange(window_length) / (window_length if periodic else window_length - 1)
        return finish(shape(at, *coefficients, **named).astype(kind.numpy), device, requires_grad)
    window.__name__ = window.__qualname__ = name
    window.__doc__ = doc


def _hann(at: np.ndarray) -> np.ndarray:
    return _hamming(at, 0.5, 0.5)


def _hamming(at: np.ndarray, alpha: float = 0.54, beta: float = 0.46) -> np.ndarray:
    return alpha - beta * np.cos(2 * math.pi * at)


def _blackman(at: np.ndarray) -> np.ndarray:
    return 0.42 - 0.5 * np.cos(2 * math.pi * at) + 0.08 * np.cos(4 * math.pi * at)


def _bartlett(at: np.ndarray) -> np.ndarray:
    return 1 - np.abs(2 * at - 1)


def _kaiser(at: np.ndarray, beta: float = 12.0) -> np.ndarray:
    return np.i0(beta * np.sqrt(np.maximum(1 - (2 * at - 1) ** 2, 0))) / np.i0(beta)


_window("hann_window", "The Hann window, `sin² (π n / N)`.    ->  (window_length)", _hann)
_window("hamming_window", "The Hamming window, `alpha - beta cos(2 π n / N)`.    ->  (window_length)", _hamming)
_window("blackman_window", "The Blackman window.    ->  (window_length)", _blackman)
_window("bartlett_window", "The Bartlett window, a triangle.    ->  (window_length)", _bartlett)
_window("kaiser_window", "The Kaiser window of shape `beta`.    ->  (window_length)", _kaiser)


# ---- short-time Fourier transforms

def _centered(window: Tensor | None, win_length: int, n_fft: int, like: Tensor) -> Tensor:
    """The window with zeros on both sides, `n_fft` long."""
    if window is None:
        window = like.new_ones(win_length, dtype=like.dtype.to_real())
    before = (n_fft - win_length) // 2
    return wrap(record(padded.op, (window, 0.0), ((before, n_fft - win_length - before), "constant"))) if win_length < n_fft else window


def _check(name: str, n_fft: int, hop: int, win_length: int, window: Tensor | None) -> None:
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={win_length}")
    if window is not None and tuple(window.shape) != (win_length,):
        raise RuntimeError(f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size {list(window.shape)}")


@public()
def stft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None, center: bool = True,
         pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None, return_complex: bool | None = None,
         align_to_window: bool | None = None) -> Tensor:
    """Fourier transforms of overlapping windows of a signal.    input: (length) or (batch, length)  ->  (…, frequencies, frames)"""
    hop, length = hop_length or n_fft // 4, n_fft if win_length is None else win_length
    complex_input = input.is_complex() or window is not None and window.is_complex()
    if return_complex is None and not complex_input:
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs, and will further require that return_complex=True in a "
                           "future PyTorch release.")
    if input.dim() not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {input.dim()}D tensor")
    _check("stft", n_fft, hop, length, window)
    signal = input if input.dim() == 2 else input.unsqueeze(0)
    if center:
        signal = wrap(record(padded.op, (signal.unsqueeze(1), 0.0), ((n_fft // 2, n_fft // 2), pad_mode))).squeeze(1)
    if not 0 < n_fft <= signal.shape[1]:
        raise RuntimeError(f"stft: expected 0 < n_fft < {signal.shape[1]}, but got n_fft={n_fft}")
    frames = signal.unfold(-1, n_fft, hop) * _centered(window, length, n_fft, input)
    half = not complex_input if onesided is None else onesided
    if half and complex_input:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    found = wrap(record((rfft if half else fft).op, (frames,), (None, -1, "ortho" if normalized else None))).transpose(1, 2)
    found = found if input.dim() == 2 else found.squeeze(0)
    return found if return_complex or complex_input and return_complex is None else PUBLIC_real(found)


def PUBLIC_real(found: Tensor) -> Tensor:
    return found
