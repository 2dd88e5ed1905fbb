"""Optimizers: values, state, options and errors are PyTorch's, and a steady loop compiles nothing."""
from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
import jtorch.debug
import jtorch.optim.optimizer

BOTH = torch, jtorch
MATRICES = ((3, 4), (5, 2))                                  # Muon takes nothing else
SHAPES = ((3, 4), (5,), (), (2, 3, 2))
OPTIONS = [
    ("SGD", {}), ("SGD", dict(momentum=0.9, nesterov=True, weight_decay=0.1)), ("SGD", dict(momentum=0.5, dampening=0.3, maximize=True)),
    ("Adam", dict(weight_decay=0.1, amsgrad=True)), ("Adam", dict(betas=(0.5, 0.6), eps=1e-3, lr=0.1, maximize=True)),
    ("Adam", dict(weight_decay=0.1, decoupled_weight_decay=True)), ("AdamW", {}),
    ("AdamW", dict(weight_decay=0.2, amsgrad=True, maximize=True, lr=0.1)),
    ("Adamax", {}), ("Adamax", dict(weight_decay=0.1, maximize=True, betas=(0.7, 0.8))),
    ("NAdam", dict(weight_decay=0.1)), ("NAdam", dict(weight_decay=0.1, decoupled_weight_decay=True, momentum_decay=0.1, maximize=True)),
    ("RAdam", dict(weight_decay=0.1)), ("RAdam", dict(weight_decay=0.1, decoupled_weight_decay=True, betas=(0.9, 0.7), maximize=True)),
    ("Adagrad", {}), ("Adagrad", dict(lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, maximize=True)),
    ("Adadelta", {}), ("Adadelta", dict(weight_decay=0.1, rho=0.5, lr=0.3, maximize=True)),
    ("RMSprop", dict(momentum=0.9)), ("RMSprop", dict(centered=True, momentum=0.5, weight_decay=0.1, maximize=True)),
    ("RMSprop", dict(centered=True)),
    ("Rprop", {}), ("Rprop", dict(etas=(0.3, 1.5), step_sizes=(1e-3, 0.02), maximize=True)),
    ("ASGD", {}), ("ASGD", dict(t0=3, lambd=0.1, weight_decay=0.1, maximize=True)),
    ("Adafactor", dict(weight_decay=0.1, lr=0.5)), ("Adafactor", dict(eps=(1e-3, 1e-2), d=2.0, maximize=True, beta2_decay=-0.5)),
    ("Muon", {}), ("Muon", dict(nesterov=False, adjust_lr_fn="match_rms_adamw", weight_decay=0.0, ns_steps=3)),
]
NAMES = sorted({name for name, _ in OPTIONS})


def parameters(T: Any, name: str, seed: int = 0) -> list:
    """Parameters of several shapes, in both float types."""
    rng = np.random.default_rng(seed)
    shapes = MATRICES if name == "Muon" else SHAPES
    return [T.tensor(rng.normal(size=s), dtype=d, requires_grad=True) for d in (T.float32, T.float64) for s in shapes]


def train(T: Any, params: list, optimizer: Any, steps: int, seed: int = 1, skip: bool = True) -> None:
    """Steps with made-up gradients; the second parameter has none in the second step."""
    rng = np.random.default_rng(seed)
    for i in range(steps):
        for k, p in enumerate(params):
            grad = T.tensor(rng.normal(size=tuple(p.shape)), dtype=p.dtype)
            p.grad = None if skip and i == k == 1 else grad
        optimizer.step()
        params[0].sum().item()


def host(x: Any) -> Any:
    """A tensor as an array, anything else as it is."""
    return x.detach().numpy() if isinstance(x, torch.Tensor | jtorch.Tensor) else x


def same(ours: Any, theirs: Any, single: float = 2e-6, double: float = 1e-11) -> None:
    """Equal in shape and type, and in value to the precision of the type."""
    a, b = np.asarray(host(ours)), np.asarray(host(theirs))
    assert a.dtype == b.dtype and a.shape == b.shape
    tolerance = double if b.dtype == np.float64 else single
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1e-3, np.abs(b).max(initial=0)))


def same_state(ours: dict, theirs: dict, **tolerance: float) -> None:
    """Equal states of state dicts."""
    assert sorted(ours) == sorted(theirs)
    for key, state in theirs.items():
        assert list(ours[key]) == list(state)
        for name, value in state.items():
            same(ours[key][name], value, **tolerance)


