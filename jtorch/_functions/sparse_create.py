"""Creating sparse tensors, and the checks of their invariants."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.device import Where
from .._core.dtype import dtype, int32, int64
from .._core.format import LAYOUTS, layout
from .._core.public import public
from .._core.sparse import BLOCKS, COO, NAMES, ROWS, SparseTensor, host, on, sparse, sparse_form
from .._core.tensor import Tensor
from .create import finish
from .literals import floating, to_array
from .sparse_values import numbered, stored_as

COMPRESSED = tuple(LAYOUTS[f"sparse_{n}"] for n in ("csr", "csc", "bsr", "bsc"))
NOT_GIVEN: Any = object()


class Invariants:
    """Whether invariants are checked where nothing is said."""
    checked = False


def given(data: Any, kind: dtype | None, device: Any) -> Tensor:
    """Data as a tensor of a type, sharing memory and history where it is one."""
    if not isinstance(data, Tensor):
        return finish(to_array(data, kind), device, False)
    data = data if device is None else data.to(device)
    return data if kind is None else data.to(kind)


@public("torch")
def sparse_coo_tensor(indices: Any = NOT_GIVEN, values: Any = NOT_GIVEN, size: Sequence[int] | None = None, *, dtype: dtype | None = None, device: Where = None,
                      pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
                      is_coalesced: bool | None = None) -> Tensor:
    """A sparse tensor in coordinates; elements that are stored several times count as their sum.

    indices: (sparse_dim, nnz), values: (nnz, …)  ->  size, by default just large enough

    >>> torch.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if values is NOT_GIVEN and (indices is NOT_GIVEN) is (size is None):
        raise TypeError("sparse_coo_tensor() received an invalid combination of arguments - got (), but expected one of:\n * (object indices, object values, *, "
                        "torch.dtype dtype = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False, bool check_invariants = "
                        "None)\n * (object indices, object values, tuple of ints size, *, torch.dtype dtype = None, torch.device device = None, bool pin_memory "
                        "= False, bool requires_grad = False, bool check_invariants = None, bool is_coalesced = None)\n * (tuple of ints size, *, torch.dtype "
                        "dtype = None, torch.device device = None, bool requires_grad = False, bool check_invariants = None)\n")
    if values is NOT_GIVEN:
        made = empty(tuple(indices if size is None else size), dtype, device)
        return made.requires_grad_() if requires_grad else made
    held = given(values, dtype, device)
    where = given(indices, int64, held.device)
    held = held.reshape(1) if not held.dim() else held
    size = _checked_coo(where, held, size)
    if Invariants.checked if check_invariants is None else check_invariants:
        check_coo(where, size, bool(is_coalesced))
    made = stored_as(COO, (where,), held, size, "SparseCooTensorWithDimsAndTensorsBackward0", bool(is_coalesced))
    return made.requires_grad_() if requires_grad and not made.requires_grad else made


def empty(size: Sequence[int], kind: dtype | None, device: Any, dense: int = 0) -> SparseTensor:
    """A tensor in coordinates that stores nothing."""
    values = finish(np.zeros((0, *size[len(size) - dense:]), (kind or floating()).numpy), device, False)
    return sparse(COO, on(values.device, np.zeros((len(size) - dense, 0), np.int64)), values, size, len(size) == 0)


def _checked_coo(indices: Tensor, values: Tensor, size: Sequence[int]) -> tuple[int, ...]:
    """The size, given or found.  Raises where the parts do not fit together."""
    if indices.dim() != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
    dims, count = indices.shape
    if size is not None and len(size) != dims + values.dim() - 1:
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = {dims}, "
                           f"dense_dim = {values.dim() - 1}")
    if count != values.shape[0]:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {count}, nnz from values: {values.shape[0]}")
    if size is not None:
        expected = [count, *size[dims:]]
        if expected != list(values.shape):
            raise RuntimeError(f"values has incorrect size, expected {expected}, got {list(values.shape)}")
        return tuple(map(int, size))
    known = host(indices)
    for dim, row in enumerate(known):
        if count and row.min() < 0:
            raise RuntimeError(f"found negative index {row.min()} for dim {dim}")
    return (*[int(row.max()) + 1 if count else 0 for row in known], *values.shape[1:])


