"""Normalisation over a batch, a layer, a group, an instance or neighbouring channels.  Statistics are computed in two passes, in float32 at least."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, Array, Shape, op
from .checks import dimension, require_floating, sizes, torch_size, widened
from .single import apart, in_single, kept

norm = partial(op, NONE, home="torch nn.functional", inplace=False, out=False)
part = partial(op, NONE, home="", inplace=False, out=False)


def _standardised(values: Array, axes: Sequence[int], eps: float, like: Array | None = None) -> tuple[Array, Array, Array]:
    """`values` with mean 0 and variance 1 along `axes`, the mean and the (biased) variance; statistics are kept in `like`'s type, if that is given."""
    like = values if like is None else like
    mean = kept(values.mean(axes, keepdims=True), like)
    centred = values - mean
    of_squares = values if like.dtype == jnp.float16 else like           # PyTorch keeps these in bfloat16, but not in float16
    total = kept(jnp.square(centred).sum(axes, keepdims=True), of_squares)
    variance = kept(total / math.prod(values.shape[d] for d in axes), of_squares)
    return centred * kept(lax.rsqrt(variance + eps), like), mean, variance


def _affine(values: Array, weight: Array | None, bias: Array | None, shape: Sequence[int]) -> Array:
    values = values if weight is None else values * weight.reshape(shape)
    return values if bias is None else values + bias.reshape(shape)


def _check_channels(input: Array, **given: Array | None) -> None:
    channels = input.shape[1] if input.ndim > 1 else 0
    for name, values in given.items():
        if values is not None and values.size != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {values.size}")


def _check_type(input: Array, *parameters: Array | None) -> None:
    for parameter in parameters:
        if parameter is not None and parameter.dtype != input.dtype and (parameter.dtype != jnp.float32 or widened(input).dtype != jnp.float32):
            cure = "all inputs must share same datatype." if parameter.dtype == jnp.float32 else "expect parameter to have scalar type of Float"
            raise RuntimeError(f"mixed dtype (CPU): {cure}")


