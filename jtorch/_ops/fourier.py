"""Discrete Fourier transforms (`torch.fft`)."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp

from .._core.op import FLOAT, NONE, Array, Dims, op
from .arguments import is_complex
from .checks import dimension, scalar_type
from .nodes import Name
from .strides import transformed, transformed_from_real, transformed_to_real

NORMS = (None, "backward", "ortho", "forward")


def _by_type(real: str) -> Name:
    """The name of a transform of real numbers is another."""
    return lambda entry: "FftC2CBackward0" if entry.inputs[0].dtype.is_complex else real


transform = partial(op, FLOAT, home="fft", inplace=False, overlap="any", strides=transformed)
complex_transform = partial(transform, node="FftC2CBackward0")
from_real = partial(transform, node="FftR2CBackward0")
half_from_real = partial(transform, node="FftC2CBackward0", strides=transformed_from_real)
to_real = partial(transform, node="FftC2RBackward0", strides=transformed_to_real)


def _check(n: int | None, norm: str | None) -> None:
    if n is not None and n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    if norm not in NORMS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')


def _axis(input: Array, dim: int) -> int:
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return dimension(dim, input.ndim)


def _require_real(input: Array, name: str) -> None:
    if is_complex(input):
        raise RuntimeError(f"{name} expects a real input tensor, but got {scalar_type(input)}")


def _single(function: Callable, input: Array, n: int | None, dim: int, norm: str | None) -> Array:
    _check(n, norm)
    return function(input, n, _axis(input, dim), norm)


def _several(input: Array, s: Dims, dim: Dims, norm: str | None) -> tuple[list[int], list[int | None]]:
    """The dimensions of a transform over several, and the length in each (None: as it is)."""
    _check(None, norm)
    lengths = None if s is None else list(s) if isinstance(s, tuple) else [s]
    if dim is None:
        axes = list(range(input.ndim)) if lengths is None else list(range(input.ndim - len(lengths), input.ndim))
    else:
        axes = [_axis(input, d) for d in (dim if isinstance(dim, tuple) else (dim,))]
    if len(set(axes)) < len(axes):
        raise RuntimeError("FFT dims must be unique")
    if lengths is not None and dim is not None and len(lengths) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    if lengths is not None and len(lengths) > input.ndim:
        raise RuntimeError(f"Got shape with {len(lengths)} values but input tensor only has {input.ndim} dimensions.")
    for n in lengths or ():
        if n != -1:
            _check(n, norm)
    return axes, [None] * len(axes) if lengths is None else [None if n == -1 else n for n in lengths]


def _each(function: Callable, input: Array, axes: list[int], lengths: list, norm: str | None) -> Array:
    for axis, n in zip(axes, lengths, strict=True):
        input = function(input, n, axis, norm)
    return input


# ---- one dimension

@transform(node=_by_type("FftR2CBackward0"))
def fft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The discrete Fourier transform along `dim`.    input: (*)  ->  (*), complex

    >>> torch.fft.fft(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _single(jnp.fft.fft, input, n, dim, norm)


@transform(node=_by_type("ConjBackward0"))
def ifft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The inverse of `fft`.    input: (*)  ->  (*), complex"""
    return _single(jnp.fft.ifft, input, n, dim, norm)


@from_real()
def rfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """`fft` of real numbers: the first half, the second being its conjugate.    input: (*, n)  ->  (*, n // 2 + 1), complex"""
    _require_real(input, "rfft")
    return _single(jnp.fft.rfft, input, n, dim, norm)


@to_real()
def irfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The inverse of `rfft`.    input: (*, k)  ->  (*, n), real; n is 2 (k - 1) unless it is given"""
    return _single(jnp.fft.irfft, input, n, dim, norm)


@to_real()
def hfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """`fft` of a signal that is Hermitian in time, of which `input` is the first half.    input: (*, k)  ->  (*, n), real"""
    return _single(jnp.fft.hfft, input, n, dim, norm)


@transform(node="ConjBackward0")
def ihfft(input: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The inverse of `hfft`.    input: (*, n)  ->  (*, n // 2 + 1), complex"""
    _require_real(input, "ihfft")
    return _single(jnp.fft.ihfft, input, n, dim, norm)


