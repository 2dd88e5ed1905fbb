"""Pooling.  A window's maximum or sum is taken dimension by dimension from strided slices, whose gradients are quick on every backend."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.op import NONE, Array, op
from .checks import dimension, require_floating, scalar_type, sizes, spread, widened
from .derivatives import magnitude
from .pointwise import ratio

pool = partial(op, NONE, home="torch nn.functional", inplace=False, out=False)
functional = partial(op, NONE, home="nn.functional", inplace=False, out=False)
Numbers = int | tuple[int, ...]
Windows = list[tuple[int, int, int, int, int, int]]          # per dimension: size, kernel, stride, padding, dilation, number of windows
LONG = 16                                                    # a single window longer than this is searched as one, not slice by slice
COUNT = {1: "one int", 2: "two ints", 3: "three ints"}


def _spread(value: Numbers, n: int, name: str, function: str) -> tuple[int, ...]:
    given = (value,) if isinstance(value, int) else tuple(value)
    if len(given) not in (1, n):
        raise RuntimeError(f"{function}: {name} must either be a single int, or a tuple of {COUNT[n]}")
    return given * n if len(given) == 1 else given


def _check_dims(input: Array, n: int, function: str) -> None:
    if input.ndim in (n + 1, n + 2) and not (function.startswith("max") and 0 in input.shape[input.ndim - n - 1:] and n in (1, 3)):
        return
    if input.ndim in (n + 1, n + 2) and n == 3:
        place = input.shape.index(0, input.ndim - n - 1)
        raise RuntimeError("max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have positive length, but input has a "
                           f"shape of {sizes(input)} and non-batch dimension {place} has length zero!")
    if n == 1 and function.startswith("max"):
        raise RuntimeError(f"{function}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:{sizes(input)}")
    if n == 1:
        raise RuntimeError(f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' "
                           f"(while checking arguments for {function})")
    raise RuntimeError(f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")


def _count(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit; with `ceil_mode` a last one may hang over the end, but must start inside the input or its left padding."""
    free = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-free // stride) if ceil_mode else free // stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


def _windows(input: Array, kernel: Numbers, stride: Numbers | None, padding: Numbers, dilation: Numbers, ceil_mode: bool, n: int,
             function: str) -> Windows:
    kernel = _spread(kernel, n, "kernel_size", function)
    stride = kernel if stride is None or stride == () else _spread(stride, n, "stride", function)
    padding, dilation = _spread(padding, n, "padding", function), _spread(dilation, n, "dilation", function)
    _check_dims(input, n, function)
    if 0 in stride:
        raise RuntimeError("stride should not be zero")
    if min(dilation) <= 0:
        raise RuntimeError(f"{function}() dilation must be greater than zero, but got {min(dilation)}" if n == 1 else
                           f"dilation should be greater than zero, but got dilation = {min(dilation)}")
    if min(padding) < 0:
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(padding)}")
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if p > (d * (k - 1) + 1) // 2 and n == 1 and function.startswith("max"):
            raise RuntimeError(f"{function}() padding should be at most half of kernel size, but got padding={p} and kernel_size={k}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and dilation={d}")
    space = input.shape[-n:]
    counts = [_count(*window, ceil_mode) for window in zip(space, kernel, stride, padding, dilation, strict=True)]
    if min(counts) < 1:
        if n == 1 and function.startswith("max"):
            raise RuntimeError(f"{function}() Invalid computed output size: {counts[0]}")
        before, after = (1, *space) if n == 1 else space, (1, *counts) if n == 1 else counts
        raise RuntimeError(f"Given input size: ({'x'.join(map(str, (input.shape[-n - 1], *before)))}). Calculated output size: "
                           f"({'x'.join(map(str, (input.shape[-n - 1], *after)))}). Output size is too small")
    return list(zip(space, kernel, stride, padding, dilation, counts, strict=True))


def _taps(input: Array, axis: int, window: tuple[int, ...], fill: object) -> list[Array]:
    """For every position in the kernel, what it meets along `axis`; outside the input it meets `fill`."""
    size, kernel, stride, padding, dilation, count = window
    over = max((count - 1) * stride + dilation * (kernel - 1) + 1 - size - padding, 0)
    if padding or over:
        edges = [(padding, over, 0) if a == axis else (0, 0, 0) for a in range(input.ndim)]
        input = lax.pad(input, jnp.asarray(fill).astype(input.dtype), edges)
    return [lax.slice_in_dim(input, k * dilation, k * dilation + (count - 1) * stride + 1, stride, axis) for k in range(kernel)]


def _lowest(input: Array) -> float | int:
    return -math.inf if jnp.issubdtype(input.dtype, jnp.floating) else jnp.iinfo(input.dtype).min


def _maximum(kept: Array, other: Array) -> Array:
    """The first of equal maxima, and the last nan, is kept: PyTorch's gradient goes there."""
    return jnp.where((other > kept) | (other != other), other, kept)


