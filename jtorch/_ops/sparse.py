"""Products of sparse and dense matrices."""
from __future__ import annotations

import jax.numpy as jnp

from .._core.op import NONE, Array, Scalar, op


@op(NONE, home="", inplace=False, out=False, node="SparseAddmmBackward0")
def sparse_addmm(values: Array, indices: Array, dense: Array, input: Array | None, rows: int, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """beta · input + alpha · sparse @ dense.    values: (nnz), indices: (2, nnz), dense: (m, p), input: (rows, p)  ->  (rows, p)"""
    row, column = indices                                    # not by jax.experimental.sparse: it computes this too, and importing it takes long
    product = jnp.zeros((rows, dense.shape[1]), dense.dtype).at[row].add(values[:, None] * dense[column])
    product = product * jnp.asarray(alpha, product.dtype)
    return product if input is None else jnp.asarray(beta, product.dtype) * input + product
