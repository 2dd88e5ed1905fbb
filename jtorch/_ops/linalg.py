"""Linear algebra: determinants, inverses, decompositions, systems of equations, functions of matrices, distances, covariance."""
from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import expm
from jax.scipy.linalg import solve_triangular as solve_one_triangular

from .._core.layout import columns
from .._core.op import NONE, Array, op
from .arguments import is_complex, require_matrices, transposed
from .checks import broadcast_sizes, scalar_type, widened
from .nodes import power
from .singular import (INDEFINITE, SINGULAR, UNSOLVED, failing_minor, raises, raises_below_zero, raises_for_nan, require_finite,
                       require_finite_eig, zero_pivot)
from .strides import columns_of_inverse, columns_where_left, first_columns, first_rows

algebra = partial(op, NONE, home="linalg")


def _require_square(A: Array, name: str) -> None:
    if A.ndim >= 2 and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices")
    require_matrices(A, name)


# ---- determinants

@op(NONE, node="LinalgDetBackward0", out=False, saves="both")
def det(input: Array) -> Array:
    """Determinant.    input: (*, n, n)  ->  (*)

    >>> torch.det(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    _require_square(input, "linalg.det")
    return jnp.linalg.det(input) if input.size else jnp.ones(input.shape[:-2], input.dtype)


@algebra(name="det", saves="both")
def linalg_det(A: Array) -> Array:
    """Determinant.    A: (*, n, n)  ->  (*)"""
    return det(A)


@op(NONE, node="WhereBackward0", out=False)
def logdet(input: Array) -> Array:
    """Logarithm of the determinant; nan where that is negative.    input: (*, n, n)  ->  (*)"""
    _require_square(input, "logdet")
    sign, size = jnp.linalg.slogdet(input)
    return jnp.where(sign == -1, jnp.nan, size) if not is_complex(input) else jnp.log(sign) + size


@op(NONE, returns="sign logabsdet", node="LinalgSlogdetBackward0", saves="both")
def slogdet(input: Array) -> tuple[Array, Array]:
    """Sign and logarithm of the size of the determinant.    input: (*, n, n)  ->  (*), (*)"""
    _require_square(input, "linalg.slogdet")
    return tuple(jnp.linalg.slogdet(input))


@algebra(name="slogdet", returns="sign logabsdet", saves="both")
def linalg_slogdet(A: Array) -> tuple[Array, Array]:
    """Sign and logarithm of the size of the determinant.    A: (*, n, n)  ->  (*), (*)"""
    return slogdet(A)


# ---- inverses and systems of equations

@algebra(returns="inverse info", saves="result", fails=raises("linalg.inv_ex", SINGULAR), strides=columns)
def inv_ex(A: Array, *, check_errors: bool = False) -> tuple[Array, Array]:
    """Inverse matrix, and 0 where there is one, else the place of the first zero pivot.    A: (*, n, n)  ->  (*, n, n), (*) int32"""
    _require_square(A, "linalg.inv")
    return jnp.linalg.inv(A), zero_pivot(A)


@op(NONE, node="LinalgInvExBackward0", saves="result", fails=raises("linalg.inv", SINGULAR), strides=columns)
def inverse(input: Array) -> tuple[Array, Array]:
    """Inverse matrix.    input: (*, n, n)  ->  (*, n, n)"""
    return inv_ex(input)


@algebra(node="LinalgInvExBackward0", saves="result", fails=raises("linalg.inv", SINGULAR), strides=columns)
def inv(A: Array) -> tuple[Array, Array]:
    """Inverse matrix.    A: (*, n, n)  ->  (*, n, n)"""
    return inv_ex(A)


@op(NONE, node="LinalgPinvBackward0", out=False, saves="both", known=require_finite)
def pinverse(input: Array, rcond: float = 1e-15) -> Array:
    """Pseudo-inverse; singular values below `rcond` times the largest count as 0.    input: (*, n, m)  ->  (*, m, n)"""
    return pinv(input, rtol=rcond)


@algebra(out="cast", saves="both", known=require_finite)
def pinv(A: Array, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Array:
    """Pseudo-inverse; singular values below max(atol, rtol * the largest) count as 0.    A: (*, n, m)  ->  (*, m, n)"""
    require_matrices(A, "linalg.pinv")
    if A.size == 0:
        return jnp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
    if rtol is None:
        rtol = 0.0 if atol else max(A.shape[-2:]) * jnp.finfo(A.dtype).eps
    if atol:
        largest = jnp.linalg.svd(lax.stop_gradient(A), compute_uv=False)[..., 0]
        rtol = jnp.maximum(rtol, atol / jnp.where(largest == 0, 1, largest))
    return _hermitian_pinv(A, jnp.asarray(rtol, A.real.dtype)) if hermitian else jnp.linalg.pinv(A, rtol=rtol)


@jax.custom_jvp
def _hermitian_pinv(A: Array, rtol: Array) -> Array:
    return jnp.linalg.pinv(_hermitian(A), rtol=rtol, hermitian=True)


@_hermitian_pinv.defjvp
def _hermitian_pinv_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    # The general rule at A as it is, as in PyTorch, also where only its lower triangle was read.
    (A, rtol), (dA, _) = primals, tangents
    P = _hermitian_pinv(A, rtol)
    turned, one = transposed(dA), jnp.eye(A.shape[-1], dtype=A.dtype)
    return P, P @ transposed(P) @ turned @ (one - A @ P) + (one - P @ A) @ turned @ transposed(P) @ P - P @ dA @ P


@algebra(node="LinalgSolveExBackward0", saves="both", fails=raises("torch.linalg.solve", UNSOLVED), strides=columns_where_left)
def solve(A: Array, B: Array, *, left: bool = True) -> tuple[Array, Array]:
    """X of `A X = B`, or with `left=False` of `X A = B`; B may be a vector.    A: (*, n, n), B: (*, n) or (*, n, k)  ->  the size of B"""
    return solve_ex(A, B, left=left)


@algebra(returns="result info", saves="both", fails=raises("torch.linalg.solve_ex", UNSOLVED), strides=columns_where_left)
def solve_ex(A: Array, B: Array, *, left: bool = True, check_errors: bool = False) -> tuple[Array, Array]:
    """`solve`, and 0 where A has an inverse.    A: (*, n, n), B: (*, n) or (*, n, k)  ->  the size of B, (*) int32"""
    return _solution(A, B, left), zero_pivot(A)


def _solution(A: Array, B: Array, left: bool) -> Array:
    _require_square(A, "linalg.solve")
    _require_same_type(A, B, "linalg.solve")
    vector = B.ndim == 1 or B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]
    right = B[..., None] if vector else B
    rows = right.shape[-2 if left or vector else -1]
    if rows != A.shape[-1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(f"linalg.solve: Incompatible shapes of A and B for the equation {equation} "
                           f"({A.shape[-2]}x{A.shape[-1]} and {right.shape[-2]}x{right.shape[-1]})")
    batch = broadcast_sizes(A.shape[:-2], right.shape[:-2])
    A, right = (jnp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (A, right))
    if left or vector:
        found = jnp.linalg.solve(A, right)
    else:
        found = jnp.swapaxes(jnp.linalg.solve(jnp.swapaxes(A, -1, -2), jnp.swapaxes(right, -1, -2)), -1, -2)
    return found[..., 0] if vector else found


def _require_same_type(A: Array, B: Array, name: str) -> None:
    if A.dtype != B.dtype:
        raise RuntimeError(f"{name}: Expected A and B to have the same dtype, but found A of type {scalar_type(A)} "
                           f"and B of type {scalar_type(B)} instead")


@algebra(strides=columns)
def solve_triangular(A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Array:
    """X of `A X = B` (or `X A = B`) for a triangular A.    A: (*, n, n), B: (*, n, k)  ->  (*, n, k)"""
    _require_square(A, "linalg.solve_triangular")
    batch = broadcast_sizes(A.shape[:-2], B.shape[:-2])
    A, B = (jnp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (A, B))
    return lax.linalg.triangular_solve(A, B, left_side=left, lower=not upper, unit_diagonal=unitriangular)


@op(NONE, returns="solution cloned_coefficient", saves="both", strides=columns)
def triangular_solve(input: Array, A: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> tuple[Array, Array]:
    """X of `A X = input` for a triangular A, and A itself.    input: (*, n, k), A: (*, n, n)  ->  (*, n, k), (*, n, n)"""
    return solve_one_triangular(A, input, trans=int(transpose), lower=not upper, unit_diagonal=unitriangular), A


@algebra(returns="solution residuals rank singular_values", differentiable=(0, 1), saves="both", out="cast", fails=raises_for_nan, strides=first_rows)
def lstsq(A: Array, B: Array, rcond: float | None = None, *, driver: str | None = None) -> tuple[Array, ...]:
    """The X of least `|A X - B|`, residuals, rank, singular values.    A: (*, m, n), B: (*, m, k)  ->  (*, n, k), (*, k), (*), (*, min(m, n))"""
    require_matrices(A, "torch.linalg.lstsq")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError("torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    if A.dtype != B.dtype:
        raise RuntimeError("torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
                           f"{scalar_type(A)} and other's dtype {scalar_type(B)}")
    m, n = A.shape[-2:]
    rcond = max(m, n) * float(jnp.finfo(A.dtype).eps) if rcond is None else rcond
    vector = B.ndim == A.ndim - 1
    right = B[..., None] if vector else B
    found = pinv(A, rtol=rcond) @ right
    values = jnp.linalg.svd(lax.stop_gradient(A), compute_uv=False)
    rank = jnp.sum(values > rcond * values[..., :1], -1).astype(jnp.int64)
    with_residuals = m > n and driver not in (None, "gelsy")            # LAPACK's gelsy gives none
    residuals = jnp.sum(jnp.abs(A @ found - right) ** 2, -2) if with_residuals else jnp.zeros((0,), values.dtype)
    shown = values if driver in ("gelsd", "gelss") else jnp.zeros((0,), values.dtype)
    unknown = jnp.isnan(A).any() | jnp.isnan(B).any()
    return found[..., 0] if vector else found, residuals, jnp.zeros((0,), jnp.int64) if driver == "gels" else rank, shown, unknown


# ---- decompositions

@algebra(node="LinalgCholeskyExBackward0", fails=raises("linalg.cholesky", INDEFINITE), strides=columns)
def cholesky(A: Array, *, upper: bool = False) -> tuple[Array, Array]:
    """Cholesky factor L of a positive definite `A = L Lᴴ`; only the lower triangle of A is read.    A: (*, n, n)  ->  (*, n, n)

    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return cholesky_ex(A, upper=upper)