def _max_values(input: Array, windows: Windows) -> Array:
    for back, window in enumerate(reversed(windows)):
        axis, (size, kernel, _, padding, _, count) = input.ndim - 1 - back, window
        if count == 1 and padding == 0 and kernel == size > LONG:
            input = jnp.take_along_axis(input, jnp.argmax(input, axis, keepdims=True), axis)
            continue
        taps = _taps(input, axis, window, _lowest(input))
        input = taps[0]
        for tap in taps[1:]:
            input = _maximum(input, tap)
    return input


def _max_indices(input: Array, windows: Windows, taps: Callable = _taps) -> tuple[Array, Array]:
    """The maxima and where they are, counted in the flattened spatial dimensions."""
    n = len(windows)
    space = input.shape[-n:]
    index = jnp.broadcast_to(jnp.arange(math.prod(space)).reshape(space), input.shape)
    for back, window in enumerate(reversed(windows)):
        axis = input.ndim - 1 - back
        (input, *values), (index, *places) = taps(input, axis, window, _lowest(input)), taps(index, axis, window, -1)
        for value, place in zip(values, places, strict=True):
            later = ((value > input) | (value != value) | (index < 0)) & (place >= 0)
            input, index = jnp.where(later, value, input), jnp.where(later, place, index)
    return input, index


def _max_pool(input: Array, kernel: Numbers, stride: Numbers | None, padding: Numbers, dilation: Numbers, ceil_mode: bool, return_indices: bool,
              n: int) -> Array | tuple[Array, Array]:
    windows = _windows(input, kernel, stride, padding, dilation, ceil_mode, n, f"max_pool{n}d")
    if n == 1 and not return_indices:
        require_floating(input, "max_pool1d_impl")
    return _max_indices(input, windows) if return_indices else _max_values(input, windows)


@pool(node="SqueezeBackward1")
def max_pool1d(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, dilation: Numbers = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Array | tuple[Array, Array]:
    """The largest element of each window, and with `return_indices` where it is.    input: (N, C, L) or (C, L)  ->  (N, C, L')"""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 1)


@pool(node="MaxPool2DWithIndicesBackward0", strides="channels")
def max_pool2d(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, dilation: Numbers = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Array | tuple[Array, Array]:
    """The largest element of each window, and with `return_indices` where it is.    input: (N, C, H, W) or (C, H, W)  ->  (N, C, H', W')

    >>> torch.max_pool2d(torch.arange(16.0).view(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 2)


@pool(node="MaxPool3DWithIndicesBackward0", strides="channels")
def max_pool3d(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, dilation: Numbers = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Array | tuple[Array, Array]:
    """The largest element of each window, and with `return_indices` where it is.    input: (N, C, D, H, W) or (C, D, H, W)"""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 3)


@pool()
def max_pool1d_with_indices(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, dilation: Numbers = 1,
                            ceil_mode: bool = False, return_indices: bool = False) -> tuple[Array, Array]:
    """The largest element of each window and where it is.    input: (N, C, L) or (C, L)  ->  (N, C, L') twice"""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, True, 1)


@functional(strides="channels")
def max_pool2d_with_indices(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, dilation: Numbers = 1,
                            ceil_mode: bool = False, return_indices: bool = False) -> tuple[Array, Array]:
    """The largest element of each window and where it is.    input: (N, C, H, W) or (C, H, W)  ->  (N, C, H', W') twice"""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, True, 2)


@functional(strides="channels")
def max_pool3d_with_indices(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, dilation: Numbers = 1,
                            ceil_mode: bool = False, return_indices: bool = False) -> tuple[Array, Array]:
    """The largest element of each window and where it is.    input: (N, C, D, H, W) or (C, D, H, W)"""
    return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, True, 3)


def _divisor(windows: Windows, count_include_pad: bool) -> np.ndarray:
    """How many elements each window averages over."""
    total = np.ones((), int)
    for size, kernel, stride, padding, _, count in windows:
        start = np.arange(count) * stride - padding
        end = np.minimum(start + kernel, size + padding)
        inside = end - start if count_include_pad else np.minimum(end, size) - np.maximum(start, 0)
        total = np.multiply.outer(total, inside)
    return total


def _avg_pool(input: Array, kernel: Numbers, stride: Numbers | None, padding: Numbers, ceil_mode: bool, count_include_pad: bool,
              divisor_override: int | None, n: int) -> Array:
    if n == 2:
        dimension(-3, input.ndim)
    windows = _windows(input, kernel, stride, padding, 1, ceil_mode, n, f"avg_pool{n}d")
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    total = widened(input)
    for back, window in enumerate(reversed(windows)):
        total = sum(_taps(total, total.ndim - 1 - back, window, 0))
    divisor = _divisor(windows, count_include_pad) if divisor_override is None else np.asarray(divisor_override)
    divisor = divisor.flat[0] if divisor.size and (divisor == divisor.flat[0]).all() else divisor
    if jnp.issubdtype(input.dtype, jnp.integer):
        return lax.div(total, jnp.broadcast_to(divisor, total.shape).astype(total.dtype))
    return ratio(total, jnp.asarray(divisor).astype(total.dtype)).astype(input.dtype)


