"""`torch.return_types`: the types that operators with several results return."""
from __future__ import annotations

import copy
import pickle

import pytest
import torch

import jtorch

THEIRS = {n: t for n, t in vars(torch.return_types).items() if hasattr(t, "n_fields") and not n.startswith("_")}
CODE = ["torch.max(x, 1)", "x.sort()", "torch.linalg.svd(x).S.shape, type(torch.linalg.svd(x)).__name__", "torch.linalg.eigh(x @ x.mT).eigenvalues.shape",
        "torch.max(x, 1, out=(torch.empty(0), torch.empty(0, dtype=torch.int64)))", "torch.histogram(x, 2)", "torch.frexp(x)", "x.aminmax()",
        "isinstance(x.max(1), torch.return_types.max), isinstance(x.max(1), tuple), isinstance(x.min(1), torch.return_types.max)",
        "torch.return_types.max((1, 2))", "torch.return_types.max([1, 2]) == (1, 2)", "torch.return_types.max(1)", "torch.return_types.max((1, 2, 3))",
        "x.max(1).n_fields, x.max(1).__match_args__, hasattr(x.max(1), '_fields')", "x.max(1) + (1,)", "x.max(1)[0] is x.max(1).values"]


@pytest.mark.parametrize("name", THEIRS)
def test_type(name: str) -> None:
    ours = getattr(jtorch.return_types, name)
    assert (ours.__match_args__, repr(ours)) == (THEIRS[name].__match_args__, repr(THEIRS[name]))


@pytest.mark.parametrize("code", CODE)
def test_code(code: str) -> None:
    shown = []
    for module in (jtorch, torch):
        try:
            shown.append(repr(eval(code, {"torch": module, "x": module.arange(6.0).reshape(2, 3)})))
        except TypeError as error:
            shown.append(f"TypeError: {error}")
    assert shown[0] == shown[1]


def test_copies() -> None:
    """Copied and pickled results are results of the same type."""
    x = jtorch.ones(2, 2).max(1)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x)):
        assert type(y) is jtorch.return_types.max and y.indices.tolist() == [0, 0]
