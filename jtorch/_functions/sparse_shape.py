"""Sparse tensors transposed, cut and joined."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.derive import into
from .._core.format import LAYOUTS, memory_format
from .._core.public import public
from .._core.sparse import BLOCKS, COO, SparseTensor, host, on, refusal, sparse, sparse_form, tracked
from .._core.tensor import Tensor
from .sparse_reduce import dimensions
from .sparse_values import coo, indices_of, stored_as, values_of

FLIPPED = {LAYOUTS[f"sparse_{a}"]: LAYOUTS[f"sparse_{b}"] for a, b in (("csr", "csc"), ("csc", "csr"), ("bsr", "bsc"), ("bsc", "bsr"))}
NO_EXPAND = "expand is unsupported for Sparse tensors"


# Order of dimensions

@sparse_form("transpose", "swapaxes", "swapdims")
def transpose(input: SparseTensor, dim0: int = 0, dim1: int = 1, **names: int) -> SparseTensor:
    """Two dimensions exchanged."""
    a, b = dimensions(input, [names.get("axis0", dim0), names.get("axis1", dim1)])
    return _transposed(input, a, b, "TransposeBackward0")


def _transposed(of: SparseTensor, a: int, b: int, name: str) -> SparseTensor:
    if of.layout is not COO:
        return _flipped(of, a, b, name)
    if max(a, b) >= of.sparse_dim():
        raise RuntimeError(f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {of.sparse_dim()}, d0: {a}, d1: {b}")
    order = list(range(of.dim()))
    order[a], order[b] = b, a
    return _ordered(of, order, name)


def _ordered(of: SparseTensor, order: list[int], name: str) -> SparseTensor:
    first = of.sparse_dim()
    where, = on(of.device, host(of._parts[0])[order[:first]])
    made = sparse(COO, (where,), of._vals.detach(), [of.shape[d] for d in order], order == sorted(order) and of._coalesced)
    back = np.argsort(order).tolist()
    return tracked(name, [of], made, lambda grad: [grad.permute(back)])


def _flipped(of: SparseTensor, a: int, b: int, name: str) -> SparseTensor:
    """Compressed by rows instead of columns, or the other way round."""
    batch = of._parts[1].dim() - 1
    if {a, b} == {0} or a == b:
        return of
    if {a, b} != {batch, batch + 1}:
        raise RuntimeError(f"transpose(): can only transpose rows and columns of a tensor of layout {of.layout}")
    size = list(of.shape)
    size[a], size[b] = size[b], size[a]
    values = of._vals.detach()
    values = values.transpose(batch + 1, batch + 2) if of.layout in BLOCKS else values
    return tracked(name, [of], sparse(FLIPPED[of.layout], of._parts, values, size), lambda grad: [grad.transpose(a, b)])


@sparse_form()
def t(input: SparseTensor) -> SparseTensor:
    """The transpose of a matrix."""
    if input.layout is COO and (input.sparse_dim() > 2 or input.dense_dim()):
        raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {input.sparse_dim()} sparse and {input.dense_dim()} dense "
                           "dimensions")
    return input if input.dim() < 2 else _transposed(input, 0, 1, "TBackward0")


@sparse_form()
def permute(input: SparseTensor, dims: Sequence[int]) -> SparseTensor:
    """The dimensions in another order."""
    order = dimensions(input, dims)
    if len(order) != input.dim():
        raise RuntimeError("permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions "
                           f"i.e. input.dim() = {input.dim()} is not equal to len(dims) = {len(order)}")
    if len(set(order)) < len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    if input.layout is not COO:
        raise refusal("permute", input)
    if any(d >= input.sparse_dim() for d in order[:input.sparse_dim()]):
        raise RuntimeError("permute(sparse_coo): transpositions between sparse and dense dimensions are not allowed.")
    return _permuted(input, order)


def _permuted(of: SparseTensor, order: list[int]) -> SparseTensor:
    first = of.sparse_dim()
    values = of._vals.detach().permute(0, *[d - first + 1 for d in order[first:]])
    where, = on(of.device, host(of._parts[0])[order[:first]])
    made = sparse(COO, (where,), values, [of.shape[d] for d in order], order[:first] == list(range(first)) and of._coalesced)
    back = np.argsort(order).tolist()
    return tracked("PermuteBackward0", [of], made, lambda grad: [grad.permute(back)])


@sparse_form("movedim", "moveaxis")
def movedim(input: SparseTensor, source: Any, destination: Any) -> SparseTensor:
    """Dimensions moved to other places."""
    froms, tos = dimensions(input, source), dimensions(input, destination)
    rest = iter([d for d in range(input.dim()) if d not in froms])
    return permute(input, [froms[tos.index(d)] if d in tos else next(rest) for d in range(input.dim())])


@sparse_form("adjoint")
def adjoint(input: SparseTensor) -> SparseTensor:
    """The conjugate transpose."""
    return transpose(input, -2, -1).conj()


# Parts

@sparse_form()
def select(input: SparseTensor, dim: int, index: int) -> Tensor:
    """One slice along a dimension; dense where no sparse dimension is left."""
    d, of = dimensions(input, dim)[0], coo(input)
    size = of.shape[d]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(of.shape)} at dimension {d}")
    index, first, where = index % size, of.sparse_dim(), indices_of(of)
    rest = [n for k, n in enumerate(of.shape) if k != d]
    if d >= first:
        return stored_as(COO, of._parts, values_of(of).select(d - first + 1, index), rest, "SelectBackward0", of._coalesced)
    chosen = np.flatnonzero(where[d] == index)
    values = values_of(of).index_select(0, *on(of.device, chosen))
    if first == 1:
        return values.sum(0)
    return stored_as(COO, on(of.device, np.delete(where[:, chosen], d, 0)), values, rest, "SelectBackward0", of._coalesced)


@sparse_form()
def __getitem__(self: SparseTensor, index: Any) -> Tensor:
    found: Any = self
    dim = 0
    for part in index if isinstance(index, tuple) else (index,):
        if not isinstance(found, SparseTensor):
            found = found[(slice(None),) * dim + (part,)]
            dim += isinstance(part, slice)
        elif part is None:
            found, dim = unsqueeze(found, dim), dim + 1
        elif isinstance(part, slice) and part == slice(None):
            dim += 1
        elif isinstance(part, int | np.integer) and not isinstance(part, bool):
            found = select(found, dim, int(part))
        else:
            raise refusal("as_strided" if isinstance(part, slice) else "index.Tensor", found)
    return found


@sparse_form()
def index_select(input: SparseTensor, dim: int, index: Tensor) -> SparseTensor:
    """Slices along a dimension, in the order of `index`."""
    d, of = dimensions(input, dim)[0], coo(input)
    first = of.sparse_dim()
    size = [index.numel() if k == d else n for k, n in enumerate(of.shape)]
    if d >= first:
        return stored_as(COO, of._parts, values_of(of).index_select(d - first + 1, index), size, "IndexSelectBackward0", of._coalesced)
    wanted, where = host(index).reshape(-1), indices_of(of)
    if wanted.size and not (wanted.min() >= -of.shape[d] and wanted.max() < of.shape[d]):
        raise IndexError(f"index_select(): index contains {wanted.max()} that is out of range for tensor of size {list(of.shape)} at dimension {d}")
    row, entry = np.nonzero((wanted % of.shape[d])[:, None] == where[d])
    moved = where[:, entry]
    moved[d] = row
    return stored_as(COO, on(of.device, moved), values_of(of).index_select(0, *on(of.device, entry)), size, "IndexSelectBackward0", d == 0 and of._coalesced)


@sparse_form()
@public("torch Tensor")
def narrow_copy(input: Tensor, dim: int, start: int, length: int, *, out: Tensor | None = None) -> Tensor:
    """A copy of a range along a dimension."""
    if not isinstance(input, SparseTensor):
        if dim >= input.dim():
            raise RuntimeError("Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.  (Could this error message be improved?  "
                               "If so, please report an enhancement request to PyTorch.)")
        return into(out, input.narrow(dim, start, length).clone())
    d = dimensions(input, dim)[0]
    if start + length > input.shape[d]:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({input.shape[d]}).")
    first, where = input.sparse_dim(), indices_of(input)
    size = [length if k == d else n for k, n in enumerate(input.shape)]
    if d >= first:
        return stored_as(COO, input._parts, values_of(input).narrow(d - first + 1, start, length), size, "NarrowBackward0", input._coalesced)
    chosen = np.flatnonzero((where[d] >= start) & (where[d] < start + length))
    moved = where[:, chosen]
    moved[d] -= start
    return stored_as(COO, on(input.device, moved), values_of(input).index_select(0, *on(input.device, chosen)), size, "NarrowBackward0", input._coalesced)


@sparse_form()
def unbind(input: SparseTensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along a dimension."""
    return tuple([select(input, dim, k) for k in range(input.shape[dim])])


