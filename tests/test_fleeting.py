"""Programs that hardly repeat: the first run by NumPy, with PyTorch's numbers; what comes again, what is large and what NumPy cannot do is compiled."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from jtorch._core import config, fleeting, host

counters = jtorch.debug.counters()


@pytest.fixture(autouse=True)
def with_numpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(config, "fleeting", True)
    monkeypatch.setattr(fleeting, "lines", {})
    counters.reset()
    yield
    counters.reset()


def selecting(torch: ModuleType, width: int) -> Callable[[int], list[float]]:
    """A step of a model that looks at as many rows as its mask selects; one of a width of its own has programs of its own."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.GELU(), torch.nn.LayerNorm(width), torch.nn.Linear(width, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, y = torch.randn(40, 4), torch.randint(3, (40,))

    def step(rows: int) -> list[float]:
        mask = torch.arange(40) < rows
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x[mask]), y[mask])
        loss.backward()
        optimizer.step()
        return [loss.item(), sum(p.sum() for p in model.parameters()).item()]
    return step


def test_steps_of_another_shape_each_time() -> None:
    found, expected = ([step(rows) for rows in range(5, 25)] for step in (selecting(jtorch, 8), selecting(torch, 8)))
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    assert counters.once >= 20 - 2 * fleeting.UNREPEATED


def test_what_comes_again_is_compiled() -> None:
    step = selecting(jtorch, 9)
    for rows in range(5, 25):
        step(rows)
    losses = [step(20)[0] for _ in range(5)]                 # the parameters' arrays lie apart after a run by NumPy, together after one by XLA
    made, compiled = counters.once, counters.compiles
    losses += [step(20)[0] for _ in range(3)]
    assert losses == sorted(losses, reverse=True)
    assert counters.once == made and counters.compiles == compiled


def test_lines_that_repeat_are_left_to_xla() -> None:
    x = jtorch.randn(30)
    for n in range(2, 20):
        for _ in range(2):
            x[:n].exp().sum().item()
    assert not counters.once


def lengths(make: Callable[[int], Any]) -> int:
    """How many of ten different runs of a line NumPy does."""
    counters.reset()
    for n in range(10):
        make(n).sum().item()
    return counters.once


def test_large_and_slow_ones_are_left_to_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    image = jtorch.randn(1, 1, 20, 20)
    assert lengths(lambda n: image[..., n:].exp()) == 10 - fleeting.UNREPEATED
    assert not lengths(lambda n: jtorch.conv2d(image[..., n:], image[..., :3, :3]))
    monkeypatch.setattr(fleeting, "MOST", 100)
    assert not lengths(lambda n: image[..., n:].log1p())


def test_what_numpy_lacks_is_left_to_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "bound", lambda *_: None)
    x = jtorch.arange(50.0)
    assert not lengths(lambda n: (x[n:] * 0.123).tanh())
    assert counters.compiles >= 10 - fleeting.UNREPEATED


def test_gradients_through_what_numpy_ran() -> None:
    """Of values that were looked at, and later, in another program."""
    def slopes(torch: ModuleType) -> list:
        w = torch.linspace(-1, 1, 30).requires_grad_()
        found = []
        for n in range(3, 15):
            part = (w[:n] * 2).sin()
            scale = part.abs().max().item()
            loss = (part / scale).square().sum()
            loss.item()
            gradient, = torch.autograd.grad(loss, w, create_graph=True)
            found.append([gradient[:3].tolist(), torch.autograd.grad(gradient.sum(), w)[0][:3].tolist()])
        return found

    np.testing.assert_allclose(slopes(jtorch), slopes(torch), rtol=1e-5, atol=1e-6)
    assert counters.once


def test_an_error_leaves_all_as_it_was() -> None:
    x = jtorch.arange(30.0)
    for n in range(3, 12):
        index = jtorch.arange(n)
        with pytest.raises((IndexError, RuntimeError)):
            (x[index] * x[: n + 1]).sum().item()
        assert (x[index] + 1).sum().item() == n * (n + 1) / 2
