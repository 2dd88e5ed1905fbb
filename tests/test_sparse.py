"""Sparse tensors: as PyTorch's in values, layout, printed text, gradients and errors."""
from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import jtorch
from jtorch._core import derive
from jtorch._core.op import REGISTRY

LIBRARIES = torch, jtorch


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """PyTorch warns that sparse tensors are new, and that their invariants are not checked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tensors(T: Any) -> dict[str, Any]:
    """What the expressions below are about, in one of the libraries."""
    i, v = T.tensor([[0, 1, 1], [2, 0, 2]]), T.tensor([3.0, 4.0, 5.0])
    a = T.sparse_coo_tensor(i, v, (2, 4))
    d4 = T.arange(16.0).reshape(4, 4) * (T.arange(16).reshape(4, 4) % 3 > 0)
    return {"torch": T, "i": i, "v": v, "a": a, "c": a.coalesce(), "u": T.sparse_coo_tensor([[1, 0, 1], [2, 0, 2]], [1.0, 2.0, 3.0], (2, 3)),
            "h": T.sparse_coo_tensor([[1, 0, 1]], T.arange(6.0).reshape(3, 2), (3, 2)), "d": T.arange(12.0).reshape(4, 3), "e": T.zeros(2, 4),
            "x": T.arange(8.0).reshape(2, 4) % 5, "r": a.to_sparse_csr(), "k": a.to_sparse_csc(), "b": d4.to_sparse_bsr((2, 2)), "bc": d4.to_sparse_bsc((2, 2)),
            "crow": T.tensor([0, 1, 3]), "col": T.tensor([2, 0, 2]), "F": T.nn.functional}


CREATION = """
a; c; u; h; r; k; b; bc; u.coalesce(); torch.sparse_coo_tensor(i, v); torch.sparse_coo_tensor((2, 3)); torch.sparse_coo_tensor(size=(2, 3))
torch.sparse_coo_tensor(i, v.double(), requires_grad=True); torch.sparse_coo_tensor(i, v, (1, 2)); torch.sparse_coo_tensor(i, v[:2])
torch.sparse_coo_tensor(i.float(), v); torch.sparse_coo_tensor(i, v, (2,)); torch.sparse_coo_tensor(i - 1, v)
torch.sparse_coo_tensor(i, v, (2, 4), is_coalesced=True).is_coalesced(); torch.sparse_coo_tensor([0, 1], [1.0, 2.0])
torch.sparse_coo_tensor([[1, 1], [2, 2]], [1.0, 2.0], (2, 4), is_coalesced=True, check_invariants=True)
torch.sparse_coo_tensor([[1, 0], [2, 2]], [1.0, 2.0], (2, 4), is_coalesced=True, check_invariants=True)
torch.sparse_coo_tensor(torch.empty((2, 0), dtype=torch.long), torch.empty(0), (2, 4)); torch.sparse_coo_tensor([[0, 1]], 5.0)
torch.sparse_coo_tensor(torch.empty((1, 0), dtype=torch.long), torch.empty(0, 3)); torch.sparse_coo_tensor([[0, 1]], torch.ones(2, 3), (3, 4))
torch.sparse_coo_tensor([[0, 1], [1, 0]], torch.tensor([1, 2], dtype=torch.int32)); torch.sparse_coo_tensor([[0, 1], [1, 0]], [1, 2])
torch.sparse_coo_tensor([[0, 1], [1, 0]], [True, False]); torch.sparse_coo_tensor([[0], [1]], [1 + 2j])
torch.sparse_coo_tensor([[0, 1]], [1.0, 2.0], dtype=torch.float16); torch.sparse_coo_tensor([[0, 1]], [1.0, 2.0], (3,), device="cpu")
torch.sparse_coo_tensor([[0, 7]], [1.0, 2.0], (3,), check_invariants=True); torch.sparse_coo_tensor([[0, -7]], [1.0, 2.0], (3,), check_invariants=True)
torch.sparse_coo_tensor(indices=i, values=v, size=(2, 4)); torch.sparse_coo_tensor("a", v)
torch.sparse_coo_tensor(torch.arange(40).reshape(1, 40), torch.arange(40.0)); torch.sparse_coo_tensor(i, v, (2, 4)).double().requires_grad_()
torch.sparse_csr_tensor(crow, col, v); torch.sparse_csr_tensor(crow, col, v, (2, 4)); torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [1, 2, 3])
torch.sparse_csr_tensor(crow_indices=crow, col_indices=col, values=v, size=(2, 4)); torch.sparse_csc_tensor([0, 1, 1, 3], [1, 0, 1], v)
torch.sparse_csr_tensor(crow, col, v, (2, 2), check_invariants=True); torch.sparse_csr_tensor(crow, col, v, (3, 4), check_invariants=True)
torch.sparse_csr_tensor(crow, col, v[:2], (2, 4), check_invariants=True); torch.sparse_csr_tensor([1, 1, 3], col, v, (2, 4), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 2], col, v, (2, 4), check_invariants=True); torch.sparse_csr_tensor(crow, [2, 2, 0], v, (2, 4), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [1, 2, 3], dtype=torch.float64); torch.sparse_compressed_tensor(crow, col, v, (2, 4))
torch.sparse_compressed_tensor(crow, col, v, (2, 4), layout=torch.sparse_csr); torch.empty(2, 3, layout=torch.sparse_coo)
torch.sparse_bsr_tensor([0, 1, 2], [0, 1], torch.arange(8.0).reshape(2, 2, 2)); torch.zeros(2, 3, layout=torch.sparse_coo)
torch.sparse_bsc_tensor([0, 1, 2], [0, 1], torch.arange(8.0).reshape(2, 2, 2), (4, 4)).to_dense(); torch.zeros_like(a); torch.ones_like(a)
torch.zeros_like(r); torch.zeros_like(a, layout=torch.strided); a.new_zeros(2, 2); a.new_tensor([1.0, 2.0]); a.new_empty((2, 2)); torch.empty_like(a)
torch.sparse.spdiags(torch.arange(9.0).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 3)); torch.sparse.spdiags(torch.arange(3.0), torch.tensor([0]), (3, 3))
torch.sparse.spdiags(torch.arange(9.0).reshape(3, 3), torch.tensor([0, -1, 2]), (4, 4))
torch.sparse.spdiags(torch.arange(9.0).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 3), layout=torch.sparse_csr)
torch.sparse.spdiags(torch.arange(9.0).reshape(3, 3), torch.tensor([0, 0, 2]), (3, 3)); torch.sparse.check_sparse_tensor_invariants.is_enabled()
"""

ACCESS = """
a.indices(); a.values(); c.indices(); c.values(); a._indices(); a._values(); a._nnz(); a.is_coalesced(); c.is_coalesced(); a.layout; a.is_sparse
(a.sparse_dim(), a.dense_dim(), h.sparse_dim(), h.dense_dim(), d.sparse_dim(), d.dense_dim(), b.sparse_dim(), b.dense_dim()); d.indices(); d.values()
d.is_coalesced(); d.coalesce(); d._nnz(); d.crow_indices(); a.crow_indices(); a.is_sparse_csr; a.numel(); a.shape; a.stride(); a.is_contiguous(); a.data_ptr()
a.dim(); len(a); a.size(1); a.numpy(); a.item(); bool(a); a.type(); a.storage_offset(); a.element_size(); a.is_leaf; a.nbytes; a.requires_grad; a.dtype
r.crow_indices(); r.col_indices(); r.values(); r.indices(); r._nnz(); r.is_coalesced(); r.coalesce(); r.ccol_indices(); r.row_indices(); k.ccol_indices()
k.row_indices(); k.crow_indices(); r.stride(); r.numel(); (r.is_sparse, r.is_sparse_csr, k.is_sparse_csr, b.is_sparse_csr); b._nnz(); r._indices()
isinstance(a, torch.Tensor); torch.is_tensor(a); a.is_floating_point(); a.is_same_size(a); list(a); hash(a) == hash(a); a.cpu() is a; a.is_shared()
"""

CONVERSION = """
a.to_dense(); u.to_dense(); h.to_dense(); r.to_dense(); k.to_dense(); b.to_dense(); bc.to_dense(); a.to_dense(torch.float64); r.to_dense(torch.float64)
d.to_sparse(); d.to_sparse(1); d.to_sparse(3); d.to_sparse(0); torch.tensor(3.0).to_sparse(); torch.zeros(2, 2).to_sparse(); r.to_sparse(); r.to_sparse_coo()
k.to_sparse(); b.to_sparse(); r.to_sparse_csc(); r.to_sparse_bsr((1, 2)); k.to_sparse_csr(); a.to_sparse(layout=torch.sparse_csr); x.to_sparse_bsr((3, 2))
x.to_sparse(layout=torch.sparse_bsr, blocksize=(1, 2)); x.to_sparse(layout=torch.sparse_bsr); x.to_sparse(layout=torch.sparse_csr, blocksize=(1, 2))
x.to_sparse_csr(dense_dim=0); torch.ones(2, 2, 3).to_sparse_csr(); torch.ones(2, 2, 3).to_sparse_csr(dense_dim=1); a.to_sparse(); a.to_sparse(1); h.to_sparse()
x.to_sparse(layout=torch.strided); x.sparse_mask(a); x.sparse_mask(r); x.sparse_mask(x); h.sparse_mask(h); torch.ones(3, 2).sparse_mask(h)
torch.ones(2, 2, 4).to_sparse_bsr((1, 2)).to_dense(); b.to_sparse_csr(); b.to_sparse_bsc((2, 2)); bc.to_sparse_bsr((2, 2)); a.float(); a.double(); a.long()
a.to(torch.int32); a.bool(); a.to(d); a.type(torch.float64); a.clone(); u.clone(); a.detach(); r.double(); r.clone(); a.data
a.clone().zero_(); a.clone().copy_(a * 2); a.clone().copy_(u); a.clone().sparse_resize_((3, 5), 2, 0); a.clone().sparse_resize_((1, 1), 2, 0)
a.clone().sparse_resize_and_clear_((3, 5), 2, 0); a.clone().sparse_resize_((3, 5, 2), 2, 1)
torch.sparse_coo_tensor((0,)).resize_as_sparse_(a); a.clone().mul_(2); a.clone().add_(a); a.clone().neg_(); u.clone().relu_(); a.clone().t_()
a.clone().sub_(a); a.clone().div_(2); a.clone().fill_(1); e.clone().add_(a); torch.zeros(3, 2).add_(h, alpha=2)
"""

ELEMENTWISE = """
a + a; a + u; a + 1; a * 2; 2 * a; a / 2; a // 2; a ** 2; a - a; a * a; u * u; h * h; h + h; h * 2; a * x; x * a; e + a; a + e; a - e; e - a; a / e; u + u
a + a.double(); a * torch.tensor(2.0); a / torch.tensor(2.0); a / a; torch.div(a, 2, rounding_mode="floor"); a.pow(0); a.pow(-1); a.float_power(2); 2 ** a
1 / a; a % 2; ~a; a & a; a > 0; a == a; torch.add(a, a, alpha=2); torch.sub(a, a, alpha=3); torch.mul(a, torch.tensor(2.0)); u + u * 2; c + c * 3
torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 4)) + a; torch.sparse_coo_tensor([[0, 1], [2, 0]], [1.0, 2.0], (2, 4)).coalesce() * c
a.abs(); -a; a.sin(); u.sin(); u.neg(); a.sqrt(); a.relu(); torch.relu(u); F.relu(a); a.cos(); a.exp(); a.isnan(); a.isinf(); a.signbit(); a.floor(); a.ceil()
a.round(); a.trunc(); a.frac(); a.tan(); a.atan(); a.tanh(); a.asinh(); a.erf(); a.rad2deg(); a.deg2rad(); a.positive(); a.conj(); a.nan_to_num(); a.sigmoid()
a.clamp(0, 1); a.log(); a.sign(); a.sgn(); a.square(); a.log1p(); a.reciprocal(); torch.maximum(a, a); torch.where(e > 0, a, a)
r + r; r * 2; 2 * r; r * r; r / 2; r - r; -r; r.sin(); r + x; x + r; r.abs(); r.relu(); a.equal(a); a.nonzero(); a.any(); torch.cumsum(a, 0); a.argmax()
"""

PRODUCTS = """
a @ d; d.t() @ a.t(); torch.mm(a, d); torch.mm(d.t(), a.t()); torch.matmul(a, d); torch.mv(a, d[:, 0]); a @ d[:, 0]; torch.sparse.mm(a, d); u.t() @ x
torch.sparse.mm(a, a.t()); torch.sparse.mm(d.t(), a.t()); a @ a.t(); u @ u.t(); torch.addmm(torch.ones(2, 3), a, d, beta=2, alpha=3); torch.mm(u, d[:3])
torch.sparse.addmm(torch.ones(2, 3), a, d, beta=2, alpha=3); torch.bmm(torch.stack([a, a]), torch.stack([d, d])); torch.smm(a, d); torch.hspmm(a, d)
torch.sspaddmm(torch.sparse_coo_tensor((2, 3)), a, d); torch.dsmm(a, d); torch.hsmm(a, d); torch.spmm(a, d); torch.bmm(a, d); torch.sparse.mm(a, x); a @ x
torch.matmul(x, a.t()); torch.ones(3, 2, 4) @ a.t(); F.linear(torch.ones(3, 4), a); F.linear(a, torch.ones(5, 4)); a.dot(x[0]); r @ x.t(); r @ x.t()[:, 0]
torch.mm(r, x.t()); torch.addmm(torch.zeros(2, 2), r, x.t()); torch.sparse.mm(r, x.t()); torch.sparse.mm(a, x.t(), "sum"); torch.sparse.mm(r, x.t(), "mean")
torch.sparse.mm(r, x.t(), "max"); torch.sparse.mm(r, x.t(), "amin"); torch.sparse.mm(r, x.t(), "sum"); torch.sparse.sampled_addmm(r, x, torch.ones(4, 4))
torch.sparse.sampled_addmm(r, torch.ones(2, 3), torch.ones(3, 4), beta=2.0, alpha=0.5); torch.sparse.sampled_addmm(a, torch.ones(2, 3), torch.ones(3, 4))
torch.sparse.spsolve(r, v); k @ d; (r @ r.t()).to_dense()
"""

REDUCTIONS = """
a.sum(); u.sum(); a.sum(0); a.sum(0, keepdim=True); torch.sparse.sum(a, (0, 1)); torch.sparse.sum(a, [0]); torch.sparse.sum(a, dtype=torch.float64); a.norm()
torch.sparse.sum(h, 1); torch.sparse.sum(h, 0); torch.sparse.sum(d); h.sum(1); a.norm(1); a.norm(float("inf")); a.norm(2, 0); torch.norm(a); u.norm(); a.mean()
a.prod(); a.max(); r.sum(); r.sum(0); r.sum(1, keepdim=True); r.sum(0, keepdim=True); torch.sparse.softmax(a, 0); torch.sparse.softmax(a, 1); a.std()
torch.sparse.softmax(a, -1); torch.sparse.log_softmax(a, 1); torch.sparse.softmax(a, 1, dtype=torch.float64); torch.softmax(a, 1); torch.sparse.softmax(h, 1)
torch.sparse.softmax(h, 0); torch.sparse.log_softmax(u, 0)
"""

SHAPES = """
a.t(); a.T; a.mT; a.H; a.adjoint(); a.transpose(0, 1); torch.transpose(u, 1, 0); a.swapaxes(0, 1); a.movedim(0, 1); a.permute(1, 0); a.permute(0, 0); h.t()
h.transpose(0, 1); r.t(); r.transpose(0, 1); k.t(); b.t(); a[0]; a[0, 2]; a[:, 1]; a[0:1]; a[None]; a[torch.tensor([0, 1])]; r[0]; r[0, 2]; h[1]; h[:, 1]
h[1, 1]; a.select(0, 1); a.select(1, 2); h.select(1, 0); r.select(0, 1); a.select(0, 5); a.index_select(0, torch.tensor([1, 0]))
a.index_select(1, torch.tensor([2, 2, 0])); h.index_select(1, torch.tensor([1])); torch.cat([a, a]); torch.cat([a, a], 1); torch.cat([h, h], 1)
torch.stack([a, a]); torch.stack([a, a], 2); torch.hstack([a, a]); torch.vstack([a, a]); torch.cat([a, e]); a.unsqueeze(0); a.unsqueeze(-1); h.unsqueeze(1)
h.unsqueeze(2); a.unbind(); a.narrow_copy(1, 1, 2); a.view(8); a.reshape(4, 2); a.flatten(); a.expand(2, 2, 4); a.repeat(2, 1); a.squeeze(); a.narrow(0, 0, 1)
a.split(1); a.chunk(2); a.flip(0); a.unfold(0, 1, 1); torch.trace(a); a.contiguous()
"""


def listed(text: str) -> list[str]:
    return [e.strip() for line in text.strip().splitlines() for e in line.split("; ") if e]


def outcome(T: Any, expression: str) -> tuple[str, str]:
    """What an expression gives: the text of its value, or the class of its error and its text as far as no list of PyTorch's backends follows."""
    try:
        return "value", repr(eval(expression, tensors(T)))
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        if isinstance(error, NotImplementedError):           # PyTorch names the innermost of its kernels
            return "NotImplementedError", str(error)[:13]
        return type(error).__name__, str(error)


