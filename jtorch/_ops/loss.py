"""Regression and margin losses of `torch.nn.functional`.  One loss, its weights and its reduction included, is one operator."""
from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp

from .._core.infer import warn
from .._core.op import FLOAT, NONE, SAME, Array, op
from . import nodes
from .checks import broadcast, broadcast_sizes, is_floating, require_floating, scalar_type, sizes, torch_size, widened
from .derivatives import derived, magnitude
from .distance import p_distance
from .elementary import x_log_y
from .pointwise import clamp_min
from .ranges import listed_classes, margin_classes, variance
from .reduce import averaged
from .single import apart, in_single

loss = partial(op, NONE, home="nn.functional", inplace=False, out=False)
promoted = partial(op, SAME, home="nn.functional", inplace=False, out=False, numbers=False)


def chosen_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, the two legacy arguments taken into account."""
    if size_average is not None or reduce is not None:
        averaged, reduced = size_average is None or size_average, reduce is None or reduce
        reduction = "none" if not reduced else "mean" if averaged else "sum"
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    return reduction


def check_reduction(reduction: str, *more: str) -> None:
    """Raise PyTorch's error for an unknown reduction."""
    if reduction not in ("none", "mean", "sum", *more):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def reduced(values: Array, reduction: str) -> Array:
    """All values, their mean or their sum."""
    check_reduction(reduction)
    return averaged(values, tuple(range(values.ndim))) if reduction == "mean" else values.sum() if reduction == "sum" else values


def _weighted(values: Array, weight: Array | None, reduction: str) -> Array:
    if weight is None:
        return reduced(values, reduction)
    if weight.shape != values.shape:
        raise ValueError("Weights and input must have the same size.")
    values = values * weight
    return in_single(jnp.divide)(values.sum(), weight.sum()) if reduction == "mean" else reduced(values, reduction)


def _pair(input: Array, target: Array) -> tuple[Array, Array]:
    """Both operands in their common shape; a mere broadcast is warned of."""
    if input.shape != target.shape:
        warn(f"Using a target size ({torch_size(target)}) that is different to the input size ({torch_size(input)}). This will likely "
             "lead to incorrect results due to broadcasting. Please ensure they have the same size.")
    input, target = broadcast(input, target)
    return input, target


def _hinge(values: Array) -> Array:
    """`max(values, 0)` with derivative 1 at 0, as `clamp_min` has."""
    return clamp_min(values, 0)


def _require_mean(input: Array, reduction: str) -> None:
    if reduction == "mean" and not jnp.issubdtype(input.dtype, jnp.inexact):
        raise RuntimeError("mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
                           f"Got: {scalar_type(input)}")


@promoted()
def mse_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
             weight: Array | None = None) -> Array:
    """Squared error.    input, target: (*)  ->  () or (*)

    >>> nn.functional.mse_loss(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]))
    tensor(5.)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    require_floating(input, "mse_cpu")
    input, target = _pair(input, target)
    return _weighted(jnp.square(input - target), weight, reduction)


@promoted(node=nodes.reduced("AbsBackward0"), saves="nothing")
def l1_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
            weight: Array | None = None) -> Array:
    """Absolute error.    input, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    _require_mean(input, reduction)
    input, target = _pair(input, target)
    return _weighted(magnitude(input - target), weight, reduction)


@promoted()
def smooth_l1_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
                   beta: float = 1.0) -> Array:
    """`d²/2beta` where `d = |input - target| < beta`, else `d - beta/2` (Girshick 2015, arXiv:1504.08083).    input, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    require_floating(input, "smooth_l1_cpu")
    kind, (input, target) = input.dtype, _pair(input, target)
    if kind == jnp.bfloat16:                                            # which PyTorch computes in float32, unlike float16
        input, target = widened(input), widened(target)
    difference = input - target
    return reduced((_smooth_size(difference, beta) if beta else magnitude(difference)).astype(kind), reduction)


@derived(lambda t, _, x, beta: t * jnp.where(jnp.abs(x) < beta, x / beta, jnp.sign(x)))
def _smooth_size(x: Array, beta: float) -> Array:
    return jnp.where(jnp.abs(x) < beta, in_single(jnp.divide)(apart(apart(0.5 * x) * x), jnp.asarray(beta, x.dtype)), jnp.abs(x) - 0.5 * beta)


@promoted()
def huber_loss(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None) -> Array:
    """`d²/2` where `d = |input - target| <= delta`, else `delta (d - delta/2)` (Huber 1964).    input, target: (*)  ->  () or (*)"""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    require_floating(input, "huber_cpu")
    kind, (input, target) = input.dtype, _pair(input, target)
    if kind == jnp.float16:                                             # which PyTorch computes in float32, unlike bfloat16
        input, target = widened(input), widened(target)
    return _weighted(_huber(input - target, delta).astype(kind), weight, reduction)


@derived(lambda t, _, x, delta: t * jnp.where(jnp.abs(x) < delta, x, delta * jnp.sign(x)))
def _huber(x: Array, delta: float) -> Array:
    return jnp.where(jnp.abs(x) <= delta, 0.5 * x * x, delta * (jnp.abs(x) - 0.5 * delta))


@promoted()
def soft_margin_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Array:
    """`log(1 + exp(-target * input))`, targets -1 and 1.    input, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not is_floating(input):
        raise RuntimeError(f"result type Float can't be cast to the desired output type {scalar_type(input)}")
    shape = broadcast_sizes(input.shape, target.shape)
    if shape != input.shape:
        raise RuntimeError(f"output with shape {sizes(input)} doesn't match the broadcast shape {sizes(shape)}")
    return reduced(_soft_margin(input, target), reduction)


