"""Padding, sliding blocks and rearrangements of channels and pixels."""
from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from functools import partial

import jax.numpy as jnp
from jax import lax

from .._core.dtype import check_number, dtype
from .._core.op import NONE, Array, Scalar, Shape, op
from . import nodes
from .arguments import unimplemented
from .checks import require_floating, sizes, spread

functional = partial(op, NONE, home="nn.functional", inplace=False, out=False)
rearrange = partial(op, NONE, home="torch nn.functional", inplace=False, out=False)
KERNELS = {"reflect": "reflection_pad", "replicate": "replication_pad"}


def _reflected(input: Array, axis: int, before: int, after: int) -> Array:
    size = input.shape[axis]
    left = lax.slice_in_dim(input, 1, before + 1, axis=axis)
    right = lax.slice_in_dim(input, size - 1 - after, size - 1, axis=axis)
    return jnp.concatenate([jnp.flip(left, axis), input, jnp.flip(right, axis)], axis)


def _replicated(input: Array, axis: int, before: int, after: int) -> Array:
    first, last = lax.slice_in_dim(input, 0, 1, axis=axis), lax.slice_in_dim(input, input.shape[axis] - 1, None, axis=axis)
    shape = list(input.shape)
    edges = []
    for edge, count in ((first, before), (last, after)):
        shape[axis] = count
        edges.append(jnp.broadcast_to(edge, shape))
    return jnp.concatenate([edges[0], input, edges[1]], axis)


def _wrapped(input: Array, axis: int, before: int, after: int) -> Array:
    size = input.shape[axis]
    if max(before, after) > size:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    left, right = lax.slice_in_dim(input, size - before, size, axis=axis), lax.slice_in_dim(input, 0, after, axis=axis)
    return jnp.concatenate([left, input, right], axis)


def _cropped(input: Array, axis: int, before: int, after: int) -> Array:
    """`input` without what negative padding takes away."""
    return lax.slice_in_dim(input, max(-before, 0), input.shape[axis] - max(-after, 0), axis=axis)


def _pad_edges(input: Array, pads: Sequence[tuple[int, int]], mode: str) -> Array:
    """`pads` from the last dimension backwards."""
    rule = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}[mode]
    result = input
    for back, (before, after) in enumerate(pads):
        axis = input.ndim - 1 - back
        result = _cropped(result, axis, before, after) if mode == "circular" else result
        added = max(before, 0), max(after, 0)
        if any(added):
            result = rule(result, axis, *added)
        result = result if mode == "circular" else _cropped(result, axis, before, after)
    return result


def _check_edges(input: Array, pads: Sequence[tuple[int, int]], mode: str, value: Scalar | None) -> None:
    if isinstance(value, (int, float)) and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if (len(pads), input.ndim) not in ((1, 2), (1, 3), (2, 3), (2, 4), (3, 4), (3, 5)):
        raise NotImplementedError(f"Padding size {2 * len(pads)} is not supported for {input.ndim}D input tensor.\n"
                                  "Supported combinations for non-constant padding:\n"
                                  "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
                                  "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
                                  "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)")
    if mode == "circular":
        return
    n = len(pads)
    if input.dtype == jnp.bool_:
        raise unimplemented(f"{KERNELS[mode]}{n}d", input)
    for back, (before, after) in enumerate(pads if mode == "reflect" and 0 not in input.shape[-n - 1:] else ()):
        axis = input.ndim - 1 - back
        if max(before, after) >= input.shape[axis]:
            raise RuntimeError(f"Argument #{2 * back + 4}: Padding size should be less than the corresponding input dimension, but got: "
                               f"padding ({before}, {after}) at dimension {axis} of input {sizes(input)}")
    if 0 in input.shape[-n - 1:]:
        raise RuntimeError(f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
                           f"but got: {sizes(input)}")


def _filling(number: complex, kind: dtype, name: str) -> None:
    if isinstance(number, complex) and not kind.is_complex:
        raise TypeError("pad(): argument 'value' (position 4) must be float, not complex")
    check_number(number if isinstance(number, complex) else float(number), kind)