@pytest.mark.parametrize("expression", listed(CREATION + ACCESS + CONVERSION + ELEMENTWISE + PRODUCTS + REDUCTIONS + SHAPES))
def test_expression(expression: str) -> None:
    assert outcome(jtorch, expression) == outcome(torch, expression)


# Gradients: of a sparse leaf that is coalesced, of one that is not, and of a dense leaf

SPARSE_LEAF = """
s.to_dense(); s.to_dense(masked_grad=False); s.to_dense(masked_grad=True); s.coalesce().values(); s.coalesce(); s @ d; torch.sparse.mm(s, d)
torch.sparse.mm(s, s.detach().t()); torch.sparse.addmm(torch.ones(2, 3), s, d, beta=2.0, alpha=3.0); torch.addmm(torch.ones(2, 3), s, d, beta=2.0, alpha=3.0)
s @ d[:, 0]; torch.sparse.sum(s); s.sum(); torch.sparse.sum(s, 0); s * 2; s * torch.ones(2, 4); torch.ones(2, 4) + s; s + s; s - s * 2; -s; s.relu(); s.abs()
s ** 2; s / 2; s.t(); s.transpose(0, 1); s.permute(1, 0); s.clone(); s.double(); torch.stack([s, s]); torch.sparse.log_softmax(s, 1)
s.sparse_mask(s.detach().coalesce()); (s.to_dense() * s.to_dense()); torch.hspmm(s, d); torch.smm(s, d)
"""
DENSE_LEAF = """
x.to_sparse(); x.to_sparse(1); x.to_sparse().to_dense(); x.sparse_mask(c); a.t() @ x; torch.sparse.mm(a.t(), x); x * a; a * x; x + a; x - a
torch.sparse_coo_tensor(i, x[0, :3], (2, 4)); torch.sparse_coo_tensor(i, x[0, :3], (2, 4)).to_dense()
torch.sparse_coo_tensor(i, x[0, :3], (2, 4), requires_grad=True).to_dense(); torch.sparse_csr_tensor(crow, col, x[0, :3], (2, 4)).to_dense()
torch.sparse.mm(torch.sparse_coo_tensor(i, x[1, :3], (2, 4)), x.t()); x.to_sparse_csr().to_dense(); torch.mm(x, d); torch.bmm(torch.stack([a, a]), x.t() + torch.zeros(2, 4, 2))
F.embedding(torch.tensor([[0, 1], [0, 0]]), x, sparse=True); F.embedding(torch.tensor([[0, 1], [0, 0]]), x, padding_idx=0, sparse=True)
F.embedding(torch.tensor([0, 1]), x, sparse=True) + F.embedding(torch.tensor([1, 1]), x); F.embedding_bag(torch.tensor([[0, 1], [0, 0]]), x, sparse=True)
F.embedding(torch.tensor([0, 1]), x, sparse=True, scale_grad_by_freq=True); F.embedding_bag(torch.tensor([[0, 1], [0, 0]]), x, sparse=True, mode="sum")
F.embedding_bag(torch.tensor([0, 1, 0]), x, torch.tensor([0, 1]), sparse=True); F.embedding_bag(torch.tensor([[0, 1], [0, 0]]), x, sparse=True, padding_idx=1)
F.embedding_bag(torch.tensor([[0, 1], [0, 0]]), x, sparse=True, mode="sum", per_sample_weights=torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
"""


