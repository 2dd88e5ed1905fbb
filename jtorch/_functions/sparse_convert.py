"""Between layouts: `to_sparse`, `to_dense` and their like, `sparse_mask`, and sparse tensors of another size or type."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.dtype import dtype
from .._core.format import LAYOUTS, layout, memory_format
from .._core.public import public
from .._core.sparse import BLOCKS, COO, NAMES, ROWS, STRIDED, SparseTensor, on, sparse, sparse_form, tracked
from .._core.tensor import Tensor
from .convert import CASTS
from .interchange import destination
from .sparse_create import empty
from .sparse_values import as_gradient, coalesced, coo, indices_of, pick, rows, scattered, sparse_dims, summed

SHRUNK = ("You could try the following options:\n1. If you need an empty sparse tensor of this size, call `x = torch.sparse_coo_tensor(size)`.\n2. If you "
          "need to resize this tensor, you have the following options:\n    1. For both sparse and dense dimensions, keep the number of them constant and the "
          "size of them non-shrinking, and then try the same call again.\n    2. Or, create a new sparse tensor with the correct indices and values from this "
          "sparse tensor.")


# To dense

@sparse_form()
def to_dense(self: SparseTensor, dtype: dtype | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """The dense tensor.  Its gradient comes back with the elements that are stored here only, or with `masked_grad=False` all."""
    if dtype is not None:
        raise RuntimeError(f"dtype argument is not supported by {'sparse_to_dense' if self.layout is COO else 'sparse_csr_to_dense'}")
    return tracked("ToDenseBackward0", [self], scattered(self, self._vals.detach()),
                   lambda grad: [as_gradient(self, pick(grad, self)) if masked_grad is not False else _whole(grad, self)])


def _whole(grad: Tensor, of: SparseTensor) -> SparseTensor:
    """A dense gradient in coordinates, its zeros too."""
    dims = sparse_dims(of)
    where = np.indices(grad.shape[:dims]).reshape(dims, -1)
    made = sparse(COO, on(grad.device, where), rows(grad.detach(), dims), grad.shape, True)
    return tracked("ToSparseBackward0", [grad], made, lambda back: [back.to_dense()])


# To sparse

@sparse_form()
@public("Tensor")
def to_sparse(self: Tensor, sparse_dim: int | None = None, *, layout: layout | None = None, blocksize: Any = None, dense_dim: int | None = None) -> Tensor:
    """The tensor in a sparse layout, by default in coordinates.

    >>> torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse()
    tensor(indices=tensor([[0],
                           [1]]),
           values=tensor([2.]),
           size=(2, 2), nnz=1, layout=torch.sparse_coo)
    """
    wanted = layout or COO
    if wanted is STRIDED:
        return self.to_dense()
    name = "dense_to_sparse" if self.layout is STRIDED else "to_sparse"
    if wanted in BLOCKS and blocksize is None and self.layout is not wanted:
        raise RuntimeError(f"{name}: conversion from {NAMES[self.layout]} to {NAMES[wanted]} without blocksize argument given is not supported")
    if wanted not in BLOCKS and blocksize is not None:
        raise RuntimeError(f"{name}: conversion from {NAMES[self.layout]} to {NAMES[wanted]} with blocksize argument given is not supported")
    if wanted is not COO:
        return compressed(self, wanted, tuple(blocksize) if blocksize is not None else None, dense_dim)
    if isinstance(self, SparseTensor):
        if sparse_dim is not None and sparse_dim != self.sparse_dim():
            raise RuntimeError(f"to_sparse: conversion from {NAMES[self.layout]} to Sparse with sparse_dim argument !=self.sparse_dim() is not supported")
        return coo(self)
    return from_dense(self, sparse_dim if sparse_dim is not None or dense_dim is None else self.dim() - dense_dim)


def from_dense(of: Tensor, dims: int | None) -> SparseTensor:
    """A dense tensor in coordinates."""
    chosen = of.dim() if dims is None else dims
    if not 0 <= chosen <= of.dim():
        raise RuntimeError(f"dense_to_sparse: sparse_dim argument must be in [0,{of.dim()}] range, but {chosen} is given")
    if not chosen and of.dim():
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    array = of.detach()._host() != 0
    there = array.any(tuple(range(chosen, of.dim()))) if chosen < of.dim() else array
    places = np.flatnonzero(there)
    where = np.stack(np.unravel_index(places, there.shape)) if chosen else np.zeros((0, places.size), np.int64)
    values = rows(of.detach(), chosen).index_select(0, *on(of.device, places))
    made = sparse(COO, on(of.device, where), values, of.shape, True)
    return tracked(f"ToSparseBackward{int(dims is None)}", [of], made, lambda grad: [grad.to_dense()])


def compressed(of: SparseTensor, kind: layout, block: tuple[int, int] | None, dense_dim: int | None) -> Tensor:
    """A tensor in one of the compressed layouts."""
    if of.layout is kind and (block is None or of._vals.shape[of._parts[1].dim():][:2] == block):
        return of
    name = {"strided": "dense"}.get(str(of.layout)[6:], str(of.layout)[6:])
    to = f"{name}_to_{str(kind)[6:]}"
    dense = dense_dim or (of.dense_dim() if isinstance(of, SparseTensor) else 0)
    if of.dim() - dense < 2:
        raise RuntimeError(f"{to}: Only tensors with two or more dimensions can be converted to layout {NAMES[kind]}")
    if of.layout in BLOCKS and kind not in BLOCKS:
        raise RuntimeError(f"sparse_compressed_to_{str(kind)[6:]}: expected SparseCsr or SparseCsc layout but got {NAMES[of.layout]}")
    size = of.shape[of.dim() - dense - 2:of.dim() - dense]
    if block is not None and (size[0] % block[0] or size[1] % block[1]):
        raise RuntimeError(f"{to}: tensor sparse size ({size[0]},{size[1]}) must be divisible by given blocksize ({block[0]},{block[1]})")
    plain = of.detach()
    made = _compress(coalesced(coo(plain)) if isinstance(of, SparseTensor) else from_dense(plain, of.dim() - dense), kind, block or (1, 1))
    title = "".join(part.title() for part in str(kind)[6:].split("_"))
    return tracked(f"To{title}Backward0", [of], made, lambda grad: [back_to(of, grad)])


def back_to(of: Tensor, grad: Tensor) -> Tensor:
    """A gradient in the layout of what it is the gradient of."""
    if not isinstance(of, SparseTensor):
        return grad.to_dense()
    return as_gradient(of, pick(grad, of))


def _compress(of: SparseTensor, kind: layout, block: tuple[int, int]) -> SparseTensor:
    """A coalesced tensor in coordinates, whose sparse dimensions end with rows and columns, in a compressed layout."""
    where, dims = indices_of(of), of.sparse_dim()
    batch, by_rows = of.shape[:dims - 2], kind in ROWS
    lines, others = [where[k] // b for k, b in ((-2, block[0]), (-1, block[1]))][::1 if by_rows else -1]
    counts = [of.shape[dims - 2] // block[0], of.shape[dims - 1] // block[1]][::1 if by_rows else -1]
    lead = np.ravel_multi_index(tuple(where[:-2]), batch) if batch else np.zeros(where.shape[1], np.int64)
    number = (lead * counts[0] + lines) * counts[1] + others
    unique, place = np.unique(number, return_inverse=True)
    ends = np.searchsorted(unique, np.arange(batch.numel() * counts[0] + 1) * counts[1])
    per = np.diff(ends[::counts[0]]) if counts[0] else np.zeros(batch.numel(), np.int64)
    if per.size and (per != per[0]).any():
        raise RuntimeError("Expect the same number of specified elements per batch.")
    count = int(per[0]) if per.size else 0
    starts = np.stack([ends[k * counts[0]:(k + 1) * counts[0] + 1] - k * count for k in range(batch.numel())]).reshape(*batch, counts[0] + 1)
    inside = (where[-2] % block[0]) * block[1] + where[-1] % block[1]
    values = summed(of._vals, place.reshape(-1) * (block[0] * block[1]) + inside, unique.size * block[0] * block[1])
    shape = (*batch, count, *(block if kind in BLOCKS else ()), *of.shape[dims:])
    return sparse(kind, on(of.device, starts, (unique % counts[1]).reshape(*batch, count)), values.reshape(shape), of.shape)


@sparse_form()
@public("Tensor")
def to_sparse_coo(self: Tensor) -> Tensor:
    """The tensor in coordinates."""
    return to_sparse(self)


def _converter(name: str, block: bool) -> None:
    kind = LAYOUTS[f"sparse_{name}"]

    def to_blocks(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Tensor:
        return to_sparse(self, layout=kind, blocksize=blocksize, dense_dim=dense_dim)

    def to_lines(self: Tensor, dense_dim: int | None = None) -> Tensor:
        return to_sparse(self, layout=kind, dense_dim=dense_dim)
    function = to_blocks if block else to_lines
    function.__name__ = function.__qualname__ = f"to_sparse_{name}"
    function.__doc__ = f"The tensor in the layout `torch.sparse_{name}`."
    sparse_form(function.__name__)(public("Tensor")(function))


for _name in ("csr", "csc", "bsr", "bsc"):
    _converter(_name, _name.startswith("b"))


@sparse_form()
@public("Tensor")
def sparse_mask(self: Tensor, mask: Tensor) -> Tensor:
    """The elements that `mask`, a sparse tensor of the same shape, stores too."""
    if not isinstance(mask, SparseTensor):
        raise NotImplementedError("Could not run 'aten::sparse_mask' with arguments from the 'CPU' backend.")
    if self.shape != mask.shape:
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask has size {list(mask.shape)}")
    made = self.detach() if self is mask else mask._holding(pick(self.detach(), mask))
    return tracked("SparseMaskBackward0", [self], made, lambda grad: [grad if isinstance(self, SparseTensor) else grad.to_dense()])


# Copies, types and devices

@sparse_form()
def clone(input: SparseTensor, *, memory_format: memory_format | None = None) -> SparseTensor:
    """A copy, through which gradients flow."""
    return tracked("CloneBackward0", [input], input._holding(input._vals.detach().clone()), lambda grad: [grad])


@sparse_form()
def __deepcopy__(self: SparseTensor, memo: dict) -> SparseTensor:
    if not self.is_leaf:
        raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.")
    if id(self) not in memo:
        made = sparse(self.layout, [p.clone() for p in self._parts], self._vals.detach().clone(), self.shape, self._coalesced)
        memo[id(self)] = made.requires_grad_(self.requires_grad)
        if self.grad is not None:
            made.grad = self.grad.clone()
    return memo[id(self)]


@sparse_form()
def __reduce_ex__(self: SparseTensor, protocol: int) -> tuple:
    return _rebuilt, (str(self.layout).removeprefix("torch."), self._parts, self._vals.detach(), tuple(self.shape), self._coalesced, self.requires_grad)


def _rebuilt(kind: str, parts: tuple, values: Tensor, size: tuple, coalesced: bool, requires_grad: bool) -> SparseTensor:
    return sparse(LAYOUTS[kind], parts, values, size, coalesced).requires_grad_(requires_grad)


@sparse_form()
def to(self: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
    """The tensor in another type or on another device."""
    where, kind, copy, _ = destination(self, *args, **kwargs)
    values = self._vals.detach().to(where or self.device, kind or self.dtype)
    if values.dtype is self.dtype and values.device is self.device:
        return clone(self) if copy else self
    made = sparse(self.layout, [p.to(values.device) for p in self._parts], values, self.shape, self._coalesced)
    return tracked("ToCopyBackward0", [self], made, lambda grad: [grad.to(self.device, self.dtype)])


def _caster(name: str, kind: dtype) -> None:
    def cast(self: SparseTensor, memory_format: memory_format | None = None) -> SparseTensor:
        return to(self, kind)
    cast.__name__ = name
    sparse_form()(cast)


for _name, _kind in CASTS.items():
    _caster(_name, _kind)


def positive(input: SparseTensor) -> SparseTensor:
    """The tensor itself."""
    return input


sparse_form("positive", "resolve_conj", "resolve_neg", "pin_memory")(positive)


@sparse_form("type")
def type_of(self: SparseTensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of its old type; with an argument, the tensor converted to that type."""
    if dtype is not None:
        return to(self, dtype)
    if self.layout is not COO:
        raise RuntimeError(f"Unimplemented backend SparseCsr{self.device.type.upper()}")
    return self._vals.type().replace("torch.", "torch.sparse.")


