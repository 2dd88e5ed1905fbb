"""Cases for factorisations of indefinite matrices, gradients of reflections and Cholesky solutions, old names; `cases_ops` says how to read them."""
from __future__ import annotations

import numpy as np
import torch
from cases_ops import c, case, d, f, i, kw, raises


def even(a: np.ndarray, hermitian: bool = False) -> np.ndarray:
    """A symmetric matrix."""
    return a + np.swapaxes(a.conj() if hermitian else a, -1, -2)


def factored(a: np.ndarray, hermitian: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """PyTorch's L and D, and its row exchanges."""
    LD, pivots = torch.linalg.ldl_factor(torch.tensor(a), hermitian=hermitian)
    return LD.numpy(), pivots.numpy()


def lower(*shape: int) -> np.ndarray:
    """A Cholesky factor."""
    return np.tril(d(*shape)) + 3 * np.eye(shape[-1])


BLOCK = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [1.0, 3.0, 0.0]])      # needs 2×2 blocks
LD, HERMITIAN, COMPLEX = even(d(5, 5)), even(c(4, 4), True), even(c(4, 4))
case("linalg.ldl_factor linalg.ldl_factor_ex", even(d(4, 4)), LD, even(f(3, 3)), BLOCK, even(d(2, 3, 3, 3)), COMPLEX, (HERMITIAN, kw(hermitian=True)),
     (even(d(3, 3)), kw(hermitian=True)), d(3, 3), d(0, 3, 3), d(0, 0), d(1, 1), d(20, 20), tol=100, grad=False)
case("linalg.ldl_factor_ex", np.zeros((3, 3)), (even(d(3, 3)), kw(check_errors=True)), grad=False)
case("linalg.ldl_solve", (*factored(LD), d(5, 2)), (*factored(BLOCK), d(3, 1)), (*factored(even(d(2, 3, 3))), d(2, 3, 2)), (*factored(BLOCK), d(2, 3, 2)),
     (*factored(COMPLEX), c(4, 2).astype("complex64")), (*factored(HERMITIAN, True), c(4, 2), kw(hermitian=True)), tol=1000, grad=False)
raises("linalg.ldl_factor", d(2, 3))
raises("linalg.ldl_factor", d(3))
raises("linalg.ldl_factor", i(2, 2))
raises("linalg.ldl_factor", f(2, 2).astype("float16"), NotImplementedError)
raises("linalg.ldl_factor", np.zeros((2, 2)), text=False)                  # PyTorch: an internal assert
raises("linalg.ldl_solve", (*factored(BLOCK), d(2, 1)))
raises("linalg.ldl_solve", (*factored(BLOCK), f(3, 1)))
raises("linalg.ldl_solve", (factored(BLOCK)[0], d(3), d(3, 1)))
raises("linalg.ldl_solve", (factored(BLOCK)[0], i(2), d(3, 1)))
raises("linalg.ldl_solve", (factored(BLOCK)[0][:2], i(3), d(3, 1)))

case("linalg.householder_product orgqr", (d(4, 3), d(3)), (d(4, 3), d(2)), (d(2, 4, 3), d(2, 3)), (d(3, 3), np.zeros(3)), (c(4, 2), c(2)), tol=100)
case("ormqr", (d(4, 3), d(3), d(4, 2)), (d(3, 3), d(3), d(2, 3), False), (d(4, 3), d(3), d(4, 2), True, True), tol=100)
case("cholesky_solve", (d(3, 2), lower(3, 3)), (d(3, 2), lower(3, 3).T.copy(), True), (d(2, 3, 2), lower(2, 3, 3)), (d(2, 3, 2), lower(3, 3)), tol=100)
case("cholesky_inverse", lower(3, 3), (lower(3, 3).T.copy(), True), lower(2, 3, 3), (lower(3, 3) + 1j * np.tril(d(3, 3), -1)), tol=100)
case("cholesky_solve", (c(3, 2).astype("complex128"), lower(3, 3) + 1j * np.tril(d(3, 3), -1)), tol=100)

case("frobenius_norm", (f(2, 3, 4), 1), (f(2, 3, 4), (0, 1), True), (f(2, 3, 4), [2]), (f(2, 3), []), tol=4)
case("nuclear_norm", d(3, 4), (d(3, 4), True), (d(2, 3, 4), (0, 1)), (d(2, 3, 4), (0, 1), True), (d(3, 4), kw(keepdim=True)), tol=100)
raises("frobenius_norm", (f(2, 3, 4), (0, 1, 2)))
raises("frobenius_norm", f(2, 3), TypeError, text=False)
raises("frobenius_norm", (i(2, 3), 1), text=False)
raises("nuclear_norm", (f(2, 3), (0,)))
raises("nuclear_norm", f(3))
for name in ("eig", "symeig", "matrix_rank"):
    raises(name, f(3, 3))
for name in ("lstsq", "solve", "Tensor.lstsq", "Tensor.solve"):
    raises(name, (f(3, 3), f(3, 1)))
raises("Tensor.eig", f(2, 2))
raises("Tensor.symeig", (f(2, 2), True))