@part(node="NativeBatchNormBackward0")
def batch_norm_train(input: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """`input` normalised per channel by the batch (Ioffe & Szegedy 2015, arXiv:1502.03167), the batch's mean and its unbiased variance.

    input: (N, C, *)  ->  (N, C, *), (C), (C)
    """
    dimension(1, input.ndim)
    _check_channels(input, weight=weight, bias=bias)
    require_floating(input, "batch_norm")
    count = input.size // max(input.shape[1], 1)
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {torch_size(input)}")
    axes = (0, *range(2, input.ndim))
    values, mean, variance = _standardised(widened(input), axes, eps, input)
    result = _affine(values, weight, bias, (1, -1, *(1,) * (input.ndim - 2))).astype(input.dtype)
    unbiased = variance.reshape(-1) * (count / max(count - 1, 1))
    return result, lax.stop_gradient(mean.reshape(-1)), lax.stop_gradient(unbiased)


@part(node="NativeBatchNormBackward0")
def batch_norm_eval(input: Array, running_mean: Array, running_var: Array, weight: Array | None = None, bias: Array | None = None,
                    eps: float = 1e-5) -> Array:
    """`input` normalised per channel by running statistics.    input: (N, C, *)  ->  (N, C, *)"""
    _check_channels(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    require_floating(input, "batch_norm")
    shape = (1, -1, *(1,) * (input.ndim - 2))
    values = (widened(input) - running_mean.reshape(shape)) * lax.rsqrt(widened(running_var).reshape(shape) + eps)
    return _affine(values, weight, bias, shape).astype(input.dtype)


@part(node="ViewBackward0")
def instance_norm_train(input: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """`input` normalised per sample and channel (Ulyanov et al. 2016, arXiv:1607.08022), and the samples' average mean and unbiased variance.

    input: (N, C, *)  ->  (N, C, *), (C), (C)
    """
    _check_channels(input, weight=weight, bias=bias)
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {torch_size(input)}")
    require_floating(input, "batch_norm")
    values, mean, variance = _standardised(widened(input), tuple(range(2, input.ndim)), eps, input)
    result = _affine(values, weight, bias, (1, -1, *(1,) * (input.ndim - 2))).astype(input.dtype)
    channels = input.shape[:2]
    unbiased = variance.reshape(channels) * (count / max(count - 1, 1))
    return result, lax.stop_gradient(mean.reshape(channels).mean(0)), lax.stop_gradient(unbiased.mean(0))


def _check_shape(input: Array, shape: Shape, star: str, **given: Array | None) -> tuple[int, ...]:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not shape:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
                           "but got normalized_shape = []")
    for name, values in given.items():
        if values is not None and values.shape != shape:
            raise RuntimeError(f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {sizes(values)} "
                               f"and normalized_shape = {sizes(shape)}")
    if input.shape[-len(shape):] != shape:
        raise RuntimeError(f"Given normalized_shape={sizes(shape)}, expected input with shape [*{star}{sizes(shape)[1:-1]}], "
                           f"but got input of size{sizes(input)}")
    return shape


@norm(node="NativeLayerNormBackward0")
def layer_norm(input: Array, normalized_shape: Shape, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> Array:
    """`input` normalised over its last dimensions (Ba et al. 2016, arXiv:1607.06450).    input: (*, *normalized_shape)

    >>> nn.functional.layer_norm(torch.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    return _layer_norm(input, normalized_shape, weight, bias, eps)[0]


@op(NONE, home="torch", inplace=False, out=False)
def native_layer_norm(input: Array, normalized_shape: Shape, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """`layer_norm`, with the means and the reciprocal standard deviations that it works with; as in PyTorch, these have no gradient."""
    result, mean, variance = _layer_norm(input, normalized_shape, weight, bias, eps)
    return result, lax.stop_gradient(mean).astype(input.dtype), lax.stop_gradient(lax.rsqrt(variance + eps)).astype(input.dtype)


def _layer_norm(input: Array, normalized_shape: Shape, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """The result, the mean and the variance."""
    shape = _check_shape(input, normalized_shape, ", ", weight=weight, bias=bias)
    _check_type(input, weight, bias)
    require_floating(input, "LayerNormKernelImpl")
    rows = widened(input).reshape(-1, *shape)                # of a batch of one XLA's sums on the CPU are 50 times slower
    values, mean, variance = _standardised(rows, tuple(range(1, rows.ndim)), eps)
    lead = (*input.shape[:input.ndim - len(shape)], *(1,) * len(shape))
    return _affine(values, weight, bias, shape).reshape(input.shape).astype(input.dtype), mean.reshape(lead), variance.reshape(lead)


@norm(node="MulBackward0")
def rms_norm(input: Array, normalized_shape: Shape, weight: Array | None = None, eps: float | None = None) -> Array:
    """`input` over its root mean square along its last dimensions (Zhang & Sennrich 2019, arXiv:1910.07467).    input: (*, *normalized_shape)"""
    shape = _check_shape(input, normalized_shape, "", weight=weight)
    require_floating(input, "rms_norm")
    values = widened(input).reshape(-1, *shape)              # as in `_layer_norm`
    eps = float(jnp.finfo(values.dtype).eps) if eps is None else eps
    mean = jnp.square(values).mean(tuple(range(1, values.ndim)), keepdims=True)
    return _affine(values * lax.rsqrt(mean + eps), weight, None, shape).reshape(input.shape).astype(input.dtype)


@norm(node="NativeGroupNormBackward0", strides="channels")
def group_norm(input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> Array:
    """`input` normalised per sample over groups of channels (Wu & He 2018, arXiv:1803.08494).    input: (N, C, *)  ->  (N, C, *)"""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    batch, channels, *space = input.shape
    if batch * channels // num_groups * math.prod(space) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {sizes(input)}")
    if channels % num_groups:
        raise RuntimeError(f"Expected number of channels in input to be divisible by num_groups, but got input of shape {sizes(input)} "
                           f"and num_groups={num_groups}")
    for name, values in (("weight", weight), ("bias", bias)):
        if values is not None and values.shape != (channels,):
            raise RuntimeError(f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of shape "
                               f"{sizes(values)} and input of shape {sizes(input)}")
    _check_type(input, weight, bias)
    require_floating(input, "GroupNormKernelImpl")
    grouped = widened(input).reshape(batch, num_groups, channels // num_groups, *space)
    values, _, _ = _standardised(grouped, tuple(range(2, grouped.ndim)), eps)
    return _affine(values.reshape(input.shape), weight, bias, (1, -1, *(1,) * len(space))).astype(input.dtype)


@op(NONE, home="nn.functional", inplace=False, out=False, node="DivBackward0", strides="like")
def local_response_norm(input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """`input` divided by a power of the mean square of `size` neighbouring channels (Krizhevsky et al. 2012).    input: (N, C, *)"""
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)")
    if input.size == 0:
        return input
    if size <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got kH: {size} kW: 1")
    channels = input.shape[1]
    padded = jnp.pad(widened(apart(jnp.square(input))), [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (input.ndim - 2)])
    total = sum(lax.slice_in_dim(padded, near, near + channels, axis=1) for near in range(size))
    mean = (total / size).astype(input.dtype) if jnp.issubdtype(input.dtype, jnp.inexact) else (total // size).astype(jnp.float32)
    return input / apart((apart(in_single(jnp.multiply)(mean, alpha)) + k) ** beta)
