"""Convolutions.  Which formulation computes one is chosen per shape: on the CPU, XLA's own is fast for many channels only, and only channels-last."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from .._core.op import NONE, Array, op
from . import nodes
from .checks import plus_bias, scalar_type, sizes, widened

conv = partial(op, NONE, home="torch nn.functional", inplace=False, out=False, strides="channels")
Numbers = int | tuple[int, ...]
Pads = Sequence[tuple[int, int]]
Window = tuple[Sequence[int], Sequence[int], Pads, Sequence[int]]   # kernel, stride, padding, dilation

PATCHES = ((64, 1 << 25), (160, 1 << 20))                     # widest row of a patch matrix, and its most elements, that beats XLA on the CPU
SCAN_PLACES, SCAN_WORK = 64, 1 << 25                         # from where on the weight's gradient is better added up image by image
NAMES = "height", "width"


def _spread(value: Numbers, n: int, name: str) -> tuple[int, ...]:
    given = (value,) if isinstance(value, int) else tuple(value)
    if len(given) not in (1, n):
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, "
                           f"but got {name}={list(given)}")
    return given * n if len(given) == 1 else given


def _check(input: Array, weight: Array, bias: Array | None, groups: int, n: int, transposed: bool) -> None:
    name = f"conv{'_transpose' if transposed else ''}{n}d"
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: {sizes(input)}")
    if bias is not None and bias.dtype != input.dtype:
        raise RuntimeError(f"Input type ({scalar_type(input).lower()}) and bias type ({scalar_type(bias).lower()}) should be the same")
    if weight.dtype != input.dtype:
        raise RuntimeError(f"expected scalar type {scalar_type(input)} but found {scalar_type(weight)}")
    if weight.ndim != n + 2:
        raise RuntimeError(f"weight should have at least {n + 2} dimensions, but got weight of size: {sizes(weight)}")
    shape, batched = sizes(weight), sizes(input) if input.ndim == n + 2 else sizes((1, *input.shape))
    if weight.shape[0] % groups:
        raise RuntimeError(f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
                           f"[{shape}] instead")
    channels, expected = input.shape[-n - 1], weight.shape[0] if transposed else weight.shape[1] * groups
    given = f"transposed={int(transposed)}" if transposed else f"groups={groups}"
    if channels != expected:
        raise RuntimeError(f"Given {given}, weight of size {shape}, expected input{batched} to have {expected} channels, "
                           f"but got {channels} channels instead")
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (outputs,):
        raise RuntimeError(f"Given {'transposed=1, ' if transposed else ''}weight of size {shape}, expected bias to be 1-dimensional with "
                           f"{outputs} elements, but got bias of size {sizes(bias)} instead")


def _check_window(stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]) -> None:
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(padding) < 0:
        raise RuntimeError("negative padding is not supported")
    if min(dilation) <= 0:
        raise RuntimeError(f"dilation should be greater than zero, but got {list(dilation)}")


def _slices(input: Array, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> list[Array]:
    """For every position in the kernel, what it meets.    input: (N, *spatial, C)  ->  each (N, *out, C)"""
    outs = [(size - d * (k - 1) - 1) // s + 1 for size, k, s, d in zip(input.shape[1:-1], kernel, stride, dilation, strict=True)]
    found = []
    for flat in range(math.prod(kernel)):
        starts: list[int] = []
        rest = flat
        for k, d in zip(reversed(kernel), reversed(dilation), strict=True):
            starts.insert(0, rest % k * d)
            rest //= k
        limits = [start + (o - 1) * s + 1 for start, o, s in zip(starts, outs, stride, strict=True)]
        found.append(lax.slice(input, (0, *starts, 0), (input.shape[0], *limits, input.shape[-1]), (1, *stride, 1)))
    return found


def _by_patches(input: Array, weight: Array, stride: Sequence[int], pads: Pads, dilation: Sequence[int]) -> Array:
    """One product of a matrix of patches with the weights, for patches of few elements.    input: (N, *spatial, C), weight: (*kernel, C, O)"""
    padded = jnp.pad(input, [(0, 0), *pads, (0, 0)])
    pieces = _slices(padded, weight.shape[:-2], stride, dilation)
    patches = pieces[0] if len(pieces) == 1 else jnp.concatenate(pieces, -1)
    product = patches.reshape(-1, patches.shape[-1]) @ weight.reshape(-1, weight.shape[-1])
    return product.reshape(*patches.shape[:-1], weight.shape[-1])


def _depthwise(input: Array, weight: Array, stride: Sequence[int], pads: Pads, dilation: Sequence[int]) -> Array:
    """Each channel with its own kernels: a sum of shifted products.    input: (N, *spatial, C), weight: (*kernel, C, M)  ->  (N, *out, C * M)"""
    padded = jnp.pad(input, [(0, 0), *pads, (0, 0)])
    kernel, channels, multiple = weight.shape[:-2], *weight.shape[-2:]
    taps = weight.reshape(-1, channels, multiple)
    total = sum(piece[..., None] * tap for piece, tap in zip(_slices(padded, kernel, stride, dilation), taps, strict=True))
    return total.reshape(*total.shape[:-2], channels * multiple)


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def _by_xla(input: Array, weight: Array, stride: Sequence[int], pads: Pads, dilation: Sequence[int], groups: int) -> Array:
    space = "DHW"[-len(stride):]
    names = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(input, weight, tuple(stride), pads, rhs_dilation=tuple(dilation), dimension_numbers=names,
                                    feature_group_count=groups)


def _columns(image: Array, window: Window) -> Array:
    """The patches of one image as columns.    image: (C, *spatial)  ->  (C * taps, places)"""
    kernel, stride, pads, dilation = window
    padded = jnp.pad(image, [(0, 0), *pads])[..., None]
    pieces = _slices(padded, kernel, stride, dilation)
    return jnp.stack([piece.reshape(image.shape[0], -1) for piece in pieces], 1).reshape(image.shape[0] * len(pieces), -1)


def _over_images(one: Callable[[Array, Array], Array], weight: Array, images: Array) -> Array:
    """`one(weight, image)` for every image.  The weight's gradient adds up image by image, from patches that fit into the cache and are not kept."""
    return lax.scan(lambda _, image: (None, jax.checkpoint(one, prevent_cse=False)(weight, image)), None, images)[1]


@partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _wide(input: Array, weight: Array, stride: tuple[int, ...], pads: Pads, dilation: tuple[int, ...]) -> Array:
    """XLA's convolution, for which it has no quick gradient of the weight on the CPU."""
    last = _by_xla(jnp.moveaxis(input, 1, -1), jnp.moveaxis(weight, (0, 1), (-1, -2)), stride, pads, dilation, 1)
    return jnp.moveaxis(last, -1, 1)


@partial(_wide.defjvp, symbolic_zeros=True)
def _wide_jvp(stride: tuple[int, ...], pads: Pads, dilation: tuple[int, ...], primals: tuple[Array, Array],
              tangents: tuple[Array | SymbolicZero, Array | SymbolicZero]) -> tuple[Array, Array]:
    (input, weight), (d_input, d_weight) = primals, tangents
    result = _wide(input, weight, stride, pads, dilation)
    change = jnp.zeros_like(result)
    if not isinstance(d_input, SymbolicZero):
        change = _wide(d_input, weight, stride, pads, dilation)
    if not isinstance(d_weight, SymbolicZero):
        window = weight.shape[2:], stride, pads, dilation
        rows = d_weight.reshape(weight.shape[0], -1)
        change = change + _over_images(lambda w, image: w @ _columns(image, window), rows, input).reshape(result.shape)
    return result, change


@partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4, 5))
def _wide_transpose(input: Array, weight: Array, stride: tuple[int, ...], pads: Pads, dilation: tuple[int, ...], space: tuple[int, ...]) -> Array:
    """The transpose of `_wide` from outputs of size `space`."""
    return _transposed(input, weight, stride, pads, dilation, 1, space)


