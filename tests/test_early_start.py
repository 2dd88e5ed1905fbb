"""Programs that start before their step is recorded to the end: where steps repeat they do, and where one goes another way nothing is lost."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as pytorch

import jtorch
from jtorch import debug

STEPS, BATCH = 36, 32


class Training:
    """A classifier that one of the two frameworks trains on data that both have."""

    def __init__(self, lib: Any, optimizer: str = "Adam", width: int = 96, **options: Any) -> None:
        rng = np.random.default_rng(0)
        self.lib = lib
        self.x = rng.standard_normal((8 * BATCH, 16)).astype(np.float32)
        self.y = rng.integers(0, 4, 8 * BATCH)
        layers = [layer for n, m in [(16, width), (width, width), (width, 4)] for layer in (lib.nn.Linear(n, m), lib.nn.ReLU())][:-1]
        self.net = lib.nn.Sequential(*layers)
        with lib.no_grad():
            for p in self.net.parameters():
                p.copy_(lib.tensor(rng.standard_normal(tuple(p.shape)).astype(np.float32) * 0.1))
        self.opt = getattr(lib.optim, optimizer)(self.net.parameters(), **{"lr": 0.01, **options})

    def batch(self, i: int) -> tuple[Any, Any]:
        k = i % 8 * BATCH
        return self.lib.tensor(self.x[k:k + BATCH]), self.lib.tensor(self.y[k:k + BATCH])

    def step(self, i: int) -> float:
        x, y = self.batch(i)
        loss = self.lib.nn.functional.cross_entropy(self.net(x), y)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item()


def plain(t: Training, i: int) -> Any:
    return t.step(i)


def scheduled(t: Training, i: int) -> Any:
    t.opt.param_groups[0]["lr"] = 0.01 / (1 + i)
    return t.step(i)


def parameters_written_between(t: Training, i: int) -> Any:
    if i % 7 == 6:
        t.net[2].weight.data.mul_(0.9)
    return t.step(i)


def parameters_written_within(t: Training, i: int) -> Any:
    """After the batch is known and the program has started."""
    x, y = t.batch(i)
    loss = t.lib.nn.functional.cross_entropy(t.net(x), y)
    t.opt.zero_grad()
    loss.backward()
    if i % 9 == 8:
        with t.lib.no_grad():
            for p in t.net.parameters():
                p.grad.mul_(0.5)
    t.opt.step()
    return loss.item()


def another_path_now_and_then(t: Training, i: int) -> Any:
    x, y = t.batch(i)
    out = t.net(x)
    loss = t.lib.nn.functional.cross_entropy(out, y)
    accuracy = (out.argmax(1) == y).float().mean().item() if i % 10 == 9 else 0.0
    t.opt.zero_grad()
    loss.backward()
    t.opt.step()
    return loss.item(), accuracy


def short_batches(t: Training, i: int) -> Any:
    x, y = t.batch(i)
    if i % 8 == 7:
        x, y = x[:10], y[:10]
    loss = t.lib.nn.functional.cross_entropy(t.net(x), y)
    t.opt.zero_grad()
    loss.backward()
    t.opt.step()
    return loss.item()


def state_loaded(t: Training, i: int) -> Any:
    if i == 20:
        t.saved = copy.deepcopy((t.net.state_dict(), t.opt.state_dict()))
    if i == 30:
        t.net.load_state_dict(t.saved[0])
        t.opt.load_state_dict(t.saved[1])
    return t.step(i)


def shared_with_numpy(t: Training, i: int) -> Any:
    """One array for all batches, which the next batch is written to."""
    if i == 0:
        t.buffer = np.zeros((BATCH, 16), np.float32)
        t.shared = t.lib.from_numpy(t.buffer)
    _, y = t.batch(i)
    t.buffer[:] = t.x[i % 8 * BATCH:][:BATCH]
    loss = t.lib.nn.functional.cross_entropy(t.net(t.shared), y)
    t.opt.zero_grad()
    loss.backward()
    t.buffer[:] = 7
    t.opt.step()
    return loss.item()


def read_before_backward(t: Training, i: int) -> Any:
    x, y = t.batch(i)
    loss = t.lib.nn.functional.cross_entropy(t.net(x), y)
    value = loss.item()
    t.opt.zero_grad()
    loss.backward()
    t.opt.step()
    return value


def unused_batches(t: Training, i: int) -> Any:
    """More arrays are made than are used, at changing places."""
    for k in range(i % 3):
        t.batch(i + k)
    return t.step(i)


PROGRAMS = [plain, scheduled, parameters_written_between, parameters_written_within, another_path_now_and_then, short_batches, state_loaded,
            shared_with_numpy, read_before_backward, unused_batches]


@pytest.mark.parametrize("optimizer, options", [("Adam", {}), ("SGD", {"momentum": 0.9})])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_same_numbers(program: Callable, optimizer: str, options: dict) -> None:
    ours, theirs = Training(jtorch, optimizer, **options), Training(pytorch, optimizer, **options)
    for i in range(STEPS):
        np.testing.assert_allclose(program(ours, i), program(theirs, i), rtol=2e-3, atol=2e-4, err_msg=f"step {i}")
    for p, q in zip(ours.net.parameters(), theirs.net.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("program", [plain, scheduled, shared_with_numpy, read_before_backward], ids=lambda program: program.__name__)
def test_repeated_steps_start_early(program: Callable) -> None:
    training = Training(jtorch, width=100 + len(program.__name__))       # programs of its own, with no history of wrong guesses
    for i in range(20):
        program(training, i)
    before = copy.copy(vars(debug.counters()))
    for i in range(20, 40):
        program(training, i)
    after = vars(debug.counters())
    assert after["early"] - before["early"] >= 20 and after["wasted"] == before["wasted"] and after["compiles"] == before["compiles"]


def test_wrong_guesses_become_rare() -> None:
    training = Training(jtorch, width=99)
    before = debug.counters().wasted
    for i in range(400):
        another_path_now_and_then(training, i)
    assert debug.counters().wasted - before < 20
