"""Ranges are PyTorch's to the last bit, as a step of 0.1 near zero prints its rounding."""
from __future__ import annotations

import jtorch
import numpy as np
import pytest
import torch

if torch.backends.cpu.get_cpu_capability() == "DEFAULT" or np.finfo(np.longdouble).nmant <= 52:
    pytest.skip("the last bit is that of fused multiply-adds, here missing in PyTorch's kernels or in NumPy's long double", allow_module_level=True)

CALLS = [
    *[f"arange({bounds}, dtype=torch.{kind})" for kind in ("float32", "float64", "float16", "bfloat16")
      for bounds in ("-3, 3.1, 0.1", "0, 1, 1 / 7", "0.3, 200, 0.7", "5, -2, -0.01", "1e-3, 1, 1e-3", "2.5, 2.5")],
    *[f"arange({bounds}, dtype=torch.{kind})" for kind in ("int64", "int32", "int16", "uint8") for bounds in ("0.9, 5, 1.7", "-2.5, 3, 1.5", "9, 0, -2")],
    *[f"linspace({bounds}, dtype=torch.{kind})" for kind in ("float32", "float64")
      for bounds in ("-2.1, 0.6, 55", "0, 1, 100", "3, -7.7, 33", "0, 1, 1", "1e-3, 1, 257")],
    *[f"logspace({bounds})" for bounds in ("0, 3, 4", "-2, 2, 9, base=2")],
    "arange(7)", "arange(2 ** 40, 2 ** 40 + 3)", "arange(1, 4)", "arange(5.0)", "arange(3, out=torch.empty(0))",
]


@pytest.mark.parametrize("call", CALLS)
def test_every_bit(call: str) -> None:
    wanted, found = (eval(f"torch.{call}", {"torch": framework}) for framework in (torch, jtorch))
    assert str(found.dtype) == str(wanted.dtype)
    assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize("kind", ["bool", "complex64", "complex128"])
def test_types_without_ranges(kind: str) -> None:
    texts = []
    for framework in (torch, jtorch):
        with pytest.raises(NotImplementedError) as caught:
            framework.arange(3, dtype=getattr(framework, kind))
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
