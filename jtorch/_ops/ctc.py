"""Connectionist temporal classification."""
from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from .._core.op import NONE, Array, op
from . import nodes
from .checks import require_floating
from .loss import check_reduction, reduced

NEVER = -1e30                                                # log 0, but finite, so that no gradient is inf - inf


def _padded(targets: Array, lengths: Array) -> Array:
    """Concatenated targets as one row per sequence; a row is as long as all of them, for lengths are not known yet."""
    starts = jnp.cumsum(lengths) - lengths
    positions = starts[:, None] + jnp.arange(targets.shape[0])
    return targets[jnp.minimum(positions, targets.shape[0] - 1)] if targets.size else jnp.zeros((lengths.shape[0], 0), targets.dtype)


def _negative_log_likelihood(logp: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int) -> Array:
    """The forward recursion over the labels with blanks between them.    logp: (T, N, C), targets: (N, S)  ->  (N)"""
    batch, states = targets.shape[0], 2 * targets.shape[1] + 1
    labels = jnp.full((batch, states), blank, targets.dtype).at[:, 1::2].set(targets)
    skips = jnp.pad((labels[:, 2:] != labels[:, :-2]) & (labels[:, 2:] != blank), ((0, 0), (min(2, states), 0)))[:, :states]
    emitted = jnp.take_along_axis(logp, jnp.broadcast_to(labels, (logp.shape[0], batch, states)), axis=2)
    emitted = jnp.where(emitted < NEVER, NEVER, emitted)
    start = jnp.full((batch, states), NEVER, logp.dtype).at[:, 0].set(0)

    def advance(alpha: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
        emission, running = step
        before = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=NEVER)
        arrived = jnp.logaddexp(alpha, before[:, 1:-1])
        arrived = jnp.logaddexp(arrived, jnp.where(skips, before[:, :-2], NEVER))
        return jnp.where(running[:, None], arrived + emission, alpha), None

    running = jnp.arange(logp.shape[0])[:, None] < input_lengths
    alpha, _ = jax.lax.scan(advance, start, (emitted, running))
    last = jnp.take_along_axis(alpha, 2 * target_lengths[:, None], axis=1)[:, 0]
    label = jnp.take_along_axis(alpha, jnp.maximum(2 * target_lengths[:, None] - 1, 0), axis=1)[:, 0]
    # PyTorch's gradient takes logp for a log_softmax: each running frame adds exp(logp) to it
    present = jnp.where(running[:, :, None], jnp.exp(logp), 0)
    return (present - jax.lax.stop_gradient(present)).sum((0, 2)) - jnp.logaddexp(last, jnp.where(target_lengths > 0, label, NEVER))


@op(NONE, home="nn.functional", inplace=False, out=False, node=nodes.reduced("CtcLossBackward0"))
def ctc_loss(log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int = 0, reduction: str = "mean",
             zero_infinity: bool = False) -> Array:
    """Connectionist temporal classification loss (Graves et al. 2006).    log_probs: (T, N, C) or (T, C), targets: (N, S), (S) or concatenated

    The mean is over the batch, after each loss is divided by its target's length.
    """
    check_reduction(reduction)
    require_floating(log_probs, "ctc_loss_cpu")
    batched = log_probs.ndim == 3
    logp = log_probs if batched else log_probs[:, None]
    batch, classes = logp.shape[1:]
    input_lengths, target_lengths = (jnp.reshape(lengths, -1).astype(jnp.int64) for lengths in (input_lengths, target_lengths))
    for name, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if lengths.shape[0] != batch:
            raise RuntimeError(f"{name} must be of size batch_size")
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    targets = targets.astype(jnp.int64)
    rows = targets if targets.ndim == 2 else _padded(targets, target_lengths)
    values = _negative_log_likelihood(logp, rows, input_lengths, target_lengths, blank)
    impossible = values > -NEVER / 2
    values = jnp.where(impossible, 0, values) if zero_infinity else values * jnp.where(impossible, math.inf, 1)
    if reduction == "mean":
        return (values / jnp.maximum(target_lengths, 1).astype(values.dtype)).mean()
    return reduced(values, reduction).reshape(() if reduction == "sum" or not batched else batch)