# ---- several dimensions

@complex_transform()
def fftn(input: Array, s: Dims = None, dim: Dims = None, norm: str | None = None) -> Array:
    """`fft` along several dimensions, by default all.    input: (*)  ->  (*), complex"""
    return _each(jnp.fft.fft, input, *_several(input, s, dim, norm), norm)


@complex_transform()
def ifftn(input: Array, s: Dims = None, dim: Dims = None, norm: str | None = None) -> Array:
    """The inverse of `fftn`.    input: (*)  ->  (*), complex"""
    return _each(jnp.fft.ifft, input, *_several(input, s, dim, norm), norm)


@from_real()
def rfftn(input: Array, s: Dims = None, dim: Dims = None, norm: str | None = None) -> Array:
    """`fftn` of real numbers, of which the last dimension is halved.    input: (*, n)  ->  (*, n // 2 + 1), complex"""
    _require_real(input, "rfftn")
    axes, lengths = _several(input, s, dim, norm)
    half = jnp.fft.rfft(input, lengths[-1], axes[-1], norm)
    return _each(jnp.fft.fft, half, axes[:-1], lengths[:-1], norm)


@to_real()
def irfftn(input: Array, s: Dims = None, dim: Dims = None, norm: str | None = None) -> Array:
    """The inverse of `rfftn`.    input: (*, k)  ->  (*, n), real"""
    axes, lengths = _several(input, s, dim, norm)
    return jnp.fft.irfft(_each(jnp.fft.ifft, input, axes[:-1], lengths[:-1], norm), lengths[-1], axes[-1], norm)


@to_real()
def hfftn(input: Array, s: Dims = None, dim: Dims = None, norm: str | None = None) -> Array:
    """`hfft` along the last of several dimensions, `fft` along the others.    input: (*, k)  ->  (*, n), real"""
    axes, lengths = _several(input, s, dim, norm)
    return jnp.fft.hfft(_each(jnp.fft.fft, input, axes[:-1], lengths[:-1], norm), lengths[-1], axes[-1], norm)


@half_from_real()
def ihfftn(input: Array, s: Dims = None, dim: Dims = None, norm: str | None = None) -> Array:
    """The inverse of `hfftn`.    input: (*, n)  ->  (*, n // 2 + 1), complex"""
    _require_real(input, "ihfftn")
    axes, lengths = _several(input, s, dim, norm)
    half = jnp.fft.ihfft(input, lengths[-1], axes[-1], norm)
    return _each(jnp.fft.ifft, half, axes[:-1], lengths[:-1], norm)


def _in_two(name: str, body: Callable, declare: Callable) -> None:
    """The same over two dimensions, by default the last."""
    @declare(name=name.replace("fftn", "fft2"))
    def planar(input: Array, s: Dims = None, dim: Dims = (-2, -1), norm: str | None = None) -> Array:
        return body(input, s, dim, norm)
    planar.__doc__ = f"`{name}` over two dimensions.    input: (*, n, m)  ->  (*, n, m)"


for _body, _declare in ((fftn, complex_transform), (ifftn, complex_transform), (rfftn, from_real), (irfftn, to_real), (hfftn, to_real),
                        (ihfftn, half_from_real)):
    _in_two(_body.__name__, _body, _declare)


# ---- order of the frequencies

@op(NONE, home="fft", inplace=False, out=False, node="RollBackward0")
def fftshift(input: Array, dim: Dims = None) -> Array:
    """The order from negative to positive frequencies.    input: (*)  ->  (*)"""
    return jnp.fft.fftshift(input, dim)


@op(NONE, home="fft", inplace=False, out=False, node="RollBackward0")
def ifftshift(input: Array, dim: Dims = None) -> Array:
    """The inverse of `fftshift`.    input: (*)  ->  (*)"""
    return jnp.fft.ifftshift(input, dim)
