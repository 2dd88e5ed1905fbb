"""Learning rate schedulers: every rate, state and error is PyTorch's."""
from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import jtorch

BOTH = torch, jtorch
Make = Callable[[Any, Any], Any]                             # of the library and an optimizer, to a scheduler


class Half:
    """A function with an attribute, which state dicts keep."""

    def __init__(self) -> None:
        self.base = 0.5

    def __call__(self, step: float) -> float:
        return self.base ** step


def case(name: str, **options: Any) -> Make:
    """A scheduler with options; optimizers get momentum where they are to change it."""
    def make(T: Any, optimizer: Any, **more: Any) -> Any:
        home = T.optim.swa_utils if name == "SWALR" else T.optim.lr_scheduler
        return getattr(home, name)(optimizer, **copy.copy(options), **more)
    make.__name__ = f"{name}-{'-'.join(options)}"
    return make


SIMPLE = [
    case("LambdaLR", lr_lambda=lambda k: 0.9 ** k), case("LambdaLR", lr_lambda=[Half(), lambda k: 1 / (k + 1)]),
    case("MultiplicativeLR", lr_lambda=lambda k: 0.9 + k / 100), case("MultiplicativeLR", lr_lambda=[lambda k: 0.9, lambda k: 0.8]),
    case("StepLR", step_size=3), case("StepLR", step_size=1, gamma=0.7), case("MultiStepLR", milestones=[2, 5, 5]),
    case("MultiStepLR", milestones=(7, 1), gamma=0.5), case("ConstantLR"), case("ConstantLR", factor=0.2, total_iters=2), case("LinearLR"),
    case("LinearLR", start_factor=0.5, end_factor=0.1, total_iters=7), case("ExponentialLR", gamma=0.8), case("CosineAnnealingLR", T_max=5),
    case("CosineAnnealingLR", T_max=4, eta_min=0.05), case("PolynomialLR"), case("PolynomialLR", total_iters=8, power=2.0),
    case("SWALR", swa_lr=0.05), case("SWALR", swa_lr=[0.05, 0.5], anneal_epochs=3, anneal_strategy="linear"),
    case("SWALR", swa_lr=0.05, anneal_epochs=0),
]
CYCLES = [
    case("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=3),
    case("CyclicLR", base_lr=0.01, max_lr=[0.1, 0.2], step_size_up=3, step_size_down=2, mode="triangular2", base_momentum=0.7, max_momentum=0.95),
    case("CyclicLR", base_lr=[0.01, 0.02], max_lr=0.1, step_size_up=2, mode="exp_range", gamma=0.9),
    case("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=2, scale_fn=Half(), scale_mode="iterations"),
    case("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=2, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    case("OneCycleLR", max_lr=0.1, total_steps=20), case("OneCycleLR", max_lr=[0.1, 0.3], epochs=4, steps_per_epoch=5, three_phase=True),
    case("OneCycleLR", max_lr=0.1, total_steps=20, anneal_strategy="linear", pct_start=0.5, div_factor=10.0, final_div_factor=100.0),
    case("CosineAnnealingWarmRestarts", T_0=3), case("CosineAnnealingWarmRestarts", T_0=2, T_mult=2, eta_min=0.01),
]


def sequence(T: Any, o: Any) -> Any:
    """Warm-up, then decay, then a constant."""
    L = T.optim.lr_scheduler
    return L.SequentialLR(o, [L.LinearLR(o, total_iters=3), L.ExponentialLR(o, 0.9), L.StepLR(o, 2)], [4, 9])


def sequence_of_cosines(T: Any, o: Any) -> Any:
    """Warm-up, then a cosine."""
    L = T.optim.lr_scheduler
    return L.SequentialLR(o, schedulers=[L.ConstantLR(o, 0.1, 4), L.CosineAnnealingLR(o, 10)], milestones=[4])


def sequence_of_restarts(T: Any, o: Any) -> Any:
    """A polynomial, then warm restarts."""
    L = T.optim.lr_scheduler
    return L.SequentialLR(o, [L.PolynomialLR(o, 3), L.CosineAnnealingWarmRestarts(o, 3)], [3])


def nested(T: Any, o: Any) -> Any:
    """A sequence in a sequence."""
    L = T.optim.lr_scheduler
    return L.SequentialLR(o, [sequence(T, o), L.ConstantLR(o, 0.5, 20)], [11])


def chain(T: Any, o: Any) -> Any:
    """Two at once."""
    L = T.optim.lr_scheduler
    return L.ChainedScheduler([L.ConstantLR(o, 0.1, 2), L.ExponentialLR(o, 0.9)])


def chain_in_sequence(T: Any, o: Any) -> Any:
    """A chain, then a decay."""
    L = T.optim.lr_scheduler
    return L.SequentialLR(o, [chain(T, o), L.StepLR(o, 2)], [5])


COMBINED = [sequence, sequence_of_cosines, sequence_of_restarts, nested, chain, chain_in_sequence]


def make_optimizer(T: Any, kind: str = "SGD", lr: Any = None, **options: Any) -> Any:
    """An optimizer with two groups, whose rates differ."""
    groups = [{"params": [T.zeros(1, requires_grad=True)], "lr": T.tensor(v) if lr == "tensor" else v} for v in (0.1, 0.3)]
    return getattr(T.optim, kind)(groups, lr=0.1, **options)


def numbers(values: Any) -> list:
    """Rates and momenta as Python numbers."""
    return [v.item() if hasattr(v, "item") else v for v in values]


def plain(state: Any) -> Any:
    """A state dict with the tensors in it as numbers."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items()}
    return [plain(v) for v in state] if isinstance(state, list) else numbers([state])[0]


def options_of(optimizer: Any) -> list:
    """All options of all groups."""
    return [plain({k: v for k, v in g.items() if k != "params"}) for g in optimizer.param_groups]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("make", SIMPLE + CYCLES + COMBINED, ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore:Detected call")           # a sequence steps what is inside once more, in PyTorch too
def test_rates(make: Make, kind: str) -> None:
    """Rates, momenta and state of twenty steps; a state dict goes on in a fresh scheduler."""
    logs = []
    for T in BOTH:
        optimizer = make_optimizer(T, kind)
        scheduler = make(T, optimizer)
        log = [scheduler.get_last_lr(), options_of(optimizer), scheduler.state_dict()]
        for k in range(19):
            optimizer.step()
            scheduler.step()
            log += [scheduler.get_last_lr(), options_of(optimizer)]
            if k == 8:
                log.append(copy.deepcopy(scheduler.state_dict()))
                again = make(T, optimizer)
                again.load_state_dict(scheduler.state_dict())
                for group, lr in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True):
                    group["lr"] = lr
                scheduler = again
        logs.append(log)
    for ours, theirs in zip(logs[1], logs[0], strict=True):
        assert ours == theirs
        assert not isinstance(ours, dict) or list(ours) == list(theirs)


@pytest.mark.parametrize("make", SIMPLE + CYCLES[-2:], ids=lambda make: make.__name__)
def test_resumed(make: Make) -> None:
    """With `last_epoch` a scheduler goes on from there; without the first rates it refuses."""
    logs = []
    for T in BOTH:
        with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
            make(T, make_optimizer(T), last_epoch=4)
        optimizer = make_optimizer(T)
        for group in optimizer.param_groups:
            group["initial_lr"] = 2 * group["lr"]
        scheduler = make(T, optimizer, last_epoch=3)
        log = [scheduler.get_last_lr(), scheduler.base_lrs]
        for _ in range(8):
            optimizer.step()
            scheduler.step()
            log.append(scheduler.get_last_lr())
        logs.append(log)
    assert logs[0] == logs[1]


@pytest.mark.parametrize("make", SIMPLE + CYCLES, ids=lambda make: make.__name__)
def test_given_epochs(make: Make) -> None:
    """`step(epoch)` warns and jumps there, in closed form where there is one."""
    logs = []
    for T in BOTH:
        optimizer = make_optimizer(T, momentum=0.9)
        scheduler = make(T, optimizer)
        optimizer.step()
        log = []
        for epoch in (5, 2, 7, 7):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                scheduler.step(epoch)
            log.append((scheduler.get_last_lr(), scheduler.last_epoch, [(w.category, str(w.message)) for w in caught]))
        logs.append(log)
    assert logs[0] == logs[1]


def test_fractional_restarts() -> None:
    """Warm restarts within an epoch."""
    for options in (dict(T_0=2), dict(T_0=1, T_mult=3, eta_min=0.01)):
        logs = []
        for T in BOTH:
            optimizer = make_optimizer(T)
            scheduler = T.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, **options)
            log = []
            for k in range(30):
                scheduler.step(k / 4)
                log.append((scheduler.get_last_lr(), scheduler.last_epoch, scheduler.T_i))
            scheduler.step()
            logs.append([*log, scheduler.get_last_lr()])
        assert logs[0] == logs[1]


METRICS = [5.0, 4.0, 4.0, 3.9999, 4.5, 3.0, 3.1, 3.2, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, math.nan, 2.9, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("options", [dict(patience=1), dict(patience=0, factor=0.5, threshold=0.1, cooldown=2),
                                     dict(mode="max", patience=1, min_lr=0.01),
                                     dict(threshold_mode="abs", threshold=0.5, patience=1, min_lr=[0.05, 0.0]), dict(patience=0, eps=0.02),
                                     dict(mode="max", threshold_mode="abs", patience=0, cooldown=1)])
@pytest.mark.parametrize("lr", [None, "tensor"])
def test_plateau(options: dict, lr: Any) -> None:
    """The rates that follow a metric."""
    logs = []
    for T in BOTH:
        optimizer = make_optimizer(T, lr=lr)
        scheduler = T.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        log = [plain(scheduler.state_dict())]
        for k, metric in enumerate(METRICS):
            scheduler.step(T.tensor(metric) if k % 2 else metric)
            log += [numbers(scheduler.get_last_lr()), scheduler.in_cooldown, scheduler.num_bad_epochs]
        again = T.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        again.load_state_dict(scheduler.state_dict())
        optimizer.add_param_group({"params": [T.zeros(1)]})
        if not isinstance(options.get("min_lr"), list):
            for _ in range(4):
                again.step(9.0 if options.get("mode") != "max" else -9.0)
        logs.append([*log, plain(again.state_dict())])
    for ours, theirs in zip(logs[1], logs[0], strict=True):
        assert ours == pytest.approx(theirs, nan_ok=True) if isinstance(theirs, list) else str(ours) == str(theirs)


@pytest.mark.parametrize("make", SIMPLE + CYCLES + COMBINED, ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore:Detected call")           # a sequence steps what is inside once more, in PyTorch too
def test_tensor_rates(make: Make) -> None:
    """A tensor as learning rate stays the same tensor."""
    logs = []
    for T in BOTH:
        optimizer = make_optimizer(T, lr="tensor")
        tensors = [g["lr"] for g in optimizer.param_groups]
        scheduler = make(T, optimizer)
        log = []
        for _ in range(6):
            optimizer.step()
            scheduler.step()
            log += numbers(scheduler.get_last_lr())
        logs.append([*log, [g["lr"] is t for g, t in zip(optimizer.param_groups, tensors, strict=True)], numbers(tensors)])
    assert logs[1][:-2] == pytest.approx(logs[0][:-2], rel=1e-5) and logs[1][-2] == logs[0][-2]
    assert logs[1][-1] == pytest.approx(logs[0][-1], rel=1e-5)


def overridden(T: Any) -> None:
    """The optimizer's step is replaced after the scheduler was made."""
    optimizer = make_optimizer(T)
    scheduler = T.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step = lambda: None
    optimizer.step()
    scheduler.step()


def too_early(T: Any) -> None:
    """The scheduler steps first."""
    scheduler = T.optim.lr_scheduler.StepLR(make_optimizer(T), 1)
    scheduler.step()
    scheduler.step()


def outside(T: Any) -> None:
    """`get_lr` outside a step."""
    T.optim.lr_scheduler.ExponentialLR(make_optimizer(T), 0.5).get_lr()


def ordinary(T: Any) -> None:
    """Nothing to warn of."""
    optimizer = make_optimizer(T)
    scheduler = chain(T, optimizer)
    optimizer.step()
    scheduler.step()


@pytest.mark.parametrize("act", [overridden, too_early, outside, ordinary])
def test_warnings(act: Callable) -> None:
    """Warnings about the order of steps, by PyTorch's words."""
    said = []
    for T in BOTH:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            act(T)
        said.append([(w.category, str(w.message)) for w in caught])
    assert said[0] == said[1]


def over(T: Any) -> None:
    """More steps than the cycle has."""
    optimizer = make_optimizer(T)
    scheduler = T.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 3, cycle_momentum=False)
    optimizer.step()
    for _ in range(5):
        scheduler.step()


def foreign(T: Any, kind: str) -> Any:
    """Schedulers of two optimizers in one."""
    L, a, b = T.optim.lr_scheduler, make_optimizer(T), make_optimizer(T)
    schedulers = [L.StepLR(a, 1), L.StepLR(b, 1)]
    return L.SequentialLR(a, schedulers, [3]) if kind == "sequence" else L.ChainedScheduler(schedulers)


def milestones(T: Any) -> Any:
    """As many milestones as schedulers."""
    L, o = T.optim.lr_scheduler, make_optimizer(T)
    return L.SequentialLR(o, [L.StepLR(o, 1)], [3])


def with_plateau(T: Any, kind: str) -> Any:
    """A scheduler that needs a metric in another."""
    L, o = T.optim.lr_scheduler, make_optimizer(T)
    schedulers = [L.StepLR(o, 1), L.ReduceLROnPlateau(o)]
    return L.SequentialLR(o, schedulers, [3]) if kind == "sequence" else L.ChainedScheduler(schedulers)


WRONG: dict[str, Callable] = {
    **{f"no optimizer {name}": lambda T, name=name, o=o: getattr(T.optim.lr_scheduler, name)(3, **o) for name, o in (
        ("StepLR", dict(step_size=1)), ("LambdaLR", dict(lr_lambda=abs)), ("CyclicLR", dict(base_lr=1, max_lr=2)), ("OneCycleLR", dict(max_lr=1)),
        ("ReduceLROnPlateau", {}), ("SequentialLR", dict(schedulers=[], milestones=[])), ("CosineAnnealingWarmRestarts", dict(T_0=1)))},
    **{f"{name} {options}": lambda T, name=name, o=options, kind=kind: getattr(T.optim.lr_scheduler, name)(make_optimizer(T, kind), **o)
       for kind, name, options in (
           ("SGD", "LambdaLR", dict(lr_lambda=[abs])), ("SGD", "MultiplicativeLR", dict(lr_lambda=[abs])), ("SGD", "ConstantLR", dict(factor=2)),
           ("SGD", "ConstantLR", dict(factor=-1)), ("SGD", "LinearLR", dict(start_factor=0)), ("SGD", "LinearLR", dict(start_factor=2)),
           ("SGD", "LinearLR", dict(end_factor=-0.1)), ("SGD", "ReduceLROnPlateau", dict(factor=1.0)), ("SGD", "ReduceLROnPlateau", dict(mode="x")),
           ("SGD", "ReduceLROnPlateau", dict(threshold_mode="x")), ("SGD", "ReduceLROnPlateau", dict(min_lr=[1])),
           ("SGD", "CyclicLR", dict(base_lr=[1], max_lr=2)), ("SGD", "CyclicLR", dict(base_lr=1, max_lr=[2])),
           ("SGD", "CyclicLR", dict(base_lr=1, max_lr=2, mode="x")), ("Adagrad", "CyclicLR", dict(base_lr=1, max_lr=2)),
           ("SGD", "CyclicLR", dict(base_lr=1, max_lr=2, base_momentum=[1])), ("SGD", "OneCycleLR", dict(max_lr=1)),
           ("SGD", "OneCycleLR", dict(max_lr=1, total_steps=0)), ("SGD", "OneCycleLR", dict(max_lr=1, total_steps=1.5)),
           ("SGD", "OneCycleLR", dict(max_lr=1, epochs=2)), ("SGD", "OneCycleLR", dict(max_lr=1, epochs=-2, steps_per_epoch=2)),
           ("SGD", "OneCycleLR", dict(max_lr=1, epochs=2, steps_per_epoch=-2)), ("SGD", "OneCycleLR", dict(max_lr=1, total_steps=5, pct_start=2)),
           ("SGD", "OneCycleLR", dict(max_lr=1, total_steps=5, pct_start=1)),
           ("SGD", "OneCycleLR", dict(max_lr=1, total_steps=5, anneal_strategy="x")),
           ("Adagrad", "OneCycleLR", dict(max_lr=1, total_steps=5)), ("SGD", "OneCycleLR", dict(max_lr=[1], total_steps=5)),
           ("SGD", "CosineAnnealingWarmRestarts", dict(T_0=0)), ("SGD", "CosineAnnealingWarmRestarts", dict(T_0=1.0)),
           ("SGD", "CosineAnnealingWarmRestarts", dict(T_0=1, T_mult=0)), ("SGD", "SequentialLR", dict(schedulers=[], milestones=[])),
           ("SGD", "SequentialLR", dict(schedulers=[3], milestones=[])), ("SGD", "LRScheduler", {}),
           ("SGD", "StepLR", dict(step_size=1, verbose=True)))},
    **{f"SWALR {o}": lambda T, o=o: T.optim.swa_utils.SWALR(make_optimizer(T), **o) for o in (
        dict(swa_lr=[1]), dict(swa_lr=1, anneal_strategy="x"), dict(swa_lr=1, anneal_epochs=-1), dict(swa_lr=1, anneal_epochs=1.5))},
    "over": over, "milestones": milestones,
    "foreign sequence": lambda T: foreign(T, "sequence"), "foreign chain": lambda T: foreign(T, "chain"),
    "plateau sequence": lambda T: with_plateau(T, "sequence"), "plateau chain": lambda T: with_plateau(T, "chain"),
    "empty chain": lambda T: T.optim.lr_scheduler.ChainedScheduler([]),
    "no metric": lambda T: T.optim.lr_scheduler.ReduceLROnPlateau(make_optimizer(T)).step(),
    "negative epoch": lambda T: T.optim.lr_scheduler.CosineAnnealingWarmRestarts(make_optimizer(T), 1).step(-1),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    """What is rejected, with PyTorch's words."""
    said = []
    for T in BOTH:
        with pytest.raises(Exception) as error:              # noqa: B017, PT011  whatever PyTorch raises
            WRONG[name](T)
        said.append((error.type, str(error.value)))
    assert said[0] == said[1]


def test_user_scheduler() -> None:
    """A subclass with its own rates, and one that refines another."""
    logs = []
    for T in BOTH:
        class Falling(T.optim.lr_scheduler.LRScheduler):
            def get_lr(self) -> list:
                return [base * 0.5 ** self.last_epoch for base in self.base_lrs]

        class Floored(T.optim.lr_scheduler.ExponentialLR):
            def get_lr(self) -> list:
                return [max(lr, 0.05) for lr in super().get_lr()]

        log = []
        for make in (Falling, lambda o: Floored(o, 0.5)):
            optimizer = make_optimizer(T)
            scheduler = make(optimizer)
            for _ in range(4):
                optimizer.step()
                scheduler.step()
                log.append(scheduler.get_last_lr())
        logs.append(log)
    assert logs[0] == logs[1]
    assert jtorch.optim.lr_scheduler._LRScheduler is jtorch.optim.lr_scheduler.LRScheduler
    assert sorted(jtorch.optim.lr_scheduler.__all__) == sorted(torch.optim.lr_scheduler.__all__)
