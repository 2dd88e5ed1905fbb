"""`scaled_mm`: products of 8-bit floats with scales, as PyTorch's."""
from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

import jtorch

CALLS = """
F.scaled_mm(a, b, one, T, one, T)
F.scaled_mm(a, b, rows, R, columns, R)
F.scaled_mm(a, b, [one], [T], [one], [T])
F.scaled_mm(a, b, one, T, one, T, bias=torch.ones(16))
F.scaled_mm(a, b, one, T, one, T, bias=torch.ones(16), output_dtype=torch.float32)
F.scaled_mm(a, b, one, T, one, T, output_dtype=torch.float16)
F.scaled_mm(a, b, one, T, one, T, output_dtype=None)
F.scaled_mm(a.float().to(torch.float8_e5m2), b, one, T, one, T, output_dtype=torch.float32)
F.scaled_mm(a[:3], b, one, T, one, T, use_fast_accum=True)
F.scaled_mm(a, b, one, T, one, T, swizzle_a=F.SwizzleType.NO_SWIZZLE, contraction_dim=[1, 0])
F.scaled_mm(a, b.t(), one, T, one, T)
F.scaled_mm(a, b, rows[:3], R, columns, R)
F.scaled_mm(a[0], b, one, T, one, T)
F.scaled_mm(a, b, one, T, columns, R)
F.scaled_mm(a, b, rows, F.ScalingType.BlockWise1x128, columns, F.ScalingType.BlockWise1x128)
F.scaled_mm(a.float(), b.float(), one, T, one, T)
F.scaled_mm(a, b, one.double(), T, one, T)
F.scaled_mm(a, b, one, 3, one, 3)
F.scaled_grouped_mm(a, b.unsqueeze(0), rows.view(16), R, columns, R, offs=torch.tensor([16], dtype=torch.int32))
"""


def outcome(module: ModuleType, code: str) -> tuple:
    module.manual_seed(0)
    F = module.nn.functional
    given = dict(a=module.randn(16, 32).to(module.float8_e4m3fn), b=module.randn(16, 32).to(module.float8_e4m3fn).t(), one=module.tensor(2.0),
                 rows=module.rand(16, 1), columns=module.rand(1, 16), T=F.ScalingType.TensorWise, R=F.ScalingType.RowWise)
    try:
        made = eval(code, {"torch": module, "F": F, **given})
    except (ValueError, AttributeError, NotImplementedError) as error:
        return type(error), str(error).split("\n")[0][:40] if isinstance(error, ValueError) else ""
    return str(made.dtype), made.float().numpy()


@pytest.mark.parametrize("code", CALLS.strip().split("\n"))
def test_as_in_pytorch(code: str) -> None:
    (kind, ours), (wanted, theirs) = outcome(jtorch, code), outcome(torch, code)
    assert kind == wanted
    if isinstance(ours, str):
        assert ours == theirs
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-2 if "float32" not in str(kind) else 1e-5, atol=1e-5)   # a rounding to 16 or 8 bits apart