@sparse_form()
def unsqueeze(input: SparseTensor, dim: int) -> SparseTensor:
    """A new dimension of size 1: a sparse one, except behind the sparse ones of a hybrid tensor."""
    if not -input.dim() - 1 <= dim <= input.dim():
        raise IndexError(f"Dimension out of range (expected to be in range of [{-input.dim() - 1}, {input.dim()}], but got {dim})")
    d, of = dim % (input.dim() + 1), coo(input)
    first = of.sparse_dim()
    size = [*of.shape[:d], 1, *of.shape[d:]]
    if d > first:
        return stored_as(COO, of._parts, values_of(of).unsqueeze(d - first + 1), size, "UnsqueezeBackward0", of._coalesced)
    return stored_as(COO, on(of.device, np.insert(indices_of(of), d, 0, 0)), values_of(of), size, "UnsqueezeBackward0", of._coalesced)


# Joined

@sparse_form("cat", "concat", "concatenate")
def cat(tensors: Sequence[Tensor], dim: int = 0) -> SparseTensor:
    """Sparse tensors one behind the other along a dimension."""
    parts = _all_sparse(tensors)
    d, first, dense = dimensions(parts[0], dim)[0], parts[0].sparse_dim(), parts[0].dense_dim()
    for k, part in enumerate(parts):
        if part.dim() != parts[0].dim() or any(a != b for n, (a, b) in enumerate(zip(part.shape, parts[0].shape, strict=True)) if n != d):
            raise RuntimeError(f"Sizes of tensors must match except in dimension {d}. Expected {list(parts[0].shape)} in dimension {d} but got "
                               f"{list(part.shape)} for tensor number {k} in the list.")
    starts = np.cumsum([0, *[p.shape[d] for p in parts]])
    size = [int(starts[-1]) if k == d else n for k, n in enumerate(parts[0].shape)]
    where = [indices_of(p).copy() for p in parts]
    pieces = [values_of(p) for p in parts]
    if d < first:
        for start, w in zip(starts, where, strict=False):
            w[d] += start
    elif dense:
        pieces = [_padded(v, d - first + 1, int(start), int(starts[-1])) for v, start in zip(pieces, starts, strict=False)]
    return stored_as(COO, on(parts[0].device, np.concatenate(where, 1)), joined(pieces), size, "CatBackward0", d == 0 and all(p._coalesced for p in parts))


