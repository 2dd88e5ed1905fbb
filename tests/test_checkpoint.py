"""`torch.utils.checkpoint` against PyTorch's: gradients, random numbers, autocast, warnings and errors."""
from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

import jtorch
from jtorch import debug

importlib.import_module("jtorch.utils.checkpoint")
PROGRAMS: list[Callable[[Any], Any]] = []


def program(function: Callable) -> Callable:
    """Add a program, which is given a framework and returns what it saw."""
    PROGRAMS.append(function)
    return function


def outcome(function: Callable, t: ModuleType) -> tuple[Any, list[tuple[str, str]]]:
    """What a program returned, as plain data, or the error; and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = plain(function(t))
        except (RuntimeError, ValueError, TypeError, ZeroDivisionError) as error:
            result = type(error).__name__, str(error).partition("\n")[0].replace("jtorch.", "torch.")
    return result, [(w.category.__name__, str(w.message)) for w in caught]


def plain(x: Any) -> Any:
    if isinstance(x, (torch.Tensor, jtorch.Tensor)):
        return str(x.dtype), x.requires_grad, np.asarray(x.detach().double().tolist())
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x]
    return {k: plain(v) for k, v in x.items()} if isinstance(x, dict) else x


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and np.allclose(a, b, 2e-5, 1e-6)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return {k: same(v, b[k]) for k, v in a.items()} == dict.fromkeys(b, True) if isinstance(a, dict) else a == b


class Setting:
    """Tensors to compute with."""

    def __init__(self, t: ModuleType) -> None:
        self.t, rng = t, np.random.default_rng(0)
        self.checkpoint = t.utils.checkpoint.checkpoint
        self.w = t.tensor(rng.standard_normal((3, 3)).astype("float32"), requires_grad=True)
        self.x = t.tensor(rng.standard_normal((2, 3)).astype("float32"), requires_grad=True)
        self.constant = self.x.detach()

    def f(self, x: Any) -> Any:
        return (x @ self.w).sin()

    def grads(self, result: Any) -> list:
        """The result, and the gradients after a backward pass."""
        result.float().sum().backward()
        return [result, self.w.grad, self.x.grad]


for reentrant in (True, False, None):
    program(lambda t, u=reentrant: (s := Setting(t)).grads(s.checkpoint(s.f, s.x, use_reentrant=u)))
    program(lambda t, u=reentrant: (s := Setting(t)).checkpoint(s.f, s.constant, use_reentrant=u))
    program(lambda t, u=reentrant: (s := Setting(t)).grads(s.checkpoint(lambda x: s.checkpoint(s.f, x, use_reentrant=u) * 2, s.x, use_reentrant=False)))
    program(lambda t, u=reentrant: (s := Setting(t)).grads(s.checkpoint(lambda x: s.checkpoint(s.f, x, use_reentrant=u) * 2, s.x, use_reentrant=True)))
    program(lambda t, u=reentrant: (s := Setting(t)).checkpoint(s.f, s.x, y=3, use_reentrant=u))
    program(lambda t, u=reentrant: list((s := Setting(t)).checkpoint(lambda x: (x * 2, 3, "s", None, x.long()), s.x, use_reentrant=u)))
    program(lambda t, u=reentrant: (s := Setting(t)).checkpoint(lambda x: {"a": x * 2, "b": [x + 1]}, s.x, use_reentrant=u))
    program(lambda t, u=reentrant: (s := Setting(t)).checkpoint(lambda d: d["x"][0] * 2, {"x": [s.x]}, use_reentrant=u))
    program(lambda t, u=reentrant: t.autograd.grad((s := Setting(t)).checkpoint(s.f, s.x, use_reentrant=u).sum(), s.x))
    program(lambda t, u=reentrant: t.autograd.grad((s := Setting(t)).checkpoint(s.f, s.x, use_reentrant=u).sum(), s.w))
    program(lambda t, u=reentrant: (s := Setting(t)).checkpoint(lambda x: x.detach() * 2, s.x, use_reentrant=u).sum().backward())
    program(lambda t, u=reentrant: t.no_grad()(lambda s: s.checkpoint(s.f, s.x, use_reentrant=u))(Setting(t)))
    program(lambda t, u=reentrant: Setting(t).checkpoint(3, t.ones(1), use_reentrant=u))
    for option in ({"debug": True}, {"context_fn": lambda: (contextlib.nullcontext(), contextlib.nullcontext())}, {"determinism_check": "some"},
                   {"early_stop": False}, {"preserve_rng_state": False}, {"determinism_check": "none"}):
        program(lambda t, u=reentrant, o=option: (s := Setting(t)).grads(s.checkpoint(s.f, s.x, use_reentrant=u, **o)))


@program
def both_options(t: ModuleType) -> Any:
    return Setting(t).checkpoint(t.sin, t.ones(1), use_reentrant=False, debug=True, context_fn=lambda: (contextlib.nullcontext(),) * 2)


@program
def twice(t: ModuleType) -> list:
    """A second pass, with and without `retain_graph`."""
    found = []
    for reentrant in (True, False):
        for retain in (True, False):
            s = Setting(t)
            y = s.checkpoint(s.f, s.x, use_reentrant=reentrant).sum()
            y.backward(retain_graph=retain)
            try:
                y.backward()
                found.append(s.w.grad)
            except RuntimeError as error:
                found.append(str(error))
    return found


@program
def captured_results(t: ModuleType) -> list:
    """What the function captures was computed from other things that it is given or captures: no path may count twice."""
    s = Setting(t)
    h = s.x * 2
    k = h.exp() * s.w.sum()
    return s.grads(s.checkpoint(lambda a, b: (a @ s.w) * k + b * h, h, k, use_reentrant=False) * k)


@program
def one_of_several_results(t: ModuleType) -> list:
    s = Setting(t)
    return s.grads(s.checkpoint(lambda x: (x @ s.w, (x @ s.w).exp(), x), s.x, use_reentrant=False)[1])


@program
def the_input_itself(t: ModuleType) -> list:
    s = Setting(t)
    y, x = s.checkpoint(lambda x: (x * 2, x), s.x, use_reentrant=False)
    return [x is s.x, *s.grads(y)]


@program
def in_place_inside(t: ModuleType) -> list:
    s = Setting(t)

    def f(x: Any) -> Any:
        y = x * s.w[:2]
        y.mul_(2)
        y[0] = 1.0
        return y.sin()
    return s.grads(s.checkpoint(f, s.x, use_reentrant=False))


@program
def a_value_looked_at_inside(t: ModuleType) -> list:
    s = Setting(t)

    def f(x: Any) -> Any:
        y = x @ s.w
        return y * 2 if y.sum().item() > 100 else y.sin()
    h = s.x.exp()
    return s.grads(s.checkpoint(f, s.x * 1, use_reentrant=False)) + s.grads(s.checkpoint(lambda x: f(x) * h, s.x * 1, use_reentrant=False))


@program
def second_derivatives(t: ModuleType) -> list:
    s = Setting(t)
    first, = t.autograd.grad(s.checkpoint(lambda x: (x @ s.w) ** 3, s.x * 2, use_reentrant=False).sum(), s.x, create_graph=True)
    return [first, *t.autograd.grad((first ** 2).sum(), (s.x, s.w))]


@program
def hooks(t: ModuleType) -> list:
    s, seen = Setting(t), []
    s.w.register_hook(lambda g: seen.append(g.clone()))
    y = s.checkpoint(s.f, s.x, use_reentrant=False)
    y.register_hook(lambda g: g * 2)
    return [*s.grads(y), *seen, type(y.grad_fn).__name__]


@program
def contexts(t: ModuleType) -> list:
    log: list = []

    @contextlib.contextmanager
    def noted(name: str) -> Iterator[None]:
        log.append(f"into {name}")
        try:
            yield
        finally:                                             # PyTorch ends the second run by an error of its own
            log.append(f"out of {name}")
    s = Setting(t)
    return [*s.grads(s.checkpoint(s.f, s.x, use_reentrant=False, context_fn=lambda: (noted("first"), noted("second")))), log]


@program
def random_numbers(t: ModuleType) -> list:
    """Whether both runs drop the same elements, and what is drawn afterwards."""
    found = []
    for reentrant in (True, False):
        for preserve in (True, False):
            t.manual_seed(0)
            s, drop = Setting(t), t.nn.Dropout(0.5)
            y = s.checkpoint(lambda x, drop=drop: drop(x) * 3, s.x, use_reentrant=reentrant, preserve_rng_state=preserve)
            between = t.rand(1)
            y.sum().backward()
            found.append([y, s.x.grad, between, t.rand(1)])
    return found


@program
def with_autocast(t: ModuleType) -> list:
    """The second run has the first one's types."""
    found = []
    for reentrant in (True, False):
        s = Setting(t)
        seen: list = []

        def f(x: Any, s: Setting = s, seen: list = seen) -> Any:
            y = x @ s.w
            seen.append(str(y.dtype))
            return y.relu()
        with t.autocast("cpu"):
            y = s.checkpoint(f, s.x, use_reentrant=reentrant)
        y.float().sum().backward()
        found.append([str(y.dtype), str(s.w.grad.dtype), str(s.x.grad.dtype), seen])
    return found


