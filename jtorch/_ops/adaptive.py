"""Pooling to a given output size, and fractional pooling."""
from __future__ import annotations

import math
from functools import partial

import jax.numpy as jnp
import numpy as np

from .._core.op import NONE, Array, op
from .checks import require_floating, sizes, widened
from .pool import _max_indices, _max_values
from .window import weighted_sums

pool = partial(op, NONE, home="torch nn.functional", inplace=False, out=False)
functional = partial(op, NONE, home="nn.functional", inplace=False, out=False)
OutputSize = int | None | tuple[int | None, ...]


def _output_size(input: Array, output_size: OutputSize, n: int, function: str) -> list[int]:
    if input.ndim not in (n + 1, n + 2) and n == 1:
        raise RuntimeError(f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' "
                           f"(while checking arguments for {function})")
    if input.ndim not in (n + 1, n + 2) and (isinstance(output_size, int) or input.ndim > n):
        raise RuntimeError(f"{function}(): Expected {n + 1}D or {n + 2}D tensor, but got{':' * ('max' in function)} {sizes(input)}")
    given = (output_size,) * n if output_size is None or isinstance(output_size, int) else tuple(output_size)
    if input.ndim <= len(given):
        raise ValueError(f"Input dimension should be at least {len(given) + 1}")
    if len(given) != n:
        raise RuntimeError(f"{function}: output_size must be {n}")
    for axis in range(1 - n - 1, 0):
        if input.shape[axis] == 0:
            raise RuntimeError(f"{function}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {sizes(input)} "
                               f"with dimension {axis + input.ndim} being empty")
    if any(wanted is not None and wanted < 0 for wanted in given):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(w for w in given if w is not None)}: {[*input.shape[:-n], *given]}")
    return [size if wanted is None else int(wanted) for wanted, size in zip(given, input.shape[-n:], strict=True)]


def _places(size: int, out: int) -> np.ndarray:
    """The elements of each of `out` windows over `size` elements, -1 past a window's end.    (out, longest window)"""
    steps = np.arange(out)
    start, end = steps * size // out, -(-(steps + 1) * size // out)
    places = start[:, None] + np.arange(max(end - start, default=1))
    return np.where(places < end[:, None], places, -1)