@derived(lambda t, _, margin: t * (jnp.exp(-margin) / jnp.square(1 + jnp.exp(-margin))))
def _soft_margin_slope(margin: Array) -> Array:
    scale = jnp.exp(-margin)
    return -(scale / (1 + scale))


@derived(lambda t, _, x, y: t * (y * _soft_margin_slope(x * y)), lambda t, _, x, y: t * (x * _soft_margin_slope(x * y)))
def _soft_margin(x: Array, y: Array) -> Array:
    return in_single(jnp.log1p)(jnp.exp(-y * x))


@loss(node=nodes.reduced("AddBackward0"), saves="nothing", strides="like")
def hinge_embedding_loss(input: Array, target: Array, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
                         reduction: str = "mean") -> Array:
    """`input` where the target is 1, `max(0, margin - input)` where it is -1.    input, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    _require_mean(input, reduction)
    target, input = broadcast(target, input)
    return reduced(jnp.where(target != 1, _hinge(margin - input), 0) + jnp.where(target != -1, input, 0), reduction)


@op(FLOAT, home="nn.functional", inplace=False, out=False, numbers=False, node=nodes.reduced("ClampMinBackward0"))
def margin_ranking_loss(input1: Array, input2: Array, target: Array, margin: float = 0, size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Array:
    """`max(0, -target * (input1 - input2) + margin)`.    input1, input2, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if input1.ndim != input2.ndim or input1.ndim != target.ndim:
        raise RuntimeError("margin_ranking_loss : All input tensors should have same dimension but got sizes: "
                           f"input1: {torch_size(input1)}, input2: {torch_size(input2)}, target: {torch_size(target)} ")
    input1, input2, target = broadcast(input1, input2, target)
    return reduced(_hinge(-target * (input1 - input2) + margin), reduction)


@op(FLOAT, home="nn.functional", inplace=False, out=False, numbers=False, keeps=("target",), node=nodes.reduced("AddBackward0"), strides="fresh")
def cosine_embedding_loss(input1: Array, input2: Array, target: Array, margin: float = 0, size_average: bool | None = None,
                          reduce: bool | None = None, reduction: str = "mean") -> Array:
    """`1 - cos` where the target is 1, `max(0, cos - margin)` where it is -1.    input1, input2: (N, D) or (D), target: (N) or ()  ->  () or (N)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim + 1 != input1.ndim or target.ndim + 1 != input2.ndim:
        raise RuntimeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
                           f"{sizes(input1)} and {sizes(input2)}.")
    input1, input2 = broadcast(input1, input2)
    epsilon = 1e-12
    square1, square2 = apart(jnp.square(input1)).sum(-1) + epsilon, apart(jnp.square(input2)).sum(-1) + epsilon
    similarity = apart(input1 * input2).sum(-1) / apart(jnp.sqrt(square1 * square2))
    same = jnp.where(target == 1, 1 - similarity, 0)
    return reduced(same + jnp.where(target == -1, _hinge(similarity - margin), 0), reduction)


@op(FLOAT, home="nn.functional", inplace=False, out=False, numbers=False, node=nodes.reduced("ClampMinBackward0"), strides="fresh")
def triplet_margin_loss(anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
                        swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Array:
    """`max(0, d(anchor, positive) - d(anchor, negative) + margin)` (Balntas et al. 2016).    each: (N, D) or (D)  ->  () or (N)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
                           f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs")
    near, far = p_distance(anchor, positive, p, eps), p_distance(anchor, negative, p, eps)
    if swap:
        far = jnp.minimum(far, p_distance(positive, negative, p, eps))
    return reduced(_hinge(margin + near - far), reduction)


