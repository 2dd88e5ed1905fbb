"""`torch.testing` in both frameworks: texts of errors, and random tensors in every bit."""
from __future__ import annotations

import warnings
from math import inf, nan
from types import ModuleType

import cases_testing
import numpy as np
import pytest
import torch

import jtorch


def outcome(module: ModuleType, code: str) -> str:
    """What an expression gives, its warnings, or its error."""
    scope = {"torch": module, "t": module.tensor, "ac": module.testing.assert_close, "aa": module.testing.assert_allclose,
             "mk": module.testing.make_tensor, "f": module.float32, "np": np, "nan": nan, "inf": inf,
             "a": module.tensor([[1.0, 0.0], [0.0, 2.0]])}
    module.manual_seed(0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            made = eval(code, scope)
            shown = repr(made) if made is None or made.device.type == "meta" else f"{made}{made.dtype}{made.stride()}{made.detach().tolist()}"
        except Exception as error:
            shown = f"{type(error).__name__}: {error}"
    told = [w for w in seen if "beta state" not in str(w.message)]   # which PyTorch says of sparse CSR once a process
    return shown + "".join(f"\n{w.category.__name__}: {w.message}" for w in told)


@pytest.mark.parametrize("code", [*cases_testing.CLOSE, *cases_testing.MADE, *cases_testing.DRAWN])
def test_outcome(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)
