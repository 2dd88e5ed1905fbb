"""What sparse tensors are made of, as functions that gradients flow through: every operation on sparse tensors is put together from these.

A gradient of a sparse tensor is a tensor of its shape, dense or sparse.  The same element may be stored several times, and counts as their sum: its
gradient is stored once.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._core.format import layout
from .._core.public import public
from .._core.sparse import BLOCKS, COO, NAMES, ROWS, SparseTensor, host, on, sparse, sparse_form, tracked
from .._core.tensor import Tensor


def indices_of(of: SparseTensor) -> np.ndarray:
    """The indices of all stored elements (of rows of elements where there are dense dimensions), as COO has them."""
    if of.layout is COO:
        return host(of._parts[0])
    compressed, plain = map(host, of._parts)
    batch = compressed.shape[:-1]
    lead = np.indices(plain.shape)[:-1].reshape(len(batch), plain.size)
    ends = compressed.reshape(-1, compressed.shape[-1])
    major = np.concatenate([np.repeat(np.arange(e.size - 1), np.diff(e)) for e in ends]) if ends.size else plain.reshape(-1)
    minor = plain.reshape(-1)
    pair = [major, minor] if of.layout in ROWS else [minor, major]
    if of.layout in BLOCKS:
        block = of._vals.shape[plain.ndim:plain.ndim + 2]
        inside = np.indices(block).reshape(2, -1)
        pair = [(p[:, None] * size + i).reshape(-1) for p, size, i in zip(pair, block, inside, strict=True)]
        lead = np.repeat(lead, block[0] * block[1], axis=1)
    return np.stack([*lead, *pair]).astype(np.int64)


def sparse_dims(of: SparseTensor) -> int:
    """How many dimensions the indices of all stored elements have."""
    return of._parts[0].shape[0] if of.layout is COO else of._parts[0].dim() + 1


def numbered(indices: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """The indices as numbers, in the order of the elements of a dense tensor."""
    strides = np.cumprod([1, *size[:0:-1]], dtype=np.int64)[::-1]
    return strides @ indices if len(size) else np.zeros(indices.shape[1], np.int64)


def keys(of: SparseTensor) -> np.ndarray:
    """The number of each stored element."""
    return numbered(indices_of(of), of.shape[:sparse_dims(of)])


def rows(of: Tensor, dims: int) -> Tensor:
    """A dense tensor whose first `dims` dimensions are one."""
    return of.reshape(of.shape[:dims].numel(), *of.shape[dims:])


def flat_values(of: SparseTensor, values: Tensor) -> Tensor:
    """Values, one after another in the order of `indices_of`."""
    return values if of.layout is COO else values.reshape(-1, *of.shape[sparse_dims(of):])


def values_of(of: SparseTensor) -> Tensor:
    """The values, through which gradients flow."""
    return tracked("ValuesBackward0", [of], of._vals.detach(), lambda grad: [as_gradient(of, grad)])


def as_gradient(of: SparseTensor, values: Tensor) -> SparseTensor:
    """The gradient of a tensor from one for each of its stored values."""
    if of.layout is not COO or of._coalesced:
        return of._holding(values)
    _, first = np.unique(keys(of), return_index=True)
    return sparse(COO, on(of.device, indices_of(of)[:, first]), values.index_select(0, *on(of.device, first)), of.shape, True)


def with_values(like: SparseTensor, values: Tensor, name: str) -> SparseTensor:
    """A tensor with the indices of another; `name` is that of its `grad_fn`."""
    made = like._holding(values.detach())
    return tracked(name, [values], made, lambda grad: [pick(grad, made)])


def stored_as(kind: layout, parts: Sequence[Tensor], values: Tensor, size: Sequence[int], name: str, coalesced: bool = False) -> SparseTensor:
    """The tensor that consists of these tensors, with the history of its values; `name` is that of its `grad_fn`."""
    return with_values(sparse(kind, parts, values.detach(), size, coalesced), values, name)


def pick(of: Tensor, like: SparseTensor) -> Tensor:
    """The elements of a tensor where another stores some, in the shape of its values."""
    return tracked("SparseMaskBackward0", [of], _pick(of.detach(), like), lambda grad: [like._holding(grad)])


def _pick(of: Tensor, like: SparseTensor) -> Tensor:
    if not isinstance(of, SparseTensor):
        found = rows(of, sparse_dims(like)).index_select(0, *on(of.device, keys(like)))
    elif of.layout is like.layout and all(a is b for a, b in zip(of._parts, like._parts, strict=True)) and (of._coalesced or of.layout is not COO):
        return of._vals
    else:
        found = _look_up(of, like)
    return found.reshape(like._vals.shape)


def _look_up(of: SparseTensor, like: SparseTensor) -> Tensor:
    source = coalesced(coo(of))
    known, wanted = keys(source), keys(like)
    if not known.size:
        return like._vals.new_zeros(like._vals.shape, dtype=of.dtype)
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    there, places = on(of.device, known[place] == wanted, place)
    found = source._vals.index_select(0, places)
    return found * there.reshape(-1, *[1] * (found.dim() - 1))


def scattered(of: SparseTensor, values: Tensor) -> Tensor:
    """The dense tensor of these values where `of` stores its own."""
    dims = sparse_dims(of)
    flat = flat_values(of, values)
    empty = flat.new_zeros((of.shape[:dims].numel(), *of.shape[dims:]))
    number, = on(of.device, keys(of))
    if flat.dtype.name == "bool":
        return empty.int().index_add(0, number, flat.int()).bool().reshape(of.shape)
    return empty.index_add(0, number, flat).reshape(of.shape)


def densified(of: SparseTensor) -> Tensor:
    """The dense tensor; its gradient is handed on as it is, dense."""
    return tracked("ToDenseBackward0", [of], scattered(of, of._vals.detach()), lambda grad: [grad])


def coalesced(of: SparseTensor) -> SparseTensor:
    """The same with sorted and distinct indices; itself if they are."""
    return of if of._coalesced else tracked("CoalesceBackward0", [of], _coalesced(of), lambda grad: [grad])


def _coalesced(of: SparseTensor) -> SparseTensor:
    _, first, place = np.unique(keys(of), return_index=True, return_inverse=True)
    values = summed(of._vals.detach(), place, first.size)
    return sparse(COO, on(of.device, indices_of(of)[:, first]), values, of.shape, True)


def summed(values: Tensor, place: np.ndarray, count: int) -> Tensor:
    """Sums of values, of each to its place."""
    to, = on(values.device, place.reshape(-1))
    if values.dtype.name == "bool":
        return values.int().new_zeros((count, *values.shape[1:])).index_add(0, to, values.int()).bool()
    return values.new_zeros((count, *values.shape[1:])).index_add(0, to, values)


def coo(of: SparseTensor) -> SparseTensor:
    """The tensor in coordinates."""
    if of.layout is COO:
        return of
    made = sparse(COO, on(of.device, indices_of(of)), flat_values(of, of._vals.detach()), of.shape, of.layout is ROWS[0])
    return tracked("ToSparseBackward0", [of], made, lambda grad: [as_gradient(of, pick(grad, of))])


# Accessors

def expected(name: str, kind: str, of: Tensor) -> RuntimeError:
    """The error of an accessor that another layout has."""
    return RuntimeError(f"{name} expected sparse {kind} layout but got {NAMES[of.layout]}")


@sparse_form()
@public("Tensor")
def indices(self: SparseTensor) -> Tensor:
    """The indices of a coalesced tensor's values, (sparse_dim, nnz)."""
    if self.layout is not COO:
        raise expected("indices", "coordinate tensor", self)
    if not self._coalesced:
        raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
    return self._parts[0].detach()