def changing(t: ModuleType, kind: str, check: str) -> Any:
    """A function whose second run differs from its first."""
    s, runs = Setting(t), []

    def f(x: Any) -> Any:
        runs.append(1)
        if kind == "shape":
            return (x[:len(runs)] @ s.w).sin()
        if kind == "type" and len(runs) > 1:
            return (x.double() @ s.w.double()).sin()
        if kind == "shorter" and len(runs) > 1:
            return x @ s.w
        return (x @ s.w).sin()
    s.checkpoint(f, s.x, use_reentrant=False, determinism_check=check).sum().backward()
    return None


for changed in ("shape", "type", "shorter"):
    program(lambda t, kind=changed: changing(t, kind, "default"))


def sequence(t: ModuleType) -> Any:
    t.manual_seed(0)
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.ReLU(), t.nn.Linear(4, 3), t.nn.Dropout(0.5), t.nn.Linear(3, 3))


for segments in (1, 2, 3, 9, 0):
    for reentrant in (True, False, None):
        program(lambda t, n=segments, u=reentrant: (s := Setting(t)).grads(t.utils.checkpoint.checkpoint_sequential(sequence(t), n, s.x, use_reentrant=u) @ s.w))
program(lambda t: t.utils.checkpoint.checkpoint_sequential([t.sin, t.cos, t.exp], 2, input=Setting(t).x, use_reentrant=False))
program(lambda t: t.utils.checkpoint.checkpoint_sequential(sequence(t), 2, Setting(t).x, use_reentrant=False, other=3))
program(lambda t: t.utils.checkpoint.detach_variable((Setting(t).x, Setting(t).constant, 3)))
program(lambda t: t.utils.checkpoint.detach_variable(Setting(t).x))
program(lambda t: (c := t.utils.checkpoint, c.set_device_states(*c.get_device_states(t.ones(1), 3), device_type="cpu"), c.get_device_states(t.ones(1)))[2])
program(lambda t: t.utils.checkpoint.check_backward_validity([Setting(t).constant]))
program(lambda t: [type(c).__name__ for c in t.utils.checkpoint.noop_context_fn()])
program(lambda t: t.utils.checkpoint.DefaultDeviceType.get_device_type())
program(lambda t: (e := t.utils.checkpoint.CheckpointError, [c.__name__ for c in e.__mro__])[1])


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_program(function: Callable) -> None:
    ours, theirs = outcome(function, jtorch), outcome(function, torch)
    assert same(ours, theirs), f"{ours} instead of {theirs}"