def crossed(T: Any, state: Any) -> Any:
    """A state dict with its tensors as those of `T`."""
    if isinstance(state, torch.Tensor | jtorch.Tensor):
        return T.tensor(host(state).copy())
    if isinstance(state, dict):
        return {k: crossed(T, v) for k, v in state.items()}
    return [crossed(T, v) for v in state] if isinstance(state, list) else state


@pytest.mark.parametrize("name, options", OPTIONS)
def test_values(name: str, options: dict) -> None:
    """Parameters, state, options and text after several steps."""
    made = []
    for T in BOTH:
        params = parameters(T, name)
        optimizer = getattr(T.optim, name)(params, **options)
        train(T, params, optimizer, 5)
        made.append((params, optimizer))
    (theirs, reference), (ours, optimizer) = made
    coarse = dict(single=2e-2, double=2e-2) if name == "Muon" else {}      # it computes in bfloat16
    for a, b in zip(ours, theirs, strict=True):
        same(a, b, **coarse)
    same_state(optimizer.state_dict()["state"], reference.state_dict()["state"])
    assert optimizer.state_dict()["param_groups"] == reference.state_dict()["param_groups"]
    assert repr(optimizer) == repr(reference)
    assert optimizer.defaults == reference.defaults


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("direction", ["from PyTorch", "to PyTorch"])
def test_state_dict_goes_on(name: str, direction: str) -> None:
    """A state dict of the one is gone on from by the other, with the same result."""
    source, target = BOTH if direction == "from PyTorch" else BOTH[::-1]
    options = next(o for n, o in OPTIONS if n == name)
    params = parameters(source, name)
    optimizer = getattr(source.optim, name)(params, **options)
    train(source, params, optimizer, 2, skip=False)
    others = [target.tensor(host(p).copy(), requires_grad=True) for p in params]
    other = getattr(target.optim, name)(others)
    other.load_state_dict(crossed(target, optimizer.state_dict()))
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))       # as PyTorch: scalars take on the parameter's type
    train(source, params, optimizer, 2, seed=2)
    train(target, others, other, 2, seed=2)
    coarse = dict(single=2e-2, double=2e-2) if name == "Muon" else {}      # it computes in bfloat16
    for a, b in zip(others, params, strict=True):
        same(a, b, **coarse)


def test_half_and_complex() -> None:
    """16-bit parameters are updated to their precision; complex ones by real and imaginary part."""
    for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Rprop"):
        results = []
        for T in BOTH:
            half = T.tensor([1.0, -2.0], dtype=T.bfloat16, requires_grad=True)
            whole = T.tensor([1.0 + 2j, -0.5j], dtype=T.complex64, requires_grad=True)
            optimizer = getattr(T.optim, name)([half, whole], lr=0.1)
            for _ in range(2):
                half.grad, whole.grad = T.tensor([0.5, 0.25], dtype=T.bfloat16), T.tensor([0.1 - 1j, 2.0 + 0.3j])
                optimizer.step()
            results.append((half.detach().float().numpy(), whole.detach().numpy(), [v.dtype for v in optimizer.state[whole].values()]))
        np.testing.assert_allclose(results[1][0], results[0][0], rtol=0.02)
        np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-5)
        assert [str(d) for d in results[0][2]] == [str(d) for d in results[1][2]]


NOT_NEGATIVE = {
    "SGD": ("momentum", "weight_decay"), "Adam": ("eps", "weight_decay"), "AdamW": ("eps", "weight_decay"), "Adamax": ("eps", "weight_decay"),
    "NAdam": ("eps", "weight_decay", "momentum_decay"), "RAdam": ("eps", "weight_decay"), "Adadelta": ("eps", "weight_decay", "rho"),
    "Adagrad": ("lr_decay", "weight_decay", "initial_accumulator_value", "eps"), "RMSprop": ("alpha", "eps", "weight_decay", "momentum"),
    "Rprop": (), "ASGD": ("weight_decay",), "Adafactor": ("weight_decay", "d"), "Muon": ("weight_decay", "momentum"), "LBFGS": (),
    "SparseAdam": ("eps",)}
