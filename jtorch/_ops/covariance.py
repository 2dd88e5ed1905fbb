"""Distances between the rows of two matrices, covariance and correlation."""
from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from .._core.op import FLOAT, SAME, Array, Scalar, op
from .arguments import is_complex, is_inexact
from .checks import scalar_type, widened
from .distance import unequal
from .norms import p_norm
from .single import apart, in_single, unrounded_product


@op(SAME, home="torch", inplace=False, out=False, saves="both", numbers=False, strides="fresh")
def cdist(x1: Array, x2: Array, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Array:
    """The `p`-norm distance between each row of `x1` and each row of `x2`.    x1: (*, n, d), x2: (*, m, d)  ->  (*, n, m)"""
    for name, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    large = max(x1.shape[-2], x2.shape[-2]) > 25
    if p == 2 and (compute_mode == "use_mm_for_euclid_dist" or large and compute_mode == "use_mm_for_euclid_dist_if_necessary"):
        return _euclidean_by_product(x1, x2)
    gaps = x1[..., :, None, :] - x2[..., None, :, :]
    return unequal(gaps) if p == 0 else p_norm(gaps, float(p), (gaps.ndim - 1,), False)


def _euclidean_by_product(x1: Array, x2: Array) -> Array:
    """|a - b|² = |a|² + |b|² - 2 a·b turns n·m distances into one matrix product."""
    size1, size2 = (widened(apart(jnp.sum(apart(x * x), -1))) for x in (x1, x2))
    squares = (size1[..., :, None] + size2[..., None, :] - 2 * unrounded_product(x1, jnp.swapaxes(x2, -1, -2))).astype(x1.dtype)
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)


def _check_weights(weights: Array | None, name: str, observations: int) -> None:
    if weights is None:
        return
    if weights.ndim > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions")
    if is_inexact(weights) != (name == "aweights") or is_complex(weights):
        wanted = "floating point" if name == "aweights" else "integral"
        raise RuntimeError(f"cov(): expected {name} to have {wanted} dtype but got {name} with {scalar_type(weights)} dtype")
    if weights.size != observations:
        raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input but got {weights.size} != {observations}")


def _known_weights(input: object, *, correction: object = 1, fweights: object = None, aweights: object = None) -> None:
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if isinstance(weights, np.ndarray) and (weights < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")


@op(FLOAT, inplace=False, out=False, node="SqueezeBackward0", saves="nothing", keeps=("fweights", "aweights"), known=_known_weights, strides="fresh")
def cov(input: Array, *, correction: Scalar = 1, fweights: Array | None = None, aweights: Array | None = None) -> Array:
    """Covariance of the rows of `input`, each column an observation.    input: (n, m)  ->  (n, n)

    >>> torch.cov(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions")
    rows = input.reshape(1, -1) if input.ndim < 2 else input
    _check_weights(fweights, "fweights", rows.shape[1])
    _check_weights(aweights, "aweights", rows.shape[1])
    weights = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if weights is None:
        total, off = rows.shape[1], rows - jnp.mean(rows, 1, keepdims=True)
        free, weighted = total - correction, off
    else:
        total = jnp.sum(weights)
        off = rows - jnp.sum(rows * weights, 1, keepdims=True) / total
        free = total - correction * (1 if aweights is None else jnp.sum(weights * aweights) / total)
        weighted = off * weights
    found = in_single(jnp.divide)(weighted @ jnp.conj(off).T, jnp.maximum(jnp.asarray(free).astype(weighted.real.dtype), 0))
    return jnp.squeeze(found)


@op(FLOAT, inplace=False, out=False, node=lambda entry: "ClampBackward1" if len(entry.inputs[0].shape) == 2 else "DivBackward0", saves="nothing", strides="fresh")
def corrcoef(input: Array) -> Array:
    """Correlation of the rows of `input`, each column an observation.    input: (n, m)  ->  (n, n)"""
    found = cov(input)
    if found.ndim == 0:
        return found / found
    deviation = jnp.sqrt(jnp.diagonal(found).real)
    held = in_single(jnp.divide)(in_single(jnp.divide)(found, deviation[:, None]), deviation[None, :])
    return jnp.clip(held, -1, 1) if is_inexact(held) and not is_complex(held) else held
