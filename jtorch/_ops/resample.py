"""Resampling: `interpolate`, dimension by dimension as weighted sums of neighbours, and `grid_sample`."""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.infer import warn
from .._core.op import NONE, Array, op
from . import nodes
from .adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .checks import is_floating, scalar_type, sizes, torch_size, widened
from .window import weighted_sums

functional = partial(op, NONE, home="nn.functional", inplace=False, out=False)
Size = int | tuple[int, ...] | None
Scale = float | tuple[float, ...] | None
MODES = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"
DIMS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2, "lanczos": 2}
KERNELS = {1: "1d", 2: "2d_channels_last", 3: "3d"}
CORNERS_CHANGED = ("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
                   "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details.")


def _check_sizes(input: Array, size: Size, scale_factor: Scale) -> None:
    space = list(input.shape[2:])
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if isinstance(size, (tuple, list)) and len(size) != len(space):
        raise ValueError(f"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of {space} and "
                         f"output size of {tuple(size)}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size in "
                         "(o1, o2, ...,oK) format.")
    if isinstance(scale_factor, (tuple, list)) and len(scale_factor) != len(space):
        raise ValueError("Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of "
                         f"{space} and scale_factor of shape {tuple(scale_factor)}. Please provide input tensor in (N, C, d1, d2, ...,dK) format "
                         "and scale_factor in (s1, s2, ...,sK) format.")


def _check_mode(input: Array, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if align_corners is not None and mode in ("nearest", "area", "nearest-exact"):
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear")
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.ndim == 4):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input")
    if mode not in MODES.split(" | ") or input.ndim not in (3, 4, 5):
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: {MODES} "
                                  f"(got {mode})")
    if mode in DIMS and DIMS[mode] + 2 != input.ndim:
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {DIMS[mode] + 2}D input")
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")


def _target(input: Array, size: Size, scale_factor: Scale, recompute: bool | None) -> tuple[list[int], list[float]]:
    """The output's size, and input steps per output step in every dimension."""
    space = input.shape[2:]
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        out = [size] * len(space) if isinstance(size, int) else [int(s) for s in size]
        return out, [before / after if after > 0 else 0.0 for before, after in zip(space, out, strict=True)]
    factors: list[Any] = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * len(space)
    out = [math.floor(before * factor) for before, factor in zip(space, factors, strict=True)]
    if recompute:
        return out, [before / after for before, after in zip(space, out, strict=True)]
    return out, [1 / factor for factor in factors]


def _nearest(before: int, after: int, step: float, offset: float) -> np.ndarray:
    """Which input element each output element is; PyTorch computes it in float32."""
    places = (np.arange(after, dtype=np.float32) + np.float32(offset)) * np.float32(step)
    return np.minimum(np.floor(places).astype(int), before - 1)


Taps = tuple[np.ndarray, np.ndarray]                         # the input elements that each output element looks at (-1: none), and their weights


def _around(before: int, floor: np.ndarray, weights: dict[int, np.ndarray]) -> Taps:
    """The elements at each distance from `floor`, those outside brought to the edge."""
    return np.clip(floor.astype(int)[:, None] + np.array(list(weights)), 0, before - 1), np.stack(list(weights.values()), 1)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    return np.where(x <= 1, near, np.where(x < 2, ((x - 5) * x + 8) * x * a - 4 * a, 0))


def _taps(before: int, after: int, step: float, mode: str, align_corners: bool, type: np.dtype) -> Taps:
    """One dimension's interpolation."""
    if align_corners:
        step = (before - 1) / (after - 1) if after > 1 else 0.0
    number = type.type
    index = np.arange(after, dtype=type)
    places = index * number(step) if align_corners else (index + number(0.5)) * number(step) - number(0.5)
    if mode != "bicubic":
        places = np.maximum(places, number(0))
        floor = np.minimum(np.floor(places), before - 1)
        return _around(before, floor, {0: 1 - (places - floor), 1: places - floor})
    floor = np.floor(places)
    return _around(before, floor, {offset: _cubic(places - floor - offset, -0.75).astype(type) for offset in (-1, 0, 1, 2)})


