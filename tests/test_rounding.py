"""Divisions are rounded once, as in PyTorch: XLA alone multiplies by reciprocals of numbers, and joins divisors.  Every bit is compared."""
from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import pytest
import torch

import jtorch

FORMS: dict[str, Callable[[ModuleType, Any, Any, Any], Any]] = {
    "x / 3": lambda t, x, y, z: x / 3,
    "x / 10": lambda t, x, y, z: x / 10,
    "x / tensor": lambda t, x, y, z: x / t.tensor(0.3, dtype=x.dtype),
    "5 / x": lambda t, x, y, z: 5.0 / x,
    "1 / x": lambda t, x, y, z: 1 / x,
    "reciprocal": lambda t, x, y, z: t.reciprocal(x),
    "__rdiv__": lambda t, x, y, z: x.__rdiv__(y),
    "x / y / z": lambda t, x, y, z: x / y / z,
    "x / (y / z)": lambda t, x, y, z: x / (y / z),
    "x * 2 / 7": lambda t, x, y, z: x * 2 / 7,
    "normalised": lambda t, x, y, z: (x - 0.1307) / 0.3081,
    "true_divide": lambda t, x, y, z: t.true_divide(x, 255),
    "in place": lambda t, x, y, z: x.clone().div_(0.7),
    "constants": lambda t, x, y, z: x + 3.3 - 0.7,
    "small and large": lambda t, x, y, z: x + 1e5 - 1e5,
    "products": lambda t, x, y, z: x * 3.3 * 0.7,
    "integers": lambda t, x, y, z: (x * 1000).long() / 7,
    "rsqrt": lambda t, x, y, z: t.rsqrt(x),
    "x ** -0.5": lambda t, x, y, z: x ** -0.5,
    "x ** -1": lambda t, x, y, z: x ** -1,
    "x ** -2": lambda t, x, y, z: x ** -2,
}


# In 16 bits a program keeps what lies between two operations in float32, and a factor of 16 bits, where PyTorch rounds the first and keeps the second
SINGLE = [form for form in FORMS if form in ("x / 3", "x / 10", "5 / x", "1 / x", "reciprocal", "__rdiv__", "true_divide", "integers", "x ** -1")]


@pytest.mark.parametrize(("form", "dtype"), [*product(FORMS, ("float32", "float64")), *product(SINGLE, ("float16", "bfloat16"))])
def test_every_bit(form: str, dtype: str):
    def computed(t: ModuleType) -> list:
        t.manual_seed(0)
        given = [(t.rand(1000) + 0.01).to(getattr(t, dtype)) for _ in range(3)]
        return FORMS[form](t, *given).tolist()
    assert computed(jtorch) == computed(torch)


def test_tenths():
    assert (jtorch.arange(100) / 10).tolist() == (torch.arange(100) / 10).tolist()


def test_a_long_program_divides_as_one_operation_alone():
    jtorch.manual_seed(0)
    x, y = jtorch.rand(50, 40), jtorch.rand(50, 1) + 0.1
    alone = x.exp()
    alone = jtorch.tensor((alone / y).tolist()) / 3
    assert jtorch.equal(x.exp() / y / 3, alone)
