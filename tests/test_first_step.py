"""A training script compiles its step once: how data and weights are made, counted and averaged is no part of the step's program."""
from __future__ import annotations

from collections.abc import Callable

import pytest

import jtorch as torch
from jtorch import debug, nn

Step = Callable[[int], object]


def compiled(step: Step, steps: range) -> int:
    """How many programs these steps compile."""
    before = debug.counters().compiles
    for i in steps:
        step(i)
    return debug.counters().compiles - before


def trained(net: nn.Module, x: torch.Tensor, optimizer: torch.optim.Optimizer) -> Step:
    """An ordinary step."""
    def step(i: int) -> float:
        optimizer.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss.item()
    return step


def computed_data(width: int) -> Step:
    """The data are still to be computed when the optimizer is made."""
    net, x = nn.Linear(width, 1), torch.arange(8.0 * width).reshape(8, width).sin()
    return trained(net, x, torch.optim.SGD(net.parameters(), lr=0.1))


def filled_weights(width: int) -> Step:
    """So are weights that were filled in place."""
    x, net = torch.ones(8, width), nn.Sequential(nn.Linear(width, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    nn.init.zeros_(net[2].weight)
    return trained(net, x, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9))


def counted_steps(width: int) -> Step:
    """Each parameter begins with a count of its own."""
    net = nn.Linear(width, 1)
    return trained(net, torch.ones(2, width), torch.optim.Adam(net.parameters()))


def rate_by_hand(width: int) -> Step:
    """The learning rate of a deep model changes without a scheduler."""
    net = nn.Sequential(*[nn.Linear(width, width) for _ in range(8)])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    ordinary = trained(net, torch.ones(2, width), optimizer)

    def step(i: int) -> object:
        optimizer.param_groups[0]["lr"] = 0.1 / (i + 1)
        return ordinary(i)
    return step


@pytest.mark.parametrize(("loop", "width"), [(computed_data, 23), (filled_weights, 19), (counted_steps, 29), (rate_by_hand, 31)])
def test_the_first_program_serves_all_steps(loop: Callable[[int], Step], width: int) -> None:
    step = loop(width)
    assert compiled(step, range(5)) == 1


def test_an_averaged_model_compiles_nothing_more() -> None:
    """Its averages are no part of the step's program; under `no_grad` it is the same program each time, though its weights are seen as views of leaves."""
    x, net = torch.ones(2, 37), nn.Sequential(nn.Linear(37, 5), *[nn.Tanh() for _ in range(40)], nn.Linear(5, 1))
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    step = trained(net, x, optimizer)

    def train(i: int) -> None:
        step(i)
        average.update_parameters(net)

    def evaluate(i: int) -> float:
        train(i)
        with torch.no_grad():
            return torch.cat([average.module[0].weight.t().expand(37, 5), average(x).expand(2, 5)]).sum().item()

    train(0)
    before = debug.counters().misses
    compiled(train, range(1, 4))
    assert debug.counters().misses - before < 80             # operations recorded for the first time: not the network's again, after each kind of average
    evaluate(4)
    assert compiled(evaluate, range(5, 9)) == 0
