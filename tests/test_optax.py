"""Optax transformations as optimizers."""
from __future__ import annotations

import copy
from typing import Any

import jax
import numpy as np
import optax

import jtorch
import jtorch.debug


def test_optax() -> None:
    """A transformation gives what optax gives by itself; groups, schedulers and state dicts work."""
    transformation = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1))
    start = np.array([1.0, -2.0], np.float32), np.array(0.5, np.float32)
    params = list(map(jax.numpy.asarray, start))
    state = transformation.init(params)
    for _ in range(4):
        updates, state = transformation.update([2 * p for p in params], state, params)
        params = optax.apply_updates(params, updates)

    def make() -> tuple[list, Any]:
        tensors = [jtorch.tensor(s, requires_grad=True) for s in start]
        return tensors, jtorch.optim.from_optax(transformation)(tensors)

    def step(tensors: list, optimizer: Any) -> None:
        optimizer.zero_grad()
        sum((t ** 2).sum() for t in tensors).backward()
        optimizer.step()

    ours, optimizer = make()
    step(ours, optimizer)
    step(ours, optimizer)
    again, other = make()
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for t, s in zip(again, ours, strict=True):
        t.data.copy_(s.detach())
    step(again, other)
    step(again, other)
    for t, p in zip(again, params, strict=True):
        np.testing.assert_allclose(t.detach().numpy(), p, rtol=1e-4)         # the reference computes its corrections in float32
    before = jtorch.debug.counters().compiles
    for _ in range(3):
        step(again, other)
        again[0].sum().item()
    assert jtorch.debug.counters().compiles <= before + 2
    halves = jtorch.optim.from_optax(optax.sgd(1.0))([{"params": ours[:1]}, {"params": ours[1:], "lr": 0.5}], lr=0.1)
    jtorch.optim.lr_scheduler.StepLR(halves, 1)
    before_step = [t.detach().clone() for t in ours]
    halves.zero_grad()
    (ours[0].sum() + ours[1]).backward()
    halves.step()
    np.testing.assert_allclose([b.flatten()[0].item() - t.flatten()[0].item() for b, t in zip(before_step, ours, strict=True)], [0.1, 0.5], rtol=1e-5)