WRONG = [
    *[(name, {option: -1.0}) for name, options in NOT_NEGATIVE.items() for option in ("lr", *options)],
    *[(name, dict(betas=betas)) for name in ("Adam", "Adamax", "NAdam", "RAdam", "SparseAdam") for betas in ((1.5, 0.5), (0.5, -0.5))],
    *[(name, dict(lr="two")) for name in NOT_NEGATIVE], ("SparseAdam", dict(lr=0)), ("SparseAdam", dict(eps=0)),
    ("SGD", dict(nesterov=True)), ("SGD", dict(nesterov=True, momentum=0.9, dampening=0.1)), ("Adadelta", dict(rho=1.5)),
    ("SGD", dict(fused=True, foreach=True)), ("Adam", dict(fused=True, differentiable=True)), ("Adagrad", dict(fused=True, foreach=True)),
    ("Adam", dict(lr="one", foreach=True)), ("Rprop", dict(etas=(1.5, 0.5))), ("Rprop", dict(etas=(-0.5, 1.5))), ("Adafactor", dict(beta2_decay=1.0)),
    ("Adafactor", dict(eps=(-1.0, 1.0))), ("Adafactor", dict(eps=(None, -1.0))), ("Muon", dict(adjust_lr_fn="none")), ("Muon", dict(shape=(3,))),
    ("Muon", dict(shape=(2, 2, 2))), ("SGD", dict(unknown=1)),
]


def failure(call: Callable) -> tuple[type, str] | None:
    """Class and text of the error that a call raises."""
    try:
        call()
    except Exception as error:                               # noqa: BLE001  whatever it is, it is compared
        return type(error), str(error)
    return None


@pytest.mark.parametrize("name, options", WRONG)
def test_constructor_errors(name: str, options: dict) -> None:
    """What a constructor rejects, with PyTorch's words."""
    def make(T: Any) -> None:
        given = dict(options)
        p = T.zeros(given.pop("shape", (2, 2)), requires_grad=True)
        if isinstance(given.get("lr"), str):
            given["lr"] = T.full({"one": (), "two": (2,)}[given["lr"]], 0.1)
        getattr(T.optim, name)([p], **given)

    theirs = failure(lambda: make(torch))
    assert theirs is not None and failure(lambda: make(jtorch)) == theirs


def _leaf(T: Any) -> Any:
    return T.zeros(2, requires_grad=True)