def gradient(T: Any, expression: str, leaf: Any, name: str) -> tuple:
    """The result's text with its `grad_fn`, and the layout and dense values of the leaf's gradient."""
    try:
        made = eval(expression, {**tensors(T), name: leaf})
        if made.layout is T.strided:
            (made * T.arange(1.0, made.numel() + 1).reshape(made.shape)).sum().backward()
        else:
            T.sparse.sum(made).backward()
    except RuntimeError as error:
        return type(error).__name__, str(error)
    grad = leaf.grad.coalesce() if leaf.grad.is_sparse else leaf.grad
    return repr(made), repr(grad)


@pytest.mark.parametrize("where", [[[0, 1, 1], [2, 0, 2]], [[1, 0, 1], [2, 0, 2]]], ids=["coalesced", "uncoalesced"])
@pytest.mark.parametrize("expression", listed(SPARSE_LEAF))
def test_gradient_of_sparse(expression: str, where: list) -> None:
    leaves = [T.sparse_coo_tensor(where, [3.0, 4.0, 5.0], (2, 4), is_coalesced=where[0][0] == 0, requires_grad=True) for T in LIBRARIES]
    theirs, ours = (gradient(T, expression, leaf, "s") for T, leaf in zip(LIBRARIES, leaves, strict=True))
    assert ours[1] == theirs[1]
    assert ours[0] == theirs[0].replace("StackBackward0", "CatBackward0")   # a stack is joined from its parts here