@loss(known=margin_classes)
def multi_margin_loss(input: Array, target: Array, p: int = 1, margin: float = 1.0, weight: Array | None = None,
                      size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Array:
    """`mean_j max(0, margin - input[target] + input[j])^p`, j ≠ target: a hinge for classes.    input: (N, C) or (C), target: (N) or ()"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    batch, classes = (input.shape if input.ndim == 2 else (1, input.size))
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {sizes(weight)}")
    if target.ndim > 1 or target.size != batch:
        raise RuntimeError("multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
                           f"Expected target size [{batch}], but got {sizes(target)}. Input has shape {sizes(input)}.")
    require_floating(input, "multi_margin_loss_cpu_kernel")
    rows, index = input.reshape(batch, classes), target.reshape(batch, 1)
    excess = margin - jnp.take_along_axis(rows, index, 1) + rows
    terms = jnp.where((excess > 0) & (jnp.arange(classes) != index), excess, 0) ** p
    terms = terms if weight is None else terms * weight[index]
    return reduced((terms.sum(-1) / classes).reshape(target.shape), reduction)


@loss(known=listed_classes)
def multilabel_margin_loss(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None,
                           reduction: str = "mean") -> Array:
    """A hinge between every labelled and every other class; `target` lists classes up to the first -1.    input, target: (N, C) or (C)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if input.shape != target.shape:
        raise RuntimeError(f"inconsistent target size: {sizes(target)} for input of size: {sizes(input)}")
    if target.dtype != jnp.int64:
        raise RuntimeError(f"expected scalar type Long but found {scalar_type(target)}")
    classes = input.shape[-1] if input.ndim else 1
    rows, labels = input.reshape(-1, classes), target.reshape(-1, classes)
    listed = jnp.cumprod(labels >= 0, axis=1).astype(bool)
    is_label = ((labels[..., None] == jnp.arange(classes)) & listed[..., None]).any(1)
    excess = 1 - jnp.take_along_axis(rows, jnp.where(listed, labels, 0), 1)[..., None] + rows[:, None]
    terms = jnp.where((excess > 0) & listed[..., None] & ~is_label[:, None], excess, 0).sum((1, 2)) / classes
    return reduced(terms.reshape(input.shape[:-1]), reduction)


@loss(node=nodes.reduced("DivBackward1"))
def multilabel_soft_margin_loss(input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
                                reduce: bool | None = None, reduction: str = "mean") -> Array:
    """Binary cross entropy of each class's logit, averaged over the classes.    input, target: (N, C)  ->  () or (N)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    input, target = broadcast(input, target)
    log_sigmoid = in_single(jax.nn.log_sigmoid)
    terms = -(apart(target * log_sigmoid(input)) + apart((1 - target) * log_sigmoid(-input)))
    return reduced(in_single(jnp.divide)((terms if weight is None else terms * weight).sum(-1), input.shape[-1]), reduction)


@op(FLOAT, home="nn.functional", inplace=False, out=False, numbers=False, node=nodes.reduced("SubBackward0"), saves="nothing")
def poisson_nll_loss(input: Array, target: Array, log_input: bool = True, full: bool = False, size_average: bool | None = None,
                     eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean") -> Array:
    """Negative log likelihood of counts under a Poisson distribution with rate `exp(input)` or `input`.    input, target: (*)  ->  () or (*)"""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    target, input = broadcast(target, input)
    values = jnp.exp(input) - apart(target * input) if log_input else input - apart(target * jnp.log(input + eps))
    if full:
        logarithm = apart(target * jnp.log(target)) - target                                   # its gradient is nan up to 0, as in PyTorch
        stirling = logarithm + apart(0.5 * jnp.log(in_single(jnp.multiply)(target, 2 * math.pi)))
        values = values + jnp.where(target > 1, stirling, 0)
    return reduced(values, reduction)


@promoted(node=nodes.reduced("MulBackward0"), known=variance, numbers=True)
def gaussian_nll_loss(input: Array, target: Array, var: Array, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Array:
    """Negative log likelihood of `target` under a normal distribution (Nix & Weigend 1994).    input, target: (*), var: (*), once 1 in it, or a number"""
    ones = [v for v, n in zip(var.shape, input.shape) if v != n]
    if var.ndim and var.shape != input.shape[:-1] and (var.ndim != input.ndim or ones not in ([], [1])):
        raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    if var.ndim and var.shape == input.shape[:-1] != input.shape:
        var = var[..., None]
    floor = jnp.where(var < 0, math.nan, eps).astype(var.dtype)            # a negative variance shows as nan: its value is not known here
    var = jnp.where(var < eps, floor + (var - jax.lax.stop_gradient(var)), var)      # the floor does not stop the gradient
    values = 0.5 * (jnp.log(var) + jnp.square(input - target) / var)
    return reduced(values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


@promoted(node=lambda entry: "DivBackward0" if nodes.attribute(entry, "reduction") == "batchmean" else nodes.reduced("MulBackward0")(entry))
def kl_div(input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
           log_target: bool = False) -> Array:
    """Pointwise `target * (log(target) - input)`; `input` holds log probabilities (Kullback & Leibler 1951).    input, target: (*)  ->  () or (*)"""
    if size_average is not None or reduce is not None:
        reduction = chosen_reduction(size_average, reduce, reduction)
    elif reduction == "mean":
        warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
             "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
             "'mean' will be changed to behave the same as 'batchmean' in the next major release.")
    check_reduction(reduction, "batchmean")
    if not (is_floating(input) and is_floating(target)):
        raise RuntimeError("kl_div: Integral inputs not supported.")
    batch = input.shape[0] if input.ndim else 1
    target, input = broadcast(target, input)
    if log_target:
        values = jnp.exp(target) * (target - input)
    else:
        values = x_log_y(target, target) - apart(target * input)
    return values.sum() / batch if reduction == "batchmean" else reduced(values, reduction)
