"""Gradients against PyTorch, each program with and without reading values between forward and backward."""
from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import cases_autograd
import cases_functions
import pytest
import torch as reference

import jtorch

CASES = {**cases_autograd.CASES, **cases_functions.CASES}


def nothing(x: Any) -> None:
    """Values are not looked at."""


def look(x: Any) -> None:
    """Look at the values: what was recorded so far runs."""
    x.sum().item()


def observed(torch: ModuleType, name: str, read: Any) -> Any:
    try:
        return CASES[name](torch, read)
    finally:
        torch.set_grad_enabled(True)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-5) or math.isnan(a) and math.isnan(b)
    return a == b


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("read", (nothing, look), ids=("one program", "values read"))
@pytest.mark.parametrize("name", CASES)
def test_as_pytorch(name: str, read: Any) -> None:
    expected = observed(reference, name, read)
    assert same(expected, found := observed(jtorch, name, read)), f"\nPyTorch {expected}\njtorch  {found}"


def test_the_imaginary_part_of_a_gradient_is_not_minus_zero() -> None:
    printed = []
    for t in (jtorch, reference):
        for function in (lambda w: w.real, lambda w: w.real * 2, lambda w: w.abs() ** 2, lambda w: w.imag, lambda w: (w * w.conj()).real):
            w = t.tensor([1 + 1j, 2, 3], requires_grad=True)
            function(w).sum().backward()
            printed.append(str(w.grad))
    assert printed[:5] == printed[5:]