GROUPS: dict[str, Callable] = {
    "empty": lambda T: T.optim.SGD([]),
    "tensor": lambda T: T.optim.SGD(_leaf(T)),
    "set": lambda T: T.optim.SGD([{"params": {_leaf(T)}}]),
    "number": lambda T: T.optim.SGD([3]),
    "not a leaf": lambda T: T.optim.SGD([_leaf(T) * 2]),
    "twice": lambda T: (lambda p: T.optim.SGD([{"params": [p]}, {"params": p}]))(_leaf(T)),
    "dict": lambda T: T.optim.SGD({"params": [_leaf(T)]}),
    "no params": lambda T: T.optim.SGD([{"lr": 1.0}]),
    "list as group": lambda T: T.optim.SGD([_leaf(T)]).add_param_group([_leaf(T)]),
    "some named": lambda T: T.optim.SGD([("a", _leaf(T)), _leaf(T)]),
    "group without names": lambda T: T.optim.SGD([{"params": [("a", _leaf(T))]}, {"params": [_leaf(T)]}]),
    "group with names": lambda T: T.optim.SGD([{"params": [_leaf(T)]}, {"params": [("a", _leaf(T))]}]),
    "no step": lambda T: T.optim.Optimizer([_leaf(T)], {}).step(),
    "two groups": lambda T: T.optim.LBFGS([{"params": [_leaf(T)]}, {"params": [_leaf(T)]}]),
    "number as closure": lambda T: T.optim.SGD([_leaf(T)]).step(3),
    "other betas": lambda T: T.optim.Adam([_leaf(T)], betas=(T.tensor(0.9), 0.99)),
    "more groups": lambda T: T.optim.SGD([_leaf(T)]).load_state_dict({"state": {}, "param_groups": [{"params": [0]}] * 2}),
    "more params": lambda T: T.optim.SGD([_leaf(T)]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
    "no state": lambda T: T.optim.SGD([_leaf(T)]).load_state_dict({"param_groups": [{"params": [0]}]}),
    "differentiable leaf": lambda T: _stepped(T, T.optim.Adam, differentiable=True),
    "dense": lambda T: _stepped(T, T.optim.SparseAdam),
}


def _stepped(T: Any, kind: Any, **options: Any) -> Any:
    p = _leaf(T)
    optimizer = kind([p], **options)
    p.grad = T.ones(2)
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("name", GROUPS)
def test_group_errors(name: str) -> None:
    """What groups, steps and state dicts reject, with PyTorch's words."""
    theirs = failure(lambda: GROUPS[name](torch))
    assert theirs is not None and failure(lambda: GROUPS[name](jtorch)) == theirs


def test_groups_and_names() -> None:
    """Options by group, added groups, names, repr; a parameter given twice is warned of."""
    texts = []
    for T in BOTH:
        model = T.nn.Linear(2, 2)
        optimizer = T.optim.SGD([{"params": [("w", model.weight)], "lr": 0.5}, {"params": [("b", model.bias)], "momentum": 0.9}], lr=0.1)
        optimizer.add_param_group({"params": [("x", T.zeros(1))], "weight_decay": 0.1})
        with pytest.warns(UserWarning, match="duplicate parameters"):
            T.optim.SGD([model.weight, model.weight])
        named = T.optim.Adam(model.named_parameters())
        texts.append((repr(optimizer), optimizer.state_dict()["param_groups"], repr(named), named.state_dict()))
    assert texts[0] == texts[1]


def test_load_state_dict() -> None:
    """Types of loaded state follow the parameter; names and missing options are filled in; other keys are kept."""
    found = []
    for T in BOTH:
        optimizer = T.optim.Adam([("a", T.zeros(2, dtype=T.float64, requires_grad=True))])
        saved = optimizer.state_dict()
        for option in ("fused", "maximize"):
            del saved["param_groups"][0][option]
        saved["param_groups"][0]["extra"] = 5
        saved["state"] = {0: {"step": 3, "exp_avg": T.ones(2), "list": [T.ones(1)], "dict": {"c": T.ones(1)}, "number": 1.5}, "other": T.ones(1)}
        optimizer.load_state_dict(saved)
        state = optimizer.state_dict()["state"][0]
        found.append((optimizer.state_dict()["param_groups"][0], str(state["step"]), str(state["exp_avg"].dtype), str(state["list"][0].dtype),
                      str(state["dict"]["c"].dtype), state["number"], str(optimizer.state["other"])))
    assert found[0] == found[1]


def test_hooks() -> None:
    """Order and arguments of all hooks, and what they may replace."""
    logs = []
    for T in BOTH:
        log: list = []
        p = T.zeros(1, requires_grad=True)
        optimizer = T.optim.SGD([p], lr=0.1)
        module = __import__(f"{T.__name__}.optim.optimizer", fromlist=["optimizer"])

        def note(name: str, log: list = log, own: Any = optimizer) -> Callable:
            return lambda o, args, kwargs: log.append((name, o is own, len(args), args[0] is own, sorted(kwargs)))

        handles = [optimizer.register_step_post_hook(note("post")), optimizer.register_step_pre_hook(note("pre")),
                   module.register_optimizer_step_pre_hook(note("all pre")), module.register_optimizer_step_post_hook(note("all post"))]
        optimizer.step()
        optimizer.step(lambda: 3)
        assert optimizer.step(closure=lambda: 7) == 7
        for handle in handles:
            handle.remove()
        optimizer.step()
        optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 9), {}))
        log.append(optimizer.step())
        optimizer.register_state_dict_pre_hook(lambda o, log=log: log.append("second"))
        optimizer.register_state_dict_pre_hook(lambda o, log=log: log.append("first"), prepend=True)
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
        optimizer.register_load_state_dict_pre_hook(lambda o, state: {k: v for k, v in state.items() if k != "more"})
        optimizer.register_load_state_dict_post_hook(lambda o, log=log: log.append("loaded"))
        state = optimizer.state_dict()
        optimizer.load_state_dict(state)
        logs.append((log, sorted(state)))
    assert logs[0] == logs[1]


