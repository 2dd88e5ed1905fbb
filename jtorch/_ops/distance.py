"""Distances and similarities between vectors."""
from __future__ import annotations


import jax.numpy as jnp
import numpy as np

from .._core.op import FLOAT, NONE, SAME, Array, op
from .checks import broadcast, dimension, require_floating, scalar_type
from .norms import p_norm
from .single import apart, in_single


def p_distance(x1: Array, x2: Array, p: float, eps: float, keepdim: bool = False) -> Array:
    """The p-norm of `x1 - x2 + eps` along the last dimension."""
    x1, x2 = broadcast(x1, x2)
    return p_norm(x1 - x2 + eps, float(p), (-1,), keepdim)


def cosine(x1: Array, x2: Array, dim: int, eps: float) -> Array:
    """The cosine of the angle between vectors along `dim`, each norm at least `eps`."""
    x1, x2 = broadcast(x1, x2)
    dim = dimension(dim, x1.ndim)
    if not x1.ndim:
        x1, x2 = x1[None], x2[None]
    norm1, norm2 = p_norm(x1, 2.0, (dim,), True), p_norm(x2, 2.0, (dim,), True)
    along1, along2 = in_single(jnp.divide)(x1, jnp.where(norm1 < eps, eps, norm1)), in_single(jnp.divide)(x2, jnp.where(norm2 < eps, eps, norm2))
    return apart(along1 * along2).sum(dim)


@op(FLOAT, home="torch nn.functional", inplace=False, out=False, node="NormBackward1", saves="result", numbers=False, strides="fresh")
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Array:
    """The p-norm of `x1 - x2 + eps` of each pair of rows.    x1, x2: (N, D) or (D)  ->  (N), (N, 1) or ()"""
    return p_distance(x1, x2, p, eps, keepdim)


@op(SAME, home="torch nn.functional", inplace=False, out=False, node="SumBackward1", numbers=False, strides="fresh")
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between `x1` and `x2` along `dim`.    x1, x2: (*, D, *)  ->  (*)

    >>> torch.cosine_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    if not jnp.issubdtype(x1.dtype, jnp.floating):
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {scalar_type(x1)}")
    return cosine(x1, x2, dim, eps)


@op(NONE, home="torch nn.functional", inplace=False, out=False, saves="both")
def pdist(input: Array, p: float = 2.0) -> Array:
    """The p-norm distance between every pair of rows, i < j.    input: (N, D)  ->  (N (N-1) / 2)"""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    require_floating(input, "pdist")
    first, second = np.triu_indices(input.shape[0], 1)
    gaps = input[first] - input[second]
    return unequal(gaps) if p == 0 else p_norm(gaps, float(p), (-1,), False)


def unequal(gaps: Array) -> Array:
    """How many along the last dimension are not 0; nan where one is nan."""
    return jnp.where(jnp.isnan(gaps), jnp.nan, gaps != 0).astype(gaps.dtype).sum(-1)


@op(NONE, home="nn.functional", inplace=False, node="DivBackward0", strides="like")
def normalize(input: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    """`input` divided by its p-norm along `dim`, which counts as at least `eps`.    input: (*)  ->  (*)

    >>> nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        raise RuntimeError("linalg.vector_norm: Expected a floating point or complex tensor as input. "
                           f"Got {scalar_type(input)}")
    axis = dimension(dim, input.ndim)
    norm = p_norm(jnp.atleast_1d(input), float(p), (axis,), True).reshape(input.shape[:axis] + (1,) * bool(input.ndim) + input.shape[axis + 1:])
    return in_single(jnp.divide)(input, apart(jnp.where(norm < eps, eps, norm)))
