"""`torch.compile`: calls are repeated without recording each operation, and give what they gave; what else the code does or depends on is noticed."""
from __future__ import annotations

import copy
import pickle
import types
from collections.abc import Callable

import pytest
import torch as pytorch

import jtorch as torch
from jtorch import debug, nn
from jtorch.nn import functional as F

CALLS = 6
SCALE, LIMITS, COUNTS, CONFIG = 2.0, [1.0, 2.0], {"calls": 0}, types.SimpleNamespace(width=3)
TABLE = torch.arange(4.0)
WEIGHT = torch.ones(3, requires_grad=True)


class Net(nn.Module):
    """What has parameters, buffers that it writes, random numbers, and two ways."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.drop, self.last = nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)
        self.skip, self.sizes = True, {"scale": 1.0}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.last(self.drop(F.relu(self.norm(self.first(x)))))
        return y + x * self.sizes["scale"] if self.skip else y


def in_a_loop(x: torch.Tensor) -> tuple:
    kept = []
    for _ in range(3):
        x = torch.sin(x)
        kept.append(x)
    return torch.stack(kept), {"last": x, "sizes": [tuple(x.shape), None]}


def with_a_closure(factor: float) -> Callable:
    def scaled(x: torch.Tensor) -> torch.Tensor:
        return x * factor
    return scaled


def in_place(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x).add_(x).mul_(SCALE)


def drawn(x: torch.Tensor) -> torch.Tensor:
    return torch.randn(3) + F.dropout(x) * torch.rand_like(x) + torch.empty(3).normal_()


def mixed(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        level = x.mean()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return (x - level) @ torch.eye(x.shape[-1])


REPEATED = {"globals": lambda x: x * SCALE + LIMITS[0] + CONFIG.width, "tensors": lambda x: x + TABLE[1:] * WEIGHT, "closure": with_a_closure(3.0),
            "loop": in_a_loop, "in place": in_place, "random": drawn, "modes": mixed, "view": lambda x: x.unsqueeze(0).t(), "same": lambda x: (x, x.detach()),
            "numbers": lambda x: (x * 2 + 0.5, x.sum(), 3), "host": lambda x: x[1:] + torch.tensor([1.0, 2.0]), "indices": lambda x: TABLE[x.long()],
            "embedding": lambda x: F.embedding(x.long(), torch.ones(5, 2)), "einsum": lambda x: torch.einsum("i,j->ij", x, x)}


def repeats(function: Callable, *args: object, calls: int = CALLS) -> tuple[list, int]:
    """What calls give, each read at once, and how many were repeated."""
    torch.manual_seed(1)
    before, found = debug.counters().repeated, []
    for _ in range(calls):
        found.append(torch.utils._pytree.tree_map(lambda r: r.tolist() if isinstance(r, torch.Tensor) else r, function(*args)))
    return found, debug.counters().repeated - before


@pytest.mark.parametrize("name", REPEATED)
def test_repeated(name: str) -> None:
    """The same results as without, and after two calls nothing is recorded."""
    x = torch.tensor([1.0, 2.0, 3.0])
    expected, none = repeats(REPEATED[name], x)
    found, count = repeats(torch.compile(REPEATED[name]), x)
    assert found == expected and none == 0 and count >= CALLS - 2


def trained(compiled: bool, steps: int = 12) -> tuple[list, Net]:
    torch.manual_seed(0)
    net, x, y = Net(), torch.randn(16, 3), torch.randint(0, 3, (16,))
    call = torch.compile(net) if compiled else net
    optimizer, found = torch.optim.Adam(net.parameters()), []
    for step in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(call(x), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
        if step % 4 == 3:
            call.eval()
            with torch.no_grad():
                found.append(call(x).sum().item())
            call.train()
    return found, net


def test_training() -> None:
    """Dropout, running statistics, evaluation in between: the same losses and state, and nothing new is compiled."""
    expected, plain = trained(False)
    before, compiles = debug.counters().repeated, debug.counters().compiles
    found, net = trained(True)
    assert found == expected and debug.counters().repeated - before >= 8
    assert debug.counters().compiles - compiles <= 1         # host arrays are inputs from the start
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), net.state_dict().values(), strict=True))


def test_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever changes is noticed."""
    net, x = Net().eval(), torch.ones(2, 3)
    call = torch.compile(net)

    def agree() -> None:
        for _ in range(4):
            assert torch.equal(call(x), net(x))
    agree()
    net.skip = False
    agree()
    net.skip, net.sizes["scale"] = True, 5.0
    agree()
    net.last = nn.Linear(8, 3)
    agree()
    net.first.weight.data.zero_()
    agree()
    handle = net.norm.register_forward_hook(lambda module, given, result: result + 1)
    agree()
    handle.remove()
    agree()
    net.double()
    x = x.double()
    agree()
    x = torch.ones(5, 3).double()
    agree()
    scaled = torch.compile(REPEATED["globals"])
    for value in 2.0, 7.0, 2.0:
        monkeypatch.setitem(globals(), "SCALE", value)
        monkeypatch.setattr(CONFIG, "width", value)
        assert repeats(scaled, torch.ones(1))[0] == repeats(REPEATED["globals"], torch.ones(1))[0]
    for n in 1, 2, 3:
        assert repeats(torch.compile(lambda x, n: x * n), torch.ones(1), n)[0][-1] == [n]