class Lion:
    """An optimizer as users write them; made a subclass of each library's `Optimizer` below."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, dict(lr=lr))

    def step(self, closure: Any = None) -> None:
        """p ← p - lr sign(m), with m ← 0.9 m + 0.1 g."""
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["m"] = p.detach() * 0
                state["m"].mul_(0.9).add_(p.grad, alpha=0.1)
                p.data.add_(state["m"].sign(), alpha=-group["lr"])


def test_user_optimizer() -> None:
    """A subclass with its own step: hooks, state dict, copies."""
    found = []
    for T in BOTH:
        p = T.tensor([1.0, -1.0], requires_grad=True)
        optimizer = type("Lion", (Lion, T.optim.Optimizer), {"step": T.no_grad()(Lion.step)})([p])
        log: list = []
        optimizer.register_step_post_hook(lambda *args, log=log: log.append(len(args)))
        for _ in range(3):
            optimizer.zero_grad()
            (p ** 2).sum().backward()
            optimizer.step()
        found.append((p.tolist(), optimizer.state_dict()["state"][0]["m"].tolist(), log, repr(optimizer)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)
    assert found[0][2:] == found[1][2:]


def test_copies() -> None:
    """Pickled and deep-copied optimizers go on by themselves."""
    p = jtorch.ones(2, requires_grad=True)
    optimizer = jtorch.optim.Adam([p])
    train(jtorch, [p], optimizer, 2)
    for again in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert again.param_groups[0]["params"][0] is not p
        same_state(again.state_dict()["state"], optimizer.state_dict()["state"])
        train(jtorch, again.param_groups[0]["params"], again, 1)
        assert again.state_dict()["state"][0]["step"].item() == 3 and optimizer.state[p]["step"].item() == 2


def test_zero_grad() -> None:
    """Gradients are dropped, or zeroed in place."""
    p = jtorch.ones(2, requires_grad=True)
    optimizer = jtorch.optim.SGD([p])
    (p * 3).sum().backward()
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is grad and grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "NAdam", "Adagrad"])
def test_differentiable(name: str) -> None:
    """With `differentiable`, gradients flow through the step to parameter, gradient and learning rate."""
    found = []
    for T in BOTH:
        start, grad, lr = (T.tensor(np.array(v), requires_grad=True) for v in ([1.0, -2.0], [0.3, 0.7], 0.1))
        p = start.clone()
        optimizer = getattr(T.optim, name)([p], lr=lr if name == "SGD" else 0.1, differentiable=True, weight_decay=0.1)
        for _ in range(2):
            p.grad = grad * 2
            optimizer.step()
        (p ** 2).sum().backward()
        found.append([p, start.grad, grad.grad] + ([lr.grad] if name == "SGD" else []))
    for a, b in zip(found[1], found[0], strict=True):
        same(a, b, double=1e-5)                              # PyTorch computes the corrections in float32 here


def test_tensor_options() -> None:
    """Learning rates, βs and weight decay given as tensors."""
    for name, options in (("SGD", dict(lr=0.1, weight_decay=0.2)), ("Adam", dict(lr=0.1, betas=(0.8, 0.9))), ("AdamW", dict(lr=0.05)),
                          ("ASGD", dict(lr=0.1)), ("Rprop", dict(lr=0.1)), ("Muon", dict(lr=0.1)), ("Adafactor", dict(lr=0.1))):
        made = []
        for T in BOTH:
            given = {k: tuple(map(T.tensor, v)) if isinstance(v, tuple) else T.tensor(v) for k, v in options.items()}
            params = parameters(T, "Muon")[:2]
            train(T, params, getattr(T.optim, name)(params, **given), 3)
            made.append(params)
        for a, b in zip(made[1], made[0], strict=True):
            same(a, b, single=2e-2 if name == "Muon" else 5e-6)           # bfloat16; PyTorch rounds some products of tensors


def loop(optimizer: Any, model: Any, data: Any, steps: int, each: Callable = lambda k: None) -> None:
    """An ordinary training loop that reads the loss at each step."""
    for k in range(steps):
        each(k)
        optimizer.zero_grad()
        loss = model(data).square().sum()
        loss.backward()
        optimizer.step()
        loss.item()


@pytest.mark.parametrize("name", [n for n in NAMES if n != "Muon"])
def test_steady_loop_compiles_once(name: str) -> None:
    """Neither the count of steps nor a changing learning rate nor loaded state compiles anew."""
    model, data = jtorch.nn.Linear(3, 2), jtorch.ones(4, 3)
    optimizer = getattr(jtorch.optim, name)(model.parameters())
    loop(optimizer, model, data, 3)
    counters = jtorch.debug.counters()
    before = counters.compiles
    loop(optimizer, model, data, 3)
    assert counters.compiles == before

    def decay(k: int) -> None:
        optimizer.param_groups[0]["lr"] *= 0.9
        if "betas" in optimizer.param_groups[0]:
            optimizer.param_groups[0]["betas"] = (0.9 - k / 100, 0.99)

    loop(optimizer, model, data, 6, decay)
    assert counters.compiles <= before + 2
    before = counters.compiles
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    loop(optimizer, model, data, 2, decay)
    assert counters.compiles <= before + 1                   # the copies themselves


def test_averaged_models() -> None:
    """Equal and exponential averages of weights, with and without buffers, as in PyTorch."""
    makes = (lambda u: {}, lambda u: dict(avg_fn=u.get_ema_avg_fn(0.9)), lambda u: dict(multi_avg_fn=u.get_swa_multi_avg_fn()),
             lambda u: dict(multi_avg_fn=u.get_ema_multi_avg_fn(0.9), use_buffers=True))
    for make in makes:
        found = []
        for T in BOTH:
            T.manual_seed(0)
            model = T.nn.Sequential(T.nn.Linear(3, 2), T.nn.BatchNorm1d(2))
            average = T.optim.swa_utils.AveragedModel(model, **make(T.optim.swa_utils))
            data = T.arange(12.0).reshape(4, 3)
            for k in range(3):
                model(data * k)
                with T.no_grad():
                    model[0].weight.add_(1.0)
                average.update_parameters(model)
            T.optim.swa_utils.update_bn([data, (data + 1, 0)], average)
            found.append(average.state_dict())
        assert list(found[0]) == list(found[1])
        for key, value in found[0].items():
            same(found[1][key], value, single=1e-5)
    with pytest.raises(ValueError, match="Invalid decay value"):
        jtorch.optim.swa_utils.get_ema_avg_fn(1.5)


@pytest.mark.parametrize(("make", "kind"), [
    (make, kind) for make in (lambda u: u.get_ema_multi_avg_fn(0.9), lambda u: u.get_swa_multi_avg_fn())
    for kind in ("float32", "float64", "complex64", "int64")])
def test_averages_of_lists(make: Callable, kind: str) -> None:
    """The functions for lists are PyTorch's in every bit, and so are their errors."""
    found = []
    for T in BOTH:
        T.manual_seed(0)
        averages = [(10 * T.randn(500)).to(getattr(T, kind)) for _ in range(2)]
        currents = [(10 * T.randn(500)).to(getattr(T, kind)) for _ in range(2)]
        try:
            for n in (1, 6):
                make(T.optim.swa_utils)(averages, currents, T.tensor(n))
        except RuntimeError as error:
            averages = [str(error)]
        with pytest.raises(RuntimeError, match="same number of tensors, got 1 and 2"):
            make(T.optim.swa_utils)(averages[:1], currents, T.tensor(1))
        found.append([x if isinstance(x, str) else x.tolist() for x in averages])
    assert found[0] == found[1]