@pytest.mark.parametrize("expression", listed(DENSE_LEAF))
def test_gradient_of_dense(expression: str) -> None:
    theirs, ours = (gradient(T, expression, (T.arange(8.0).reshape(2, 4) % 5).requires_grad_(), "x") for T in LIBRARIES)
    assert ours == theirs


@pytest.mark.parametrize("first, second", [(True, True), (True, False), (False, True)])
def test_accumulation(first: bool, second: bool) -> None:
    """Sparse and dense gradients of one table add up, dense where one is dense."""
    found = []
    for T in LIBRARIES:
        table, index = T.arange(8.0).reshape(4, 2).requires_grad_(), T.tensor([1, 3, 1])
        for sparse in (first, second):
            (T.nn.functional.embedding(index, table, sparse=sparse) * 3).sum().backward()
        found.append(repr(table.grad))
    assert found[0] == found[1]


def test_second_derivative() -> None:
    """Gradients that were recorded can be differentiated again."""
    found = []
    for T in LIBRARIES:
        v, d = T.tensor([1.0, 2.0], requires_grad=True), T.ones(3, 2, requires_grad=True)
        y = T.sparse.mm(T.sparse_coo_tensor([[0, 1], [2, 0]], v, (2, 3)), d)
        g, = T.autograd.grad((y ** 3).sum(), d, create_graph=True)
        g.sum().backward()
        found.append((repr(v.grad), repr(d.grad)))
    assert found[0] == found[1]


