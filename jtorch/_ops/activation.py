"""Activation functions: `torch.nn.functional`'s pointwise nonlinearities, the softmax family and the dropout family (which takes its mask)."""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from .._core.dtype import SHORT, check_number, dtype, float32, from_numpy, int64
from .._core.op import FLOAT, NONE, Array, Scalar, op
from .arguments import cast, unimplemented
from .checks import broadcast_sizes, dimension, is_floating, require_floating, scalar_type, widened
from .derivatives import derived, magnitude
from .elementary import tanh
from .pointwise import ratio
from .single import in_single, kept

FUNCTIONAL = "nn.functional"
activation = partial(op, NONE, inplace=True, out=False, strides="like")
plain = partial(op, NONE, home=FUNCTIONAL, inplace=False, out=False)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _clip(input: Array, low: float, high: float) -> Array:
    """`input` within [low, high]; the derivative is 0 at both bounds."""
    return _clipped(input, cast(low, input), cast(high, input))


@derived(lambda t, _, x, low, high: jnp.where((x > low) & (x < high), t, 0))
def _clipped(x: Array, low: Array, high: Array) -> Array:
    raised = jnp.where((x <= low) | jnp.isnan(low), low, x)
    return jnp.where((raised >= high) | jnp.isnan(high), high, raised)


def _elu(input: Array, slope: float, scale: float, rate: float) -> Array:
    def steepness(result: Array, x: Array) -> Array:
        below = jnp.where(x == 0, slope * rate, (result + slope) * rate)     # at 0 a constant: PyTorch's second derivative is 0 there
        return jnp.where(x > 0, scale, below)

    @derived(lambda t, result, x: t * steepness(result, x))
    def body(x: Array) -> Array:
        return jnp.where(x >= 0, x * scale, jnp.expm1(jnp.where(x >= 0, 0, x) * rate) * slope)
    return body(input)


@activation(home="torch Tensor nn.functional", saves="result")
def relu(input: Array) -> Array:
    """`max(input, 0)`; its derivative at 0 is 0.    input: (*)  ->  (*)

    >>> torch.relu(torch.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    if input.dtype == jnp.bool_:
        raise RuntimeError("Boolean inputs not supported for relu")
    return jnp.where(input <= 0, 0, input)


@activation(home=FUNCTIONAL, node="HardtanhBackward0")
def relu6(input: Array) -> Array:
    """`min(max(input, 0), 6)`.    input: (*)  ->  (*)"""
    return hardtanh(input, 0, 6)


@activation(home=FUNCTIONAL)
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """`input` held between `min_val` and `max_val`.    input: (*)  ->  (*)"""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype == jnp.bool_:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if input.dtype == jnp.uint8 and min_val < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    for bound in (min_val, max_val):
        if not is_floating(input):
            check_number(bound, int64)                                  # by way of which a number becomes an integer
        check_number(bound, from_numpy(input.dtype))
    return _clip(input, min_val, max_val)


@activation(home=FUNCTIONAL)
@in_single
def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """`input` where it is positive, else `negative_slope * input` (Maas et al. 2013).    input: (*)  ->  (*)"""
    require_floating(input, "leaky_relu_cpu")
    return jnp.where(input > 0, input, input * negative_slope)


@op(NONE, home="torch Tensor nn.functional", inplace=False, out=False, node="PreluKernelBackward0", strides="like")
def prelu(input: Array, weight: Array) -> Array:
    """`input` where it is positive, else `weight * input`, one weight or one per channel (He et al. 2015, arXiv:1502.01852).    input: (N, C, *)"""
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {scalar_type(input)} and {scalar_type(weight)}")
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.size not in (1, channels):
        raise RuntimeError(f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.size} "
                           f"and channel size = {channels}.")
    shape = (1, weight.size) + (1,) * (input.ndim - 2) if input.ndim > 1 else (1,) * input.ndim
    return jnp.where(input > 0, input, input * weight.reshape(shape))


@activation(home="", saves="result", node="RreluWithNoiseBackward0")
def rrelu_apply(input: Array, noise: Array) -> Array:
    """`input` where it is positive, else `input * noise`: `rrelu` in training, the slopes given (Xu et al. 2015).    input: (*)  ->  (*)"""
    require_floating(input, "rrelu_with_noise_out_cpu")
    return jnp.where(input <= 0, input * noise, input)


@activation(home=FUNCTIONAL)
@in_single
def elu(input: Array, alpha: float = 1.0) -> Array:
    """`input` where it is positive, else `alpha * (exp(input) - 1)` (Clevert et al. 2015, arXiv:1511.07289).    input: (*)  ->  (*)"""
    require_floating(input, "elu_cpu")
    return _elu(input, alpha, 1.0, 1.0)


@activation(home="torch nn.functional", node="EluBackward0")
@in_single
def selu(input: Array) -> Array:
    """The self-normalising ELU (Klambauer et al. 2017, arXiv:1706.02515).    input: (*)  ->  (*)"""
    require_floating(input, "elu_cpu")
    return _elu(input, SELU_ALPHA * SELU_SCALE, SELU_SCALE, 1.0)


@activation(home="torch nn.functional")
@in_single
def celu(input: Array, alpha: float = 1.0) -> Array:
    """The continuously differentiable ELU (Barron 2017, arXiv:1704.07483).    input: (*)  ->  (*)"""
    require_floating(input, "elu_cpu")
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _elu(input, alpha, 1.0, 1.0 / alpha)


@plain(out=True, strides="like")
def gelu(input: Array, *, approximate: str = "none") -> Array:
    """`input` times the normal distribution function of it (Hendrycks & Gimpel 2016, arXiv:1606.08415).    input: (*)  ->  (*)

    >>> nn.functional.gelu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    require_floating(input, "GeluKernelImpl")
    x = widened(input)
    if approximate == "none":
        return (0.5 * x * (1 + jax.lax.erf(x * math.sqrt(0.5)))).astype(input.dtype)
    if approximate == "tanh":
        return (0.5 * x * (1 + jnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))).astype(input.dtype)
    raise RuntimeError("approximate argument must be either none or tanh.")


