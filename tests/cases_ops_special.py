"""Cases for Bessel and Airy functions and orthogonal polynomials; `cases_ops` says how to read them."""
from __future__ import annotations

import numpy as np
from cases_ops import T, case, d, f, i, inf, kw, nan, raises, v

BESSEL = ("special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.modified_bessel_i0 special.modified_bessel_i1 "
          "special.modified_bessel_k0 special.modified_bessel_k1 special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 "
          "special.spherical_bessel_j0 special.airy_ai")
CHEBYSHEV = " ".join(f"special.{shifted}chebyshev_polynomial_{kind}" for shifted in ("", "shifted_") for kind in "tuvw")
OTHERS = "special.hermite_polynomial_h special.hermite_polynomial_he special.laguerre_polynomial_l special.legendre_polynomial_p"
DEGREES = np.array([-1, 0, 1, 2, 3, 6, 7, 9, 20])[:, None]
INSIDE = np.array([-0.9, -0.5, 0.01, 0.3, 0.77])

# between 2 and 11 PyTorch's Bessel functions, and Airy's below -2, are wrong by up to 3e-6: see test_bessel_values
case(BESSEL, v(0.0, 0.1, 0.5, 1.0, 1.9, 15.0, 60.0, type="float64"), v(-0.0, -0.2, -1.5, inf, -inf, nan, type="float64"),
     v(0.0, 0.3, 1.7, 20.0, -1.0, nan), i(4), f(), f(0), np.array([True, False]), tol=4)
raises("special.bessel_j0", f(2).astype("float16"), NotImplementedError)
raises("special.airy_ai", f(2).astype("complex64"), NotImplementedError)
raises("special.modified_bessel_k1", 1.0, TypeError, text=False)

case(f"{CHEBYSHEV} {OTHERS}", (INSIDE, DEGREES.astype("float64")), (INSIDE.astype("float32"), DEGREES.astype("float32")), (INSIDE, DEGREES),
     (np.array([1.0, -1.0, 2.5, -2.5, 0.0]), DEGREES), (INSIDE, 3), (INSIDE, 2.7), (0.3, DEGREES), (i(4), 2), (i(4), i(4)), (d(3), v(nan, inf, -inf)),
     (v(inf, -inf, type="float64"), 2), (v(1.0, 0.0, type="float64"), 1000), (f(), 4), (f(0), 2), tol=20)   # each step of a recurrence rounds
case(f"{OTHERS} special.chebyshev_polynomial_t", (v(0.3, 5.0), 130), (v(0.3, type="float64"), 513), tol=20)
raises("special.chebyshev_polynomial_t", (f(2).astype("float16"), 2), NotImplementedError)
raises("special.legendre_polynomial_p", (f(2), f(3)))
raises("special.hermite_polynomial_h", (1.0, 2), TypeError, text=False)
raises("special.chebyshev_polynomial_u", (d(2), 2, kw(out=i(2))))
raises("special.bessel_y0", (f(2), kw(dtype=T("float32"))), TypeError, text=False)
