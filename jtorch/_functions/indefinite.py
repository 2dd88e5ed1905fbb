"""The factorisation L D Lᵀ of symmetric matrices that need not be definite (Bunch & Kaufman 1977), by LAPACK on the host."""
from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .._core import layout
from .._core.derive import into
from .._core.public import public
from .._core.returns import named_tuple, written
from .._core.tensor import Tensor
from .._ops.checks import broadcast_sizes
from .search import fresh, values
from .underived import underived

LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}
Factors, Checked = named_tuple("linalg_ldl_factor", "LD pivots", out=True), named_tuple("linalg_ldl_factor_ex", "LD pivots info", out=True)


@cache
def lapack(kind: str, name: str, hermitian: bool) -> Callable:
    """LAPACK's routine; SciPy, which has it, is slow to import."""
    found = importlib.import_module("scipy.linalg.lapack")
    return getattr(found, f"{LETTERS[kind]}{'he' if hermitian and kind.startswith('complex') else 'sy'}{name}")


def _check(A: Tensor, name: str) -> None:
    if A.dim() < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices")
    if not (A.dtype.is_floating_point or A.dtype.is_complex):
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {A.dtype.title}")
    if A.dtype.name not in LETTERS:
        raise NotImplementedError(f"\"ldl_factor_kernel_cpu\" not implemented for '{A.dtype.title}'")


def _factored(A: Tensor, hermitian: bool, name: str, check: bool) -> list[Tensor]:
    _check(A, "torch.linalg.ldl_factor_ex")
    given = values(A, name)
    routine, matrices = lapack(A.dtype.name, "trf", hermitian), given.reshape(math.prod(given.shape[:-2]), *given.shape[-2:])
    made, pivots, info = np.zeros_like(matrices), np.zeros(matrices.shape[:2], np.int32), np.zeros(len(matrices), np.int32)
    for k, matrix in enumerate(matrices if matrices.size else ()):
        packed, pivots[k], info[k] = routine(matrix, lower=1)
        made[k] = np.tril(packed)
    if check and info.any():
        place = f"(Batch element {int(np.flatnonzero(info)[0])}): " if given.ndim > 2 else ""
        raise RuntimeError(f"{name}: {place}D[{{0}},{{0}}] is zero: the matrix is singular.".format(info[info > 0][0] - 1))
    factor = underived(fresh(made.reshape(given.shape), A), A, RuntimeError("derivative for aten::linalg_ldl_factor_ex is not implemented"))
    return [layout.columns(factor, A), fresh(pivots.reshape(given.shape[:-1]), A), fresh(info.reshape(given.shape[:-2]), A)]


@public("linalg")
def ldl_factor(A: Tensor, *, hermitian: bool = False, out: Any = None) -> Any:
    """L and D of `A = L D Lᵀ` (or Lᴴ) in one matrix, and LAPACK's row exchanges; negative ones belong to a 2×2 block of D.

    Only the lower triangle of A is read.    A: (*, n, n)  ->  (*, n, n), (*, n) int32

    >>> torch.linalg.ldl_factor(torch.tensor([[4.0, 2.0], [2.0, 5.0]])).LD
    tensor([[4.0000, 0.0000],
            [0.5000, 4.0000]])
    """
    made = Factors(_factored(A, hermitian, "torch.linalg.ldl_factor", True)[:2])
    return made if out is None else written(made, [into(o, m) for o, m in zip(out, made, strict=True)])


@public("linalg")
def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """`ldl_factor`, and the place of the first zero on D's diagonal, counted from 1.    A: (*, n, n)  ->  (*, n, n), (*, n) int32, (*) int32"""
    made = Checked(_factored(A, hermitian, "torch.linalg.ldl_factor_ex", check_errors))
    return made if out is None else written(made, [into(o, m) for o, m in zip(out, made, strict=True)])


@public("linalg")
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False, out: Tensor | None = None) -> Tensor:
    """X of `A X = B` from A's `ldl_factor`.    LD: (*, n, n), pivots: (*, n), B: (*, n, k)  ->  (*, n, k)"""
    _check_solve(LD, pivots, B)
    batch = broadcast_sizes(LD.shape[:-2], B.shape[:-2])
    n, k = B.shape[-2:]
    matrices = np.broadcast_to(values(LD, "ldl_solve"), (*batch, n, n)).reshape(-1, n, n)
    exchanged = np.broadcast_to(values(pivots, "ldl_solve"), (*batch, n)).reshape(-1, n)
    right = np.broadcast_to(values(B, "ldl_solve"), (*batch, n, k)).reshape(-1, n, k)
    found, routine = np.array(right), lapack(LD.dtype.name, "trs", hermitian)
    for i in np.arange(len(right) if right.size else 0):
        found[i] = routine(matrices[i], exchanged[i], right[i], lower=1)[0]
    solved = fresh(found.reshape(*batch, n, k), B)
    for source in (LD, B):
        solved = underived(solved, source, RuntimeError("derivative for aten::linalg_ldl_solve is not implemented"))
    return into(out, layout.columns(solved, LD, B))


def _check_solve(LD: Tensor, pivots: Tensor, B: Tensor) -> None:
    name = "torch.linalg.ldl_solve"
    _check(LD, name)
    if B.dim() < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, but it has {B.dim()} dimensions instead")
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(f"Incompatible matrix sizes for {name}: each A matrix is {LD.shape[-1]} by {LD.shape[-1]} but each b matrix is {B.shape[-2]} "
                           f"by {B.shape[-1]}")
    if LD.shape[:-1] != pivots.shape:
        raise RuntimeError(f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape {list(pivots.shape)} instead")
    if pivots.dtype.is_floating_point or pivots.dtype.is_complex:
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype.title}")
    if LD.dtype is not B.dtype:
        raise RuntimeError(f"Expected b and A to have the same dtype, but found b of type {B.dtype.title} and A of type {LD.dtype.title} instead.")