@functional(node=nodes.padding, strides="channels", fits=("value",), fitting=_filling)
def pad(input: Array, pad: Shape, mode: str = "constant", value: Scalar | None = None) -> Array:
    """`input` made longer (or, by negative numbers, shorter) at its ends; `pad` is (before, after) of the last dimension, then of the one before, …

    >>> nn.functional.pad(torch.ones(2), (1, 2))
    tensor([0., 1., 1., 0., 0.])
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError("Padding length should be less than or equal to two times the input dimension but got padding length "
                           f"{len(pad)} and input of dimension {input.ndim}")
    pads = list(zip(pad[::2], pad[1::2], strict=True))
    if mode != "constant":
        _check_edges(input, pads, mode, value)
        return _pad_edges(input, pads, mode)
    edges = [(0, 0)] * (input.ndim - len(pads)) + pads[::-1]
    if any(size + before + after < 0 for size, (before, after) in zip(input.shape, edges, strict=True)):
        raise RuntimeError("narrow(): length must be non-negative.")
    fill = jnp.asarray(0 if value is None else value).astype(input.dtype)
    return lax.pad(input, fill, [(before, after, 0) for before, after in edges])


def _block_counts(space: Sequence[int], kernel: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]) -> list[int]:
    return [(size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, d, p, s in zip(space, kernel, dilation, padding, stride, strict=True)]


def _blocks(images: Array, kernel: Sequence[int], dilation: Sequence[int], padding: Sequence[int], stride: Sequence[int]) -> Array:
    """Sliding blocks as columns.    images: (N, C, H, W)  ->  (N, C * kH * kW, L)"""
    rows, columns = _block_counts(images.shape[2:], kernel, dilation, padding, stride)
    padded = jnp.pad(images, [(0, 0), (0, 0), *((p, p) for p in padding)])
    taps = []
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            limits = *padded.shape[:2], top + (rows - 1) * stride[0] + 1, left + (columns - 1) * stride[1] + 1
            taps.append(lax.slice(padded, (0, 0, top, left), limits, (1, 1, *stride)))
    return jnp.stack(taps, 2).reshape(images.shape[0], images.shape[1] * len(taps), rows * columns)


def _window(function: str, kernel: int | Shape, dilation: int | Shape, padding: int | Shape, stride: int | Shape) -> list[tuple[int, ...]]:
    window = [spread(value, 2, name, function) for name, value in
              (("kernel_size", kernel), ("dilation", dilation), ("padding", padding), ("stride", stride))]
    for name, values in (("kernel size", window[0]), ("dilation", window[1]), ("stride", window[3])):
        if min(values) <= 0:
            word = name.split()[0]
            raise RuntimeError(f"{name} should be greater than zero, but got {word}_height: {values[0]} {word}_width: {values[1]}")
    return window


@functional(node="Im2ColBackward0")
def unfold(input: Array, kernel_size: int | tuple[int, ...], dilation: int | tuple[int, ...] = 1, padding: int | tuple[int, ...] = 0,
           stride: int | tuple[int, ...] = 1) -> Array:
    """Sliding blocks as columns (im2col).    input: (N, C, H, W) or (C, H, W)  ->  (N, C * kH * kW, L)"""
    if input.ndim not in (3, 4):
        raise IndexError(f"Dimension out of range (expected to be in range of [-{input.ndim}, {input.ndim - 1}], but got 2)")
    kernel, dilation, padding, stride = _window("unfold", kernel_size, dilation, padding, stride)
    if not jnp.issubdtype(input.dtype, jnp.inexact) and input.dtype != jnp.bool_:
        raise unimplemented("im2col_out_cpu", input)
    counts = _block_counts(input.shape[-2:], kernel, dilation, padding, stride)
    if min(counts) < 1:
        raise RuntimeError(f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
                           f"calculated shape of the array of sliding blocks as {tuple(counts)}, but its components must be at least one.")
    blocks = _blocks(input if input.ndim == 4 else input[None], kernel, dilation, padding, stride)
    return blocks if input.ndim == 4 else blocks[0]


@functional(node="Col2ImBackward0")
def fold(input: Array, output_size: int | tuple[int, ...], kernel_size: int | tuple[int, ...], dilation: int | tuple[int, ...] = 1,
         padding: int | tuple[int, ...] = 0, stride: int | tuple[int, ...] = 1) -> Array:
    """Columns added up into an image (col2im), the transpose of `unfold`.    input: (N, C * kH * kW, L) or unbatched  ->  (N, C, H, W)"""
    if input.ndim not in (2, 3):
        raise RuntimeError("Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, "
                           f"but got: {sizes(input)}")
    kernel, dilation, padding, stride = _window("fold", kernel_size, dilation, padding, stride)
    space, area = spread(output_size, 2, "output_size", "fold"), math.prod(kernel)
    if input.shape[-2] % area:
        raise RuntimeError("Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
                           f"input.size(1)={input.shape[-2]} and kernel_size={kernel}.")
    counts = _block_counts(space, kernel, dilation, padding, stride)
    if math.prod(counts) != input.shape[-1]:
        raise RuntimeError(f"Given output_size={space}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, expected "
                           f"size of input's dimension 2 to match the calculated number of sliding blocks {counts[0]} * {counts[1]} = "
                           f"{math.prod(counts)}, but got input.size(2)={input.shape[-1]}.")
    require_floating(input, "col2im_out_cpu")
    batched = input if input.ndim == 3 else input[None]
    pieces = batched.reshape(batched.shape[0], -1, *kernel, *counts)
    result = functools.reduce(jnp.add, (_placed(pieces[:, :, i, j], (i * dilation[0], j * dilation[1]), space, padding, stride)
                                        for i in range(kernel[0]) for j in range(kernel[1])))   # in the order in which PyTorch adds them up
    return result if input.ndim == 3 else result[0]


def _placed(piece: Array, start: tuple[int, int], space: Sequence[int], padding: Sequence[int], stride: Sequence[int]) -> Array:
    """One number of each block at its place in the image, and zeros elsewhere.    piece: (N, C, rows, columns)  ->  (N, C, H, W)"""
    edges = []
    for size, first, n, p, s in zip(piece.shape[2:], start, space, padding, stride, strict=True):
        edges.append((first - p, n - (first - p) - (size - 1) * s - 1, s - 1))
    return lax.pad(piece, jnp.zeros((), piece.dtype), [(0, 0, 0), (0, 0, 0), *edges])


@rearrange(strides="channels")
def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """Channels moved into space (Shi et al. 2016, arXiv:1609.05158).    input: (*, C r², H, W)  ->  (*, C, H r, W r)"""
    if input.ndim < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)")
    if upscale_factor <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {upscale_factor}")
    *batch, channels, height, width = input.shape
    r = upscale_factor
    if channels % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
                           f"input.size(-3)={channels} is not divisible by {r * r}")
    split = input.reshape(math.prod(batch), channels // (r * r), r, r, height, width).transpose(0, 1, 4, 2, 5, 3)
    return split.reshape(*batch, channels // (r * r), height * r, width * r)


@rearrange(strides="channels")
def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """Space moved into channels, the inverse of `pixel_shuffle`.    input: (*, C, H r, W r)  ->  (*, C r², H, W)"""
    if input.ndim < 3:
        raise RuntimeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)")
    if downscale_factor <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {downscale_factor}")
    *batch, channels, height, width = input.shape
    r = downscale_factor
    for name, size, place in (("height", height, -2), ("width", width, -1)):
        if size % r:
            raise RuntimeError(f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({place})={size} is not "
                               f"divisible by {r}")
    split = input.reshape(math.prod(batch), channels, height // r, r, width // r, r).transpose(0, 1, 3, 5, 2, 4)
    return split.reshape(*batch, channels * r * r, height // r, width // r)


@op(NONE, home="torch nn.functional", inplace=False, out=False, aliases=("native_channel_shuffle",), strides="channels")
def channel_shuffle(input: Array, groups: int) -> Array:
    """Channels dealt out among groups (Zhang et al. 2018, arXiv:1707.01083).    input: (N, C, *)  ->  (N, C, *)"""
    if input.ndim <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {sizes(input)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    batch, channels, *space = input.shape
    if channels % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups.")
    return input.reshape(batch, groups, channels // groups, *space).swapaxes(1, 2).reshape(input.shape)