@activation(home=FUNCTIONAL)
@in_single
def silu(input: Array) -> Array:
    """`input * sigmoid(input)`, also called swish.    input: (*)  ->  (*)"""
    require_floating(input, "silu_cpu")
    return _swish(input)


def _swish_slope(x: Array) -> Array:
    gate = jax.nn.sigmoid(x)
    return gate * (1 + x * (1 - gate))


@derived(lambda t, _, x: t * _swish_slope(x))
def _swish(x: Array) -> Array:
    return x / (1 + jnp.exp(-x))


@activation(home=FUNCTIONAL)
@in_single
def mish(input: Array) -> Array:
    """`input * tanh(softplus(input))` (Misra 2019, arXiv:1908.08681).    input: (*)  ->  (*)"""
    require_floating(input, "mish_cpu")
    return input * jnp.tanh(jax.nn.softplus(input))


@plain(out=True, strides="like")
def softplus(input: Array, beta: float = 1, threshold: float = 20) -> Array:
    """`log(1 + exp(beta * input)) / beta`, and `input` itself where `beta * input > threshold`.    input: (*)  ->  (*)"""
    require_floating(input, "softplus_cpu")
    linear, wide = input * beta > threshold, widened(input)              # exp overflows 16 bits below the threshold
    return jnp.where(linear, input, (jnp.log1p(jnp.exp(jnp.where(linear, 0, wide) * beta)) / beta).astype(input.dtype))


@op(FLOAT, home=FUNCTIONAL, inplace=False, out=False, node="DivBackward0")
def softsign(input: Array) -> Array:
    """`input / (1 + |input|)`.    input: (*)  ->  (*)"""
    return in_single(jnp.divide)(input, 1 + magnitude(input))


@op(FLOAT, home=FUNCTIONAL, inplace=False, out=False, node="SubBackward0", saves="nothing")
def tanhshrink(input: Array) -> Array:
    """`input - tanh(input)`.    input: (*)  ->  (*)"""
    return input - tanh(input)


@plain(out=True, strides="like")
@in_single
def softshrink(input: Array, lambd: float = 0.5) -> Array:
    """`input` moved towards 0 by `lambd`, not past it.    input: (*)  ->  (*)"""
    require_floating(input, "softshrink_check")
    limit = jnp.finfo(input.dtype).max
    if not 0 <= lambd <= limit:
        raise RuntimeError(f"lambda must be in range [0, {float(limit):g}] for input dtype {scalar_type(input)}, but found {lambd:g}")
    return _soft_shrunk(input, lambd)


