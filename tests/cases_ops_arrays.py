"""Cases for the operators that join, move, look up, sort and multiply tensors; `cases_ops` says how to read them."""
from __future__ import annotations

import numpy as np
import scipy.linalg
from cases_ops import TIES, b, bf, c, case, d, f, h, i, inf, kw, nan, spd, u, v, well

# ---- joining and moving
case("cat concat concatenate", ([f(2, 3), f(1, 3)],), ([f(2, 3), f(2, 1)], 1), ([f(2, 3), f(2, 1)], kw(dim=-1)), ([f(2), i(2)],), ([f(2, 3), f(0)],),
     ([f(0), f(2, 3), d(0)],), ([f(0), f(0)],),
     ([i(2, type="int32"), b(2)],), ([f(0, 3), f(2, 3)],), ([h(2), bf(2)],))
case("stack", ([f(2, 3), f(2, 3)],), ([f(2), f(2)], 1), ([f(), f()], -1), ([f(2), i(2)],))
case("hstack vstack dstack column_stack row_stack", ([f(3), f(3)],), ([f(2, 3), f(2, 3)],), ([f(), f()],), ([f(2, 3, 1), f(2, 3, 1)],))
case("column_stack", ([f(3), f(3, 2)],))
case("Tensor.repeat tile", (f(2, 3), (2, 1)), (f(3), (2, 2)), (f(2, 3), (1, 0)), (f(), (3,)), (f(2, 1), (1, 2, 3)))
case("tile", (f(2, 3), (2,)))
case("repeat_interleave", (f(3), 2), (f(2, 3), 2), (f(2, 3), 2, 1), (f(), 3), (f(2, 3), kw(repeats=3, dim=-1)),
     (f(2, 3), v(1, 2, type="int64"), 0, kw(output_size=3)),
     (f(3), v(2, 0, 1, type="int64"), kw(output_size=3)), (f(2, 2), v(2, type="int64"), 1, kw(output_size=4)))
case("flip", (f(3), (0,)), (f(2, 3), (0, 1)), (f(2, 3), (-1,)), (f(2), ()))
case("fliplr flipud", f(2, 3), f(2, 3, 2))
case("roll", (f(5), 2), (f(2, 3), -1), (f(2, 3), 1, 0), (f(2, 3), (1, -2), (0, 1)), (f(3), 7, 0), (f(0), 1))
case("rot90", f(2, 3), (f(2, 3), 2), (f(2, 3), -1), (f(2, 3, 4), 1, (1, 2)), (f(2, 3), 5, (1, 0)))
case("tril triu", f(3, 3), (f(2, 3, 4), 1), (f(3, 4), -1), b(3, 3), i(3, 3))
case("diag", f(3), (f(3), 1), (f(3), -2), f(3, 4), (f(3, 4), 1), (f(3, 4), -1))
case("diag_embed", f(3), f(2, 3), (f(2, 3), 1), (f(2, 3), -1), (f(2, 3), 0, 0, 2))
case("diagflat", f(3), f(2, 2), (f(3), 1))
case("diagonal_scatter", (f(3, 3), f(3)), (f(3, 4), f(3), 1), (f(2, 3, 3), f(2, 3), 0, 1, 2))
case("outer ger", (f(3), f(4)), (i(3), f(2)))
case("kron", (f(2, 2), f(3, 2)), (f(2), f(3)), (f(2), f(2, 3)), (i(2), f(2)))
case("combinations", f(4), (f(4), 3), (f(3), 2, True), (f(2), 3))
case("combinations", (f(3), 0), grad=False)                             # PyTorch's is a constant

# ---- indices
INDEX = v([0, 1, 1], [2, 0, 1], type="int64")
case("gather", (f(3, 4), 0, INDEX), (f(2, 4), 1, INDEX), (f(2, 4), -1, INDEX), (f(), 0, v(0, type="int64").reshape(())),
     (f(5), 0, i(3, low=0, high=5)), (f(3), 0, i(0)), (i(5), 0, i(2, low=0, high=5)),
     (f(5), 0, i(3, low=0, high=5, type="int32")))
