"""Losses for classes and sequences: cross entropies, likelihoods of class indices, connectionist temporal classification."""
from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp

from .._core.op import NONE, Array, op
from . import nodes
from .activation import log_normalised
from .checks import broadcast_sizes, is_floating, require_floating, scalar_type, sizes, torch_size, widened
from .linear import linear
from .loss import check_reduction, chosen_reduction, reduced
from .ranges import class_indices, probabilities
from .single import apart, in_single, kept

loss = partial(op, NONE, home="nn.functional", inplace=False, out=False)


def _check_class_target(input: Array, target: Array) -> None:
    if input.ndim == 0:
        raise ValueError(f"Expected 1 or more dimensions (got {input.ndim})")
    if input.ndim == 1 and target.ndim == 1 and target.size != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.size}")
    if input.ndim > 1 and target.ndim and input.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if input.ndim <= 2 and target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dtype not in (jnp.int64, jnp.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {scalar_type(target)}")
    expected = (input.shape[0], *input.shape[2:])
    if input.ndim == 4 and target.ndim != 3:
        raise RuntimeError(f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}")
    if input.ndim == 4 and target.shape != expected:
        raise RuntimeError(f"size mismatch (got input: {sizes(input)} , target: {sizes(target)}")
    if input.ndim > 2 and target.shape != expected:
        raise RuntimeError(f"Expected target size {sizes(expected)}, got {sizes(target)}")


def _check_class_weight(weight: Array | None, classes: int, log_probabilities: Array, prefix: str = "") -> None:
    if weight is None:
        return
    if weight.shape != (classes,):
        raise RuntimeError(f"{prefix}weight tensor should be defined either for all {classes} classes or no classes but got weight tensor "
                           f"of shape: {sizes(weight)}")
    if weight.dtype != log_probabilities.dtype:
        raise RuntimeError(f"expected scalar type {scalar_type(log_probabilities)} but found {scalar_type(weight)}")


def _indexed(logp: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, smoothing: float = 0.0) -> Array:
    """The loss of class indices; `logp` has its classes last, `target` is one dimension shorter."""
    classes = logp.shape[-1]
    target = target.astype(jnp.int64)[..., None]
    counts = target != ignore_index
    chosen = target == jnp.arange(classes)                             # a comparison, not a gather: its gradient needs no scatter
    outside = counts & ((target < 0) | (target >= classes))            # PyTorch raises; here the values are not known yet: nan
    values = -jnp.where(chosen & counts, logp, 0).sum(-1)
    shares = counts[..., 0] if weight is None else jnp.where(chosen & counts, weight, 0).sum(-1)         # only its own class's weight reaches a loss
    values = jnp.where(outside[..., 0], math.nan, values if weight is None else values * shares)
    if smoothing:
        spread = -(logp if weight is None else logp * weight).sum(-1)
        multiple = in_single(jnp.multiply)
        values = apart(multiple(values, 1 - smoothing)) + apart(multiple(jnp.where(counts[..., 0], spread, 0), smoothing / classes))
    if reduction != "mean":
        return reduced(values, reduction)
    return values.sum() / shares.sum().astype(values.dtype)


def _by_probability(logp: Array, target: Array, weight: Array | None, reduction: str, smoothing: float) -> Array:
    classes = logp.shape[-1]
    target = target * (1 - smoothing) + smoothing / classes if smoothing else target
    products = apart(logp * target if weight is None else logp * target * weight)
    values = -products.sum(-1)
    return values.sum() / max(values.size, 1) if reduction == "mean" else reduced(values, reduction)


@loss(node=nodes.cross_entropy, saves="nothing", known=class_indices)
def cross_entropy(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None, ignore_index: int = -100,
                  reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0) -> Array:
    """Cross entropy of logits with class indices or class probabilities.    input: (N, C, *) or (C), target: (N, *), () or as input

    >>> nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    axis, soft = 0 if input.ndim <= 1 else 1, input.shape == target.shape
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if soft and not is_floating(target):
        raise RuntimeError(f"Expected floating point type for target with class probabilities, got {scalar_type(target)}")
    if soft and ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    if input.ndim:
        require_floating(input, "log_softmax_lastdim_kernel_impl")
    if not soft:
        _check_class_target(input, target)
    _check_class_weight(weight, input.shape[axis], input, "cross_entropy: " if soft else "")
    result = jnp.result_type(input, target) if soft else input.dtype
    logp = log_normalised(jnp.moveaxis(input, axis, -1), -1)
    if soft:
        return _by_probability(logp, jnp.moveaxis(target, axis, -1), weight, reduction, label_smoothing).astype(result)
    target = target.reshape(logp.shape[:-1]) if input.ndim == 1 else target
    return _indexed(logp, target, weight, ignore_index, reduction, label_smoothing).astype(result)


@loss(known=class_indices)
def nll_loss(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None, ignore_index: int = -100,
             reduce: bool | None = None, reduction: str = "mean") -> Array:
    """Negative log likelihood of class indices.    input: log probabilities (N, C, *) or (C), target: (N, *) or ()  ->  () or as target"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    _check_class_target(input, target)
    axis = 0 if input.ndim == 1 else 1
    _check_class_weight(weight, input.shape[axis], input)
    require_floating(input, "nll_loss_out_frame")
    logp = jnp.moveaxis(widened(input), axis, -1)
    values = _indexed(logp, target.reshape(logp.shape[:-1]), weight, ignore_index, reduction)
    return values.astype(input.dtype)


@op(NONE, home="nn.functional", inplace=False, out=False)
def linear_cross_entropy(input: Array, linear_weight: Array, target: Array, *, linear_bias: Array | None = None, weight: Array | None = None,
                         reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
                         options: object | None = None) -> Array:
    """`cross_entropy(linear(input, linear_weight, linear_bias), target)`.

    input: (in) or (N, in), linear_weight: (C, in) or (C, d_1, …, in), linear_bias as the weight without `in`, target: as cross_entropy's
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if linear_weight.ndim < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.ndim}")
    classes, size = linear_weight.shape[:-1], linear_weight.shape[-1]
    if len(classes) > 1 and input.ndim == 1:
        raise RuntimeError(f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, (N, {size}), got "
                           f"unbatched input with shape {tuple(input.shape)}")
    if input.shape[-1] != size:
        raise RuntimeError(f"expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} and {size}, respectively")
    logits = linear(input, linear_weight.reshape(-1, size), None if linear_bias is None else linear_bias.reshape(-1))
    logits = logits.reshape(*input.shape[:-1], *classes)
    return cross_entropy(logits, target, weight, None, -100 if ignore_index is None else ignore_index, None, reduction, label_smoothing)


@jax.custom_jvp
def _binary_entropy(input: Array, target: Array) -> Array:
    log, log1m = jnp.log(input), in_single(jnp.log1p)(-input)
    return apart((target - 1) * jnp.where(log1m < -100, -100, log1m)) - apart(target * jnp.where(log < -100, -100, log))


@_binary_entropy.defjvp
def _binary_entropy_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    # PyTorch's slope at 0 and 1 is (input - target) / 1e-12, which the clamped logarithms above do not have
    (input, target), (d_input, d_target) = primals, tangents
    def change(d_input: Array, d_target: Array, input: Array, target: Array) -> Array:
        variance = input * (1 - input)
        slope = (input - target) / jnp.where(variance < 1e-12, 1e-12, variance)
        return slope * d_input + (jnp.log1p(-input) - jnp.log(input)) * d_target
    return _binary_entropy(input, target), in_single(change)(d_input, d_target, input, target)


@loss(known=probabilities, strides="like")
def binary_cross_entropy(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Array:
    """Cross entropy of probabilities with targets in [0, 1]; logarithms count as at least -100.    input, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if input.shape != target.shape:
        raise ValueError(f"Using a target size ({torch_size(target)}) that is different to the input size ({torch_size(input)}) is deprecated. "
                         "Please ensure they have the same size.")
    require_floating(input, "binary_cross_entropy")
    if input.dtype != target.dtype:
        raise RuntimeError(f"Found dtype {scalar_type(target)} but expected {scalar_type(input)}")
    values = _binary_entropy(input, target)
    if weight is not None:
        shape = torch_broadcastable(weight, input)
        values = values * jnp.broadcast_to(weight, shape)
    return reduced(values, reduction)


def torch_broadcastable(weight: Array, input: Array) -> tuple[int, ...]:
    """`input`'s shape, or PyTorch's error where `weight` does not broadcast to it."""
    for back in range(1, weight.ndim + 1):
        size = weight.shape[-back]
        if size != 1 and (back > input.ndim or input.shape[-back] != size):
            raise RuntimeError(f"Attempting to broadcast a dimension of length {size} at {-back}! Mismatching argument at index 1 had "
                               f"{torch_size(weight)}; but expected shape should be broadcastable to {sizes(input)}")
    return input.shape


@loss(strides="like")
def binary_cross_entropy_with_logits(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
                                     reduce: bool | None = None, reduction: str = "mean", pos_weight: Array | None = None) -> Array:
    """`binary_cross_entropy(sigmoid(input), target)` without overflow; `pos_weight` multiplies the positive part.    input, target: (*)

    >>> nn.functional.binary_cross_entropy_with_logits(torch.zeros(2), torch.ones(2))
    tensor(0.6931)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if input.shape != target.shape:
        raise ValueError(f"Target size ({torch_size(target)}) must be the same as input size ({torch_size(input)})")
    require_floating(input, "log_sigmoid_cpu")
    if not is_floating(target):
        raise RuntimeError(f"result type Float can't be cast to the desired output type {scalar_type(target)}")
    if pos_weight is not None:
        broadcast_sizes(pos_weight.shape, target.shape)
    if weight is not None:
        broadcast_sizes(input.shape, weight.shape)
    x, y = widened(input), widened(target)                              # PyTorch writes into the target's type
    scale = 1 if pos_weight is None else kept(kept(kept(widened(pos_weight) - 1, target) * y, target) + 1, target)
    values = (kept(kept(1 - y, target) * x, target) - kept(scale * kept(jax.nn.log_sigmoid(x), input), target)).astype(target.dtype)
    return reduced(values if weight is None else values * weight.astype(values.dtype), reduction)
