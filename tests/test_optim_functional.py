"""Optimizers' steps as functions, as PyTorch's."""
from __future__ import annotations

import importlib
import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

P, G = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.3, 0.1], [-0.7, 2.0]])
SGD = [dict(momentum=m, dampening=d, nesterov=n, weight_decay=w, maximize=x) for m, d, n, w, x in itertools.product((0, 0.9), (0, 0.5), (False, True), (0, 0.1), (False, True))
       if not n or m and not d]
ADAM = [dict(amsgrad=a, weight_decay=w, maximize=x, beta1=0.8, beta2=0.99, eps=1e-6) for a, w, x in itertools.product((False, True), (0, 0.1), (False, True))]


def function(module: ModuleType, name: str) -> Any:
    return getattr(importlib.import_module(f"{module.__name__}.optim.{name}"), name)


def after_sgd(module: ModuleType, options: dict[str, Any], extra: dict[str, Any]) -> list:
    params, buffers = [module.tensor(P), module.tensor(P * 2)], [None, module.tensor(G)]
    for _ in range(3):
        function(module, "sgd")(params, [module.tensor(G), module.tensor(-G)], buffers, lr=0.1, **options,
                             **{k: module.tensor(v) for k, v in extra.items()})
    return [x if x is None else x.numpy() for x in [*params, *buffers]]


def after_adam(module: ModuleType, name: str, options: dict[str, Any], extra: dict[str, Any]) -> list:
    params = [module.tensor(P), module.tensor(P * 2, requires_grad=True)]
    slots = [[module.zeros(2, 2, dtype=module.float64) for _ in params] for _ in range(3)]
    steps = [module.tensor(0.0), module.tensor(4.0)]
    with module.no_grad():
        for _ in range(3):
            function(module, name)(params, [module.tensor(G), module.tensor(-G)], slots[0], slots[1], slots[2] if options["amsgrad"] else [], steps,
                                                       lr=0.1, **options, **extra)
    return [x.detach().numpy() for x in [*params, *slots[0], *slots[1], *slots[2], *steps]]


@pytest.mark.parametrize("options", SGD, ids=str)
def test_sgd(options: dict[str, Any]) -> None:
    for ours, theirs in zip(after_sgd(jtorch, options, {}), after_sgd(torch, options, {}), strict=True):
        assert ours is theirs is None or np.testing.assert_allclose(ours, theirs, rtol=1e-12) is None


@pytest.mark.parametrize("options", ADAM, ids=str)
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam(name: str, options: dict[str, Any]) -> None:
    for extra in ({}, {"decoupled_weight_decay": True} if name == "adam" else {"foreach": False}):
        for ours, theirs in zip(after_adam(jtorch, name, options, extra), after_adam(torch, name, options, extra), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)    # PyTorch computes the bias correction in other steps


@pytest.mark.parametrize("steps, grad", [([1], False), ([None], True)])
def test_refused(steps: list, grad: bool) -> None:
    def refuse(module: ModuleType) -> tuple[str, list]:
        params, counts = [module.ones(2, requires_grad=grad)], [module.tensor(0.0)] if steps == [None] else steps
        with pytest.raises(RuntimeError) as error:
            function(module, "adam")(params, [module.ones(2)], [module.zeros(2)], [module.zeros(2)], [], counts, lr=0.1, amsgrad=False, beta1=0.9, beta2=0.9,
                                   weight_decay=0.0, eps=1e-8, maximize=False)
        return str(error.value), params[0].tolist()
    assert refuse(jtorch) == refuse(torch)


def test_infinite_gradients_change_nothing() -> None:
    params = [jtorch.ones(2)]
    function(jtorch, "sgd")(params, [jtorch.ones(2)], [None], lr=0.1, momentum=0.9, dampening=0, nesterov=False, weight_decay=0, maximize=False, found_inf=jtorch.tensor(1.0))
    assert params[0].tolist() == [1, 1]
    function(jtorch, "sgd")(params, [jtorch.ones(2) * 4], [None], lr=0.1, momentum=0.0, dampening=0, nesterov=False, weight_decay=0, maximize=False,
                         grad_scale=jtorch.tensor(4.0), found_inf=jtorch.tensor(0.0))
    np.testing.assert_allclose(params[0].numpy(), 0.9, rtol=1e-6)
