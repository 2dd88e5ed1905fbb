"""L-BFGS: evaluation by evaluation as PyTorch."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
import jtorch.debug

BOTH = torch, jtorch


def host(x: Any) -> Any:
    """A tensor as an array, anything else as it is."""
    return x.detach().numpy() if isinstance(x, torch.Tensor | jtorch.Tensor) else x


def crossed(T: Any, state: Any) -> Any:
    """A state dict with its tensors as those of `T`."""
    if isinstance(state, torch.Tensor | jtorch.Tensor):
        return T.tensor(host(state).copy())
    if isinstance(state, dict):
        return {k: crossed(T, v) for k, v in state.items()}
    return [crossed(T, v) for v in state] if isinstance(state, list) else state


def rosenbrock(T: Any, xy: Any, optimizer: Any, evaluations: list) -> Callable:
    """A closure of Rosenbrock's function."""
    def closure() -> Any:
        optimizer.zero_grad()
        x, y = xy[0], xy[1]
        loss = (1 - x) ** 2 + 100 * (y - x ** 2) ** 2
        loss.backward()
        evaluations.append(loss.item())
        return loss
    return closure


@pytest.mark.parametrize("options", [dict(line_search_fn="strong_wolfe"), dict(line_search_fn="strong_wolfe", history_size=3, max_iter=6),
                                     *[dict(line_search_fn="strong_wolfe", lr=1e-6, max_iter=1, max_eval=n) for n in (1, 2, 3, 5)],
                                     dict(lr=1e-3)])
def test_lbfgs(options: dict) -> None:
    """The same evaluations as PyTorch, step for step, and the same state at the end."""
    found = []
    for T in BOTH:
        xy = T.tensor(np.array([-1.2, 1.0]), requires_grad=True)
        optimizer, evaluations = T.optim.LBFGS([xy], **options), []
        closure = rosenbrock(T, xy, optimizer, evaluations)
        first = [optimizer.step(closure).item() for _ in range(3)]
        found.append((xy.detach().numpy(), evaluations, first, optimizer.state_dict()))
    (theirs, evaluations, first, reference), (ours, *rest, state) = found
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    for a, b in zip(rest, (evaluations, first), strict=True):
        assert len(a) == len(b)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-12)
    assert state["param_groups"] == reference["param_groups"]
    a, b = state["state"][0], reference["state"][0]
    assert sorted(a) == sorted(b)
    for key in ("func_evals", "n_iter"):
        assert a[key] == b[key]
    assert [len(a[key]) for key in ("old_dirs", "old_stps", "ro")] == [len(b[key]) for key in ("old_dirs", "old_stps", "ro")]


def test_lbfgs_state_goes_on() -> None:
    """PyTorch's state is gone on from, and ours by PyTorch."""
    ends = []
    for source, target in (BOTH, BOTH[::-1], (torch, torch)):
        xy = source.tensor(np.array([-1.2, 1.0]), requires_grad=True)
        optimizer = source.optim.LBFGS([xy], max_iter=8, line_search_fn="strong_wolfe")
        optimizer.step(rosenbrock(source, xy, optimizer, []))
        other = target.tensor(host(xy).copy(), requires_grad=True)
        again = target.optim.LBFGS([other], line_search_fn="strong_wolfe")
        again.load_state_dict(crossed(target, optimizer.state_dict()))
        again.step(rosenbrock(target, other, again, []))
        ends.append(host(other))
    np.testing.assert_allclose(ends[0], ends[2], rtol=1e-6)
    np.testing.assert_allclose(ends[1], ends[2], rtol=1e-6)


def test_lbfgs_compiles_little() -> None:
    """Iterations with a growing history run the same programs."""
    xy = jtorch.tensor([-1.2, 1.0], dtype=jtorch.float64, requires_grad=True)
    optimizer = jtorch.optim.LBFGS([xy], max_iter=4, line_search_fn="strong_wolfe")
    closure = rosenbrock(jtorch, xy, optimizer, [])
    optimizer.step(closure)
    optimizer.step(closure)
    before = jtorch.debug.counters().compiles
    optimizer.step(closure)
    assert jtorch.debug.counters().compiles == before
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        jtorch.optim.LBFGS([xy], line_search_fn="other").step(closure)
