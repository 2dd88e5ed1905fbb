"""Reductions of consecutive parts, quantisation that keeps the type, and a checksum."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.op import NONE, Array, Dims, Scalar, op
from .arguments import dimensions
from .checks import is_floating, scalar_type

REDUCTIONS = {"sum": "sum", "mean": "mean", "prod": "prod", "max": "max", "amax": "max", "min": "min", "amin": "min"}
START = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}


def check_lengths(data: Any, reduce: str, *, lengths: Any = None, axis: int = 0, unsafe: bool = False, **others: Any) -> None:
    """Raise for lengths that do not fill the dimension, where they are known."""
    if isinstance(lengths, np.ndarray) and not unsafe:
        if (lengths < 0).any():
            raise RuntimeError("lengths contains negative value!")
        if (lengths.sum(-1) != data.shape[lengths.ndim - 1]).any():
            raise RuntimeError("segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.")


@op(NONE, home="torch", out=False, known=check_lengths)
def segment_reduce(data: Array, reduce: str, *, lengths: Array | None = None, indices: Array | None = None, offsets: Array | None = None, axis: int = 0,
                   unsafe: bool = False, initial: Scalar | None = None) -> Array:
    """The sum, mean, maximum, minimum or product of each of the consecutive parts of a dimension.

    data: (*, n, …), lengths: (*, parts) or offsets: (*, parts + 1)  ->  (*, parts, …)

    >>> torch.segment_reduce(torch.arange(4.0), "sum", lengths=torch.tensor([1, 3]))
    tensor([0., 6.])
    """
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    bounds = lengths if lengths is not None else offsets
    if axis != bounds.ndim - 1:
        raise RuntimeError(f"segment_reduce(): Expected axis to be the last dimension of {'lengths' if lengths is not None else 'offsets'} but got {axis}.")
    if bounds.dtype not in (jnp.int32, jnp.int64):
        raise NotImplementedError(f'"_segment_reduce_lengths_cpu_kernel1" not implemented for \'{scalar_type(bounds)}\'')
    if not is_floating(data):
        raise NotImplementedError(f'"_segment_reduce_cpu" not implemented for \'{scalar_type(data)}\'')
    edges = offsets if lengths is None else jnp.concatenate([jnp.zeros_like(lengths[..., :1]), jnp.cumsum(lengths, -1)], -1)
    reduction: Callable = partial(_reduced, kind=REDUCTIONS[reduce], initial=initial)
    for _ in range(axis):
        reduction = jax.vmap(reduction)
    return reduction(data, edges)


def _reduced(data: Array, edges: Array, kind: str, initial: Any) -> Array:
    """One row of segments.    data: (n, …), edges: (parts + 1)  ->  (parts, …)"""
    parts, place = edges.shape[0] - 1, jnp.arange(data.shape[0])
    part = jnp.where(place < edges[-1], jnp.searchsorted(edges, place, side="right") - 1, parts)
    wide = (-1, *(1,) * (data.ndim - 1))
    start = jnp.asarray(START[kind] if initial is None else initial).astype(data.dtype)
    if kind in ("sum", "mean"):
        total = start + jax.ops.segment_sum(data, part, parts + 1)[:parts]
        count = jnp.diff(edges).astype(data.dtype).reshape(wide)
        nothing = jnp.nan if initial is None else start
        return total if kind == "sum" else jnp.where(count == 0, nothing, total / jnp.maximum(count, 1))
    if kind == "prod":
        inside = (part == jnp.arange(parts)[:, None]).reshape(parts, data.shape[0], *(1,) * (data.ndim - 1))
        return start * jnp.prod(jnp.where(inside, data, 1), 1)
    best = (jax.ops.segment_max if kind == "max" else jax.ops.segment_min)(lax.stop_gradient(data), part, parts + 1)
    first = data == best[part]                               # PyTorch's gradient goes to equal elements in equal shares
    share = jax.ops.segment_sum(first.astype(data.dtype), part, parts + 1)
    mean = jax.ops.segment_sum(jnp.where(first, data, 0) / share[part], part, parts + 1)[:parts]
    found = jnp.where(share[:parts] == 0, best[:parts], mean)
    return (jnp.maximum if kind == "max" else jnp.minimum)(found, start)


# Quantisation

def _quantised(input: Array, scale: Array, zero_point: Array, quant_min: int, quant_max: int) -> Array:
    if quant_min > quant_max:
        raise RuntimeError("`quant_min` should be less than or         equal to `quant_max`.")
    if not is_floating(input):
        raise NotImplementedError(f'"fake_quantize_tensor_cachemask_kernel_type_handling" not implemented for \'{scalar_type(input)}\'')
    values, scale = input.astype(jnp.float32), jnp.asarray(scale).astype(jnp.float32)
    zero = jnp.asarray(zero_point).astype(jnp.float32)
    level = lax.stop_gradient(jnp.round(values * (1 / scale)) + zero)
    made = (jnp.clip(level, quant_min, quant_max) - zero) * scale
    inside = (level >= quant_min) & (level <= quant_max)     # the gradient passes where nothing was clipped (Bengio et al. 2013, arXiv:1308.3432)
    return (lax.stop_gradient(made) + jnp.where(inside, values - lax.stop_gradient(values), 0)).astype(input.dtype)


def check_zero_point(input: Any, scale: Any, zero_point: Any, *others: Any) -> None:
    """Raise for zero points outside the range, where they are known."""
    quant_min, quant_max = others[-2:]
    if isinstance(zero_point, int | np.ndarray) and not np.all((np.asarray(zero_point) >= quant_min) & (np.asarray(zero_point) <= quant_max)):
        raise RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.")


@op(NONE, home="torch", out=False, known=check_zero_point, node="FakeQuantizePerTensorAffineCachemaskBackward0")
def fake_quantize_per_tensor_affine(input: Array, scale: Scalar, zero_point: Scalar, quant_min: int, quant_max: int) -> Array:
    """`input` rounded to the nearest of the numbers `(q - zero_point) * scale`, with whole q between the bounds.    input: (*)  ->  (*)

    >>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.3, 9.0]), 0.5, 0, 0, 7)
    tensor([0.5000, 3.5000])
    """
    return _quantised(input, scale, zero_point, quant_min, quant_max)


@op(NONE, home="torch", out=False, known=check_zero_point, node="FakeQuantizePerChannelAffineCachemaskBackward0")
def fake_quantize_per_channel_affine(input: Array, scale: Array, zero_point: Array, axis: int, quant_min: int, quant_max: int) -> Array:
    """`fake_quantize_per_tensor_affine` with a scale and a zero point for each position of `axis`.    input: (*), scale, zero_point: (c)  ->  (*)"""
    if scale.shape != (input.shape[axis],) or zero_point.shape != scale.shape:
        raise RuntimeError("dimensions of scale and zero-point are not consistent with input tensor")
    wide = [1] * input.ndim
    wide[axis] = -1
    return _quantised(input, scale.reshape(wide), zero_point.reshape(wide), quant_min, quant_max)


# A checksum

@op(NONE, out=True, differentiable=False)
def hash_tensor(input: Array, dim: Dims = (), *, keepdim: bool = False, mode: int = 0) -> Array:
    """The exclusive or of the elements' bits, as float64 or int64.    input: (*)  ->  (*) without `dim`, uint64"""
    if mode:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    if not input.size and dim in ((), None):
        raise RuntimeError("hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
    wide = input.astype(jnp.float64 if is_floating(input) else jnp.int64)
    axes = dimensions(dim or None, input.ndim)
    found = lax.reduce(lax.bitcast_convert_type(wide, jnp.uint64), np.uint64(0), lax.bitwise_xor, axes)
    return jnp.expand_dims(found, axes) if keepdim else found