@derived(lambda t, _, x, limit: jnp.where((x > limit) | (x < -limit), t, 0))
def _soft_shrunk(x: Array, limit: float) -> Array:
    return jnp.where(x > limit, x - limit, jnp.where(x < -limit, x + limit, jnp.where(jnp.isnan(x), x, 0)))


@op(NONE, home="torch Tensor nn.functional", inplace=False, strides="like")
def hardshrink(input: Array, lambd: float = 0.5) -> Array:
    """`input` where `|input| > lambd`, else 0.    input: (*)  ->  (*)"""
    require_floating(input, "hardshrink_cpu")
    return _hard_shrunk(input, lambd)


@derived(lambda t, _, x, limit: jnp.where((x > limit) | (x < -limit), t, 0))
def _hard_shrunk(x: Array, limit: float) -> Array:
    return jnp.where((x >= -limit) & (x <= limit), 0, x)


@activation(home=FUNCTIONAL)
@in_single
def hardsigmoid(input: Array) -> Array:
    """`min(max(input + 3, 0), 6) / 6`.    input: (*)  ->  (*)"""
    require_floating(input, "hardsigmoid_cpu")
    return _hard_sigmoid(input)


@derived(lambda t, _, x: jnp.where((x > -3) & (x < 3), t / 6, 0))
def _hard_sigmoid(x: Array) -> Array:
    return jnp.where(x <= -3, 0, jnp.where(x >= 3, 1, ratio(x + 3, jnp.asarray(6, x.dtype))))


@activation(home=FUNCTIONAL)
@in_single
def hardswish(input: Array) -> Array:
    """`input * hardsigmoid(input)` (Howard et al. 2019, arXiv:1905.02244).    input: (*)  ->  (*)"""
    require_floating(input, "hardswish_cpu")
    return _hard_swish(input)


@derived(lambda t, _, x: t * jnp.where(x <= -3, 0, jnp.where(x < 3, x / 3 + 0.5, jnp.where(x >= 3, 1, jnp.nan))))
def _hard_swish(x: Array) -> Array:
    return jnp.where(x <= -3, x * 0, jnp.where(x < 3, ratio(x * (x + 3), jnp.asarray(6, x.dtype)), x))


@plain(node="LogSigmoidBackward0", out=True, strides="like")
@in_single
def logsigmoid(input: Array) -> Array:
    """`log(sigmoid(input))`, without overflow.    input: (*)  ->  (*)"""
    require_floating(input, "log_sigmoid_cpu")
    return jax.nn.log_sigmoid(input)


@plain(strides="like")
@in_single
def glu(input: Array, dim: int = -1) -> Array:
    """First half along `dim` times the sigmoid of the second (Dauphin et al. 2016, arXiv:1612.08083).    input: (*, 2n, *)  ->  (*, n, *)"""
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    dim = dimension(dim, input.ndim)
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    require_floating(input, "glu_cpu")
    value, gate = jnp.split(input, 2, axis=dim)
    return value * jax.nn.sigmoid(gate)


@activation(home="torch nn.functional")
def threshold(input: Array, threshold: float, value: float) -> Array:
    """`input` where it is above `threshold`, else `value`.    input: (*)  ->  (*)"""
    if input.dtype == jnp.bool_:
        raise unimplemented("threshold_cpu", input)
    kind = from_numpy(input.dtype)
    check_number(threshold, float32 if kind in SHORT else kind)
    check_number(value, kind)
    return jnp.where(input <= threshold, cast(value, input), input)


def _softmax(input: Array, dim: int, to: dtype | None, kernel: str, rule: Callable[..., Array]) -> Array:
    input = input if to is None else input.astype(to.numpy)
    dim = dimension(dim, input.ndim)
    require_floating(input, f"{kernel}_lastdim_kernel_impl" if dim == max(input.ndim, 1) - 1 else f"{kernel}_kernel_impl")
    return rule(jnp.atleast_1d(input), dim).astype(input.dtype).reshape(input.shape)


