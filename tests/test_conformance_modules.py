"""A sample of the conformance runs of modules and optimizers (tests/conformance/): each of PyTorch's database, in float32."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "conformance"))
import modules  # noqa: E402
import optimizers  # noqa: E402
from tables import unexplained  # noqa: E402


@pytest.mark.filterwarnings("ignore")                         # both sides warn alike
@pytest.mark.parametrize("name", modules.MODULES)
def test_module(name: str) -> None:
    """Construction, text, call, gradients, state and errors of the first sample."""
    row = modules.check(name, "float32", limit=1, thorough=0, modes=(True,))
    assert row.samples and not unexplained(row, modules.CAUSES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_optimizer(name: str) -> None:
    """Three steps in two configurations, and errors."""
    row = optimizers.check(name, "float32", limit=2, steps=3)
    assert row.samples and not unexplained(row, optimizers.CAUSES)
