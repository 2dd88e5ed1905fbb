"""Cases for Fourier transforms, signals, parts of tensors and rarer functions; `cases_ops` says how to read them."""
from __future__ import annotations

import numpy as np
from cases_ops import T, b, c, case, d, f, i, kw, raises, u, v, well

# ---- Fourier transforms
case("fft.fft fft.ifft", f(5), c(6), (f(3, 4), kw(dim=0)), (f(4), 6), (c(5), 3), (f(4), kw(norm="ortho")), (d(4), kw(norm="forward")), i(4), tol=4)
case("fft.rfft fft.ihfft", f(5), f(6), (f(3, 4), kw(dim=0)), (f(4), 6), (f(4), kw(norm="ortho")), d(2, 4), i(4), tol=4)
case("fft.irfft fft.hfft", c(5), (c(4), 7), (c(3, 4), kw(dim=0)), (c(4), kw(norm="ortho")), f(4), tol=4)
case("fft.fft2 fft.ifft2 fft.fftn fft.ifftn", f(3, 4), c(2, 3, 4), (f(3, 4), (4, 2)), (f(3, 4), kw(norm="ortho")), tol=4)
case("fft.fftn fft.ifftn", (f(2, 3, 4), kw(dim=(0, 1))), (c(2, 3, 4), (3,)), (f(3, 4), (-1, 2)), tol=4)
case("fft.rfft2 fft.rfftn fft.ihfft2 fft.ihfftn", f(3, 4), (f(2, 3, 4), kw(norm="forward")), (f(3, 4), (4, 5)), tol=4)
case("fft.irfft2 fft.irfftn fft.hfft2 fft.hfftn", c(3, 4), (c(2, 3, 4), kw(norm="ortho")), (c(3, 4), (4, 5)), tol=4)
case("fft.fftshift fft.ifftshift", f(5), f(3, 4), (f(3, 4), 1), (f(3, 4), (0, 1)))
case("fft.fftfreq fft.rfftfreq", 5, (6, 0.5), (4, kw(dtype=T("float64"))))
raises("fft.fft", (f(3), 0))
raises("fft.fft", f(), IndexError)
raises("fft.fft", (f(3), kw(norm="x")))
raises("fft.fft", (f(3), kw(dim=2)), IndexError)
raises("fft.rfft", c(3), text=False)
raises("fft.fftn", (f(3, 3), kw(dim=(0, 0))), text=False)

# ---- signals
case("hann_window hamming_window blackman_window bartlett_window kaiser_window", 7, 6, 1, 2, (6, False), (5, kw(dtype=T("float64"))), (5,
     kw(periodic=False)))
case("hamming_window", (6, True, 0.5), (6, True, 0.5, 0.4))
case("kaiser_window", (6, True, 8.0), (6, False, kw(beta=5.0)))
raises("hann_window", -1)
raises("hann_window", (5, kw(dtype=T("int64"))), text=False)
WINDOW = np.hanning(9)[:8].astype("float32")
STFT = kw(return_complex=True)
case("stft", (f(20), 8, STFT), (f(2, 20), 8, 3, kw(window=WINDOW, return_complex=True)), (f(20), 8, 2, 6, kw(center=False, return_complex=True)),
     (f(20), 8, kw(normalized=True, return_complex=True)), (f(20), 8, kw(onesided=False, return_complex=True)), (f(20), 8, kw(return_complex=False)),
     (f(20), 8, kw(pad_mode="constant", return_complex=True)), (c(20), 8), tol=8)
case("istft", (c(5, 11), 8), (c(2, 5, 11), 8, 2, kw(window=WINDOW)), (c(5, 11), 8, kw(length=17)), (c(5, 11), 8, kw(center=False, normalized=True)),
     (c(8, 11), 8, kw(onesided=False)), (c(8, 11), 8, kw(onesided=False, return_complex=True)), (c(5, 11), 8, kw(length=40)), tol=8)
raises("stft", (f(20), 4), text=False)
raises("stft", (f(20), 8, kw(win_length=9, return_complex=True)), text=False)
raises("stft", (f(4), 8, kw(center=False, return_complex=True)), text=False)
raises("istft", (f(3, 4), 4))
raises("istft", (c(4, 6), 8), text=False)
raises("istft", (c(5, 11), 8, kw(window=np.zeros(8, "float32"))), text=False)

