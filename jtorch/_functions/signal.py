"""Signals: windows, frequencies, short-time Fourier transforms."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from inspect import signature

import numpy as np

from .._core import misfit
from .._core.device import Where
from .._core.dtype import FLOATING, dtype
from .._core.format import layout
from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops.elementary import complex as joined
from .._ops.fourier import fft, ifft, irfft, rfft
from .._ops.pad import fold as folded
from .._ops.pad import pad as padded
from .._ops.views import view_as_real
from .create import finish
from .literals import floating
from .options import creating


# ---- frequencies

def _frequencies(name: str, make: Callable, text: str) -> None:
    def frequencies(n: int, d: float = 1.0, *, out: Tensor | None = None, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
                    pin_memory: bool = False, requires_grad: bool = False) -> Tensor:
        kind = dtype or floating()
        if kind.category < FLOATING:
            raise RuntimeError(f"{name} requires a floating point or complex dtype")
        _check_ranged(kind)
        made = finish(make(n, d).astype(kind.numpy) if n else np.zeros(0, kind.numpy), device, requires_grad)
        return made if out is None else out._resize(made.shape)._write(made._value)
    frequencies.__name__ = frequencies.__qualname__ = name
    frequencies.__doc__ = f"The frequencies of what `{text}` gives, for samples `d` apart."
    public("fft", name=name)(creating("arange.start_out", flat=True)(frequencies))


def _check_ranged(kind: dtype) -> None:
    if kind.is_complex:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{kind.title}'")


_frequencies("fftfreq", np.fft.fftfreq, "fft")
_frequencies("rfftfreq", np.fft.rfftfreq, "rfft")


# ---- windows

def _window(name: str, doc: str, shape: Callable) -> None:
    def window(window_length: int, periodic: bool = True, *coefficients: float, dtype: dtype | None = None, layout: layout | None = None, device: Where = None,
               requires_grad: bool = False, pin_memory: bool = False, **named: float) -> Tensor:
        for keyword in named:
            if keyword not in signature(shape).parameters:
                raise misfit.unexpected(name, keyword)
        kind = dtype or floating()
        if kind.category < FLOATING:
            raise RuntimeError(f"{name} expects floating point dtypes, got: {kind}")
        _check_ranged(kind)
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
        if window_length < 2:
            return finish(np.ones(window_length, kind.numpy), device, requires_grad)
        at = np.arange(window_length) / (window_length if periodic else window_length - 1)
        return finish(shape(at, *coefficients, **named).astype(kind.numpy), device, requires_grad)
    window.__name__ = window.__qualname__ = name
    window.__doc__ = doc
    public("torch", name=name)(creating("", flat=True)(window))


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
        raise RuntimeError(f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size "
                           f"{list(window.shape)}")
    if window is None:
        warnings.warn("A window was not provided. A rectangular window will be applied,which is known to cause spectral leakage. Other windows such "
                      "as torch.hann_window or torch.hamming_window are recommended to reduce spectral leakage.To suppress this warning and use a "
                      "rectangular window, explicitly set `window=torch.ones(n_fft, device=<device>)`.", UserWarning, stacklevel=3)


@public()
def stft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None, center: bool = True,
         pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None, return_complex: bool | None = None,
         align_to_window: bool | None = None) -> Tensor:
    """Fourier transforms of overlapping windows of a signal.    input: (length) or (batch, length)  ->  (…, frequencies, frames)

    >>> torch.stft(torch.ones(8), 4, window=torch.ones(4), return_complex=True).shape
    torch.Size([3, 9])
    """
    hop, length = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    complex_input = input.is_complex() or window is not None and window.is_complex()
    if return_complex is None and not complex_input:
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs, and will further require that return_complex=True "
                           "in a future PyTorch release.")
    if input.dim() not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {input.dim()}D tensor")
    _check("stft", n_fft, hop, length, window)
    half = not complex_input if onesided is None else onesided
    if half and complex_input:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    signal = input if input.dim() == 2 else input.unsqueeze(0)
    if center:
        edge = n_fft // 2
        signal = wrap(record(padded.op, (signal.unsqueeze(1), 0.0 if pad_mode == "constant" else None), ((edge, edge), pad_mode))).squeeze(1)
    if not 0 < n_fft <= signal.shape[1]:
        raise RuntimeError(f"stft: expected 0 < n_fft < {signal.shape[1]}, but got n_fft={n_fft}")
    frames = signal.unfold(-1, n_fft, hop) * _centered(window, length, n_fft, input)
    found = wrap(record((rfft if half else fft).op, (frames,), (None, -1, "ortho" if normalized else None))).transpose(1, 2)
    found = found if input.dim() == 2 else found.squeeze(0)
    if return_complex is False:
        warnings.warn("stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors for all inputs, "
                      "and return_complex=False will raise an error.\nNote: you can still call torch.view_as_real on the complex output to recover "
                      "the old return format.", UserWarning, stacklevel=2)
        return found._view(view_as_real.op, (), ())
    return found


@public()
def istft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None, center: bool = True,
          normalized: bool = False, onesided: bool | None = None, length: int | None = None, return_complex: bool = False) -> Tensor:
    """The signal of least squared distance to given short-time transforms (Griffin & Lim 1984).    (…, frequencies, frames)  ->  (…, length)"""
    hop, size = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    if not input.is_complex():
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft with return_complex=True.")
    if input.dim() not in (2, 3) or not input.numel():
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions and some elements, but got shape {list(input.shape)}")
    half = input.shape[-2] != n_fft if onesided is None else onesided
    if input.shape[-2] != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match "
                           f"{'n_fft / 2 + 1 when onesided=True' if half else 'n_fft when onesided=False'}, but got {input.shape[-2]}")
    _check("istft", n_fft, hop, size, window)
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    spectra = (input if input.dim() == 3 else input.unsqueeze(0)).transpose(1, 2)
    spectra = spectra if return_complex else spectra[..., :n_fft // 2 + 1]
    frames = wrap(record((ifft if return_complex else irfft).op, (spectra,), (n_fft, -1, "ortho" if normalized else None)))
    window = _centered(window, size, n_fft, frames)
    found = _overlapping(frames * window, hop) / _envelope(window, frames.shape[1], hop, n_fft // 2 if center else 0, length)
    begin = n_fft // 2 if center else 0
    end = found.shape[1] - begin if length is None else begin + length
    found = _cut(found, begin, end).contiguous()
    return found if input.dim() == 3 else found.squeeze(0)


def _overlapping(frames: Tensor, hop: int) -> Tensor:
    """The sum of frames that begin `hop` apart.    (batch, frames, n)  ->  (batch, length)"""
    if frames.is_complex():
        return wrap(record(joined.op, (_overlapping(frames.real, hop), _overlapping(frames.imag, hop))))
    count, n = frames.shape[1:]
    length = n + hop * (count - 1)
    columns = frames.transpose(1, 2)
    return wrap(record(folded.op, (columns,), ((1, length), (1, n), 1, 0, (1, hop)))).reshape(-1, length)


def _envelope(window: Tensor, count: int, hop: int, begin: int, length: int | None) -> Tensor:
    """The sum of the squared windows, by which the sum of the windowed frames is divided."""
    found = _overlapping(window.square().expand(1, count, -1), hop)
    end = found.shape[1] - begin if length is None else min(begin + length, found.shape[1])
    if bool((found[:, begin:end].abs() < 1e-11).any()):
        raise RuntimeError("istft: window overlap add min: 1")
    return found.where(found != 0, 1)


def _cut(signal: Tensor, begin: int, end: int) -> Tensor:
    """From `begin` to `end`, with zeros where the signal is shorter."""
    missing = end - signal.shape[1]
    if missing > 0:
        warnings.warn("The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. Please check your "
                      "center and hop_length settings.", UserWarning, stacklevel=3)
        signal = wrap(record(padded.op, (signal, 0.0), ((0, missing), "constant")))
    return signal[:, begin:end]
