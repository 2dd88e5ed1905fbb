"""Look-up tables whose rows may be renormalised in place, and whose indices are checked where they are known without waiting."""
from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from .._core.graph import here, mode
from .._core.public import public
from .._core.record import check_values, record
from .._core.tensor import Tensor, wrap
from .._ops.embed import embedding as embedding_apply
from .._ops.embed import embedding_bag as embedding_bag_apply
from .._ops.embed import embedding_renorm
from .sparse_gradients import looked_up

FUNCTIONAL = "nn.functional"
MODES = ("sum", "mean", "max")


def _known(seen: Any) -> np.ndarray | None:
    """The indices, where looking at them ran nothing."""
    return seen if isinstance(seen, np.ndarray) and seen.size and seen.dtype.kind == "i" else None


def _check_rows(count: int, seen: Any) -> None:
    index = _known(seen)
    if index is not None and (index.min() < 0 or index.max() >= count):
        raise IndexError("index out of range in self")


@public("torch")
def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scale those rows of `input` that `indices` name down to a norm of at most `max_norm`, in place and outside autograd."""
    before = here.mode
    here.mode = mode(False, before.inference, before.floating, before.autocast)
    try:
        return input._write(record(embedding_renorm.op, (input, indices), (float(max_norm), float(norm_type))), "embedding_renorm_")
    finally:
        here.mode = before


@public(FUNCTIONAL)
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
              scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """The rows of `weight` that `input` names; with `max_norm` they are first scaled down, in place, to that norm.

    input: (*) of integers, weight: (V, D)  ->  (*, D)

    >>> nn.functional.embedding(torch.tensor([1, 0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    if weight.dim() == 2:
        check_values(partial(_check_rows, weight.shape[0]), input)
    if max_norm is not None:
        embedding_renorm_(weight, input, max_norm, norm_type)
    if sparse and here.mode.grad and weight.requires_grad:
        found = wrap(record(embedding_apply.op, (input, weight.detach()), (padding_idx, None, 2.0, False, False)))
        return looked_up(found, input, weight, padding_idx, scale_grad_by_freq)
    return wrap(record(embedding_apply.op, (input, weight), (padding_idx, None, 2.0, scale_grad_by_freq, sparse)))


@public("torch", name="embedding")
def plain_embedding(weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """The rows of `weight` that `indices` name; a negative `padding_idx` means none."""
    return embedding(indices, weight, None if padding_idx < 0 else padding_idx, None, 2.0, scale_grad_by_freq, sparse)


@public(FUNCTIONAL)
def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None, norm_type: float = 2,
                  scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Tensor | None = None,
                  include_last_offset: bool = False, padding_idx: int | None = None) -> Tensor:
    """Sums, means or maxima of bags of embeddings.

    input: (B, n), or (N) with offsets: (B); weight: (V, D); per_sample_weights as input  ->  (B, D)
    """
    if weight.dtype.name == "int64" and input.is_floating_point():
        warnings.warn("Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is deprecated, and "
                      "should now be `embedding_bag(input, weight, ...)`.", stacklevel=2)
        weight, input = input, weight
    rows = weight.shape[0]
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise RuntimeError(f"padding_idx must be within the number of embeddings, {-rows} through {rows - 1}, but got {padding_idx}")
    check_values(partial(_check_places, input.numel(), rows), input, offsets)
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError("max mode does not support " + ("scaling the gradient by the frequency" if scale_grad_by_freq else "sparse weights"))
    if max_norm is not None:
        embedding_renorm_(weight, input, max_norm, norm_type)
    if sparse and here.mode.grad and weight.requires_grad:
        input, weight, padding_idx = _apart(input, weight, padding_idx, scale_grad_by_freq)
        scale_grad_by_freq = False
    operands = (input, weight, offsets, per_sample_weights)
    return wrap(record(embedding_bag_apply.op, operands, (None, 2.0, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx)))


def _apart(input: Tensor, weight: Tensor, padding_idx: int | None, scaled: bool) -> tuple[Tensor, Tensor, int | None]:
    """The bags with a table of just their rows, whose gradient is sparse; padding stands at its end."""
    rows = embedding(input.reshape(-1), weight.detach())
    rows = looked_up(rows, input, weight, padding_idx, scaled)
    place = input.new_tensor(np.arange(input.numel())).reshape(input.shape)
    if padding_idx is None:
        return place, rows, None
    table = rows.new_zeros((rows.shape[0] + 1, rows.shape[1])).index_copy(0, place.reshape(-1), rows)
    return place.where(input != padding_idx % weight.shape[0], rows.shape[0]), table, rows.shape[0]


def _check_places(count: int, rows: int, input: Any, offsets: Any) -> None:
    index, starts = _known(input), _known(offsets)
    if starts is not None and starts.ndim == 1:
        if starts[0] != 0:
            raise RuntimeError("offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                               f"However, got {starts[0]}")
        if starts[-1] > count:
            raise RuntimeError(f"offsets[-1] can not be greater than input's length {count} but got offsets[-1] of {starts[-1]}")
    if index is not None and (index.min() < 0 or index.max() >= rows):
        first = int(np.flatnonzero((index < 0) | (index >= rows))[0])
        raise RuntimeError(f"Index {first} of input takes value {index.flat[first]} which is not in the valid range [0, {rows})")
