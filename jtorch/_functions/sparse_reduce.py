"""Sums, softmax and norms of sparse tensors."""
from __future__ import annotations

from typing import Any

import numpy as np

from .._core.dtype import dtype
from .._core.public import public
from .._core.sparse import COO, SparseTensor, on, refusal, sparse_form, tracked
from .._core.tensor import Tensor
from .sparse_convert import compressed
from .sparse_elementwise import node
from .sparse_values import coalesced, coo, expected, indices_of, numbered, stored_as, values_of, with_values


def dimensions(of: Tensor, dim: Any) -> list[int]:
    """The dimensions meant, counted from the front."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    for d in dims:
        if not -of.dim() <= d < of.dim():
            raise IndexError(f"Dimension out of range (expected to be in range of [{-of.dim()}, {of.dim() - 1}], but got {d})")
    return [d % of.dim() for d in dims]


@public("sparse", name="sum")
def sparse_sum(input: Tensor, dim: Any = None, dtype: dtype | None = None) -> Tensor:
    """The sum over all or some dimensions; the gradient has the elements that are stored.  The result is dense where no sparse dimension is left."""
    if not isinstance(input, SparseTensor) or input.layout is not COO:
        raise expected("coalesce", "coordinate tensor", input)
    of = coalesced(input if dtype is None else input.to(dtype))
    if dim is None:
        return values_of(of).sum()
    return _sum_over(of, dimensions(of, dim), "SparseSumBackward0")


def _sum_over(of: SparseTensor, dims: list[int], name: str, keepdim: bool = False) -> Tensor:
    first = of.sparse_dim()
    inside = [d - first + 1 for d in dims if d >= first]
    values = values_of(of).sum(inside, keepdim=keepdim) if inside else values_of(of)
    kept = [d for d in range(first) if d not in dims]
    if not kept:
        return values.sum(0).reshape([1] * first + list(values.shape[1:])) if keepdim else values.sum(0)
    size = [1 if d in dims else n for d, n in enumerate(of.shape) if keepdim or d not in dims]
    where = indices_of(of)
    number, index, place = np.unique(numbered(where[kept], [of.shape[d] for d in kept]), return_index=True, return_inverse=True)
    chosen = where[:, index]
    if keepdim:
        chosen[[d for d in range(first) if d in dims]] = 0
    places, = on(of.device, place.reshape(-1))
    summed = values.new_zeros((number.size, *values.shape[1:])).index_add(0, places, values)
    return stored_as(COO, on(of.device, chosen if keepdim else chosen[kept]), summed, size, name, True)


@sparse_form()
def sum(input: SparseTensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The sum over all dimensions, with a dense gradient, or over some."""
    of: Any = input if dtype is None else input.to(dtype)
    if dim is None or dim == ():
        return tracked("SumBackward0", [of], of._vals.detach().sum(), lambda grad: [grad.expand(of.shape)])
    if of.layout is COO:
        return _sum_over(coalesced(of), dimensions(of, dim), "SumBackward1", keepdim)
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    made = _sum_over(coalesced(coo(of)), dimensions(of, dim), "SumBackward1", True)
    return compressed(made, of.layout, None, None) if isinstance(made, SparseTensor) else made.to_sparse(layout=of.layout)


@public("torch", name="native_norm")
@sparse_form("norm")
def norm(input: SparseTensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None) -> Tensor:
    """The norm of all elements together."""
    if input.layout is not COO:
        raise refusal("norm", input)
    if dim is not None and len(dimensions(input, dim)) not in (0, input.dim()):
        raise RuntimeError("norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain all dimensions of the input")
    return values_of(coalesced(input)).norm(2 if p in ("fro", None) else p)


def _softmax(input: Tensor, dim: int, dtype: dtype | None, name: str) -> Tensor:
    if not isinstance(input, SparseTensor) or input.layout is not COO:
        backend = "SparseCsrCPU" if isinstance(input, SparseTensor) else "CPU"
        raise NotImplementedError(f"Could not run 'aten::_sparse_{name}' with arguments from the '{backend}' backend.")
    of = coalesced(input if dtype is None else input.to(dtype))
    d, first, values = dimensions(of, dim)[0], of.sparse_dim(), values_of(of)
    if d >= first:
        made = getattr(values, name)(d - first + 1)
    else:
        others = [k for k in range(first) if k != d]
        _, place = np.unique(numbered(indices_of(of)[others], [of.shape[k] for k in others]), return_inverse=True)
        made = _grouped(values, place.reshape(-1), name == "log_softmax")
    return with_values(of, made, node(f"sparse_{name}"))


def _grouped(values: Tensor, place: np.ndarray, log: bool) -> Tensor:
    """The softmax along the first dimension, in groups."""
    to, = on(values.device, place)
    groups = values.new_zeros((int(place.max(initial=-1)) + 1, *values.shape[1:]))
    index = to.reshape(-1, *[1] * (values.dim() - 1)).expand(values.shape)
    largest = groups.scatter_reduce(0, index, values.detach(), "amax", include_self=False).index_select(0, to)
    shifted = values - largest
    total = groups.index_add(0, to, shifted.exp()).index_select(0, to)
    return shifted - total.log() if log else shifted.exp() / total


@public("sparse")
def softmax(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """The softmax over a dimension of the stored elements; the others count as minus infinity."""
    return _softmax(input, dim, dtype, "softmax")


@public("sparse")
def log_softmax(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """The logarithm of the softmax over a dimension of the stored elements."""
    return _softmax(input, dim, dtype, "log_softmax")
