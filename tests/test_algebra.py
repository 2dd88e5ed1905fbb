"""Eigenpairs by iteration, and factorisations that nobody can differentiate."""
from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((20, 20))
POSITIVE = MATRIX @ MATRIX.T + np.diag(np.arange(20.0))
OPTIONS: list[dict[str, Any]] = [{"k": 2}, {"k": 2, "largest": False}, {"k": 1, "n": 3}, {"k": 2, "B": POSITIVE[::-1, ::-1].copy()}, {"X": MATRIX[:, :3]},
                                 {"k": 2, "method": "basic"}, {"k": 3, "iK": np.eye(20)}, {"A": np.stack([POSITIVE, 2 * POSITIVE]), "k": 2}, {"n": 3}]
WRONG = [{"A": POSITIVE[:4, :4], "k": 2}, {"A": POSITIVE[:3], "k": 1}, {"k": 7}]


def solved(module: ModuleType, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    given = {n: module.tensor(x) if isinstance(x, np.ndarray) else x for n, x in ({"A": POSITIVE} | options).items()}
    module.manual_seed(0)
    values, vectors = module.lobpcg(**given)
    return values.numpy(), vectors.numpy()


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: " ".join(o))
def test_lobpcg(options: dict[str, Any]) -> None:
    (ours, our_vectors), (theirs, their_vectors) = solved(jtorch, options), solved(torch, options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(np.abs(our_vectors), np.abs(their_vectors), atol=1e-4)     # both stop at a residual of 1.5e-8; signs are free


@pytest.mark.parametrize("options", WRONG, ids=lambda o: " ".join(o))
def test_lobpcg_errors(options: dict[str, Any]) -> None:
    told = []
    for module in (jtorch, torch):
        with pytest.raises((ValueError, AssertionError)) as caught:
            solved(module, options)
        told.append((type(caught.value), str(caught.value)))
    assert told[0] == told[1]


def test_lobpcg_gradient() -> None:
    found = []
    for module in (jtorch, torch):
        A = module.tensor(POSITIVE, requires_grad=True)
        module.manual_seed(0)
        values, vectors = module.lobpcg(A, 2)
        (values.square().sum() + vectors.square()[0].sum()).backward()
        found.append(A.grad.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-4)                  # the vectors are as inexact as above


@pytest.mark.parametrize("code", ["torch.linalg.ldl_factor(A).LD", "torch.linalg.ldl_factor_ex(A).LD", "torch.linalg.ldl_solve(*torch.linalg.ldl_factor(P), A)"])
def test_no_derivative(code: str) -> None:
    for module in (jtorch, torch):
        scope = {"torch": module, "A": module.tensor(POSITIVE, requires_grad=True), "P": module.tensor(POSITIVE)}
        made = eval(code, scope)
        assert "grad_fn=<NotImplemented>" in repr(made)
        with pytest.raises(RuntimeError, match=r"derivative for aten::linalg_ldl_\w+ is not implemented"):
            made.sum().backward()
