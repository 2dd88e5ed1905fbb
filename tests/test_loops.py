"""Loops that never read a value run piece by piece: a few programs serve all their rounds, and results are those of one round at a time."""
from __future__ import annotations

import warnings

import pytest

import jtorch as torch
from jtorch import debug, nn
from jtorch.nn import functional as F


def compiled(rounds: int) -> tuple[int, torch.Tensor]:
    """How many programs a denoising loop of so many rounds compiles, and what it gives."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 7), nn.GELU(), nn.Linear(7, 3), nn.LayerNorm(3))
    debug.counters().reset()
    with torch.no_grad():
        x = torch.randn(20, 3)
        for i in range(rounds):
            x = (x - 0.1 * net(x + float(i)).tanh()) / x.norm(dim=1, keepdim=True) + 0.01 * torch.randn_like(x)
    x.sum().item()
    return debug.counters().compiles, x


def test_a_long_loop_compiles_as_little_as_a_short_one():
    counts = [compiled(rounds)[0] for rounds in (101, 211)]
    assert max(counts) < 10


def test_the_result_is_that_of_reading_each_round():
    torch.manual_seed(1)
    start, rounds = torch.randn(6, 6), 90
    step = start / 10

    def run(read: bool) -> torch.Tensor:
        x, total = start, torch.zeros(())
        for _ in range(rounds):
            x = torch.sin(x @ step + 1)
            y = x * 2
            total = total + (y > 0.5).sum()
            if read:
                total.item()
        return torch.cat([x.flatten(), y.flatten(), total[None]])
    debug.counters().reset()
    at_once = run(False)
    assert debug.counters().causes["loop"] > 0
    torch.testing.assert_close(at_once, run(True), rtol=1e-6, atol=1e-6)   # XLA rounds once where it makes a product and a sum one operation


def test_batches_that_share_weights_are_a_loop():
    net = nn.Sequential(*[layer for _ in range(3) for layer in (nn.Linear(5, 5), nn.Tanh())])
    debug.counters().reset()
    with torch.no_grad():
        found = [net(torch.full((4, 5), float(i))).argmax(1) for i in range(120)]
    torch.cat(found).tolist()
    assert debug.counters().causes["loop"] > 4
    assert debug.counters().compiles < 8


@pytest.mark.parametrize("steps", [1, 3])
def test_a_training_step_stays_one_program_however_its_layers_repeat(steps):
    layers = [nn.Linear(4, 4) for _ in range(80)]
    params = [p for layer in layers for p in layer.parameters()]
    opt = torch.optim.SGD(params, lr=0.01)
    debug.counters().reset()
    for _ in range(steps):
        x = torch.ones(2, 4)
        for layer in layers:
            x = torch.tanh(layer(x))
        loss = x.sum()
        opt.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in params:
                p.grad.mul_(0.5)
        opt.step()
    assert "loop" not in debug.counters().causes


def test_averages_of_parameters_are_no_loop():
    net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(80)])
    average = [p.detach().clone() for p in net.parameters()]
    debug.counters().reset()
    with torch.no_grad():
        for a, p in zip(average, net.parameters(), strict=True):
            a.mul_(0.9).add_(p, alpha=0.1)
    average[0].sum().item()
    assert "loop" not in debug.counters().causes


def test_a_warning_names_the_users_line_each_time():
    a, b = torch.ones(3, 1), torch.ones(3)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        F.mse_loss(a, b)
        F.mse_loss(a, b)
        nn.L1Loss()(a, b)
    assert [w.filename for w in told] == [__file__] * 3
    assert len({w.lineno for w in told}) == 3