@pool(node="SqueezeBackward1")
def avg_pool1d(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Array:
    """The mean of each window.    input: (N, C, L) or (C, L)  ->  (N, C, L')"""
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, None, 1)


@functional(out=True, strides="channels")
def avg_pool2d(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Array:
    """The mean of each window.    input: (N, C, H, W) or (C, H, W)  ->  (N, C, H', W')"""
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 2)


@functional(out=True)
def avg_pool3d(input: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Array:
    """The mean of each window.    input: (N, C, D, H, W) or (C, D, H, W)  ->  (N, C, D', H', W')"""
    return _avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 3)


def _lp_pool(input: Array, norm_type: float, kernel: Numbers, stride: Numbers | None, ceil_mode: bool, n: int) -> Array:
    kernel = spread(kernel, n, "kernel_size", f"lp_pool{n}d")
    if norm_type == math.inf:
        return _max_pool(magnitude(input), kernel, stride, 0, 1, ceil_mode, False, n)
    mean = _avg_pool(input ** norm_type, kernel, stride, 0, ceil_mode, True, None, n)
    zero = mean == 0
    total = jnp.where(zero, 1, mean) * math.prod(kernel)
    return jnp.where(zero, 0, total ** (1 / norm_type))


@functional(node="PowBackward0")
def lp_pool1d(input: Array, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None, ceil_mode: bool = False) -> Array:
    """The p-norm of each window.    input: (N, C, L) or (C, L)  ->  (N, C, L')"""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 1)


@functional(node="PowBackward0", strides="channels")
def lp_pool2d(input: Array, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None, ceil_mode: bool = False) -> Array:
    """The p-norm of each window.    input: (N, C, H, W) or (C, H, W)  ->  (N, C, H', W')"""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 2)


@functional(node="PowBackward0")
def lp_pool3d(input: Array, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None, ceil_mode: bool = False) -> Array:
    """The p-norm of each window.    input: (N, C, D, H, W) or (C, D, H, W)  ->  (N, C, D', H', W')"""
    return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, 3)


def _unpool(input: Array, indices: Array, kernel: Numbers, stride: Numbers | None, padding: Numbers, output_size: Sequence[int] | None,
            n: int) -> Array:
    name = f"max_unpool{n}d"
    kernel = spread(kernel, n, "kernel_size", name)
    stride, padding = kernel if stride is None else spread(stride, n, "stride", name), spread(padding, n, "padding", name)
    if indices.dtype != jnp.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {scalar_type(indices)}")
    if indices.shape != input.shape:
        raise RuntimeError(f"Expected shape of indices to be same as that of the input tensor ({sizes(input)}) but got indices tensor with shape: "
                           f"{sizes(indices)}")
    default = [(size - 1) * s + k - 2 * p for size, s, k, p in zip(input.shape[-n:], stride, kernel, padding, strict=True)]
    space = default if output_size is None else list(output_size)[-n:]
    for axis, (wanted, usual, s) in enumerate(zip(space, default, stride, strict=True)):
        if not usual - s < wanted < usual + s:
            raise ValueError(f'invalid output_size "{tuple(space)}" (dim {axis} must be between {usual - s} and {usual + s})')
    rows = math.prod(input.shape[:-n])
    return _put_back(input.reshape(rows, -1), indices.reshape(rows, -1), math.prod(space)).reshape(*input.shape[:-n], *space)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _put_back(rows: Array, indices: Array, size: int) -> Array:
    return jnp.zeros((rows.shape[0], size), rows.dtype).at[jnp.arange(rows.shape[0])[:, None], indices].set(rows)


@_put_back.defjvp
def _put_back_jvp(size: int, primals: tuple[Array, Array], tangents: tuple[Array, object]) -> tuple[Array, Array]:
    # Values of one place have its gradient all; after JAX's `set` only the one that was written last has it
    (rows, indices), (change, _) = primals, tangents
    return _put_back(rows, indices, size), jnp.zeros((rows.shape[0], size), rows.dtype).at[jnp.arange(rows.shape[0])[:, None], indices].add(change)


@functional()
def max_unpool1d(input: Array, indices: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 output_size: tuple[int, ...] | None = None) -> Array:
    """`input` put back where `max_pool1d` found it, zeros elsewhere.    input, indices: (N, C, L) or (C, L)"""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 1)


@functional()
def max_unpool2d(input: Array, indices: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 output_size: tuple[int, ...] | None = None) -> Array:
    """`input` put back where `max_pool2d` found it, zeros elsewhere.    input, indices: (N, C, H, W) or (C, H, W)"""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 2)


@functional()
def max_unpool3d(input: Array, indices: Array, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 output_size: tuple[int, ...] | None = None) -> Array:
    """`input` put back where `max_pool3d` found it, zeros elsewhere.    input, indices: (N, C, D, H, W) or (C, D, H, W)"""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 3)