def _padded(values: Tensor, dim: int, start: int, size: int) -> Tensor:
    whole = values.new_zeros((*values.shape[:dim], size, *values.shape[dim + 1:]))
    return whole.index_copy(dim, on(values.device, np.arange(start, start + values.shape[dim]))[0], values)


def joined(pieces: Sequence[Tensor]) -> Tensor:
    """Values one behind the other."""
    whole = pieces[0].new_zeros((int(np.sum([p.shape[0] for p in pieces])), *pieces[0].shape[1:]))
    start = 0
    for piece in pieces:
        whole = whole.index_copy(0, on(piece.device, np.arange(start, start + piece.shape[0]))[0], piece)
        start += piece.shape[0]
    return whole


def _all_sparse(tensors: Sequence[Tensor]) -> list[SparseTensor]:
    wrong = next((k for k, x in enumerate(tensors) if not isinstance(x, SparseTensor)), None)
    if wrong is not None:
        raise RuntimeError(f"Concatenating sparse tensors, but a dense tensor was found at position {wrong}.")
    return [coo(x) for x in tensors]


@sparse_form()
def stack(tensors: Sequence[Tensor], dim: int = 0) -> SparseTensor:
    """Sparse tensors of equal shape along a new dimension."""
    return cat([unsqueeze(x, dim) for x in tensors], dim)


@sparse_form()
def hstack(tensors: Sequence[Tensor]) -> SparseTensor:
    """Sparse tensors side by side."""
    return cat(tensors, 1 if tensors[0].dim() > 1 else 0)


@sparse_form()
def vstack(tensors: Sequence[Tensor]) -> SparseTensor:
    """Sparse tensors one below the other."""
    return cat(tensors, 0)


# What there is no sparse form of

def _refused(text: str, *names: str) -> None:
    @sparse_form(*names)
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(text)


_refused("reshape is not implemented for sparse tensors", "reshape", "flatten")
_refused(NO_EXPAND, "expand", "broadcast_to", "expand_as", "repeat")
_refused("Cannot access data pointer of Tensor that doesn't have storage", "data_ptr", "tolist")
_refused("unsupported memory format option Contiguous", "contiguous")


@sparse_form()
def numpy(self: SparseTensor, *, force: bool = False) -> None:
    """There is no dense memory."""
    raise TypeError(f"can't convert {'Sparse' if self.layout is COO else str(self.layout)} layout tensor to numpy. Use Tensor.to_dense() first.")


@sparse_form("is_shared", "untyped_storage", "storage")
def no_storage(self: SparseTensor) -> None:
    """There is none."""
    self._share()


@sparse_form()
def is_contiguous(self: SparseTensor, memory_format: memory_format | None = None) -> bool:
    """False: the elements do not lie one behind the other."""
    return False