def test_hooks_and_second_pass() -> None:
    """Hooks see sparse gradients; a graph can be gone through once, or with `retain_graph` again."""
    found = []
    for T in LIBRARIES:
        leaf = T.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).coalesce().requires_grad_()
        seen: list = []
        leaf.register_hook(lambda grad, seen=seen: seen.append(repr(grad)))
        y = T.sparse.mm(leaf, T.ones(3, 2)).sum()
        y.backward(retain_graph=True)
        y.backward()
        found.append((seen, repr(leaf.grad.coalesce())))
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()
    assert found[0] == found[1]


def test_custom_function() -> None:
    """A hand-written function takes, gives and gets gradients of sparse tensors."""
    found = []
    for T in LIBRARIES:
        class Twice(T.autograd.Function):                    # type: ignore[name-defined, misc]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(ctx: Any, grad: Any) -> Any:
                return grad * 2
        leaf = T.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).coalesce().requires_grad_()
        T.sparse.sum(Twice.apply(leaf) * 3).backward()
        found.append(repr(leaf.grad))
    assert found[0] == found[1]


# Optimizers

STEPS = [("SGD", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "nesterov": True}), ("SGD", {"weight_decay": 0.1}), ("SGD", {"maximize": True}),
         ("SGD", {"momentum": 0.9, "dampening": 0.1}), ("Adagrad", {}), ("Adagrad", {"weight_decay": 0.1}), ("SparseAdam", {}), ("SparseAdam", {"maximize": True}),
         ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}), ("Adam", {}), ("AdamW", {}), ("Adam", {"amsgrad": True}),
         ("Adadelta", {}), ("Adamax", {}), ("ASGD", {}), ("NAdam", {}), ("RAdam", {}), ("RMSprop", {}), ("Rprop", {}), ("Adafactor", {})]


