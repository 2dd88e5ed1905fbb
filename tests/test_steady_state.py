"""What a repeated training step costs: nothing is compiled, and one program runs (design 8)."""
from __future__ import annotations

from collections.abc import Callable

import pytest

import jtorch as torch
from jtorch import debug, nn

WARM, STEPS = 6, 8                                           # steps until all programs exist; steps that are counted
X, Y = torch.randn(64, 5), torch.randn(64, 1)


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))


def item_at_the_end() -> Callable[[int], object]:
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.01)

    def step(i: int) -> float:
        opt.zero_grad()
        loss = loss_fn(net(X), Y)
        loss.backward()
        opt.step()
        return loss.item()
    return step


def item_before_backward() -> Callable[[int], object]:
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.Adam(net.parameters())

    def step(i: int) -> float:
        loss = loss_fn(net(X), Y)
        value = loss.item()
        opt.zero_grad()
        loss.backward()
        opt.step()
        return value
    return step


def no_read() -> Callable[[int], object]:
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step(i: int) -> None:
        opt.zero_grad()
        loss_fn(net(X), Y).backward()
        opt.step()
    return step


def schedule_each_step() -> Callable[[int], object]:
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(opt, 0.99)

    def step(i: int) -> float:
        opt.zero_grad()
        loss = loss_fn(net(X), Y)
        loss.backward()
        opt.step()
        schedule.step()
        return loss.item()
    return step


def two_optimizers() -> Callable[[int], object]:
    generator, discriminator = nn.Linear(3, 5), nn.Sequential(nn.Linear(5, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Sigmoid())
    loss_fn = nn.BCELoss()
    of_g, of_d = torch.optim.Adam(generator.parameters()), torch.optim.Adam(discriminator.parameters())
    real, fake = torch.ones(64, 1), torch.zeros(64, 1)

    def step(i: int) -> tuple[float, float]:
        made = generator(torch.randn(64, 3))
        of_d.zero_grad()
        loss_d = loss_fn(discriminator(X), real) + loss_fn(discriminator(made.detach()), fake)
        loss_d.backward()
        of_d.step()
        of_g.zero_grad()
        loss_g = loss_fn(discriminator(made), real)
        loss_g.backward()
        of_g.step()
        return loss_d.item(), loss_g.item()
    return step


def gradient_accumulation() -> Callable[[int], object]:
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.01)

    def step(i: int) -> None:
        for part in range(4):
            (loss_fn(net(X[part * 16:part * 16 + 16]), Y[part * 16:part * 16 + 16]) / 4).backward()
        opt.step()
        opt.zero_grad()
    return step


def sliced_batches() -> Callable[[int], object]:
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    x = (X * 2).requires_grad_(False)                        # computed, so it lives on the device and slices are recorded

    def step(i: int) -> float:
        at = i % 5 * 7
        opt.zero_grad()
        loss = loss_fn(net(x[at:at + 16]), Y[at:at + 16])
        loss.backward()
        opt.step()
        return loss.item()
    return step


def update_by_hand() -> Callable[[int], object]:
    w, b = torch.randn(5, 1, requires_grad=True), torch.zeros(1, requires_grad=True)

    def step(i: int) -> None:
        loss = ((X @ w + b - Y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w.sub_(0.01 * w.grad)
            b.sub_(0.01 * b.grad)
            w.grad.zero_()
            b.grad.zero_()
    return step


def dropout_and_clipping() -> Callable[[int], object]:
    net, loss_fn = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 1)), nn.MSELoss()
    opt = torch.optim.AdamW(net.parameters())

    def step(i: int) -> float:
        loss = loss_fn(net(X), Y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        return loss.item()
    return step


def metric_after_the_read() -> Callable[[int], object]:
    """What comes after `item()` uses the prediction, whose graph the next step's trace must not keep."""
    net, loss_fn = model(), nn.MSELoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    kept: dict[str, object] = {"hits": 0}

    def step(i: int) -> float:
        kept["prediction"] = prediction = net(X)
        kept["loss"] = loss = loss_fn(prediction, Y)
        loss.backward()
        opt.step()
        opt.zero_grad()
        value = loss.item()
        kept["hits"] += ((prediction >= 0.5).float() == (Y >= 0.5)).float().mean()
        return value
    return step


@pytest.mark.parametrize(("loop", "programs"), [(item_at_the_end, 1), (item_before_backward, 2), (no_read, 1), (schedule_each_step, 1),
                                                (two_optimizers, 2), (gradient_accumulation, 1), (sliced_batches, 1), (update_by_hand, 1),
                                                (dropout_and_clipping, 1), (metric_after_the_read, 1)])
def test_a_repeated_step_compiles_nothing(loop: Callable, programs: int) -> None:
    step = loop()
    for i in range(WARM):
        step(i)
    counters = debug.counters()
    compiles, launches, misses = counters.compiles, counters.launches, counters.misses
    for i in range(WARM, WARM + STEPS):
        step(i)
    assert counters.compiles == compiles
    assert counters.misses == misses
    assert counters.launches - launches == programs * STEPS


def compiles(step: Callable[[int], object], steps: int) -> int:
    before = debug.counters().compiles
    for i in range(steps):
        step(i)
    return debug.counters().compiles - before


@pytest.mark.parametrize(("schedule", "width"), [(lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda i: 1 / (i + 1)), 11),
                                                 (lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, patience=0), 21)])
def test_a_schedule_compiles_nothing(schedule: Callable, width: int) -> None:
    """The learning rate is an input from the first step on where a scheduler will change it."""
    counts = []
    for scheduled in (False, True):
        net = nn.Sequential(nn.Linear(5, width + scheduled), nn.Linear(width + scheduled, 1))    # a width of its own: no program is known yet
        opt = torch.optim.AdamW([{"params": net[0].parameters()}, {"params": net[1].parameters(), "lr": 0.1}])
        scheduler = schedule(opt) if scheduled else None

        def step(i: int) -> float:
            opt.zero_grad()
            loss = nn.functional.mse_loss(net(X), Y)
            loss.backward()
            opt.step()
            if scheduler is not None:
                scheduler.step(*[1.0][:isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)])
            return loss.item()
        counts.append(compiles(step, 6))
    assert counts[0] == counts[1]


def test_what_varies_on_one_path_is_an_input_on_all() -> None:
    """Each new path would otherwise compile twice: with the first number as a constant, and with all others."""
    def read(i: int) -> float:
        x = X * 2 if i < 3 else X * 2 + 1
        return x[i:i + 4].sum().item()
    assert compiles(read, 8) == 3


def test_an_array_that_is_used_often_changes_nothing() -> None:
    """Views of a small array on the host are made there, also when programs have been given it many times."""
    small = torch.arange(6.0)
    assert compiles(lambda i: (X[:, :2] * small.view(3, 2)[1] + small.sum()).sum().item(), 40) <= 2


def test_a_light_program_is_compiled_once() -> None:
    assert compiles(lambda i: bool((X[:4] > i).all()), 40) <= 2