case("scatter", (f(3, 4), 0, v([0, 1, 2], type="int64"), f(1, 3)), (f(3, 4), 1, v([0, 3], [1, 2], type="int64"), f(2, 2)),
     (f(3, 4), 1, v([0, 3], type="int64"), 2.5), (i(4), 0, v(1, type="int64"), 7),
     (f(3), 0, i(0), f(0)), (f(3, 4), 0, v([0, 1, 2], type="int64"), 2))
case("scatter", (f(3), 0, v(0, 0, 2, type="int64"), f(3), kw(reduce="add")), (f(3), 0, v(0, 2, type="int64"), 2.0, kw(reduce="multiply")),
     grad=False)   # PyTorch has none
case("scatter_add", (f(3, 4), 0, INDEX, f(2, 3)), (f(3), 0, v(0, 0, 2, 0, type="int64"), f(4)), (f(), 0, v(0, type="int64").reshape(()), f()),
     (i(3), 0, v(0, 0, type="int64"), i(2)))
DUPLICATES = v(0, 0, 2, 0, type="int64")
for mode in ("sum", "prod", "mean", "amax", "amin"):
    case("scatter_reduce", (f(4), 0, DUPLICATES, f(4), mode), (f(4), 0, DUPLICATES, f(4), mode, kw(include_self=False)),
         (v(1.0, 2.0, 3.0), 0, DUPLICATES, v(1.0, 1.0, 3.0, 0.5), mode),
         (f(3, 4), 1, v([0, 3, 0], [1, 1, 1], type="int64"), f(2, 3), mode), (i(4), 0, DUPLICATES, i(4), mode), tol=4)
case("scatter_reduce", (v(0.0, 2.0, 3.0), 0, DUPLICATES, v(2.0, 0.0, 3.0, 4.0), "prod"),
     (v(2.0, 2.0, 0.0), 0, DUPLICATES, v(2.0, 0.0, 3.0, 4.0), "prod"))
case("index_select", (f(3, 4), 0, i(5, low=0, high=3)), (f(3, 4), 1, i(2, low=0, high=3, type="int32")), (f(3), -1, v(1, type="int64").reshape(())),
     (f(), 0, v(0, type="int64")))
case("index_add", (f(3, 4), 0, v(0, 2, 0, type="int64"), f(3, 4)), (f(3, 4), 1, v(0, 2, type="int64"), f(3, 2), kw(alpha=2)),
     (i(3), 0, v(1, 1, type="int64"), i(2)))
case("index_copy", (f(3, 4), 0, v(2, 0, type="int64"), f(2, 4)), (f(3, 4), -1, v(1, type="int64"), f(3, 1)))
case("index_fill", (f(3, 4), 0, v(0, 2, type="int64"), 2.5), (f(3, 4), 1, v(0, type="int64"), f()), (i(4), 0, v(1, type="int64"), 2))
for mode in ("prod", "mean", "amax", "amin"):
    case("index_reduce", (f(3, 2), 0, v(0, 2, 0, type="int64"), f(3, 2), mode),
         (f(2, 3), 1, v(0, 0, type="int64"), f(2, 2), mode, kw(include_self=False)), tol=4)
case("take", (f(3, 4), i(2, 3, low=-12, high=12)), (f(5), v(0, type="int64").reshape(())), (i(5), i(3, low=0, high=5)))
case("take_along_dim", (f(3, 4), i(3, 2, low=0, high=4), 1), (f(3, 4), i(1, 4, low=0, high=3), 0), (f(3, 4), i(5, low=0, high=12)))
case("Tensor.put", (f(3, 4), v(0, 5, type="int64"), f(2)), (f(4), v(-1, 0, type="int64"), f(2)),
     (f(4), v(1, 1, type="int64"), f(2), kw(accumulate=True)))
case("masked_scatter", (f(3, 4), b(3, 4), f(12)), (f(4), b(4), f(2, 3)), (i(4), b(4), i(4)), (f(3, 4), b(4), f(12)))
case("bucketize", (f(5), v(-1.0, 0.0, 1.0)), (i(5), v(-2, 0, 3, type="int64")), (i(5), v(-2, 0, 3, type="int64"), kw(right=True, out_int32=True)),
     (0.5, v(-1.0, 0.5, 1.0)), (f(2, 3), v(0.0)))
