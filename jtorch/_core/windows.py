"""JAX's primitive operations in NumPy (see host.py): products, convolutions and pooling, Fourier transforms, gather and scatter."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from jax.lax import FftType, GatherScatterMode
from numpy.lib.stride_tricks import sliding_window_view

from .primitives import RULES, Array, Axes, highest, is_low, lowest, pad, rule, wide

# Products

@rule("dot_general")
def dot_general(x: Array, y: Array, *, dimension_numbers: tuple, out: Any) -> Array:
    """Sum of products over dimensions, with others in common."""
    (x_sum, y_sum), (x_batch, y_batch) = dimension_numbers
    x_free = [d for d in range(x.ndim) if d not in (*x_sum, *x_batch)]
    y_free = [d for d in range(y.ndim) if d not in (*y_sum, *y_batch)]
    batch, width = [x.shape[d] for d in x_batch], math.prod(x.shape[d] for d in x_sum)
    left = x.transpose(*x_batch, *x_free, *x_sum).reshape(*batch, math.prod(x.shape[d] for d in x_free), width)
    right = y.transpose(*y_batch, *y_sum, *y_free).reshape(*batch, width, math.prod(y.shape[d] for d in y_free))
    inside = np.dtype(np.float32) if is_low(out.dtype) else out.dtype
    return np.matmul(left.astype(inside, copy=False), right.astype(inside, copy=False)).reshape(out.shape)


def _windows(x: Array, fill: Any, sizes: Axes, strides: Axes, padding: Sequence, gaps: Axes, dilation: Axes) -> Array:
    """All windows of `x`: its dimensions, then those of a window."""
    padded = pad(x, fill, padding_config=[(low, high, gap - 1) for (low, high), gap in zip(padding, gaps, strict=True)])
    views = sliding_window_view(padded, [(n - 1) * d + 1 for n, d in zip(sizes, dilation, strict=True)])
    return views[(*[slice(None, None, s) for s in strides], *[slice(None, None, d) for d in dilation])]


@rule("conv_general_dilated")
def convolution(x: Array, kernel: Array, *, window_strides: Axes, padding: Sequence, lhs_dilation: Axes, rhs_dilation: Axes, dimension_numbers: Any,
                feature_group_count: int, batch_group_count: int) -> Array:
    """Cross-correlation."""
    if batch_group_count > 1:
        parts = [convolution(a, b, window_strides=window_strides, padding=padding, lhs_dilation=lhs_dilation, rhs_dilation=rhs_dilation,
                             dimension_numbers=dimension_numbers, feature_group_count=1, batch_group_count=1)
                 for a, b in zip(np.split(x, batch_group_count, dimension_numbers.lhs_spec[0]),
                                 np.split(kernel, batch_group_count, dimension_numbers.rhs_spec[0]), strict=True)]
        return np.concatenate(parts, dimension_numbers.out_spec[1])
    x, kernel = wide(x.transpose(dimension_numbers.lhs_spec)), wide(kernel.transpose(dimension_numbers.rhs_spec))
    seen = _windows(x, x.dtype.type(0), (1, 1, *kernel.shape[2:]), (1, 1, *window_strides), ((0, 0), (0, 0), *padding), (1, 1, *lhs_dilation),
                    (1, 1, *rhs_dilation))
    width = kernel.ndim - 2
    seen = seen.reshape(*seen.shape[:2 + width], *kernel.shape[2:])
    inside = [1, *range(2 + width, 2 + 2 * width)]
    parts = [np.moveaxis(np.tensordot(a, b, (inside, [1, *range(2, 2 + width)])), -1, 1)
             for a, b in zip(np.split(seen, feature_group_count, 1), np.split(kernel, feature_group_count, 0), strict=True)]
    return np.concatenate(parts, 1).transpose(np.argsort(dimension_numbers.out_spec))


def _reduced(ufunc: np.ufunc, identity: Callable, x: Array, *, window_dimensions: Axes, window_strides: Axes, padding: Sequence, base_dilation: Axes,
             window_dilation: Axes) -> Array:
    seen = _windows(wide(x), identity(x.dtype), window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return ufunc.reduce(seen, tuple(range(x.ndim, 2 * x.ndim)))


RULES.update(reduce_window_sum=partial(_reduced, np.add, lambda kind: 0), reduce_window_max=partial(_reduced, np.maximum, lowest),
             reduce_window_min=partial(_reduced, np.minimum, highest))


@rule("fft")
def fft(x: Array, *, fft_type: Any, fft_lengths: tuple) -> Array:
    """Fourier transform over the last dimensions."""
    call: Any = {FftType.FFT: np.fft.fftn, FftType.IFFT: np.fft.ifftn, FftType.RFFT: np.fft.rfftn, FftType.IRFFT: np.fft.irfftn}[fft_type]
    return call(x, fft_lengths, range(x.ndim - len(fft_lengths), x.ndim))


# Gather and scatter

def _places(starts: Array, shape: tuple, sizes: Axes, of: Axes, batching: Axes, starts_batching: Axes, window: Axes, clip: bool) -> tuple[list, Array]:
    """For each dimension of an operand the places that are read or written, over the dimensions of `starts` and then those of the window;
    and for which of the starts the window lies inside."""
    lead = starts.shape[:-1]
    starts = starts.astype(np.int64)
    inside = np.ones(lead, bool)
    found = []
    for d, (n, size) in enumerate(zip(shape, sizes, strict=True)):
        if d in of:
            start = starts[..., of.index(d)]
            inside &= (start >= 0) & (start <= n - size)
            start = np.clip(start, 0, n - size) if clip else start
        elif d in batching:
            axis = starts_batching[batching.index(d)]
            start = np.arange(n).reshape(tuple([n if k == axis else 1 for k in range(len(lead))]))
        else:
            start = np.zeros([1] * len(lead), np.int64)
        within = np.arange(size).reshape(tuple([size if d == w else 1 for w in window])) if d in window else 0
        found.append(start.reshape((*start.shape, *[1] * len(window))) + within)
    return found, inside


@rule("gather")
def gather(x: Array, starts: Array, *, dimension_numbers: Any, slice_sizes: tuple, mode: Any, fill_value: Any) -> Array:
    """The windows that begin at `starts`."""
    numbers = dimension_numbers
    taken = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    window = [d for d in range(x.ndim) if d not in taken]
    whole = [d for d in window if d not in numbers.start_index_map and slice_sizes[d] == x.shape[d]]
    part = [d for d in window if d not in whole]
    picked = [d for d in range(x.ndim) if d not in whole]
    places, inside = _places(starts, x.shape, slice_sizes, tuple(numbers.start_index_map), numbers.operand_batching_dims,
                             numbers.start_indices_batching_dims, part, True)
    lead = starts.shape[:-1]
    index = [np.broadcast_to(places[d], (*lead, *[slice_sizes[p] for p in part])) for d in picked]
    laid = x.transpose(picked + whole)
    found = laid[tuple(index)] if index else np.broadcast_to(laid, (*lead, *laid.shape))
    if mode == GatherScatterMode.FILL_OR_DROP and not inside.all():
        found = np.where(inside.reshape((*lead, *[1] * len(window))), found, _filling(x.dtype, fill_value))
    have = [*[("start", k) for k in range(len(lead))], *part, *whole]
    outer, inner = iter(have[:len(lead)]), iter(window)
    return found.transpose([have.index(next(inner) if d in numbers.offset_dims else next(outer)) for d in range(len(have))])


def _filling(kind: np.dtype, given: Any) -> Array:
    if given is None:
        given = True if kind.kind == "b" else np.iinfo(kind).max if kind.kind == "u" else np.iinfo(kind).min if kind.kind == "i" else np.nan
    return np.asarray(given).astype(kind)


def _scatter(write: Callable, x: Array, starts: Array, updates: Array, *, dimension_numbers: Any, mode: Any) -> Array:
    numbers = dimension_numbers
    taken = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    window = [d for d in range(x.ndim) if d not in taken]
    lead = [d for d in range(updates.ndim) if d not in numbers.update_window_dims]
    updates = updates.transpose(*lead, *numbers.update_window_dims)
    sizes = [updates.shape[len(lead) + window.index(d)] if d in window else 1 for d in range(x.ndim)]
    places, inside = _places(starts, x.shape, sizes, tuple(numbers.scatter_dims_to_operand_dims), numbers.operand_batching_dims,
                             numbers.scatter_indices_batching_dims, window, mode == GatherScatterMode.CLIP)
    found = x.copy()
    index = [np.broadcast_to(p, updates.shape) for p in places]
    if mode != GatherScatterMode.CLIP and not inside.all():
        written = np.broadcast_to(inside.reshape((*inside.shape, *[1] * len(window))), updates.shape)
        index, updates = [i[written] for i in index], updates[written]
    write(found, tuple(index), updates)
    return found


for _name, _write in (("scatter", np.ndarray.__setitem__), ("scatter-add", np.add.at), ("scatter-sub", np.subtract.at), ("scatter-mul", np.multiply.at),
                      ("scatter-min", np.minimum.at), ("scatter-max", np.maximum.at)):
    RULES[_name] = partial(_scatter, _write)