def _adaptive_avg(input: Array, output_size: OutputSize, n: int) -> Array:
    function = f"adaptive_avg_pool{n}d"
    wanted = _output_size(input, output_size, n, function)
    require_floating(input, f"adaptive_avg_pool{max(n, 2)}d")
    values = widened(input)
    for back, out in enumerate(reversed(wanted)):
        axis = values.ndim - 1 - back
        size = values.shape[axis]
        if out and size % out == 0:
            split = values.reshape(*values.shape[:axis], out, size // out, *values.shape[axis + 1:])
            values = split.mean(axis + 1)
            continue
        places = _places(size, out)
        counts = (places >= 0).sum(1).reshape(-1, *(1,) * back)
        values = weighted_sums(values, axis, places, np.ones(places.shape)) / jnp.asarray(counts).astype(values.dtype)
    return values.astype(input.dtype)


@pool(node="SqueezeBackward1")
def adaptive_avg_pool1d(input: Array, output_size: OutputSize) -> Array:
    """Means over windows chosen so that `output_size` come out.    input: (N, C, L) or (C, L)  ->  (N, C, L')"""
    return _adaptive_avg(input, output_size, 1)


@functional(node=lambda entry: "MeanBackward1" if entry.attrs[0] in (1, (1, 1)) else "AdaptiveAvgPool2DBackward0", strides="channels")
def adaptive_avg_pool2d(input: Array, output_size: OutputSize) -> Array:
    """Means over windows chosen so that `output_size` come out.    input: (N, C, H, W) or (C, H, W)  ->  (N, C, H', W')

    >>> nn.functional.adaptive_avg_pool2d(torch.arange(16.0).view(1, 4, 4), 1)
    tensor([[[7.5000]]])
    """
    return _adaptive_avg(input, output_size, 2)


@functional()
def adaptive_avg_pool3d(input: Array, output_size: OutputSize) -> Array:
    """Means over windows chosen so that `output_size` come out.    input: (N, C, D, H, W) or (C, D, H, W)"""
    return _adaptive_avg(input, output_size, 3)


def _gathered(input: Array, axis: int, places: np.ndarray, fill: object) -> list[Array]:
    """The windows' first elements, their second ones, …; `places` is -1 past a window's end."""
    return [jnp.where(jnp.asarray(column >= 0).reshape(-1, *(1,) * (input.ndim - 1 - axis)), jnp.take(input, np.maximum(column, 0), axis=axis),
                      jnp.asarray(fill).astype(input.dtype)) for column in places.T]


def _adaptive_max(input: Array, output_size: OutputSize, return_indices: bool, n: int) -> Array | tuple[Array, Array]:
    function = f"adaptive_max_pool{n}d"
    wanted = _output_size(input, output_size, n, function)
    require_floating(input, f"adaptive_max_pool{max(n, 2)}d")
    if not return_indices and all(out and size % out == 0 for size, out in zip(input.shape[-n:], wanted, strict=True)):
        return _max_values(input, [(size, size // out, size // out, 0, 1, out) for size, out in zip(input.shape[-n:], wanted, strict=True)])
    values, indices = _max_indices(input, [_places(size, out) for size, out in zip(input.shape[-n:], wanted, strict=True)], _gathered)
    return (values, indices) if return_indices else values


@pool(node="SqueezeBackward1")
def adaptive_max_pool1d(input: Array, output_size: OutputSize, return_indices: bool = False) -> Array | tuple[Array, Array]:
    """Maxima over windows chosen so that `output_size` come out.    input: (N, C, L) or (C, L)  ->  (N, C, L')"""
    return _adaptive_max(input, output_size, return_indices, 1)


@functional(strides="channels")
def adaptive_max_pool2d(input: Array, output_size: OutputSize, return_indices: bool = False) -> Array | tuple[Array, Array]:
    """Maxima over windows chosen so that `output_size` come out.    input: (N, C, H, W) or (C, H, W)  ->  (N, C, H', W')"""
    return _adaptive_max(input, output_size, return_indices, 2)


@functional()
def adaptive_max_pool3d(input: Array, output_size: OutputSize, return_indices: bool = False) -> Array | tuple[Array, Array]:
    """Maxima over windows chosen so that `output_size` come out.    input: (N, C, D, H, W) or (C, D, H, W)"""
    return _adaptive_max(input, output_size, return_indices, 3)


@functional()
def adaptive_max_pool1d_with_indices(input: Array, output_size: OutputSize, return_indices: bool = False) -> tuple[Array, Array]:
    """Maxima over windows chosen so that `output_size` come out, and where they are.    input: (N, C, L) or (C, L)"""
    return _adaptive_max(input, output_size, True, 1)


@functional(strides="channels")
def adaptive_max_pool2d_with_indices(input: Array, output_size: OutputSize, return_indices: bool = False) -> tuple[Array, Array]:
    """Maxima over windows chosen so that `output_size` come out, and where they are.    input: (N, C, H, W) or (C, H, W)"""
    return _adaptive_max(input, output_size, True, 2)


@functional()
def adaptive_max_pool3d_with_indices(input: Array, output_size: OutputSize, return_indices: bool = False) -> tuple[Array, Array]:
    """Maxima over windows chosen so that `output_size` come out, and where they are.    input: (N, C, D, H, W) or (C, D, H, W)"""
    return _adaptive_max(input, output_size, True, 3)


@op(NONE, home="", inplace=False, out=False)
def fractional_max_pool_apply(input: Array, samples: Array, kernel_size: tuple[int, ...], output_size: tuple[int, ...]) -> tuple[Array, Array]:
    """Maxima over windows at the random places that `samples` give (Graham 2014, arXiv:1412.6071), and where they are.

    input: (N, C, *spatial) or (C, *spatial), samples: (N, C, n) in [0, 1), N = 1 without a batch  ->  (N, C, *output_size) twice
    """
    n = len(kernel_size)
    lead = input.shape[:-n]
    samples = samples.reshape(*lead, n)
    flat = jnp.zeros((), jnp.int64)
    for axis, (size, kernel, out) in enumerate(zip(input.shape[-n:], kernel_size, output_size, strict=True)):
        step = (size - kernel) / (out - 1) if out > 1 else 0.0
        sample = samples[..., 1 - axis if n == 2 else axis, None]      # PyTorch takes width before height, but time, height, width
        start = jnp.floor((jnp.arange(out) + sample) * step).astype(jnp.int64) - jnp.floor(sample * step).astype(jnp.int64)
        start = jnp.where(jnp.arange(out) == out - 1, size - kernel, start)
        places = start[..., None] + jnp.arange(kernel)
        own = [axis == other for other in range(n)]
        flat = flat * size + places.reshape(*lead, *(out if o else 1 for o in own), *(kernel if o else 1 for o in own))
    shape = (*lead, *output_size)
    flat = jnp.broadcast_to(flat, (*shape, *kernel_size)).reshape(*lead, math.prod((*output_size, *kernel_size)))
    windows = (*lead, math.prod(output_size), math.prod(kernel_size))
    values = jnp.take_along_axis(input.reshape(*lead, math.prod(input.shape[-n:])), flat, -1).reshape(windows)
    missing = jnp.isnan(values)                                          # the first of equal maxima, but the last nan
    place = jnp.where(missing.any(-1, keepdims=True), values.shape[-1] - 1 - jnp.argmax(missing[..., ::-1], -1, keepdims=True),
                      jnp.argmax(values, -1, keepdims=True))
    return jnp.take_along_axis(values, place, -1).reshape(shape), jnp.take_along_axis(flat.reshape(windows), place, -1).reshape(shape)