case("searchsorted", (v(1.0, 3.0, 5.0), f(4)), (v([1.0, 3.0], [0.0, 1.0]), f(2, 3)),
     (v(1, 3, 3, 5, type="int64"), v(3, 4, type="int64"), kw(right=True)), (v(1.0, 3.0), 2.0),
     (v(1.0, 3.0, 3.0), v(3.0), kw(side="left")), (v(3.0, 1.0, 2.0), v(1.5), kw(sorter=v(1, 2, 0, type="int64"))), (v(1.0, 3.0), i(3)))
case("nn.functional.one_hot", (i(4, low=0, high=3), 3), (i(2, 2, low=0, high=3), kw(num_classes=5)))
case("histc", (u(9), 4, 0, 1), (f(20), kw(bins=5)), (f(5), 3, -1, 1), (v(2.0, 2.0), 4), (v(0.0, 1.0, 2.0, 3.0), kw(bins=3, min=0.5, max=3.0)))
case("bincount", (v(0, 1, 1, 3, type="int64"), kw(minlength=4)), (v(0, 1, 1, type="int64"), f(3), 6), (v(0, 1, 1, type="int64"), i(3), 6),
     grad=False)   # PyTorch has none

# ---- order
case("sort argsort", f(3, 4), (f(3, 4), 0), (f(3, 4), kw(descending=True)), (TIES, kw(stable=True)), (TIES, kw(dim=1, descending=True, stable=True)),
     i(6), b(4), f(), f(0), v(1.0, nan, -inf, 2.0),
     (v(1.0, nan, -inf, 2.0), -1, True), h(5), (i(5, low=0, type="uint8"), 0, True))
case("msort", f(3, 4), i(4))
case("topk", (f(6), 3), (f(3, 4), 2), (f(3, 4), 2, 0), (f(3, 4), 2, kw(largest=False)), (v(3, 1, 5, -4, type="int64"), 2),
     (v(3, 1, 5, -4, type="int64"), 2, kw(largest=False)), (f(), 1), (f(4), 0),
     (v(1.0, nan, 3.0, 2.0), 2), (v(1.0, nan, 3.0, 2.0), 2, kw(largest=False)), (h(5), 2))

# ---- products
case("matmul", (f(3), f(3)), (f(2, 3), f(3)), (f(3), f(3, 4)), (f(2, 3), f(3, 4)), (f(5, 2, 3), f(3, 4)), (f(5, 2, 3), f(3)), (f(3), f(5, 3, 4)),
     (f(2, 3), f(5, 3, 4)), (f(5, 2, 3), f(5, 3, 4)),
     (f(2, 1, 2, 3), f(5, 3, 4)), (i(2, 3), i(3, 2)), (d(2, 3), d(3, 2)), (f(0, 3), f(3, 2)), (f(2, 0), f(0, 3)), (f(0, 2, 3), f(3, 4)),
     (c(2, 2), c(2, 2)), (h(2, 3), h(3, 2)), tol=4)
case("linalg.matmul mm", (f(2, 3), f(3, 4)), tol=4)
case("bmm", (f(5, 2, 3), f(5, 3, 4)), (d(5, 2, 3), d(5, 3, 4)), tol=4)
case("mv", (f(2, 3), f(3)))
case("dot vdot inner", (f(4), f(4)), (i(4), i(4)), (c(3), c(3)), tol=4)
case("inner", (f(2, 3), f(4, 3)), (f(3), f(2, 3)), (f(), f(3)), tol=4)
case("addmm", (f(2, 4), f(2, 3), f(3, 4)), (f(4), f(2, 3), f(3, 4)), (f(2, 1), f(2, 3), f(3, 4), kw(beta=0.5, alpha=2)),
     (v(nan), f(2, 3), f(3, 4), kw(beta=0)), (i(2, 2), i(2, 2), i(2, 2), kw(alpha=2)), tol=4)