# ---- parts
case("hsplit", (f(4, 6), 2), (f(6), (1, 4)), (f(2, 4, 2), 4))
case("vsplit", (f(4, 2), 2), (f(4, 2), (1, 3)))
case("dsplit", (f(2, 2, 4), 2), (f(2, 2, 4), (1,)))
case("split_with_sizes", (f(5), [2, 3]), (f(2, 5), [1, 4], 1))
case("atleast_1d atleast_2d atleast_3d", f(), f(3), f(2, 3), f(2, 3, 2), ([f(), f(2)],), (f(), f(2)))
case("select_scatter", (f(3, 4), f(4), 0, 1), (f(3, 4), f(3), 1, -1))
case("slice_scatter", (f(5, 2), f(2, 2), 0, 1, 3), (f(2, 6), f(2, 3), 1, 0, 6, 2), (f(3), f(3)))
case("as_strided_scatter", (f(6), f(2, 2), (2, 2), (2, 1)), (f(6), f(2), (2,), (1,), 3), grad=False)   # PyTorch gives the written part a gradient
case("select_copy", (f(3, 4), 0, 1))
case("split_copy", (f(5), 2))
case("unbind_copy", f(2, 3), (f(2, 3), 1))
case("view_copy expand_copy", (f(1, 3), (1, 3)))
case("permute_copy", (f(2, 3), (1, 0)))
case("transpose_copy", (f(2, 3), 0, 1))
case("t_copy diagonal_copy alias_copy", f(2, 3))
case("unsqueeze_copy", (f(2, 3), 1))
case("narrow_copy", (f(4), 0, 1, 2))
case("as_strided_copy", (f(6), (2, 2), (2, 1)))
case("Tensor.sum_to_size", (f(3, 4), (1, 4)), (f(2, 3, 4), (3, 1)), (f(3, 4), (3, 4)), (f(3, 4), ()))
case("conj adjoint", c(2, 3), f(2, 3), i(2, 2))
case("unravel_index", (v(5, 11, 0, type="int64"), (3, 4)), (i(2, 2, low=0, high=12), (2, 3, 2)), (v(3, type="int64"), 5))
case("linalg.diagonal", f(3, 3), (f(2, 3, 4), kw(offset=1)), (f(2, 3, 4), kw(dim1=0, dim2=1)))
case("constant_pad_nd", (f(2, 3), (1, 2)), (f(2, 3), (1, 0, 0, 1), 2.5))
raises("hsplit", (f(), 1))
raises("vsplit", (f(3), 1))
raises("dsplit", (f(3, 3), 1))
raises("hsplit", (f(3, 4), 3))
raises("adjoint", f(3))
raises("Tensor.sum_to_size", (f(3, 4), (2, 4)))
raises("select_scatter", (f(3, 4), f(3), 0, 1))
raises("unravel_index", (f(2), (2, 2)), TypeError, text=False)

# ---- derivatives, histograms, scaling
case("gradient", f(5), f(3, 4), (f(3, 4), kw(spacing=2.0)), (f(3, 4), kw(dim=1)), (f(3, 4), kw(spacing=[0.5, 2.0], edge_order=2)), (f(3, 4),
     kw(dim=(1, 0))),
     (f(3, 4), kw(spacing=(v(1.0, 2.0, 4.0), v(0.0, 0.5, 2.0, 2.5)))), (f(4), kw(spacing=(v(1.0, 2.0, 4.0, 4.5),), edge_order=2)), i(5), d(4), tol=10)
raises("gradient", (f(2), kw(edge_order=2)))
raises("gradient", (f(3, 3), kw(spacing=[1.0])))
raises("gradient", (f(3, 3), kw(dim=5)), IndexError)
raises("gradient", (f(3, 3), kw(edge_order=3)))
case("renorm", (f(3, 4), 2, 0, 1.0), (f(3, 4), 1, 1, 1.0), (f(2, 3, 4), 3, -1, 0.5), (f(3, 4), 2, 0, 100.0), (d(3, 4), 0.5, 0, 2), tol=10)
raises("renorm", (f(3), 2, 0, 1.0))
raises("renorm", (f(3, 3), -1, 0, 1.0))
raises("renorm", (f(3, 3), 2, 0, -1.0), text=False)
case("histogram", (u(9), 4), (u(9), kw(bins=3, range=(0.0, 1.0))), (u(9), v(0.0, 0.3, 0.5, 1.0)), (u(9), 4, kw(weight=u(9))), (u(9), 4,
     kw(density=True)), grad=False)
case("histogramdd", (u(9, 2), [2, 3]), (u(9, 2), 2), (u(9, 2), [2, 2], kw(range=(0.0, 1.0, 0.0, 2.0))), (u(9, 2), [2, 2],
     kw(density=True, weight=u(9))), grad=False)
case("nonzero_static", (b(3, 4), kw(size=4)), (i(5), kw(size=7, fill_value=9)), (b(3), kw(size=0)), grad=False)
case("norm_except_dim", f(3, 4), (f(2, 3, 4), 2, 1), (f(3, 4), 1, 0), (f(3, 4), 2, -1), tol=4)
case("is_same_size", (f(2, 3), f(2, 3)), (f(2, 3), f(3)))
case("relu_ sigmoid_ exp_ neg_ sqrt_ zero_", u(3, 4), grad=False)
case("clamp_", (f(4), 0.0, 1.0), grad=False)
case("fill_", (f(4), 2.0), grad=False)

# ---- linear algebra
case("geqrf", d(4, 3), d(3, 3), d(2, 4, 3), tol=1000, grad=False)       # PyTorch has none
case("linalg.householder_product orgqr", (d(4, 3), d(3)), (d(4, 3), d(2)), (d(2, 4, 3), d(2, 3)), tol=1000, grad=False)
case("ormqr", (d(4, 3), d(3), d(4, 2)), (d(3, 3), d(3), d(2, 3), False), (d(4, 3), d(3), d(4, 2), True, True), tol=1000, grad=False)
case("linalg.tensorinv", (well(6, 6).reshape(2, 3, 6)), (well(6, 6).reshape(6, 3, 2), kw(ind=1)), tol=1000)
case("linalg.tensorsolve", (well(6, 6).reshape(2, 3, 6), d(2, 3)), (well(6, 6).reshape(2, 3, 2, 3), d(2, 3)), tol=1000)
case("linalg.tensorsolve", (np.moveaxis(well(6, 6).reshape(2, 3, 6), -1, 0).copy(), d(2, 3), kw(dims=(0,))), tol=1000)
case("lu_unpack", (d(3, 3), v(2, 3, 3, type="int32")), (d(4, 3), v(2, 3, 3, type="int32")))
case("lu_unpack", (d(3, 3), v(2, 3, 3, type="int32"), False), grad=False)   # PyTorch's fails
case("lu_solve", (d(3, 2), well(3, 3), v(2, 3, 3, type="int32")), tol=1000)
case("lu", d(3, 3), tol=1000)
raises("linalg.tensorinv", f(2, 3))
raises("linalg.tensorsolve", (f(2, 3), f(2)))
raises("linalg.householder_product", (f(2, 3), f(2)), text=False)
