"""A sample of PyTorch's own operator database; `make conformance` runs all of it and writes `conformance/operators.md`."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "conformance"))
import operators

KNOWN = operators.causes()


@pytest.mark.parametrize("name", sorted(operators.OPERATORS))
def test_operator(name: str) -> None:
    """The first samples of one type, and the error inputs: nothing may differ, or `causes.txt` says why."""
    info = operators.OPERATORS[name]
    types = [t for t in operators.DTYPES if getattr(operators.torch, t) in info.supported_dtypes("cpu")]
    wrong = {aspect: texts for dtype in (*types[:1], "errors") for aspect, texts in operators.check(name, dtype, 2)["wrong"].items() if aspect != "strides"}
    assert not wrong or name in KNOWN, wrong