FILTERS: dict[str, tuple[float, Callable]] = {                # half width and shape of the kernels for `antialias`
    "bilinear": (1.0, lambda x: np.maximum(1 - np.abs(x), 0)),
    "bicubic": (2.0, lambda x: _cubic(x, -0.5)),
    "lanczos": (3.0, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)),
}


def _smooth_taps(before: int, after: int, step: float, mode: str, align_corners: bool) -> Taps:
    """As `_taps`, with a kernel that is as wide as the output's step, so that no input element is skipped."""
    if align_corners:
        step = (before - 1) / (after - 1) if after > 1 else 0.0
    width, shape = FILTERS[mode]
    stretch = max(step, 1.0)
    centre = step * (np.arange(after) + 0.5)
    first = np.maximum((centre - width * stretch + 0.5).astype(int), 0)
    last = np.minimum((centre + width * stretch + 0.5).astype(int), before)
    places = first[:, None] + np.arange(max(last - first))
    places = np.where(places < last[:, None], places, -1)
    weights = np.where(places >= 0, shape((places - centre[:, None] + 0.5) / stretch), 0)
    return places, weights / weights.sum(1, keepdims=True)


def _byte_sums(values: Array, axis: int, places: np.ndarray, weights: np.ndarray) -> Array:
    """Weighted sums of bytes, which are bytes again: PyTorch's weights are integers of 16 bits, as precise as the largest of them allows."""
    weights = weights.copy()
    for k in range(1, places.shape[1]):                      # several weights for one element count together
        same = places[:, k] == places[:, k - 1]
        weights[:, k] += np.where(same, weights[:, k - 1], 0)
        weights[:, k - 1][same] = 0
    bits = 0
    while bits < 22 and int(0.5 + weights.max() * 2 ** (bits + 1)) < 2 ** 15:
        bits += 1
    whole = np.trunc(weights * 2 ** bits + np.where(weights < 0, -0.5, 0.5)).astype(np.int32)
    whole[places < 0] = 0
    shape = tuple([-1 if k == axis else 1 for k in range(values.ndim)])
    total = sum([jnp.take(values, np.maximum(places[:, k], 0), axis) * whole[:, k].reshape(shape) for k in range(places.shape[1]) if whole[:, k].any()])
    return jnp.clip((total + (1 << bits >> 1)) >> bits, 0, 255)