def test_settings() -> None:
    """The context managers restore what was before, and change no gradient."""
    for module in (torch, jtorch):
        s = Setting(module)
        with module.utils.checkpoint.set_checkpoint_early_stop(False), module.utils.checkpoint.set_checkpoint_debug_enabled(None):
            s.grads(s.checkpoint(s.f, s.x, use_reentrant=False))
        with module.utils.checkpoint.set_checkpoint_debug_enabled(True), pytest.raises(ValueError, match="incompatible with non-default context_fn"):
            s.checkpoint(s.f, s.x, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(),) * 2)
        s.checkpoint(s.f, s.x, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(),) * 2)


def losses(t: ModuleType, reentrant: bool | None, steps: int) -> tuple[list[float], Callable[[], float]]:
    """Training with checkpointed blocks (None: without): the losses, and the step."""
    t.manual_seed(0)
    blocks = t.nn.ModuleList([t.nn.Sequential(t.nn.Linear(6, 6), t.nn.LayerNorm(6), t.nn.Tanh(), t.nn.Dropout(0.2)) for _ in range(3)])
    opt = t.optim.Adam(blocks.parameters(), lr=0.01)
    x = t.tensor(np.random.default_rng(0).standard_normal((8, 6)).astype("float32"), requires_grad=True)

    def step() -> float:
        h = x
        opt.zero_grad()
        for block in blocks:
            h = block(h) if reentrant is None else t.utils.checkpoint.checkpoint(block, h, use_reentrant=reentrant)
        loss = (h ** 2).mean()
        loss.backward()
        opt.step()
        return loss.item()
    return [step() for _ in range(steps)], step


