"""Rarer public names: both frameworks run each expression and give the same, or the same error with the same text."""
from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import cases_names
import numpy as np
import pytest
import torch

import jtorch


def shown(value: Any) -> Any:
    """A result as text, numbers rounded."""
    if isinstance(value, (torch.Tensor, jtorch.Tensor)):
        rounded = np.asarray(value.detach().tolist()).round(4)
        return f"{value.dtype} {tuple(value.shape)} {(rounded + 0).tolist()} {value.requires_grad}"
    if isinstance(value, (tuple, list)):
        return [shown(v) for v in value]
    return repr(round(value, 5) if isinstance(value, float) else value)


def outcome(module: ModuleType, code: str, path: Path) -> Any:
    """What an expression gives, or its error's class and first line."""
    path.write_bytes(bytes(range(64)))
    scope = {"torch": module, "path": str(path)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(cases_names.SETUP, scope)
        try:
            return shown(eval(code, scope))
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0].strip()}"


@pytest.mark.parametrize("code", [code for code in cases_names.CODE if code])
def test_outcome(code: str, tmp_path: Path) -> None:
    assert outcome(jtorch, code, tmp_path / "ours") == outcome(torch, code, tmp_path / "theirs")


@pytest.mark.parametrize("code, kind", [("torch.ones(1, dtype=torch.complex32)", RuntimeError), ("torch.ones(1).chalf()", RuntimeError)])
def test_impossible(code: str, kind: type[Exception]) -> None:
    """What XLA cannot do says so."""
    with pytest.raises(kind, match="XLA has no complex numbers of half precision"):
        eval(code, {"torch": jtorch})