def _repeated(values: Array, axis: int, index: np.ndarray) -> Array:
    before, after = values.shape[axis], len(index)
    if after % before == 0 and (index == np.arange(after) // (after // before)).all():
        return jnp.repeat(values, after // before, axis)
    return jnp.take(values, index, axis)


@functional(node=nodes.resampling, strides="channels")
def interpolate(input: Array, size: Size = None, scale_factor: Scale = None, mode: str = "nearest", align_corners: bool | None = None,
                recompute_scale_factor: bool | None = None, antialias: bool = False) -> Array:
    """`input` at another size.    input: (N, C, *spatial)  ->  (N, C, *size)

    >>> nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    _check_mode_or_sizes(input, size, scale_factor, mode, align_corners, antialias)
    out, steps = _target(input, size, scale_factor, recompute_scale_factor)
    axes = range(2, input.ndim)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[input.ndim - 3](input, tuple(out))
    if min(out) <= 0:
        names = "DHW"[-len(out):]
        before, after = (", ".join(f"{n}: {s}" for n, s in zip(names, space, strict=True)) for space in (input.shape[2:], out))
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got input ({before}) output ({after})")
    if input.shape[1] == 0:
        raise RuntimeError(f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes {sizes(input)}")
    if not is_floating(input) and input.dtype != jnp.uint8:
        rule = "nearest" if mode.startswith("nearest") else mode.removeprefix("bi").removeprefix("tri")
        raise NotImplementedError(f'"upsample_{"bi" if mode == "bilinear" else ""}{rule}{KERNELS[len(out)]}" not implemented for '
                                  f"'{scalar_type(input)}'")
    if mode.startswith("nearest"):
        for axis, after, step in zip(axes, out, steps, strict=True):
            input = _repeated(input, axis, _nearest(input.shape[axis], after, step, 0.5 if mode == "nearest-exact" else 0.0))
        return input
    of_bytes = not is_floating(input)
    values = input.astype(jnp.int32) if of_bytes else widened(input)
    for axis, after, step in list(zip(axes, out, steps, strict=True))[::-1 if of_bytes else 1]:
        before = values.shape[axis]
        if before == after and (antialias or mode != "bicubic"):                   # as in PyTorch whatever `scale_factor` is
            continue
        number = np.dtype(np.float64 if of_bytes else values.dtype)
        taps = _smooth_taps(before, after, step, mode, bool(align_corners)) if antialias else _taps(before, after, step, mode, bool(align_corners), number)
        values = _byte_sums(values, axis, *taps) if of_bytes else weighted_sums(values, axis, *taps)
    return values.astype(input.dtype)


def _check_mode_or_sizes(input: Array, size: Size, scale_factor: Scale, mode: str, align_corners: bool | None, antialias: bool) -> None:
    """The checks in PyTorch's order."""
    if align_corners is not None and mode in ("nearest", "area", "nearest-exact"):
        _check_mode(input, mode, align_corners, antialias)
    _check_sizes(input, size, scale_factor)
    _check_mode(input, mode, align_corners, antialias)


def _in_pixels(place: Array, size: int, align_corners: bool) -> Array:
    """A coordinate in [-1, 1] as a position among `size` pixels."""
    return (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2


def _clipped(place: Array, size: int) -> Array:
    return jnp.where(place <= 0, 0, jnp.where(place >= size - 1, size - 1, place))


def _inside(place: Array, size: int, padding_mode: str, align_corners: bool) -> Array:
    """A position brought back among the pixels, as the padding mode says."""
    if padding_mode == "border":
        return _clipped(place, size)
    if padding_mode != "reflection":
        return place
    low, span = (0.0, size - 1) if align_corners else (-0.5, size)
    if span == 0:
        return jnp.zeros_like(place)
    distance = jnp.abs(place - low)
    turns = jnp.floor(distance / span)
    rest = distance - turns * span
    return _clipped(jnp.where(turns % 2 == 0, rest, span - rest) + low, size)


def _pixels(input: Array, places: Sequence[Array]) -> Array:
    """The pixels at integer positions, 0 outside.    input: (N, C, *space), places: each (N, P)  ->  (N, C, P)"""
    flat = jnp.zeros((), jnp.int64)
    valid = jnp.ones((), bool)
    for place, size in zip(places, input.shape[2:], strict=True):
        valid = valid & (place >= 0) & (place <= size - 1)
        flat = flat * size + jnp.clip(place, 0, size - 1).astype(jnp.int64)
    values = jnp.take_along_axis(input.reshape(*input.shape[:2], -1), flat[:, None, :], axis=2)
    return jnp.where(valid[:, None, :], values, 0)


def _linear_sample(input: Array, places: Sequence[Array]) -> Array:
    floors = [jnp.floor(place) for place in places]
    total = jnp.zeros((), input.dtype)
    for corner in itertools.product((0, 1), repeat=len(places)):
        weight: Any = math.prod((place - floor if up else 1 - (place - floor)) for up, place, floor in zip(corner, places, floors, strict=True))
        total = total + _pixels(input, [floor + up for up, floor in zip(corner, floors, strict=True)]) * weight[:, None, :]
    return total


def _cubic_weights(fraction: Array) -> list[Array]:
    a = -0.75
    far = [((a * x - 5 * a) * x + 8 * a) * x - 4 * a for x in (fraction + 1, 2 - fraction)]
    near = [((a + 2) * x - (a + 3)) * x * x + 1 for x in (fraction, 1 - fraction)]
    return [far[0], near[0], near[1], far[1]]


def _cubic_sample(input: Array, places: Sequence[Array], bring: Callable) -> Array:
    floors = [jnp.floor(place) for place in places]
    weights = [_cubic_weights(place - floor) for place, floor in zip(places, floors, strict=True)]
    total = jnp.zeros((), input.dtype)
    for i, j in itertools.product(range(4), repeat=2):
        around = [bring(floors[0] + (i - 1), 0), bring(floors[1] + (j - 1), 1)]
        total = total + _pixels(input, around) * (weights[0][i] * weights[1][j])[:, None, :]
    return total


def _check_grid(input: Array, grid: Array, mode: str, padding_mode: str) -> None:
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
                         f"but got: '{padding_mode}'")
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with sizes {sizes(grid)}")
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError("grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
                           f"{sizes(input)} and grid with sizes {sizes(grid)}")
    if mode == "bicubic" and input.ndim != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if grid.dtype != input.dtype:
        raise RuntimeError(f"expected scalar type {scalar_type(input)} but found {scalar_type(grid)}")


@functional(node=lambda entry: f"GridSampler{len(entry.inputs[0].shape) - 2}DBackward0")
def grid_sample(input: Array, grid: Array, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None) -> Array:
    """`input` sampled at the positions in `grid`, whose last dimension is (x, y[, z]) in [-1, 1] (Jaderberg et al. 2015, arXiv:1506.02025).

    input: (N, C, [D,] H, W), grid: (N, *out, 2 or 3)  ->  (N, C, *out)
    """
    if mode in ("bilinear", "nearest", "bicubic") and padding_mode in ("zeros", "border", "reflection") and align_corners is None:
        warn(CORNERS_CHANGED)
    _check_grid(input, grid, mode, padding_mode)
    aligned, space = bool(align_corners), input.shape[2:]
    given = [grid[..., -1 - axis].reshape(grid.shape[0], -1) for axis in range(len(space))]      # x is the last dimension
    places = [_in_pixels(place, size, aligned) for place, size in zip(given, space, strict=True)]

    def bring(place: Array, axis: int) -> Array:
        return _inside(place, space[axis], padding_mode, aligned)

    if mode == "bicubic":
        values = _cubic_sample(input, places, bring)
    else:
        places = [bring(place, axis) for axis, place in enumerate(places)]
        values = _linear_sample(input, places) if mode == "bilinear" else _pixels(input, [jnp.round(place) for place in places])
    return values.reshape(*input.shape[:2], *grid.shape[1:-1])


@functional(node="AffineGridGeneratorBackward0")
def affine_grid(theta: Array, size: tuple[int, ...], align_corners: bool | None = None) -> Array:
    """The positions for `grid_sample` that an affine map gives.    theta: (N, 2, 3) or (N, 3, 4)  ->  (N, *size[2:], 2 or 3)"""
    if align_corners is None:
        warn(CORNERS_CHANGED)
    if not is_floating(theta):
        raise ValueError(f"Expected theta to have floating point type, but got torch.{theta.dtype}")
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
                                  f"Got size {size}.")
    if theta.ndim != 3 or theta.shape[1:] != (n, n + 1):
        raise ValueError(f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {torch_size(theta)}.")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    lines = []
    for count in size[2:]:
        line = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
        lines.append(line if align_corners else line * (count - 1) / count)
    mesh = np.meshgrid(*lines, indexing="ij")
    points = np.stack([*mesh[::-1], np.ones(size[2:])], -1).reshape(-1, n + 1)
    flat = jnp.asarray(points).astype(theta.dtype) @ theta.reshape(-1, n + 1).T
    return jnp.moveaxis(flat.reshape(-1, theta.shape[0], n), 1, 0).reshape(theta.shape[0], *size[2:], n)
