"""Look-up tables: `embedding`, `embedding_bag`."""
from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, Array, op
from .checks import scalar_type, torch_size, widened
from .norms import p_norm
from .single import in_single

TENSOR_TYPES = {"Float": "FloatTensor", "Double": "DoubleTensor", "Half": "HalfTensor", "BFloat16": "BFloat16Tensor", "Short": "ShortTensor",
                "Char": "CharTensor", "Byte": "ByteTensor", "Bool": "BoolTensor"}


def _check_indices(input: Array, function: str) -> None:
    if input.dtype not in (jnp.int64, jnp.int32):
        raise RuntimeError("Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
                           f"torch.{TENSOR_TYPES.get(scalar_type(input), scalar_type(input))} instead (while checking arguments for {function})")


def _padding(padding_idx: int | None, weight: Array) -> int | None:
    if padding_idx is None:
        return None
    if not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % weight.shape[0]


def _rows(weight: Array, input: Array, padding: int | None, scale_grad_by_freq: bool) -> Array:
    """The rows of `weight` that `input` names; a row that is padding gets no gradient, an index out of range gives nan."""
    index = jnp.where(input < 0, weight.shape[0], input)
    rows = weight.at[index].get(mode="fill", fill_value=jnp.nan)
    if scale_grad_by_freq:
        counts = jnp.zeros(weight.shape[0], weight.dtype).at[index].add(1)[index]
        fixed = lax.stop_gradient(rows)
        rows = fixed + (rows - fixed) / counts[..., None]
    return rows if padding is None else jnp.where((input == padding)[..., None], lax.stop_gradient(rows), rows)


@op(NONE, home="", inplace=False, out=False, differentiable=False)
def embedding_renorm(weight: Array, indices: Array, max_norm: float, norm_type: float = 2.0) -> Array:
    """`weight` with those rows that `indices` name scaled down to a norm of at most `max_norm`.    weight: (V, D), indices: (*)  ->  (V, D)"""
    norm = p_norm(weight, float(norm_type), (-1,), True)
    named = jnp.zeros(weight.shape[0], bool).at[indices.reshape(-1)].set(True)
    return jnp.where(named[:, None] & (norm > max_norm), weight * (max_norm / (norm + 1e-7)), weight)


@op(NONE, home="nn.functional", inplace=False, out=False)
def embedding(input: Array, weight: Array, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
              scale_grad_by_freq: bool = False, sparse: bool = False) -> Array:
    """The rows of `weight` that `input` names.    input: (*) of integers, weight: (V, D)  ->  (*, D)

    >>> nn.functional.embedding(torch.tensor([1, 0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    padding = _padding(padding_idx, weight)
    _check_indices(input, "embedding")
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if max_norm is not None:
        weight = weight + lax.stop_gradient(embedding_renorm(weight, input, max_norm, norm_type) - weight)
    return _rows(weight, input, padding, scale_grad_by_freq)


def _check_bag(input: Array, offsets: Array | None, per_sample_weights: Array | None, mode: str) -> None:
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({torch_size(per_sample_weights)}) is not None, then it must have the same shape "
                         f"as the input ({torch_size(input)})")
    if input.ndim == 2 and offsets is not None:
        raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. "
                         "However, found offsets of type <class 'torch.Tensor'>")
    if input.ndim == 1 and offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets is not None and offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
                                  f"(got mode='{mode}'). Please open a feature request on GitHub.")


def _bag_maximum(rows: Array, bag: Array, bags: int) -> Array:
    """Each bag's largest elements, 0 for an empty bag; the gradient goes to the first of equal ones.  A nan counts where its bag begins with it."""
    count = rows.shape[0]
    order = jnp.arange(count)[:, None]
    leads = order == jax.ops.segment_min(order, bag, bags + 1)[bag]
    keys = lax.stop_gradient(jnp.where(jnp.isnan(rows), jnp.where(leads, jnp.inf, -jnp.inf).astype(rows.dtype), rows))
    places = jnp.where(keys == jax.ops.segment_max(keys, bag, bags + 1)[bag], order, count)
    winner = jax.ops.segment_min(places, bag, bags + 1)[:bags]
    return rows.at[jnp.where(winner < count, winner, count), jnp.arange(rows.shape[1])].get(mode="fill", fill_value=0)


@op(NONE, home="nn.functional", inplace=False, out=False)
def embedding_bag(input: Array, weight: Array, offsets: Array | None = None, max_norm: float | None = None, norm_type: float = 2,
                  scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Array | None = None,
                  include_last_offset: bool = False, padding_idx: int | None = None) -> Array:
    """Sums, means or maxima of bags of embeddings.    input: (B, n), or (N) with offsets: (B); weight: (V, D)  ->  (B, D)"""
    _check_bag(input, offsets, per_sample_weights, mode)
    _check_indices(input, "embedding_bag")
    padding = _padding(padding_idx, weight)
    if max_norm is not None:
        weight = weight + lax.stop_gradient(embedding_renorm(weight, input, max_norm, norm_type) - weight)
    flat = input.reshape(-1)
    if offsets is None:
        bags, bag = input.shape[0], jnp.arange(flat.size) // max(input.shape[1], 1)
    else:
        starts = offsets[:-1] if include_last_offset else offsets
        bags, bag = starts.shape[0], jnp.searchsorted(starts, jnp.arange(flat.size), side="right") - 1
        if include_last_offset:
            bag = jnp.where(jnp.arange(flat.size) < offsets[-1], bag, bags)   # what follows belongs to no bag
    if padding is not None:
        bag = jnp.where(flat == padding, bags, bag)                    # one bag more, for what does not count
    rows = _rows(weight, flat, padding, scale_grad_by_freq)
    if mode == "max":
        return _bag_maximum(rows, bag, bags)
    if per_sample_weights is not None:
        rows = rows if padding is None else jnp.where((flat == padding)[:, None], 0, rows)       # a nan that is padding reaches no weight's gradient
        rows = rows * per_sample_weights.reshape(-1, 1)
    total = jax.ops.segment_sum(widened(rows), bag, bags + 1)[:bags].astype(rows.dtype)
    if mode == "sum":
        return total
    counts = jax.ops.segment_sum(jnp.ones(flat.size, rows.dtype), bag, bags + 1)[:bags]
    return in_single(jnp.divide)(total, jnp.maximum(counts, 1)[:, None])