@op(NONE, home="torch Tensor special", inplace=False, saves="result")
def softmax(input: Array, dim: int, dtype: dtype | None = None) -> Array:
    """`exp(input)` scaled to sum 1 along `dim`.    input: (*)  ->  (*)

    >>> torch.softmax(torch.tensor([0.0, 0.0]), 0)
    tensor([0.5000, 0.5000])
    """
    return _softmax(input, dim, dtype, "softmax", _normalised)


def _normalised(x: Array, axis: int) -> Array:
    wide = widened(x)
    if wide is x or axis == x.ndim - 1:
        return jax.nn.softmax(wide, axis)
    powers = jnp.exp(wide - jax.lax.stop_gradient(jnp.max(wide, axis, keepdims=True, initial=-jnp.inf)))
    return kept(powers, x) / powers.sum(axis, keepdims=True)             # along other dimensions PyTorch keeps them in the result's memory


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def log_normalised(x: Array, axis: int) -> Array:
    """`log(softmax(x))` with PyTorch's derivative, which is of the result alone: JAX's rounds otherwise in a quarter of the elements."""
    wide = widened(x)
    if wide is x or axis % x.ndim != x.ndim - 1:
        return jax.nn.log_softmax(wide, axis).astype(x.dtype)
    away = wide - jnp.max(wide, axis, keepdims=True, initial=-jnp.inf)
    total = kept(jnp.exp(away).sum(axis, keepdims=True), x)              # along the last dimension PyTorch keeps the sum, and its logarithm
    return (away - kept(jnp.log(total), x)).astype(x.dtype)


@log_normalised.defjvp
def _log_normalised_jvp(axis: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    result, (change,) = log_normalised(*primals, axis), tangents
    return result, in_single(lambda t, y: t - jnp.sum(jnp.exp(y) * t, axis, keepdims=True))(change, result)


@op(NONE, home="torch Tensor special", inplace=False, saves="result")
def log_softmax(input: Array, dim: int, dtype: dtype | None = None) -> Array:
    """`log(softmax(input, dim))`, without underflow.    input: (*)  ->  (*)"""
    return _softmax(input, dim, dtype, "log_softmax", log_normalised)


@op(NONE, home="", inplace=False, out=False, node=lambda entry: "AddBackward0" if entry.attrs[0] else "SoftmaxBackward0")
def gumbel_softmax_apply(logits: Array, gumbels: Array, tau: Scalar = 1, hard: bool = False, dim: int = -1) -> Array:
    """A sample of the Gumbel-softmax distribution (Jang et al. 2016, arXiv:1611.01144), its noise drawn by the caller.    logits: (*)  ->  (*)

    `hard` gives one-hot values with the soft sample's gradient.
    """
    soft = softmax((logits + gumbels) / cast(tau, logits), dim)
    if not hard:
        return soft
    dim = dimension(dim, logits.ndim)
    winner = jnp.expand_dims(jnp.argmax(soft, axis=dim), dim)
    one_hot = (jax.lax.broadcasted_iota(winner.dtype, soft.shape, dim) == winner).astype(soft.dtype)
    return one_hot - jax.lax.stop_gradient(soft) + soft


@activation(home="", node="MulBackward0")
def dropout_apply(input: Array, keep: Array, p: Scalar) -> Array:
    """`input / (1 - p)` where `keep`, else 0 (Srivastava et al. 2014); `keep` broadcasts, so channels may share one.    input: (*)  ->  (*)"""
    broadcast_sizes(input.shape, keep.shape)
    scale = 1 / cast(1 - p, input)
    return input * jnp.where(keep.astype(bool), scale, 0)


@activation(home="", node="AddBackward0")
def alpha_dropout_apply(input: Array, keep: Array, p: Scalar) -> Array:
    """Dropout that keeps SELU's mean and variance (Klambauer et al. 2017, arXiv:1706.02515).    input: (*)  ->  (*)"""
    saturation = SELU_ALPHA * SELU_SCALE
    scale = 1 / jnp.sqrt((saturation * saturation * p + 1) * (1 - p))
    noise = keep.astype(input.dtype)
    shift = (noise - 1) * cast(saturation * scale, input) + cast(saturation * scale * p, input)
    return input * (noise * cast(scale, input)) + shift
