"""Parameters and states change in place: who kept an earlier value, or looks at the same memory, sees what PyTorch shows."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
import torch as pytorch

import jtorch
from jtorch._core.op import NONE, Array, op
from jtorch._core.record import record
from jtorch._core.tensor import wrap

STEPS = 6


def network(lib: Any) -> Any:
    lib.manual_seed(3)
    return lib.nn.Sequential(lib.nn.Linear(3, 5), lib.nn.Tanh(), lib.nn.Linear(5, 5), lib.nn.Tanh(), lib.nn.Linear(5, 2))


def train(lib: Any, net: Any, *optimizers: Any) -> Any:
    lib.manual_seed(4)
    loss = net(lib.ones(4, 3)).pow(2).mean()
    for p in net.parameters():
        p.grad = None
    loss.backward()
    for opt in optimizers:
        opt.step()
    return loss


def snapshots(lib: Any, net: Any, opt: Any) -> list:
    kept = []
    for _ in range(STEPS):
        train(lib, net, opt)
        kept.append([p.detach().clone() for p in net.parameters()])
        kept.append([s["exp_avg"].clone() for s in opt.state.values()])
    return kept


def detached_aliases(lib: Any, net: Any, opt: Any) -> list:
    aliases = [p.detach() for p in net.parameters()]
    states = []
    for _ in range(STEPS):
        train(lib, net, opt)
        states = states or [s["exp_avg"].detach() for s in opt.state.values()]
    return [*aliases, *states]


def views_of_parameters(lib: Any, net: Any, opt: Any) -> list:
    rows = [p.data[0] for p in net.parameters()]
    kept = []
    for _ in range(STEPS):
        train(lib, net, opt)
        kept.append([r.clone() for r in rows])
    return [kept, rows]


def deep_copies(lib: Any, net: Any, opt: Any) -> list:
    kept = []
    for _ in range(STEPS):
        train(lib, net, opt)
        kept.append(copy.deepcopy(net.state_dict()))
        kept.append([s["exp_avg_sq"] for s in copy.deepcopy(opt.state_dict())["state"].values()])
    return kept


def two_optimizers_in_one_step(lib: Any, net: Any, opt: Any) -> list:
    other = lib.optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
    return [train(lib, net, opt, other) for _ in range(STEPS)]


def frozen_on_the_way(lib: Any, net: Any, opt: Any) -> list:
    kept = []
    for k in range(2 * STEPS):
        net[2].bias.requires_grad_(k < STEPS or k > STEPS + 3)
        kept.append(train(lib, net, opt))
        kept.append(net[2].bias.detach().clone())
    return kept


def other_network_with_the_same_values(lib: Any, net: Any, opt: Any) -> list:
    kept = []
    for k in range(STEPS):
        if k == 2:
            other = copy.deepcopy(net)
            second = lib.optim.Adam(other.parameters(), lr=0.1)
        kept.append(train(lib, net, opt))
        if k >= 2:
            kept.append(train(lib, other, second))
    return kept


def averaged(lib: Any, net: Any, opt: Any) -> list:
    mean = lib.optim.swa_utils.AveragedModel(net)
    for _ in range(STEPS):
        train(lib, net, opt)
        mean.update_parameters(net)
    return list(mean.module.parameters())


def swapped_data(lib: Any, net: Any, opt: Any) -> list:
    kept = []
    for k in range(STEPS):
        train(lib, net, opt)
        if k % 2:
            a, b = net[0].bias, net[2].bias
            a.data, b.data = b.data, a.data
        kept.append([p.detach().clone() for p in net.parameters()])
    return kept


def graph_from_before_the_step(lib: Any, net: Any, opt: Any) -> list:
    """Gradients of what was computed with the old parameters, where it does not need them."""
    total = sum(p.sum() * 2 for p in net.parameters())
    train(lib, net, opt)
    before = [p.grad.clone() for p in net.parameters()]
    total.backward()
    return [before, [p.grad for p in net.parameters()], total]


def versions(lib: Any, net: Any, opt: Any) -> list:
    for _ in range(STEPS):
        train(lib, net, opt)
    return [[p._version for p in net.parameters()]]


PROGRAMS = [snapshots, detached_aliases, views_of_parameters, deep_copies, two_optimizers_in_one_step, frozen_on_the_way,
            other_network_with_the_same_values, averaged, swapped_data, graph_from_before_the_step, versions]


def numbers(x: Any) -> Any:
    if isinstance(x, dict):
        return [numbers(v) for v in x.values()]
    if isinstance(x, list | tuple):
        return [numbers(v) for v in x]
    return x.detach().numpy() if hasattr(x, "detach") else x


def compare(a: Any, b: Any) -> None:
    if isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            compare(x, y)
    else:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_same_as_pytorch(program: Callable) -> None:
    found = []
    for lib in (jtorch, pytorch):
        net = network(lib)
        found.append(numbers(program(lib, net, lib.optim.Adam(net.parameters(), lr=0.05))))
        found[-1] = [found[-1], numbers(list(net.parameters()))]
    compare(*found)


def stop(x: np.ndarray) -> np.ndarray:
    raise ValueError("stopped")


@op(NONE, home="", inplace=False, out=False)
def stopping(input: Array) -> Array:
    return jax.pure_callback(stop, input, input)


def test_what_a_failed_program_leaves() -> None:
    """Values that do not come from the operation that fails are computed all the same; those that do raise its error again; work goes on."""
    weight = jtorch.ones(2)
    weight += 1
    failing = wrap(record(stopping.op, (weight,))) + 1
    other = weight * 3
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stopped"):
            failing.tolist()
    assert weight.tolist() == [2, 2] and other.tolist() == [6, 6]
    assert (weight + 1).tolist() == [3, 3]
