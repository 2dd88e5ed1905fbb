"""Bessel and Airy functions against SciPy's, which are exact to the last digits where PyTorch's are not."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import jtorch

POINTS = np.concatenate([np.linspace(0.01, 12, 300), np.linspace(12, 30, 100), [1e-30]])
EXACT = {"bessel_j0": special.j0, "bessel_j1": special.j1, "bessel_y0": special.y0, "bessel_y1": special.y1, "modified_bessel_i0": special.i0,
         "modified_bessel_i1": special.i1, "modified_bessel_k0": special.k0, "modified_bessel_k1": special.k1, "scaled_modified_bessel_k0": special.k0e,
         "scaled_modified_bessel_k1": special.k1e, "airy_ai": lambda x: special.airy(x)[0]}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("kind, tolerance", [("float64", 1e-13), ("float32", 1e-4)])       # the phase of a wave at 30 is rounded
def test_bessel_values(name: str, kind: str, tolerance: float) -> None:
    points: Any = np.concatenate([POINTS, -POINTS]).astype(kind)
    with np.errstate(all="ignore"):
        expected = EXACT[name](points.astype("float64")).astype(kind)
    np.testing.assert_allclose(getattr(jtorch.special, name)(jtorch.tensor(points)).numpy(), np.where(points >= 0, expected, _below_zero(name, points, expected)),
                               rtol=tolerance, atol=tolerance / 10)


def _below_zero(name: str, points: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.where(np.isin(name[-2:], ("y0", "y1", "k0", "k1")), np.nan, expected)