def trained(T: Any, name: str, options: dict) -> Any:
    table, weight = T.nn.Parameter(T.arange(12.0).reshape(4, 3)), T.nn.Parameter(T.ones(3))
    parameters = [table] if name == "SparseAdam" else [table, weight]
    optimizer = getattr(T.optim, name)(parameters, lr=0.1, **options)
    try:
        for _ in range(3):
            optimizer.zero_grad()
            rows = T.nn.functional.embedding(T.tensor([[1, 2], [1, 3]]), table, sparse=True) * weight
            (rows * T.arange(1.0, 13).reshape(2, 2, 3)).sum().backward()
            optimizer.step()
    except RuntimeError as error:
        return str(error)
    state = {k: v.to_dense() if isinstance(v, T.Tensor) else v for k, v in optimizer.state[table].items()}
    return [p.detach().tolist() for p in (table, weight)], {k: v.tolist() if isinstance(v, T.Tensor) else v for k, v in state.items()}


def close(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(close(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(close(a, b) for a, b in zip(ours, theirs, strict=True))
    return ours == (theirs if isinstance(theirs, str) else pytest.approx(theirs, rel=1e-5, abs=1e-6))


@pytest.mark.parametrize("name, options", STEPS)
def test_optimizer(name: str, options: dict) -> None:
    ours, theirs = trained(jtorch, name, options), trained(torch, name, options)
    assert close(ours, theirs), (ours, theirs)


@pytest.mark.parametrize("kind", [torch.nn.Embedding, torch.nn.EmbeddingBag], ids=lambda k: k.__name__)
def test_module(kind: type) -> None:
    """The modules hand `sparse=True` on."""
    found = []
    for T in LIBRARIES:
        T.manual_seed(0)
        layer = getattr(T.nn, kind.__name__)(5, 2, sparse=True)
        layer(T.tensor([[1, 4], [1, 0]])).sum().backward()
        found.append(repr(layer.weight.grad))
    assert found[0] == found[1]


# Files and copies

@pytest.mark.parametrize("name", ["a", "c", "h", "r", "k", "b", "bc"])
@pytest.mark.parametrize("writer, reader", [(torch, jtorch), (jtorch, torch), (jtorch, jtorch)], ids=["theirs", "ours", "own"])
def test_file(writer: Any, reader: Any, name: str, tmp_path: Path) -> None:
    writer.save({"x": tensors(writer)[name]}, tmp_path / "x.pt")
    assert repr(reader.load(tmp_path / "x.pt")["x"]) == repr(tensors(torch)[name])


@pytest.mark.parametrize("name", ["a", "c", "r", "b"])
def test_copies(name: str) -> None:
    made = tensors(jtorch)[name].requires_grad_()
    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert repr(copied) == repr(made) and copied is not made


# Invariants

def test_invariants() -> None:
    """Checked inside the context, where a call says so, and after `enable`."""
    wrong = [[0, 7]], [1.0, 2.0], (3,)
    checks = jtorch.sparse.check_sparse_tensor_invariants
    with checks(), pytest.raises(RuntimeError, match="found index 7"):
        jtorch.sparse_coo_tensor(*wrong)
    checks.enable()
    with checks(False):
        jtorch.sparse_coo_tensor(*wrong)
    with pytest.raises(RuntimeError, match="found index 7"):
        jtorch.sparse_coo_tensor(*wrong)
    checks.disable()
    jtorch.sparse_coo_tensor(*wrong)


def test_dense_operations_cost_nothing() -> None:
    """Recording of a dense operation never comes by the sparse forms."""
    names = derive.operator(REGISTRY["add"][0], "add").__code__.co_names    # made anew: that of Tensor may have been given other code, see override
    assert names.index(next(n for n in names if n.startswith("_record"))) < names.index("_stored")


def checked(T: Any) -> list[Any]:
    """What `gradcheck` says of functions of sparse tensors: true ones, with all elements varied and the specified ones, and false ones."""
    check = T.sparse.as_sparse_gradcheck(T.autograd.gradcheck)
    d = (T.arange(16.0).reshape(4, 4) * (T.arange(16).reshape(4, 4) % 3 > 0)).double()
    inputs = [d.to_sparse(), T.stack([d, d], -1).to_sparse(2), d.to_sparse_csr(), d.to_sparse_csc(), d.to_sparse_bsr((2, 2)), d.to_sparse_bsc((2, 2))]
    functions = [lambda x: x.to_dense().sin(), lambda x: x * 2, lambda x: x.to_dense().detach() + 0 * x.to_dense(), lambda x: [x.to_dense(), x]]
    found: list[Any] = []
    for k, x in enumerate(inputs):
        for function in functions if k < 3 else functions[:-1]:   # PyTorch cannot add gradients in the other layouts
            for options in ({}, {"masked": True}):
                try:
                    found.append(check(function, x.requires_grad_(True), **options))
                except RuntimeError as error:
                    found.append(type(error).__name__)
    weights = T.ones(4, 2).double().requires_grad_()
    return [*found, check(T.sparse.mm, (inputs[0], weights)), check(lambda x: x.to_sparse_csr(), inputs[0], raise_exception=False)]


def test_gradcheck_of_sparse_tensors() -> None:
    found = checked(jtorch)
    assert found == checked(torch)
    assert {True, "GradcheckError"} <= set(found)