def check_coo(indices: Tensor, size: Sequence[int], is_coalesced: bool) -> None:
    """Raise for indices that are out of range, or not sorted where they are said to be."""
    known = host(indices)
    for dim, row in enumerate(known):
        if row.size and row.min() < 0:
            raise RuntimeError(f"found negative index {row.min()} for dim {dim}")
        if row.size and row.max() >= size[dim]:
            raise RuntimeError(f"size is inconsistent with indices: for dim {dim}, size is {size[dim]} but found index {row.max()}")
    if is_coalesced and (np.diff(numbered(known, size[:len(known)])) <= 0).any():
        raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")


# Compressed by rows or columns

@public("torch")
def sparse_compressed_tensor(compressed_indices: Any, plain_indices: Any, values: Any, size: Sequence[int] | None = None, *, dtype: dtype | None = None,
                             layout: layout | None = None, device: Where = None, pin_memory: bool = False, requires_grad: bool = False,
                             check_invariants: bool | None = None) -> Tensor:
    """A sparse tensor that is compressed by rows or columns.

    compressed_indices  where each row (or column) begins among the others, (*, rows + 1);  plain_indices  the columns (or rows), (*, nnz)
    values              (*, nnz, …), of the block layouts (*, nnz, block rows, block columns, …)
    """
    if layout not in COMPRESSED:
        raise RuntimeError(f"sparse_compressed_tensor expected sparse compressed tensor layout but got {'none' if layout is None else NAMES[layout]}")
    held = given(values, dtype, device)
    parts = tuple(_index(x, held.device) for x in (compressed_indices, plain_indices))
    size = tuple(size) if size is not None else _size(layout, parts, held)
    if Invariants.checked if check_invariants is None else check_invariants:
        check_compressed(layout, parts, held, size)
    made = stored_as(layout, parts, held, size, "SparseCompressedTensorBackward0")
    return made.requires_grad_() if requires_grad and not made.requires_grad else made


def _index(data: Any, device: Any) -> Tensor:
    kept = isinstance(data, Tensor) and data.dtype in (int32, int64)
    return given(data, None if kept else int64, device)


def _size(kind: layout, parts: tuple[Tensor, ...], values: Tensor) -> tuple[int, ...]:
    compressed, plain = parts
    batch = plain.dim() - 1
    block = values.shape[batch + 1:batch + 3] if kind in BLOCKS else (1, 1)
    pair = [compressed.shape[-1] - 1, int(host(plain).max()) + 1 if plain.numel() else 0]
    pair = pair if kind in ROWS else pair[::-1]
    return (*compressed.shape[:-1], *[n * b for n, b in zip(pair, block, strict=True)], *values.shape[batch + (3 if kind in BLOCKS else 1):])