@partial(_wide_transpose.defjvp, symbolic_zeros=True)
def _wide_transpose_jvp(stride: tuple[int, ...], pads: Pads, dilation: tuple[int, ...], space: tuple[int, ...], primals: tuple[Array, Array],
                        tangents: tuple[Array | SymbolicZero, Array | SymbolicZero]) -> tuple[Array, Array]:
    (input, weight), (d_input, d_weight) = primals, tangents
    result = _wide_transpose(input, weight, stride, pads, dilation, space)
    change = jnp.zeros_like(result)
    if not isinstance(d_input, SymbolicZero):
        change = _wide_transpose(d_input, weight, stride, pads, dilation, space)
    if not isinstance(d_weight, SymbolicZero):
        window, image = (weight.shape[2:], stride, pads, dilation), jax.ShapeDtypeStruct(result.shape[1:], result.dtype)

        def one(rows: Array, small: Array) -> Array:
            columns = rows.T @ small.reshape(len(small), -1)
            return jax.linear_transpose(lambda large: _first_columns(large, window, small.shape[1:]), image)(columns)[0]

        change = change + _over_images(one, d_weight.reshape(weight.shape[0], -1), input)
    return result, change


def _first_columns(image: Array, window: Window, counts: Sequence[int]) -> Array:
    """`_columns` at the first `counts` places of every dimension."""
    kernel, stride, pads, dilation = window
    found = [(size + sum(pad) - d * (k - 1) - 1) // s + 1 for size, k, s, pad, d in zip(image.shape[1:], kernel, stride, pads, dilation, strict=True)]
    columns = _columns(image, window)
    return columns.reshape(-1, *found)[(slice(None), *map(slice, counts))].reshape(columns.shape[0], -1)


def _as_computed(input: Array, weight: Array) -> tuple[Array, Array]:
    """Both, on the CPU in single precision where they have 16 bits: their products and the bias are added up before PyTorch rounds."""
    return (widened(input), widened(weight)) if _on_cpu() else (input, weight)


def _takes_patches(weight: Array, places: int) -> bool:
    """Whether a patch matrix for so many places is quickest on this backend."""
    width = math.prod(weight.shape[1:])
    return _on_cpu() and (math.prod(weight.shape[2:]) == 1 or any(width <= widest and width * places <= most for widest, most in PATCHES))


def _is_wide(weight: Array, groups: int, small: Sequence[int], batch: int) -> bool:
    """Whether the weight's gradient is better added up image by image; `small` is the convolution's output size."""
    places = math.prod(small)
    enough = places >= SCAN_PLACES and weight.size * places * batch >= SCAN_WORK
    return _on_cpu() and groups == 1 and enough and not _takes_patches(weight, places * batch)


def convolve(input: Array, weight: Array, stride: tuple[int, ...], pads: Pads, dilation: tuple[int, ...], groups: int) -> Array:
    """Convolution without a bias, as quick forms that JAX can transpose.    input: (N, C, *spatial), weight: (O, C/groups, *kernel)"""
    outputs, per_group, *kernel = weight.shape
    last = jnp.moveaxis(input, 1, -1)
    if groups == 1:
        taps = jnp.moveaxis(weight, (0, 1), (-1, -2))
        if _takes_patches(weight, math.prod(input.shape[2:]) * input.shape[0] // math.prod(stride)):
            return jnp.moveaxis(_by_patches(last, taps, stride, pads, dilation), -1, 1)
    elif per_group == 1 and _on_cpu() and math.prod(kernel) <= 64:
        taps = jnp.moveaxis(weight.reshape(groups, outputs // groups, *kernel), (0, 1), (-2, -1))
        return jnp.moveaxis(_depthwise(last, taps, stride, pads, dilation), -1, 1)
    return jnp.moveaxis(_by_xla(last, jnp.moveaxis(weight, (0, 1), (-1, -2)), stride, pads, dilation, groups), -1, 1)


def _transposed(input: Array, weight: Array, stride: tuple[int, ...], pads: Pads, dilation: tuple[int, ...], groups: int,
                space: Sequence[int]) -> Array:
    """What a transposed convolution is: the transpose of the linear map `convolve`, from an image of size `space`."""
    def forward(image: Array) -> Array:
        return convolve(image, weight, stride, pads, dilation, groups)[(slice(None), slice(None), *map(slice, input.shape[2:]))]

    shape = jax.ShapeDtypeStruct((input.shape[0], weight.shape[1] * groups, *space), input.dtype)
    return jax.linear_transpose(forward, shape)(input)[0]


def _transposed_integers(input: Array, weight: Array, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
                         space: Sequence[int]) -> Array:
    """The same for integers, whose linear maps JAX does not transpose: the flipped kernel slides over the spread input."""
    channels, per_group, *kernel = weight.shape
    flipped = jnp.flip(weight, range(2, weight.ndim)).reshape(groups, channels // groups, per_group, *kernel)
    flipped = jnp.swapaxes(flipped, 1, 2).reshape(groups * per_group, channels // groups, *kernel)
    before = [d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True)]
    after = [size - (n - 1) * s - 1 + d * (k - 1) - low
             for size, n, s, d, k, low in zip(space, input.shape[2:], stride, dilation, kernel, before, strict=True)]
    return lax.conv_general_dilated(input, flipped, (1,) * len(kernel), list(zip(before, after, strict=True)), stride, dilation,
                                    feature_group_count=groups)


def _pads(padding: str | Numbers, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Pads:
    n = len(kernel)
    if not isinstance(padding, str):
        spread = _spread(padding, n, "padding")
        _check_window(stride, spread, dilation)
        return [(p, p) for p in spread]
    if padding not in ("same", "valid"):
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    _check_window(stride, (0,), dilation)
    if padding == "valid":
        return [(0, 0)] * n
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def _conv(input: Array, weight: Array, bias: Array | None, stride: Numbers, padding: str | Numbers, dilation: Numbers, groups: int,
          n: int) -> Array:
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    _check(input, weight, bias, groups, n, transposed=False)
    kernel, stride, dilation = weight.shape[2:], _spread(stride, n, "stride"), _spread(dilation, n, "dilation")
    pads = _pads(padding, kernel, stride, dilation)
    padded = [size + sum(pad) for size, pad in zip(input.shape[-n:], pads, strict=True)]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(span > size for span, size in zip(spans, padded, strict=True)):
        raise RuntimeError(f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). "
                           f"Kernel size: ({' x '.join(map(str, spans))}). Kernel size can't be greater than actual input size")
    batched, weight = _as_computed(input if input.ndim == n + 2 else input[None], weight)
    small = [(size - span) // s + 1 for size, span, s in zip(padded, spans, stride, strict=True)]
    if _is_wide(weight, groups, small, batched.shape[0]):
        result = _wide(batched, weight, stride, tuple(pads), dilation)
    else:
        result = convolve(batched, weight, stride, pads, dilation, groups)
    result = (result if bias is None else plus_bias(result, bias.reshape(-1, *(1,) * n))).astype(input.dtype)
    return result if input.ndim == n + 2 else result[0]


@conv(node=nodes.convolution)
def conv1d(input: Array, weight: Array, bias: Array | None = None, stride: Numbers = 1, padding: str | Numbers = 0, dilation: Numbers = 1,
           groups: int = 1) -> Array:
    """1-D convolution (cross-correlation).    input: (N, C, L) or (C, L), weight: (O, C/groups, k)  ->  (N, O, L')"""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 1)


@conv(node=nodes.convolution)
def conv2d(input: Array, weight: Array, bias: Array | None = None, stride: Numbers = 1, padding: str | Numbers = 0, dilation: Numbers = 1,
           groups: int = 1) -> Array:
    """2-D convolution (cross-correlation).    input: (N, C, H, W) or (C, H, W), weight: (O, C/groups, kH, kW)  ->  (N, O, H', W')

    >>> torch.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _conv(input, weight, bias, stride, padding, dilation, groups, 2)


@conv(node=nodes.convolution)
def conv3d(input: Array, weight: Array, bias: Array | None = None, stride: Numbers = 1, padding: str | Numbers = 0, dilation: Numbers = 1,
           groups: int = 1) -> Array:
    """3-D convolution (cross-correlation).    input: (N, C, D, H, W) or (C, D, H, W), weight: (O, C/groups, kD, kH, kW)  ->  (N, O, D', H', W')"""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 3)


def _check_output_padding(extra: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> None:
    if all(e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        return
    words = {"output_padding": extra, "stride": stride, "dilation": dilation}
    axes = ("depth", *NAMES) if len(extra) == 3 else NAMES
    listed = " ".join(f"{word}_{axis}: {value}" for word, values in words.items()
                      for axis, value in zip(axes, values if len(values) > 1 else (1, *values), strict=True))
    raise RuntimeError(f"output padding must be smaller than either stride or dilation, but got {listed}")


def _conv_transpose(input: Array, weight: Array, bias: Array | None, stride: Numbers, padding: Numbers, output_padding: Numbers, groups: int,
                    dilation: Numbers, n: int) -> Array:
    _check(input, weight, bias, groups, n, transposed=True)
    stride, dilation = _spread(stride, n, "stride"), _spread(dilation, n, "dilation")
    padding, extra = _spread(padding, n, "padding"), _spread(output_padding, n, "output_padding")
    _check_window(stride, padding, dilation)
    _check_output_padding(extra, stride, dilation)
    batched, weight = _as_computed(input if input.ndim == n + 2 else input[None], weight)
    small = batched.shape[2:]
    large = [(size - 1) * s - 2 * p + d * (k - 1) + e + 1
             for size, s, p, d, k, e in zip(small, stride, padding, dilation, weight.shape[2:], extra, strict=True)]
    if min(large) <= 0:
        raise RuntimeError(f"Given input size per channel: ({' x '.join(map(str, small))}). Calculated output size per channel: "
                           f"({' x '.join(map(str, large))}). Output size is too small")

    pads = tuple((p, p) for p in padding)
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        result = _transposed_integers(batched, weight, stride, padding, dilation, groups, large)
    elif _is_wide(weight, groups, small, batched.shape[0]):
        result = _wide_transpose(batched, weight, stride, pads, dilation, tuple(large))
    else:
        result = _transposed(batched, weight, stride, pads, dilation, groups, large)
    result = (result if bias is None else plus_bias(result, bias.reshape(-1, *(1,) * n))).astype(input.dtype)
    return result if input.ndim == n + 2 else result[0]


@conv(node=nodes.convolution)
def conv_transpose1d(input: Array, weight: Array, bias: Array | None = None, stride: Numbers = 1, padding: Numbers = 0,
                     output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1) -> Array:
    """The transpose of `conv1d`.    input: (N, C, L) or (C, L), weight: (C, O/groups, k)  ->  (N, O, L')"""
    return _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


@conv(node=nodes.convolution)
def conv_transpose2d(input: Array, weight: Array, bias: Array | None = None, stride: Numbers = 1, padding: Numbers = 0,
                     output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1) -> Array:
    """The transpose of `conv2d`.    input: (N, C, H, W) or (C, H, W), weight: (C, O/groups, kH, kW)  ->  (N, O, H', W')"""
    return _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


@conv(node=nodes.convolution)
def conv_transpose3d(input: Array, weight: Array, bias: Array | None = None, stride: Numbers = 1, padding: Numbers = 0,
                     output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1) -> Array:
    """The transpose of `conv3d`.    input: (N, C, D, H, W) or (C, D, H, W), weight: (C, O/groups, kD, kH, kW)  ->  (N, O, D', H', W')"""
    return _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, 3)


@conv()
def conv_tbc(input: Array, weight: Array, bias: Array, pad: int = 0) -> Array:
    """1-D convolution of time-first sequences.    input: (T, N, C), weight: (k, C, O), bias: (O)  ->  (T', N, O)"""
    return jnp.moveaxis(_conv(jnp.moveaxis(input, 0, -1), jnp.moveaxis(weight, 0, -1).swapaxes(0, 1), bias, 1, pad, 1, 1, 1), -1, 0)