# In place

@sparse_form()
def copy_(self: SparseTensor, src: Tensor, non_blocking: bool = False) -> SparseTensor:
    """Take over the elements of another sparse tensor."""
    if not isinstance(src, SparseTensor):
        raise RuntimeError("copy_() between dense and sparse Tensors is not implemented! Found self type = "
                           f"{type_of(self)} and src type = {src.type()}")
    if self.shape != src.shape and self.layout is COO:
        sparse_resize_(self, src.shape, src.sparse_dim(), src.dense_dim())
    made = clone(src)
    return self._become(made if src.dtype is self.dtype else to(made, self.dtype))


@sparse_form()
def zero_(self: SparseTensor) -> SparseTensor:
    """Forget all elements."""
    if self.layout is not COO:
        self._vals.zero_()
        return self
    return self._become(empty(self.shape, self.dtype, self.device, self.dense_dim()))


@sparse_form()
@public("Tensor")
def sparse_resize_(self: SparseTensor, size: Sequence[int], sparse_dim: int, dense_dim: int) -> Tensor:
    """Take another size, in which all stored elements have room."""
    _resizable(self, "sparse_resize_")
    size, old = tuple(size), self.sparse_dim()
    if len(size) != sparse_dim + dense_dim:
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = {sparse_dim}, dense_dim = {dense_dim}")
    if self._nnz():
        for name, was, wanted in (("sparse", old, sparse_dim), ("dense", self.dense_dim(), dense_dim)):
            if was != wanted:
                raise RuntimeError(f"changing the number of {name} dimensions (from {was} to {wanted}) on a non-empty sparse tensor is not supported.\n{SHRUNK}")
        for name, part in (("sparse", slice(0, old)), ("dense", slice(old, None))):
            if any(n < m for n, m in zip(size[part], self.shape[part], strict=True)):
                raise RuntimeError(f"shrinking the size of {name} dimensions (from {list(self.shape[part])} to {list(size[part])}) on a non-empty sparse "
                                   f"tensor is not supported.\n{SHRUNK}")
        values = self._vals.new_zeros((self._nnz(), *size[old:]))
        values[(slice(None), *[slice(n) for n in self.shape[old:]])] = self._vals
        return self._become(sparse(COO, self._parts, values, size, self._coalesced))
    return self._become(empty(size, self.dtype, self.device, dense_dim))


@sparse_form()
@public("Tensor")
def sparse_resize_and_clear_(self: Tensor, size: Sequence[int], sparse_dim: int, dense_dim: int) -> Tensor:
    """Take another size and forget all elements."""
    _resizable(self, "sparse_resize_and_clear_")
    return self._become(empty(tuple(size), self.dtype, self.device, dense_dim))


def _resizable(of: Tensor, name: str) -> None:
    if not isinstance(of, SparseTensor) or of.layout is not COO:
        backend = "SparseCsrCPU" if isinstance(of, SparseTensor) else "CPU"
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the '{backend}' backend.")


@sparse_form("resize_as_sparse_", "resize_as_")
@public("Tensor torch")
def resize_as_sparse_(self: Tensor, the_template: Tensor) -> Tensor:
    """Take the size of another sparse tensor; elements are kept where the size does not change."""
    if not isinstance(self, SparseTensor) or not isinstance(the_template, SparseTensor):
        raise RuntimeError("resize_as_sparse_: self and other must be sparse")
    if self.shape == the_template.shape and self.sparse_dim() == the_template.sparse_dim():
        return self
    return sparse_resize_(self, the_template.shape, the_template.sparse_dim(), the_template.dense_dim())