def check_compressed(kind: layout, parts: tuple[Tensor, ...], values: Tensor, size: Sequence[int]) -> None:
    """Raise for indices that contradict each other, the values or the size."""
    compressed, plain = map(host, parts)
    batch, by_rows = plain.ndim - 1, kind in ROWS
    names = ("crow_indices", "col_indices", "row", "col") if by_rows else ("ccol_indices", "row_indices", "column", "row")
    block = values.shape[batch + 1:batch + 3] if kind in BLOCKS else (1, 1)
    major, minor = [n // b for n, b in zip(size[batch:batch + 2], block, strict=True)][::1 if by_rows else -1]
    unit = names[2] + (" block" if kind in BLOCKS else "")
    count = values.shape[batch]
    if compressed.shape[-1] != major + 1:
        raise RuntimeError(f"{names[0]}.shape[-1] must be equal to the number of {unit}s + 1 (={major + 1}), but got {compressed.shape[-1]}")
    if plain.shape[-1] != count:
        raise RuntimeError(f"{names[1]}.shape[-1] must be equal to nnz (={count}) as defined by values.shape[{batch}], but got {plain.shape[-1]}")
    short = "nrows" if by_rows else "ncols"
    _must((compressed[..., 0] == 0).all(), f"{names[0]}[..., 0] == 0")
    _must((compressed[..., -1] == count).all(), f"{names[0]}[..., -1] == nnz")
    steps = np.diff(compressed)
    _must(((steps >= 0) & (steps <= minor)).all(), f"0 <= {names[0]}[..., 1:] - {names[0]}[..., :-1] <= {'ncols' if by_rows else 'nrows'}")
    _must(((plain >= 0) & (plain < minor)).all(), f"0 <= {names[1]} < {'ncols' if by_rows else 'nrows'}")
    for ends, line in zip(compressed.reshape(-1, major + 1), plain.reshape(-1, count), strict=True):
        inside = np.ones(max(count - 1, 0), bool)
        inside[[e - 1 for e in ends[1:-1] if 0 < e < count]] = False
        _must(not (np.diff(line) <= 0)[inside].any(), f"{names[1]}[..., {names[0]}[..., i - 1]:{names[0]}[..., i]] for all i = 1, ..., {short} are sorted and "
              "distinct along the last dimension values")


def _must(holds: Any, what: str) -> None:
    if not holds:
        raise RuntimeError(f"`{what}` is not satisfied.")


def _creator(name: str, names: tuple[str, str], text: str) -> None:
    def create(first: Any, second: Any, values: Any, size: Sequence[int] | None = None, *, dtype: dtype | None = None, device: Where = None,
               pin_memory: bool = False,
               requires_grad: bool = False, check_invariants: bool | None = None) -> Tensor:
        return sparse_compressed_tensor(first, second, values, size, dtype=dtype, layout=LAYOUTS[f"sparse_{name}"], device=device,
                                        requires_grad=requires_grad, check_invariants=check_invariants)

    def call(*args: Any, **kwargs: Any) -> Tensor:
        renamed = {"first": kwargs.pop(names[0])} if names[0] in kwargs else {}
        renamed |= {"second": kwargs.pop(names[1])} if names[1] in kwargs else {}
        return create(*args, **renamed, **kwargs)
    call.__name__ = call.__qualname__ = f"sparse_{name}_tensor"
    call.__doc__ = f"A sparse tensor {text}: `{names[0]}`, `{names[1]}`, values, size as in `torch.sparse_compressed_tensor`."
    public("torch")(call)


_creator("csr", ("crow_indices", "col_indices"), "compressed by rows")
_creator("csc", ("ccol_indices", "row_indices"), "compressed by columns")
_creator("bsr", ("crow_indices", "col_indices"), "of blocks, compressed by rows")
_creator("bsc", ("ccol_indices", "row_indices"), "of blocks, compressed by columns")


# Empty ones

@sparse_form()
def empty_as(kind: layout, size: Sequence[int], element: dtype | None, device: Any, requires_grad: bool = False,
             of: SparseTensor | None = None) -> SparseTensor:
    """A tensor of a layout that stores nothing; in coordinates with the dense dimensions of `of`."""
    if kind is COO:
        dense = of.dense_dim() if of is not None and of.layout is COO and of.dim() == len(size) else 0
        return empty(size, element, device, dense).requires_grad_(requires_grad)
    if len(size) < 2:
        raise RuntimeError(f"torch.empty: Only batched sparse compressed (non-block) tensors are supported, but got size {list(size)}")
    if kind in BLOCKS:
        raise RuntimeError(f"empty tensors of layout {NAMES[kind]} need a block size: convert a dense tensor")
    values = finish(np.zeros(0, (element or floating()).numpy), device, False)
    lines = size[0] if kind in ROWS else size[1]
    return sparse(kind, on(values.device, np.zeros(lines + 1, np.int64), np.zeros(0, np.int64)), values, size).requires_grad_(requires_grad)
