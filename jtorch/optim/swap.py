"""Letting an optimizer work on other parameters for a while."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jtorch as torch

from .optimizer import Optimizer


@contextmanager
def swap_in_optimizer_params_and_state(optimizer: Optimizer, swapin_parameters: dict[str, torch.Tensor],
                                       swapin_optim_state: dict[str, Any]) -> Iterator[None]:
    """Inside the `with` block `optimizer` has these parameters (in the order of its own) and this state (as `state_dict` gives it).

    Changes in place of the given tensors stay; the optimizer's own parameters and state come back at the end.
    """
    own = optimizer.param_groups, optimizer.state
    given = list(swapin_parameters.values())
    if len(given) != sum(len(g["params"]) for g in own[0]):
        raise ValueError(f"expected {sum(len(g['params']) for g in own[0])} parameters, got {len(given)}")
    number: dict = {}
    rest, groups = iter(given), []
    for group, saved in zip(own[0], swapin_optim_state["param_groups"], strict=True):
        params = [next(rest) for _ in group["params"]]
        number.update(zip(saved["params"], params, strict=True))
        groups.append({**group, **{k: v for k, v in saved.items() if k != "params"}, "params": params})
    states = swapin_optim_state["state"]
    optimizer.param_groups = groups
    optimizer.state = defaultdict(dict, {number.get(key, key): dict(state) for key, state in states.items()})
    try:
        yield
        for key, state in states.items():
            if "step" in state:                              # counted by a new tensor each step
                state["step"].copy_(optimizer.state[number[key]]["step"])
    finally:
        optimizer.param_groups, optimizer.state = own