@op(NONE, name="cholesky", out="cast", fails=raises("cholesky", INDEFINITE), strides=columns)
def torch_cholesky(input: Array, upper: bool = False) -> tuple[Array, Array]:
    """Cholesky factor of a positive definite matrix.    input: (*, n, n)  ->  (*, n, n)"""
    return cholesky_ex(input, upper=upper)


@algebra(returns="L info", saves="result", fails=raises("linalg.cholesky_ex", INDEFINITE), strides=columns)
def cholesky_ex(A: Array, *, upper: bool = False, check_errors: bool = False) -> tuple[Array, Array]:
    """Cholesky factor, and 0 where A was positive definite, else the order of the first minor that is not.    A: (*, n, n)  ->  (*, n, n), (*) int32"""
    _require_square(A, "linalg.cholesky")
    if not A.size:
        return A, jnp.zeros(A.shape[:-2], jnp.int32)
    read = _hermitian(A, upper)
    factor = _cholesky(read)
    return transposed(factor) if upper else factor, failing_minor(read, factor)


def _hermitian(A: Array, upper: bool = False) -> Array:
    """The Hermitian matrix of which one triangle is given; as in PyTorch, its gradient is that of all of `A`."""
    one = lax.stop_gradient(transposed(jnp.triu(A, 1)) if upper else jnp.tril(A, -1))
    read = one + transposed(one) + lax.stop_gradient(A) * jnp.eye(A.shape[-1], dtype=A.dtype)
    return A + (read - lax.stop_gradient(A))