def counting(x: torch.Tensor) -> torch.Tensor:
    COUNTS["calls"] += 1
    return x + COUNTS["calls"]


def reading(x: torch.Tensor) -> torch.Tensor:
    return x * 2 if x.sum() > 0 else x


def on_the_host(x: torch.Tensor) -> torch.Tensor:
    return x * int(x[0])


def telling(x: torch.Tensor) -> torch.Tensor:
    print("told")
    return x + 1


def in_place_of_the_argument(x: torch.Tensor) -> torch.Tensor:
    return x.view(-1).add_(1)


def differentiating(x: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad((WEIGHT * x).sum(), WEIGHT)[0]


def drawn_by_values(x: torch.Tensor) -> torch.Tensor:
    return torch.bernoulli(torch.full((3,), 0.5)) + x


@pytest.mark.parametrize("function", [counting, reading, on_the_host, telling, in_place_of_the_argument, differentiating, drawn_by_values])
def test_recorded_each_time(function: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    """What does more than compute runs in Python each time."""
    COUNTS["calls"] = 0
    expected, _ = repeats(function, torch.ones(3))
    COUNTS["calls"] = 0
    found, count = repeats(torch.compile(function), torch.ones(3))
    assert (found, count) == (expected, 0)
    assert capsys.readouterr().out.count("told") == (2 * CALLS if function is telling else 0)


def test_arguments_that_change() -> None:
    """A list that the call appends to, and values that differ."""
    def grow(x: torch.Tensor, into: list) -> torch.Tensor:
        into.append(1)
        return x + len(into)
    kept: list = []
    assert repeats(torch.compile(grow), torch.zeros(1), kept)[0] == [[n] for n in range(1, CALLS + 1)]
    call = torch.compile(lambda x: x * 2)
    assert [call(torch.tensor(float(n))).item() for n in range(CALLS)] == [2.0 * n for n in range(CALLS)]


def test_checks_are_made() -> None:
    """A repeated call still raises for indices out of range."""
    call = torch.compile(nn.Embedding(4, 2))
    for _ in range(4):
        call(torch.tensor([1, 2])).sum().item()
    with pytest.raises(IndexError, match="index out of range in self"):
        call(torch.tensor([1, 9]))


def test_gradients() -> None:
    call = torch.compile(lambda x: (WEIGHT * x).sum())
    for _ in range(4):
        WEIGHT.grad = None
        call(torch.arange(3.0)).backward()
        assert WEIGHT.grad.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("package", [torch, pytorch], ids=["jtorch", "pytorch"])
def test_module(package: types.ModuleType) -> None:
    """The compiled module is one around the other; what is set on it is set there."""
    net = package.nn.Sequential(package.nn.Linear(2, 3))
    call = package.compile(net, backend="eager")
    assert type(call).__name__ == "OptimizedModule" and list(call.state_dict()) == ["_orig_mod.0.weight", "_orig_mod.0.bias"]
    assert repr(call).startswith("OptimizedModule(\n  (_orig_mod): Sequential(") and len(call) == 1
    call.eval()
    assert not net.training and not call.training
    call.mark = 3
    assert net.mark == 3
    del call.mark
    assert not hasattr(net, "mark")
    assert type(copy.deepcopy(call)) is type(call) and call._orig_mod is net
    net.compile(backend="eager")
    assert callable(net._compiled_call_impl) and net(package.ones(1, 2)).shape == (1, 3)


def test_disabled() -> None:
    """What is disabled runs in Python each time, and so does what calls it; `reset` and `set_stance` too."""
    seen = []

    @torch.compiler.disable
    def plain(x: torch.Tensor) -> torch.Tensor:
        seen.append(None)
        return x + 1
    found, count = repeats(torch.compile(lambda x: plain(x) * 2), torch.ones(1))
    assert found == [[4.0]] * CALLS and len(seen) == CALLS and count == 0
    call = torch.compile(lambda x: x * 3)
    assert repeats(call, torch.ones(1))[1] >= CALLS - 2
    with torch.compiler.set_stance("force_eager"):
        assert repeats(call, torch.ones(1)) == ([[3.0]] * CALLS, 0)
    assert repeats(call, torch.ones(1))[1] == CALLS
    torch.compiler.reset()
    assert 0 < repeats(call, torch.ones(1))[1] < CALLS
    net = torch.compiler.disable(nn.Linear(2, 3))
    assert net(torch.ones(1, 2)).shape == (1, 3) and list(net.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    with pytest.raises(RuntimeError, match="no FX graph"):
        torch.compile(lambda x: x, backend=lambda graph, inputs: graph)


def test_what_changes_each_time_is_given_up() -> None:
    """An attribute that never stays the same: after some calls nobody watches any more, and results are right."""
    net = nn.Linear(1, 1)
    net.scale = 0.0
    call = torch.compile(lambda x: x * net.scale)
    for n in range(40):
        net.scale = n / 3
        assert call(torch.ones(1)).item() == pytest.approx(n / 3)
    assert len(call.__closure__[0].cell_contents.shortcuts) < 40


def test_pickle() -> None:
    net = torch.compile(nn.Linear(2, 3))
    net(torch.ones(1, 2))
    assert torch.equal(pickle.loads(pickle.dumps(net))._orig_mod.weight, net._orig_mod.weight)
