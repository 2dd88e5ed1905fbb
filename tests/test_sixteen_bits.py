"""Numbers of 16 bits: computed in float32 and rounded once an operation, as in PyTorch, whoever looks at the results."""
from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

TYPES = "bfloat16", "float16"
X, BIAS = np.random.default_rng(0).standard_normal((2, 4, 8, 16)).astype("float32"), np.linspace(-1, 1, 3, dtype="float32")
EXACT = """
F.silu(x); F.mish(x); F.elu(x); F.selu(x); F.celu(x, 1.5); F.leaky_relu(x); F.hardswish(x); F.hardsigmoid(x); F.logsigmoid(x); F.glu(x)
F.gelu(x); F.softplus(x); x.sigmoid(); x.tanh(); x.sum(1); x.sum(); x.mean(1); x.sum((0, 3), dtype=torch.float32)
F.avg_pool1d(x[0], 8); F.avg_pool2d(x, 3, stride=2, padding=1)
(x + x.flip(0)).float(); (x * x).float() - x; x.float().to(x.dtype).float()
"""
BIASED = ["F.linear(rows, rows[:3], b)", "F.conv1d(rows.t().unsqueeze(0), rows[:3, :, None], b)", "F.bilinear(rows, rows, rows[:3, :, None].expand(3, 16, 16), b)"]


def tensor(t: ModuleType, array: np.ndarray, kind: str) -> Any:
    return t.tensor(array).to(getattr(t, kind))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("call", re.split(r"[;\n]\s*", EXACT.strip()))
def test_is_rounded_once(call: str, kind: str) -> None:
    made = [eval(call, {"torch": t, "F": t.nn.functional, "x": tensor(t, X, kind)}) for t in (torch, jtorch)]
    theirs, ours = [m.double().numpy() for m in made]
    assert str(made[0].dtype) == str(made[1].dtype)
    assert (theirs == ours).mean() > 0.99                    # the functions of float32 differ in their last bit, which may turn a rounding


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("call", BIASED)
def test_gradient_of_a_bias_adds_up_in_float32(call: str, kind: str) -> None:
    """3000 times 1.004 would stay at 256 in bfloat16."""
    found = []
    for t in (torch, jtorch):
        rows, b = tensor(t, np.zeros((3000, 16), "float32"), kind), tensor(t, BIAS, kind).requires_grad_()
        out = eval(call, {"F": t.nn.functional, "rows": rows, "b": b})
        out.backward(t.full_like(out, 1.004))
        found.append(b.grad.double().numpy())
    assert (found[0] == found[1]).all()


def test_means_of_long_windows() -> None:
    """Wider than what would fit on the stack of XLA's compiler, were it added up in 16 bits."""
    for t in (torch, jtorch):
        ones = t.ones(1, 1, 3000, dtype=t.bfloat16)
        assert t.nn.functional.avg_pool1d(ones, 3000).item() == t.nn.functional.avg_pool1d(ones, 300)[0, 0, 9].item() == 1