@jax.custom_jvp
def _cholesky(A: Array) -> Array:
    return lax.linalg.cholesky(A, symmetrize_input=False)


@_cholesky.defjvp
def _cholesky_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # PyTorch's: of a change that is not Hermitian the Hermitian part counts below the diagonal, half of all of it on the diagonal.
    factor = _cholesky(*primals)
    inside = lax.linalg.triangular_solve(factor, tangents[0], left_side=True, lower=True)
    inside = lax.linalg.triangular_solve(factor, inside, lower=True, transpose_a=True, conjugate_a=True)
    even = (inside + transposed(inside)) / 2
    return factor, factor @ (jnp.tril(even, -1) + inside * (jnp.eye(inside.shape[-1]) / 2).astype(inside.dtype))


@op(NONE, returns="Q R", node="LinalgQrBackward0", saves="result", strides=columns)
def qr(input: Array, some: bool = True) -> tuple[Array, Array]:
    """Orthogonal Q and upper triangular R with `input = Q R`.    input: (*, n, m)  ->  (*, n, k), (*, k, m)"""
    return linalg_qr(input, "reduced" if some else "complete")


@algebra(name="qr", returns="Q R", saves="result", strides=columns)
def linalg_qr(A: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """Orthogonal Q and upper triangular R with `A = Q R`; "reduced", "complete" or "r".    A: (*, n, m)  ->  (*, n, k), (*, k, m)"""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    require_matrices(A, "linalg.qr")
    if mode == "r":
        return jnp.zeros((0,), A.dtype), jnp.linalg.qr(A, mode="r")
    return tuple(jnp.linalg.qr(A, mode=mode))


@op(NONE, returns="U S V", node="LinalgSvdBackward0", saves="result", known=require_finite, strides=first_columns)
def svd(input: Array, some: bool = True, compute_uv: bool = True) -> tuple[Array, Array, Array]:
    """U, S, V with `input = U diag(S) Vᴴ`.    input: (*, n, m)  ->  (*, n, k), (*, k), (*, m, k)"""
    if not compute_uv:
        n, m = input.shape[-2:]
        return jnp.zeros((*input.shape[:-2], n, n), input.dtype), svdvals(input), jnp.zeros((*input.shape[:-2], m, m), input.dtype)
    U, S, Vh = linalg_svd(input, full_matrices=not some)
    return U, S, transposed(Vh)


@algebra(name="svd", returns="U S Vh", saves="result", known=require_finite, strides=columns)
def linalg_svd(A: Array, full_matrices: bool = True, *, driver: str | None = None) -> tuple[Array, Array, Array]:
    """U, S, Vh with `A = U diag(S) Vh`; singular values in falling order.    A: (*, n, m)  ->  (*, n, n), (*, k), (*, m, m)"""
    require_matrices(A, "linalg.svd")
    return tuple(_full_svd(A) if full_matrices and A.shape[-1] != A.shape[-2] else jnp.linalg.svd(A, full_matrices=False))


@jax.custom_jvp
def _full_svd(A: Array) -> tuple[Array, Array, Array]:
    return tuple(jnp.linalg.svd(A, full_matrices=True))


@_full_svd.defjvp
def _full_svd_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    # As in PyTorch, the vectors beyond the singular values have no gradient; the others may differ by a phase from those without them.
    U, S, Vh = _full_svd(*primals)
    (U1, _, _), (dU, dS, dVh) = jax.jvp(partial(jnp.linalg.svd, full_matrices=False), primals, tangents)
    k = S.shape[-1]
    phase = lax.stop_gradient(jnp.sum(jnp.conj(U1) * U[..., :k], -2))
    dU, dVh = dU * phase[..., None, :], jnp.conj(phase)[..., None] * dVh
    return (U, S, Vh), (jnp.zeros_like(U).at[..., :k].set(dU), dS, jnp.zeros_like(Vh).at[..., :k, :].set(dVh))


@algebra(node="LinalgSvdBackward0", saves="result", known=require_finite)
def svdvals(A: Array, *, driver: str | None = None) -> Array:
    """Singular values in falling order.    A: (*, n, m)  ->  (*, min(n, m))"""
    require_matrices(A, "linalg.svdvals")
    return jnp.linalg.svd(A, compute_uv=False)


@algebra(returns="eigenvalues eigenvectors", saves="result", strides=columns)
def eigh(A: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """Eigenvalues in rising order and eigenvectors of a Hermitian matrix.    A: (*, n, n)  ->  (*, n), (*, n, n)"""
    _require_square(A, "linalg.eigh")
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return _eigh(A, UPLO.upper() == "L")


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _eigh(A: Array, lower: bool) -> tuple[Array, Array]:
    vectors, values = lax.linalg.eigh(A, lower=lower, symmetrize_input=False)
    return values, vectors


@_eigh.defjvp
def _eigh_jvp(lower: bool, primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    # As in PyTorch the gradient is that of the Hermitian part of A, whichever triangle is read.
    values, vectors = _eigh(*primals, lower)
    turned = transposed(vectors) @ (tangents[0] + transposed(tangents[0])) @ vectors / 2
    gaps, same = values[..., None, :] - values[..., :, None], jnp.eye(values.shape[-1], dtype=bool)
    change = vectors @ jnp.where(same, 0, turned / jnp.where(same, 1, gaps).astype(turned.dtype))
    return (values, vectors), (jnp.diagonal(turned, axis1=-2, axis2=-1).real, change)


@algebra(node="LinalgEighBackward0", saves="result")
def eigvalsh(A: Array, UPLO: str = "L") -> Array:
    """Eigenvalues of a Hermitian matrix in rising order.    A: (*, n, n)  ->  (*, n)"""
    return eigh(A, UPLO)[0]


@algebra(returns="eigenvalues eigenvectors", known=require_finite_eig, strides=columns)
def eig(A: Array) -> tuple[Array, Array]:
    """Complex eigenvalues and eigenvectors.    A: (*, n, n)  ->  (*, n), (*, n, n)"""
    _require_square(A, "linalg.eig")
    return _eig(A)


@jax.custom_jvp
def _eig(A: Array) -> tuple[Array, Array]:
    return tuple(jnp.linalg.eig(A))


@_eig.defjvp
def _eig_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    # For distinct eigenvalues, the vectors of length 1 with the phases that they have.
    values, vectors = _eig(*primals)
    turned = jnp.linalg.solve(vectors, tangents[0].astype(vectors.dtype) @ vectors)
    gaps = values[..., None, :] - values[..., :, None]
    same = jnp.eye(values.shape[-1], dtype=bool)
    change = vectors @ jnp.where(same, 0, turned / jnp.where(same, 1, gaps))
    along = jnp.sum(jnp.conj(vectors) * change, -2, keepdims=True).real
    return (values, vectors), (jnp.diagonal(turned, axis1=-2, axis2=-1), change - vectors * along)


@algebra()
def eigvals(A: Array) -> Array:
    """Complex eigenvalues.    A: (*, n, n)  ->  (*, n)"""
    _require_square(A, "linalg.eigvals")
    return _eig(A)[0]


@algebra(differentiable=False, out="cast", known=require_finite)
def matrix_rank(A: Array, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Array:
    """How many singular values are above max(atol, rtol * the largest).    A: (*, n, m)  ->  (*), int64"""
    require_matrices(A, "linalg.matrix_rank")
    values = jnp.linalg.svd(A, compute_uv=False)
    if rtol is None:
        rtol = 0.0 if atol else max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps)
    return jnp.sum(values > jnp.maximum(atol or 0.0, rtol * values[..., :1]), -1).astype(jnp.int64)


@algebra(node=lambda entry: "SqueezeBackward1" if entry.attrs[0] is None else "NanToNumBackward0", out="cast", saves="nothing")
def cond(A: Array, p: int | float | str | None = None) -> Array:
    """Condition number: the norm of A times the norm of its inverse.    A: (*, n, m)  ->  (*)"""
    return jnp.linalg.cond(A, p)


# ---- functions of matrices

@op(NONE, node=power, out="cast", fails=raises_below_zero, strides=columns_of_inverse)
def matrix_power(input: Array, n: int) -> tuple[Array, Array]:
    """`input` multiplied with itself `n` times; a negative `n` inverts it first.    input: (*, n, n)  ->  (*, n, n)"""
    if input.ndim < 2:
        raise RuntimeError("linalg.matrix_power: The input tensor A must have at least 2 dimensions.")
    if input.shape[-1] != input.shape[-2]:
        raise RuntimeError("linalg.matrix_power: A must be batches of square matrices, "
                           f"but they are {input.shape[-2]} by {input.shape[-1]} matrices")
    return jnp.linalg.matrix_power(input, n), zero_pivot(input) if n < 0 else jnp.zeros(input.shape[:-2], jnp.int32)


@algebra(name="matrix_power", node=power, out="cast", fails=raises_below_zero, strides=columns_of_inverse)
def linalg_matrix_power(A: Array, n: int) -> tuple[Array, Array]:
    """`A` multiplied with itself `n` times; a negative `n` inverts it first.    A: (*, n, n)  ->  (*, n, n)"""
    return matrix_power(A, n)


@op(NONE, out=False, node="LinalgMatrixExpBackward0")
def matrix_exp(input: Array) -> Array:
    """Exponential of a matrix.    input: (*, n, n)  ->  (*, n, n)"""
    _require_square(input, "linalg.matrix_exp")
    return expm(widened(input)).astype(input.dtype)


@algebra(name="matrix_exp", out=False)
def linalg_matrix_exp(A: Array) -> Array:
    """Exponential of a matrix.    A: (*, n, n)  ->  (*, n, n)"""
    return matrix_exp(A)


@op(NONE, home="torch", out=False, node=lambda entry: "CopySlices" if entry.attrs[1] else "FlipBackward0")
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """Powers of each element of a vector, falling unless `increasing`.    x: (n)  ->  (n, N)"""
    return jnp.vander(x, N, increasing)


@algebra(name="vander", out=False, node="CatBackward0")
def linalg_vander(x: Array, N: int | None = None) -> Array:
    """Rising powers of each element.    x: (*, n)  ->  (*, n, N)"""
    x = jnp.atleast_1d(x)
    return x[..., None] ** jnp.arange(x.shape[-1] if N is None else N, dtype=x.dtype)