@sparse_form()
@public("Tensor")
def values(self: Tensor) -> Tensor:
    """The stored values, (nnz, …)."""
    if not isinstance(self, SparseTensor):
        raise expected("values", "tensor", self)
    if self.layout is COO and not self._coalesced:
        raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
    return values_of(self)


def _accessor(name: str, kind: str, part: int, by_rows: bool) -> None:
    def access(self: Tensor) -> Tensor:
        if not isinstance(self, SparseTensor) or self.layout is COO or (self.layout in ROWS) is not by_rows:
            raise expected(name, f"{kind} compressed tensor", self)
        return self._parts[part].detach()
    access.__name__ = access.__qualname__ = name
    access.__doc__ = f"The {'plain' if part else 'compressed'} indices of a tensor that is compressed by {kind}s."
    sparse_form(name)(public("Tensor")(access))


_accessor("crow_indices", "row", 0, True)
_accessor("col_indices", "row", 1, True)
_accessor("ccol_indices", "column", 0, False)
_accessor("row_indices", "column", 1, False)


@sparse_form()
def _indices(self: SparseTensor) -> Tensor:
    """The indices, also of an uncoalesced tensor."""
    if self.layout is not COO:
        raise NotImplementedError("Could not run 'aten::_indices' with arguments from the 'SparseCsrCPU' backend.")
    return self._parts[0]


@sparse_form()
def _values(self: SparseTensor) -> Tensor:
    """The values without history, also of an uncoalesced tensor."""
    if self.layout is not COO:
        raise NotImplementedError("Could not run 'aten::_values' with arguments from the 'SparseCsrCPU' backend.")
    return self._vals.detach()


@sparse_form()
@public("Tensor")
def _nnz(self: Tensor) -> int:
    """The number of stored elements."""
    if not isinstance(self, SparseTensor):
        raise NotImplementedError("Could not run 'aten::_nnz' with arguments from the 'CPU' backend.")
    return self._vals.shape[0] if self.layout is COO else self._parts[1].shape[-1]


@sparse_form()
@public("Tensor")
def sparse_dim(self: Tensor) -> int:
    """The number of dimensions that the indices have."""
    return (self._parts[0].shape[0] if self.layout is COO else 2) if isinstance(self, SparseTensor) else 0


@sparse_form()
@public("Tensor")
def dense_dim(self: Tensor) -> int:
    """The number of dimensions that each stored value has."""
    return self.dim() - sparse_dims(self) if isinstance(self, SparseTensor) else self.dim()


@sparse_form()
@public("Tensor")
def is_coalesced(self: SparseTensor) -> bool:
    """Whether the indices are sorted and distinct."""
    if self.layout is not COO:
        raise expected("is_coalesced", "coordinate tensor", self)
    return self._coalesced


@sparse_form()
@public("Tensor")
def coalesce(self: Tensor) -> Tensor:
    """The tensor with sorted and distinct indices, values of equal indices summed; itself if it is so already."""
    if self.layout is not COO:
        raise expected("coalesce", "coordinate tensor", self)
    return coalesced(self)


@sparse_form()
def _coalesced_(self: SparseTensor, coalesced: bool) -> SparseTensor:
    """Say that the indices are, or are not, sorted and distinct."""
    self._coalesced = coalesced
    return self