@pytest.mark.parametrize("reentrant", [True, False])
def test_training(reentrant: bool) -> None:
    """The losses of PyTorch, with its dropout masks; and of training without checkpoints."""
    ours = losses(jtorch, reentrant, 8)[0]
    np.testing.assert_allclose(ours, losses(torch, reentrant, 8)[0], 1e-4)
    np.testing.assert_allclose(ours, losses(jtorch, None, 8)[0], 1e-5)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_repeated_step_compiles_nothing(reentrant: bool) -> None:
    step = losses(jtorch, reentrant, 8)[1]
    counters = debug.counters()
    before = counters.compiles, counters.misses
    launches = counters.launches
    for _ in range(8):
        step()
    assert (counters.compiles, counters.misses) == before
    assert reentrant or counters.launches - launches == 8            # one program, with both runs


def test_intermediate_results_are_forgotten() -> None:
    """Between the passes only the arguments and the results stay in memory."""
    kept = {}
    for checkpointed in (False, True):
        w, x = jtorch.ones(4, 4, requires_grad=True), jtorch.ones(2, 4)

        def f(x: jtorch.Tensor, w: jtorch.Tensor = w) -> jtorch.Tensor:
            return (((x @ w).tanh() @ w).tanh() @ w).tanh()
        y = jtorch.utils.checkpoint.checkpoint(f, x, use_reentrant=False) if checkpointed else f(x)
        trace = y._read_value().trace
        y.sum().item()
        kept[checkpointed] = len(trace.saved or {})
    assert kept[True] < kept[False]


def test_import() -> None:
    """Both ways in which programs name the module."""
    text = ("import torch.utils.checkpoint as a\nimport torch\nfrom torch.utils.checkpoint import checkpoint\n"
            "assert a.checkpoint is checkpoint is torch.utils.checkpoint.checkpoint and torch.cpu.amp.autocast and torch.autocast is torch.amp.autocast")
    subprocess.run([sys.executable, "-c", f"import jtorch\njtorch.install_as_torch()\n{text}"], check=True, timeout=120)
