"""Selective checkpointing: the same losses and gradients, and less that is computed again."""
from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

import jtorch
import jtorch.utils.checkpoint

CHOSEN = ["mm", "sin", "addmm", "convolution", "relu", "native_dropout", "add"]


def trained(module: ModuleType, chosen: Any) -> list:
    """Losses and gradients; `chosen` is a policy, a list of names, or None for no checkpoint."""
    module.manual_seed(0)
    nn = module.nn
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 3))
    w, x = module.randn(3, 3, requires_grad=True), module.randn(2, 1, 8, 8)
    checkpoint = module.utils.checkpoint
    given = [getattr(module.ops.aten, name).default for name in chosen] if isinstance(chosen, list) else chosen

    def run(a: Any) -> Any:
        return module.sin(net(a) @ w) + 1
    found = []
    for _ in range(3):
        y = run(x) if chosen is None else checkpoint.checkpoint(
            run, x, use_reentrant=False, context_fn=partial(checkpoint.create_selective_checkpoint_contexts, given))
        y.square().sum().backward()
        found += [y.detach().numpy(), w.grad.numpy().copy(), net[0].weight.grad.numpy().copy()]
    return found


@pytest.mark.parametrize("chosen", [[], ["mm"], CHOSEN])
def test_the_same_gradients(chosen: list) -> None:
    for one in (trained(jtorch, None), trained(torch, chosen)):
        for ours, other in zip(trained(jtorch, chosen), one, strict=True):
            np.testing.assert_allclose(ours, other, rtol=2e-5, atol=1e-6)


def test_a_policy_is_asked_in_both_runs() -> None:
    asked = []

    def policy(ctx: Any, op: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append((ctx.is_recompute, str(op), ctx.op_output is None))
        return jtorch.utils.checkpoint.CheckpointPolicy.MUST_CPU_OFFLOAD if op == jtorch.ops.aten.mm.default else False
    w = jtorch.ones(3, 3, requires_grad=True)
    contexts = partial(jtorch.utils.checkpoint.create_selective_checkpoint_contexts, policy)
    jtorch.utils.checkpoint.checkpoint(lambda a: (a @ w).sin(), jtorch.ones(2, 3), use_reentrant=False, context_fn=contexts).sum().backward()
    assert asked == [(False, "aten.mm.default", False), (False, "aten.sin.default", False), (True, "aten.mm.default", True), (True, "aten.sin.default", True)]
    assert w.grad is not None


@pytest.mark.parametrize("chosen, expected", [(["exp"], np.e), ([], np.e ** 2)])
def test_what_was_kept_is_used(chosen: list, expected: float) -> None:
    """A function whose second run gives something else: the product's gradient is that of the first run's factor where that was kept."""
    power = [1.0]
    w = jtorch.ones(2, requires_grad=True)

    def run(x: Any) -> Any:
        return jtorch.exp(jtorch.full((2,), power[0])) * w * x
    given = [getattr(jtorch.ops.aten, name).default for name in chosen]
    contexts = partial(jtorch.utils.checkpoint.create_selective_checkpoint_contexts, given)
    y = jtorch.utils.checkpoint.checkpoint(run, jtorch.ones(2), use_reentrant=False, context_fn=contexts)
    power[0] = 2.0
    y.sum().backward()
    assert w.grad is not None
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-6)


def test_changed_in_between() -> None:
    def run(module: ModuleType, mutable: bool) -> str:
        w, seen = module.ones(2, requires_grad=True), []

        def function(x: Any) -> Any:
            seen.append(module.exp(x * w))
            return seen[-1] * 2
        contexts = partial(module.utils.checkpoint.create_selective_checkpoint_contexts, [module.ops.aten.exp.default], allow_cache_entry_mutation=mutable)
        y = module.utils.checkpoint.checkpoint(function, module.ones(2), use_reentrant=False, context_fn=contexts)
        with module.no_grad():
            seen[0].add_(1)
        try:
            y.sum().backward()
        except RuntimeError as error:
            return str(error)
        return "done"
    assert run(jtorch, False) == run(torch, False) and run(jtorch, True) == run(torch, True) == "done"


@pytest.mark.parametrize("given", [3, ["mm"], [len]])
def test_refused(given: Any) -> None:
    def refuse(module: ModuleType) -> type[Exception]:
        with pytest.raises((TypeError, ValueError)) as error:
            module.utils.checkpoint.create_selective_checkpoint_contexts(given)
        return error.type
    assert refuse(jtorch) is refuse(torch)
