"""`torch.masked` in both frameworks: what is printed, and the first line of each error."""
from __future__ import annotations

import warnings
from types import ModuleType

import cases_masked
import pytest
import torch

import jtorch


def outcome(module: ModuleType, code: str) -> str:
    """What an expression prints, or its error's class and first line."""
    scope = {"torch": module}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(cases_masked.SETUP, scope)
        try:
            return repr(eval(code, scope)).replace("-0.0000", " 0.0000")    # how XLA fuses a gradient may decide the sign of its zeros
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0]}"


@pytest.mark.parametrize("code", cases_masked.CODE)
def test_outcome(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_mask_of_a_masked_tensor(name: str) -> None:
    """These count a masked tensor's elements by its mask, as the method does."""
    expected = outcome(jtorch, f"mt.{name}(1).to_tensor(float('nan'))")
    assert outcome(jtorch, f"M.{name}(mt, 1)") == expected == outcome(torch, f"M.{name}(x, 1, mask=m)")


def test_gradient_of_data() -> None:
    """Gradients flow through a masked tensor to the elements that exist."""
    data = jtorch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    masked = jtorch.masked.as_masked_tensor(data, jtorch.tensor([True, False, True]))
    (masked * masked).sum().backward()
    assert data.grad.tolist() == [2.0, 0.0, 6.0]