case("addmv", (f(2), f(2, 3), f(3)), (f(), f(2, 3), f(3), kw(beta=2.0)), tol=4)
case("addr", (f(2, 3), f(2), f(3)), (f(3), f(2), f(3), kw(alpha=0.5)))
case("baddbmm", (f(5, 2, 4), f(5, 2, 3), f(5, 3, 4)), (f(4), f(5, 2, 3), f(5, 3, 4), kw(beta=0.1, alpha=2)), tol=4)
case("addbmm", (f(2, 4), f(5, 2, 3), f(5, 3, 4)), (f(4), f(5, 2, 3), f(5, 3, 4), kw(beta=0.1, alpha=2)), tol=8)
case("linalg.multi_dot", ([f(2, 3), f(3, 4), f(4, 2)],), ([f(3), f(3, 4), f(4)],), ([f(2, 3), f(3, 2)],), tol=8)
case("tensordot", (f(2, 3), f(3, 4), 1), (f(2, 3), f(2, 3), 2), (f(2, 3, 4), f(4, 3), ((1, 2), (1, 0))), (f(2), f(3), 0), (f(2, 3), f(2, 3)), tol=4)
case("trace", f(3, 3), f(2, 4), i(3, 3), i(2, 2, type="int32"))
case("cross linalg.cross", (f(3), f(3)), (f(2, 3), f(2, 3)), (f(3, 4), f(3, 4), kw(dim=0)))
case("cross", (f(3, 3), f(3, 3)), (f(3, 4), f(3, 4)))
case("linalg.vecdot", (f(2, 3), f(2, 3)), (f(3), f(2, 3)), (f(2, 3), f(2, 3), kw(dim=0)))

# ---- linear algebra
case("det linalg.det logdet slogdet linalg.slogdet", spd(3, 3), spd(2, 3, 3), tol=1000)
case("det logdet slogdet", -spd(3, 3), grad=False)                      # the gradient of nan
case("inverse linalg.inv", well(3, 3), well(2, 4, 4), tol=1000)
case("pinverse linalg.pinv", d(4, 3), d(3, 4), d(2, 4, 3), well(3, 3), tol=10000)
case("linalg.solve", (well(3, 3), d(3)), (well(3, 3), d(3, 2)), (well(2, 3, 3), d(2, 3, 2)), (well(2, 3, 3), d(2, 3)),
     (well(3, 3), d(2, 3), kw(left=False)), (well(2, 3, 3), d(3, 2)), tol=1000)
case("linalg.solve_triangular", (np.triu(well(3, 3)), d(3, 2), kw(upper=True)), (np.tril(well(3, 3)), d(2, 3), kw(upper=False, left=False)),
     (np.tril(well(3, 3)), d(3, 2), kw(upper=False, unitriangular=True)), tol=1000)
case("triangular_solve", (d(3, 2), np.triu(well(3, 3))), (d(3, 2), np.tril(well(3, 3)), False), (d(3, 2), np.triu(well(3, 3)), kw(transpose=True)),
     tol=1000)
case("cholesky linalg.cholesky linalg.cholesky_ex", spd(3, 3), spd(2, 3, 3), (spd(3, 3), kw(upper=True)), tol=1000)
case("cholesky_solve", (d(3, 2), np.linalg.cholesky(spd(3, 3))), (d(3, 2), np.linalg.cholesky(spd(3, 3)).T.copy(), True), tol=1000,
     grad=False)   # PyTorch also fills the unread triangle
case("cholesky_inverse", np.linalg.cholesky(spd(3, 3)), tol=1000, grad=False)   # likewise
case("linalg.lstsq", (d(4, 3), d(4, 2)), (d(3, 4), d(3, 2)), (d(2, 4, 3), d(2, 4)), tol=10000)
case("linalg.lstsq", (d(4, 3), d(4, 2), kw(driver="gelsd")), (d(4, 3), d(4, 2), kw(driver="gels")), tol=10000,
     grad=False)   # singular values count as constants
