"""Matrix products with sparse operands."""
from __future__ import annotations

from typing import Any

import numpy as np

from .._core.public import public
from .._core.record import record
from .._core.sparse import COO, ROWS, SparseTensor, on, refusal, sparse, sparse_form, tracked
from .._core.tensor import Tensor, wrap
from .._ops.sparse import sparse_addmm
from .sparse_convert import compressed
from .sparse_values import coalesced, coo, indices_of, stored_as, values_of, with_values

REDUCTIONS = {"sum": "sum", "mean": "mean", "amax": "amax", "max": "amax", "amin": "amin", "min": "amin"}


def product(of: SparseTensor, dense: Tensor, input: Tensor | None = None, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta · input + alpha · of @ dense, whose gradient has only the elements that are stored."""
    of = coo(of)
    if of.shape[1] != dense.shape[0]:
        raise RuntimeError(f"addmm: Argument #3 (dense): Expected dim 0 size {of.shape[1]}, got {dense.shape[0]}")
    if of.dtype is not dense.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {of.dtype.in_c} != {dense.dtype.in_c}")
    index = of._parts[0]
    return wrap(record(sparse_addmm.op, (values_of(of), index, dense, input, beta, alpha), (of.shape[0],)))


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """a @ b for two matrices of which at least one is sparse."""
    if a.dim() != 2 or b.dim() != 2:
        raise RuntimeError(f"mm: matrices expected, got {a.dim()}D, {b.dim()}D tensors")
    if not isinstance(a, SparseTensor):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})")
        return product(b.t(), a.t()).t()
    return _both_sparse(a, b) if isinstance(b, SparseTensor) else product(a, b)


def _both_sparse(a: SparseTensor, b: SparseTensor) -> Tensor:
    """The product of two sparse matrices: pairs of elements that meet, summed by where they go."""
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})")
    kind, a, b = a.layout, coalesced(coo(a)), coalesced(coo(b))
    (rows, inner), (lines, columns) = indices_of(a), indices_of(b)
    starts = np.searchsorted(lines, np.arange(b.shape[0] + 1))
    counts = (starts[1:] - starts[:-1])[inner]
    left = np.repeat(np.arange(rows.size), counts)
    right = np.arange(left.size) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts[inner], counts)
    number, place = np.unique(rows[left] * b.shape[1] + columns[right], return_inverse=True)
    lefts, rights, places = on(a.device, left, right, place.reshape(-1))
    terms = values_of(a).index_select(0, lefts) * values_of(b).index_select(0, rights)
    values = terms.new_zeros(number.size).index_add(0, places, terms)
    where = np.stack(np.divmod(number, max(b.shape[1], 1)))
    made = stored_as(COO, on(a.device, where), values, (a.shape[0], b.shape[1]), "SparseSparseMatmulBackward0", True)
    return made if kind is COO else compressed(made, kind, None, None)


def _plain_product(a: Tensor, b: Tensor) -> Tensor:
    return multiply(a.detach(), b.detach())


@sparse_form("mm", "spmm", "dsmm")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, of which at least one is sparse; where the result is dense, so are the gradients."""
    if isinstance(input, SparseTensor) and isinstance(mat2, SparseTensor):
        return _both_sparse(input, mat2)
    return tracked("MmBackward0", [input, mat2], _plain_product(input, mat2), lambda grad: [grad @ _dense_t(mat2), _dense_left(input, grad)])


def _dense_t(of: Tensor) -> Tensor:
    return of.detach().t().conj() if isinstance(of, SparseTensor) else of.t().conj()


def _dense_left(of: Tensor, grad: Tensor) -> Tensor:
    return _dense_t(of) @ grad


@sparse_form()
def mv(input: SparseTensor, vec: Tensor) -> Tensor:
    """The product of a sparse matrix and a vector."""
    made = _plain_product(input, vec.reshape(-1, 1)).reshape(-1)
    return tracked("MvBackward0", [input, vec], made, lambda grad: [grad.reshape(-1, 1) * vec.conj(), _dense_left(input, grad.reshape(-1, 1)).reshape(-1)])


@sparse_form()
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The product of a matrix with a matrix or vector, or of several with one matrix."""
    if other.dim() == 1:
        return mv(input, other)
    if input.dim() == other.dim() == 2:
        return mm(input, other)
    if input.dim() == 1:
        return mm(input.reshape(1, -1), other).reshape(-1)
    if input.dim() == other.dim() == 3:
        return bmm(input, other)
    if input.dim() > 2 and other.dim() == 2:
        return mm(input.reshape(-1, input.shape[-1]), other).reshape(*input.shape[:-1], other.shape[-1])
    raise refusal("matmul", input if isinstance(input, SparseTensor) else other)


@sparse_form()
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias."""
    made = matmul(input, weight.t())
    return made if bias is None else made + bias


@sparse_form()
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of a batch of sparse matrices and dense ones."""
    if not isinstance(input, SparseTensor) or isinstance(mat2, SparseTensor):
        raise refusal("bmm", mat2 if isinstance(mat2, SparseTensor) else input)
    if input.sparse_dim() != 3:
        raise RuntimeError(f"bmm_sparse: Tensor 'self' must have 3 sparse dims, but has {input.sparse_dim()}")
    if input.shape[2] != mat2.shape[1] or input.shape[0] != mat2.shape[0]:
        raise RuntimeError("bmm_sparse: Argument #2 has wrong size")
    return tracked("BmmBackward0", [input, mat2], _blocks(input.detach(), mat2.detach()), lambda grad: [
        grad @ mat2.transpose(1, 2).conj(), _blocks(input.detach().transpose(1, 2).conj(), grad)])


def _blocks(of: SparseTensor, dense: Tensor) -> Tensor:
    """A batch of products as the product with one matrix of blocks along its diagonal."""
    batch, n, m = of.shape
    b, i, j = indices_of(of)
    whole = sparse(COO, on(of.device, np.stack([b * n + i, b * m + j])), of._vals, (batch * n, batch * m))
    return product(whole, dense.reshape(batch * m, -1)).reshape(batch, n, -1)


@sparse_form()
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta · input + alpha · mat1 @ mat2; gradients are dense."""
    if isinstance(input, SparseTensor):
        return input * beta + mm(mat1, mat2) * alpha
    made = input.detach() * beta + _plain_product(mat1, mat2) * alpha
    return tracked("AddmmBackward0", [input, mat1, mat2], made, lambda grad: [
        (grad * beta).sum_to_size(input.shape), grad @ _dense_t(mat2) * alpha, _dense_left(mat1, grad) * alpha])


# torch.sparse

@public("sparse", name="mm")
def sparse_mm(mat1: Tensor, mat2: Tensor, reduce: str | None = None) -> Tensor:
    """The product of a sparse and a dense matrix, or of two sparse ones; the gradient of a sparse one has the elements that it stores.

    mat1: (n, m), mat2: (m, p)  ->  (n, p);  `reduce` (sum, mean, amax, amin) tells how products are put together
    """
    if reduce is not None and reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, mean, amax or amin, got {reduce}.")
    if not isinstance(mat1, SparseTensor) and not isinstance(mat2, SparseTensor):
        return mat1.mm(mat2)
    if reduce is None:
        return multiply(mat1, mat2)
    if mat1.layout is not ROWS[0]:
        raise refusal("_sparse_mm_reduce_impl", mat1 if isinstance(mat1, SparseTensor) else mat2)
    row, column = on(mat1.device, *indices_of(mat1))
    terms = values_of(mat1).unsqueeze(1) * mat2.index_select(0, column)
    where = row.unsqueeze(1).expand(terms.shape)
    return terms.new_zeros((mat1.shape[0], mat2.shape[1])).scatter_reduce(0, where, terms, REDUCTIONS[reduce], include_self=False)


@public("sparse", name="addmm")
def sparse_plus_product(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """beta · mat + alpha · mat1 @ mat2 for a sparse mat1; its gradient has the elements that it stores."""
    return product(mat1, mat2, mat, beta, alpha)


@public("sparse")
def sampled_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0, out: Tensor | None = None) -> Tensor:
    """beta · input + alpha · mat1 @ mat2, computed only where `input` (compressed by rows) stores elements."""
    if not isinstance(input, SparseTensor) or input.layout is not ROWS[0]:
        raise NotImplementedError("Could not run 'aten::sparse_sampled_addmm' with arguments from the "
                                  f"'{'SparseCPU' if isinstance(input, SparseTensor) else 'CPU'}' backend.")
    row, column = on(input.device, *indices_of(input))
    found = (mat1.index_select(0, row) * mat2.index_select(1, column).t()).sum(1)
    if out is not None and (not isinstance(out, SparseTensor) or out.layout is not ROWS[0]):
        raise RuntimeError(f"sampled_addmm: Expected result to have sparse csr layout, but got {'Strided' if not isinstance(out, SparseTensor) else 'Sparse'}")
    made = with_values(input, values_of(input) * beta + found.reshape(input._vals.shape) * alpha, "SparseSampledAddmmBackward0")
    return made if out is None else out._become(made)


@public("sparse")
def spsolve(input: Tensor, other: Tensor, *, left: bool = True) -> Tensor:
    """The solution of a sparse system: not on the CPU."""
    backend = "CPU" if not isinstance(input, SparseTensor) else "SparseCPU" if input.layout is COO else "SparseCsrCPU"
    raise NotImplementedError(f"Could not run 'aten::_spsolve' with arguments from the '{backend}' backend.")


# Old products, whose result is sparse

def _no_gradient(name: str, inputs: list[Tensor], made: SparseTensor) -> SparseTensor:
    def refuse(grad: Tensor) -> list:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")
    return tracked("NotImplemented", inputs, made, refuse)


@sparse_form()
@public("torch Tensor")
def sspaddmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta · input + alpha · mat1 @ mat2 as a sparse tensor, for sparse input and mat1."""
    if not isinstance(mat1, SparseTensor) or not isinstance(input, SparseTensor):
        raise refusal("sspaddmm", mat1) if isinstance(mat1, SparseTensor) else NotImplementedError("Could not run 'aten::sspaddmm' with arguments from the "
                                                                                                  "'CPU' backend.")
    rows, width = np.unique(indices_of(mat1)[0]), mat2.shape[1]
    where = np.stack([np.repeat(rows, width), np.tile(np.arange(width), rows.size)])
    found = _plain_product(mat1, mat2).index_select(0, *on(mat1.device, rows)).reshape(-1)
    made = sparse(COO, on(mat1.device, where), found * alpha, (mat1.shape[0], width))
    if input._nnz():
        made = input.detach() * beta + made
    return _no_gradient("sspaddmm", [input, mat1, mat2], made)


@sparse_form()
@public("torch Tensor")
def smm(input: Tensor, mat: Tensor) -> Tensor:
    """The product of a sparse and a dense matrix as a sparse tensor."""
    return sspaddmm(input.new_zeros(input.shape[0], mat.shape[1]), input, mat)


@sparse_form()
@public("torch")
def hspmm(mat1: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of a sparse and a dense matrix as a hybrid tensor: its rows that are not zero."""
    rows = np.unique(indices_of(coo(mat1))[0])
    made = sparse(COO, on(mat1.device, rows[None]), _plain_product(mat1, mat2).index_select(0, *on(mat1.device, rows)), (mat1.shape[0], mat2.shape[1]), True)
    made = _no_gradient("hspmm", [mat1, mat2], made)
    return made if out is None else out._become(made)


public("torch", name="hsmm")(hspmm)


@public("torch")
def spmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    return input.mm(mat2)


public("torch", name="dsmm")(spmm)