def test_lists_to_average_hold_one_type() -> None:
    """A model's parameters and buffers are averaged by device and type."""
    seen = []
    for T in BOTH:
        model = T.nn.Sequential(T.nn.Linear(3, 2), T.nn.BatchNorm1d(2), T.nn.Linear(2, 1).double())
        lists: list[tuple[str, int]] = []
        average = T.optim.swa_utils.AveragedModel(model, use_buffers=True, multi_avg_fn=lambda a, p, n, lists=lists: lists.append((str(a[0].dtype), len(a))))
        average.update_parameters(model)
        average.update_parameters(model)
        seen.append(sorted(lists))
    assert seen[0] == seen[1]


def test_swapped_in() -> None:
    """Inside the block an optimizer works on other parameters and state."""
    found = []
    for T in BOTH:
        p, other = T.ones(2, requires_grad=True), T.zeros(2, requires_grad=True)
        optimizer = T.optim.Adam([p], lr=0.1)
        train(T, [p], optimizer, 1)
        state = copy.deepcopy(optimizer.state_dict())
        other.grad = T.ones(2)
        with T.optim.swap_in_optimizer_params_and_state(optimizer, {"p": other}, state):
            optimizer.step()
        found.append((p.tolist(), other.tolist(), state["state"][0]["step"].item(), optimizer.state[p]["step"].item()))
    for a, b in zip(found[0], found[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_no_warnings() -> None:
    """Nothing here warns in ordinary use."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = jtorch.nn.Linear(3, 2)
        optimizer = jtorch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = jtorch.optim.lr_scheduler.StepLR(optimizer, 1)
        loop(optimizer, model, jtorch.ones(4, 3), 1)
        scheduler.step()


def test_saved_states_share_nothing() -> None:
    """PyTorch counts steps in place: counts that were one tensor would count each parameter's step."""
    params = [jtorch.ones(2, requires_grad=True) for _ in range(3)]
    optimizer = jtorch.optim.Adam(params)
    train(jtorch, params, optimizer, 2, skip=False)
    file = io.BytesIO()
    jtorch.save(optimizer.state_dict(), file)
    file.seek(0)
    counts = [state["step"] for state in torch.load(file)["state"].values()]
    assert [c.item() for c in counts] == [2, 2, 2] and len({c.data_ptr() for c in counts}) == 3