case("qr linalg.qr", d(4, 3), d(3, 3), d(2, 4, 3), tol=1000)
case("linalg.qr", (d(3, 4), "reduced"), (d(4, 3), "complete"), (d(4, 3), "r"), tol=1000, grad=False)   # PyTorch has none for these
case("linalg.svdvals", d(4, 3), d(2, 3, 4), tol=1000)
case("svd", d(4, 3), d(2, 3, 4), (d(3, 4), False), tol=10000, grad=False, signs=False)   # vectors are defined up to sign only
case("linalg.svd", d(4, 3), (d(4, 3), False), tol=10000, grad=False, signs=False)   # vectors are defined up to sign only
case("linalg.eigh", spd(3, 3), spd(2, 3, 3), (spd(3, 3), "U"), tol=10000, grad=False, signs=False)   # vectors are defined up to sign only
case("linalg.eigvalsh", spd(3, 3), tol=1000)
case("linalg.matrix_rank", d(3, 4), np.ones((3, 3)), (np.diag([1.0, 0.1, 0.01]), kw(atol=0.05)))
case("linalg.cond", well(3, 3), tol=1000)
case("linalg.cond", (well(3, 3), 1), (well(3, 3), "fro"), tol=1000, grad=False)   # PyTorch's fails
case("matrix_power linalg.matrix_power", (well(3, 3), 3), (well(3, 3), 0), (well(3, 3), -2), (well(2, 3, 3), 2), tol=1000)
case("matrix_exp linalg.matrix_exp", d(3, 3), d(2, 3, 3), tol=1000)
case("vander", f(3), (f(3), 4), (f(3), 2, True), tol=4, grad=False)     # PyTorch's fails
case("cdist", (f(3, 2), f(4, 2)), (f(2, 3, 2), f(4, 2)), (f(3, 2), f(4, 2), 1.0), (f(3, 2), f(4, 2), inf), (f(3, 2), f(4, 2), 3.0),
     (TIES, TIES.copy()), (f(3, 2), f(4, 2), kw(compute_mode="donot_use_mm_for_euclid_dist")), tol=10)
case("cdist", (d(30, 3), d(40, 3)), tol=1000)
case("cov corrcoef", f(3, 5), f(5), d(2, 4), tol=20)
case("cov", (f(3, 5), kw(correction=0)), (f(3, 4), kw(fweights=v(1, 2, 1, 3, type="int64"))), (f(3, 4), kw(aweights=u(4))),
     (f(3, 4), kw(fweights=v(1, 2, 1, 3, type="int64"), aweights=u(4))), tol=20, grad=False)

# ---- operators whose arguments PyTorch takes one by one: `einsum(equation, *operands)` and the like
case("einsum", ("ij,jk->ik", [f(2, 3), f(3, 4)]), ("ij,jk", [f(2, 3), f(3, 4)]), ("bij,bjk->bik", [f(2, 2, 3), f(2, 3, 2)]), ("ii->i", [f(3, 3)]),
     ("ii", [f(3, 3)]), ("ij->", [f(2, 3)]),
     ("i,j->ij", [f(2), f(3)]), ("...ij,...jk->...ik", [f(2, 2, 3), f(3, 2)]), ("ij,jk->ik", [f(2, 3), f(1, 4)]),
     (" i j , j -> i ", [f(2, 3), f(3)]), ("b...->...", [f(2, 3)]), ("bhwc,hkc->bhwk", [f(2, 3, 4, 5), f(3, 4, 5)]), tol=4)
case("linalg.vander", f(3), (f(2, 3), kw(N=4)), tol=4, grad=False)      # PyTorch's fails
case("linalg.lu_factor linalg.lu linalg.lu_factor_ex", d(3, 3), d(2, 4, 3), d(3, 4), tol=1000)
case("linalg.inv_ex", well(3, 3), tol=1000)
case("linalg.solve_ex", (well(3, 3), d(3, 2)), tol=1000)
LU, PIVOTS = scipy.linalg.lu_factor(well(3, 3))
case("linalg.lu_solve", *((LU, PIVOTS + 1, d(3, 3), kw(left=left, adjoint=flag)) for left in (True, False) for flag in (True, False)), tol=1000)
case("complex", (f(3), f(3)), (f(2, 1), f(3)))
case("polar", (u(3), f(3)), (u(2, 1), f(3)))
case("frexp", v(0.0, 1.0, -3.5, 0.3, 1e30))
