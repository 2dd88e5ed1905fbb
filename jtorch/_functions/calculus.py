"""Derivatives of sampled functions, histograms over several dimensions, and approximate decompositions of large matrices."""
from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core import layout
from .._core.derive import into
from .._core.indexing import check_dimension
from .._core.public import PUBLIC, public
from .._core.record import record
from .._core.returns import named_tuple
from .._core.tensor import Tensor, wrap
from .._ops.householder import slope
from .._ops.linalg import linalg_qr, linalg_svd
from .._ops.lu import lu_factor_ex
from .._ops.norms import matrix_norm
from .search import fresh, require_finite_range, values

Bins = named_tuple("histogramdd", "hist bin_edges")


@public("torch")
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The derivative along each dimension of a function of which `input` holds samples.

    spacing  the distance of the samples, one for all or one for each dimension; or for each dimension a tensor of their coordinates

    >>> torch.gradient(torch.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)
    """
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [check_dimension(d, input.dim()) for d in dims]
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if isinstance(spacing, str):
        raise TypeError(f"gradient() received an invalid combination of arguments - got (Tensor, spacing={type(spacing).__name__})")
    each = list(spacing) if isinstance(spacing, list | tuple) else [spacing] * len(dims)
    if len(each) != len(dims):
        if dim is not None:
            raise RuntimeError("torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the same length, but "
                               f"got a spacing argument of length {len(each)} and a dim argument of length {len(dims)}.")
        since = f"'self.dim() = {len(dims)}', since dim argument was not given"
        raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to {since}, but got a list of "
                           f"length {len(each)}")
    devices = {str(step.device): None for step in (input, *each) if isinstance(step, Tensor)}
    if len(devices) > 1:
        raise RuntimeError(f"torch.gradient expected each tensor to be on the same device, but got devices {' and '.join(devices)}!")
    return tuple([_slope(input, step, d, edge_order) for step, d in zip(each, dims, strict=True)])


def _slope(input: Tensor, step: Any, dim: int, edge_order: int) -> Tensor:
    if not isinstance(step, Tensor):
        return wrap(record(slope.op, (input, None, step), (dim, edge_order)))
    if step.dim() != 1 or step.shape[0] != input.shape[dim]:
        raise RuntimeError(f"torch.gradient expected each element of spacing to have the same length as the size of the dimension {dim}")
    return wrap(record(slope.op, (input, step, 1), (dim, edge_order)))


@public("torch")
def histogramdd(input: Tensor, bins: Any, *, range: Sequence[float] | None = None, weight: Tensor | None = None, density: bool = False) -> Any:
    """Counts of points in boxes, and the edges of the boxes.    input: (*, dimensions)"""
    points = values(input, "histogramdd")
    width = points.shape[-1]
    edges = [b._host() if isinstance(b, Tensor) else b for b in bins] if isinstance(bins, list | tuple) else [bins] * width
    if len(edges) != width:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    if any(isinstance(e, np.ndarray) and (np.diff(e) < 0).any() for e in edges):
        counts = _in_any_order(points.reshape(-1, width), edges, None if weight is None else weight._host().reshape(-1), density)
        return Bins((fresh(counts.astype(input.dtype.numpy), input), tuple([fresh(e, input) for e in edges])))
    limits = None if range is None else [(range[2 * d], range[2 * d + 1]) for d in map(int, np.arange(width))]
    if limits is None and not any(isinstance(e, np.ndarray) for e in edges):
        require_finite_range(points.reshape(-1, width))
    counts, found = np.histogramdd(points.reshape(-1, width), edges, limits, density, None if weight is None else weight._host().reshape(-1))
    kind = input.dtype.numpy
    return Bins((fresh(counts.astype(kind), input), tuple([fresh(e.astype(kind), input) for e in found])))


def _in_any_order(points: np.ndarray, edges: list[np.ndarray], weight: np.ndarray | None, density: bool) -> np.ndarray:
    """Counts between edges that need not increase: as in PyTorch, what bisection makes of them."""
    inside, places = np.ones(len(points), bool), []
    for x, e in zip(points.T, edges, strict=True):
        inside &= (x >= e[0]) & (x <= e[-1])
        places.append(np.minimum(_bisected(e, x) - 1, len(e) - 2))
    shape = tuple([len(e) - 1 for e in edges])
    flat = np.ravel_multi_index([p[inside] for p in places], shape)
    counts = np.bincount(flat, None if weight is None else weight[inside], math.prod(shape)).reshape(shape)
    if density:
        counts = counts / counts.sum() / functools.reduce(np.multiply.outer, [np.diff(e) for e in edges])
    return counts


def _bisected(edges: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Where bisection puts each of `x` behind edges that are not larger."""
    first, length = np.zeros(len(x), int), np.full(len(x), len(edges))
    while length.any():
        half = length >> 1
        right = (length > 0) & ~(x < edges[np.minimum(first + half, len(edges) - 1)])
        first, length = np.where(right, first + half + 1, first), np.where(right, length - half - 1, half)
    return first


# ---- decompositions

@public()
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> tuple[Tensor, ...]:
    """L and U in one matrix, the rows exchanged, and with `get_infos` the place of the first zero pivot.  See `torch.linalg.lu_factor`."""
    warnings.warn("torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be removed in a future PyTorch "
                  "release.", UserWarning, stacklevel=2)
    found = [wrap(v) for v in record(lu_factor_ex.op, (A,), (pivot, False))]
    layout.columns(found[0], A)
    found = found if get_infos else found[:2]
    return tuple(found) if out is None else tuple([into(o, m) for o, m in zip(out, found, strict=True)])


def _orthogonal(A: Tensor) -> Tensor:
    return wrap(record(linalg_qr.op, (A,), ("reduced",))[0])


@public("torch")
def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """U, S, V of an approximation of `A` (less `M`) of rank `q` (Halko, Martinsson & Tropp 2009, arXiv:0909.4061).

    A: (*, n, m)  ->  (*, n, q), (*, q), (*, m, q)
    """
    q = 6 if q is None else q
    A = A if M is None else A - M
    wide = A.shape[-2] < A.shape[-1] or A.shape[-1] > q
    A = A.mH if wide else A
    basis = _orthogonal(A @ PUBLIC["torch"]["randn"](*A.shape[:-2], A.shape[-1], q, dtype=A.dtype, device=A.device))
    for _ in np.arange(niter or 0):
        basis = _orthogonal(A @ _orthogonal(A.mH @ basis))
    inside = basis.mH @ A
    U, S, Vh = [wrap(v) for v in record(linalg_svd.op, (inside.mH if wide else inside,), (False, None))]
    return (U, S, basis @ Vh.mH) if wide else (basis @ U, S, Vh.mH)


@public("torch")
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """The first principal components: `svd_lowrank` of `A`, by default less its column means.    A: (*, n, m)  ->  (*, n, q), (*, q), (*, m, q)"""
    rows, columns = A.shape[-2:]
    q = min(6, rows, columns) if q is None else q
    if not 0 <= q <= min(rows, columns):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(rows, columns)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)


# ---- norms

@public("torch")
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over all dimensions but one, which keep their places with size 1; over all where `dim` is -1."""
    if dim == -1:
        return v.norm(pow)
    return v.norm(pow, [d for d in np.arange(v.dim()).tolist() if d != dim], True)


@public("torch")
def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The 2-norm over one or two dimensions; an old name of `torch.linalg.vector_norm`."""
    warnings.warn("at::frobenius_norm is deprecated and it is just left for JIT compatibility. It will be removed in a future PyTorch release. Please use "
                  "`linalg.vector_norm(A, 2., dim, keepdim)` instead", UserWarning, stacklevel=2)
    if isinstance(dim, Sequence) and len(dim) > 2:
        raise RuntimeError(f"Expected at most 2 dimensions, but got {len(dim)} dimensions instead.")
    return into(out, input.norm("fro", dim or None if isinstance(dim, Sequence) else dim, keepdim))


@public("torch")
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The sum of the singular values; an old name of `torch.linalg.matrix_norm`."""
    warnings.warn("at::nuclear_norm is deprecated and it is just left for JIT compatibility. It will be removed in a future PyTorch release. Please use "
                  "`linalg.matrix_norm(A, 'nuc', dim, keepdim)` instead", UserWarning, stacklevel=2)
    dim, keepdim = (None, dim) if isinstance(dim, bool) else (dim, keepdim)
    pair = (-2, -1) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return into(out, wrap(record(matrix_norm.op, (input,), ("nuc", pair, keepdim, None))))
