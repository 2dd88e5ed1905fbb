"""Every optimizer of PyTorch's own database with all its configurations, and every learning rate scheduler, against jtorch; `main` writes optimizers.md."""
from __future__ import annotations

import functools
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from forms import FACTOR, FAILURES, OURS, THEIRS, Answer, Side, value_differences
from frameworks import Translation
from tables import Cause, Row, run
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

sys.path.append(str(Path(__file__).parents[1]))
from test_schedulers import COMBINED, CYCLES, METRICS, SIMPLE, case, numbers, plain  # noqa: E402

OPTIMIZERS = {info.optim_cls.__name__: info for info in optim_db}
STEPS, HALF = 8, 4
FEW = {"LBFGS": (3, 1)}                                      # steps, each of so many iterations: with more only rounding is left to go down
SHORT = {"LBFGS": {"max_iter": 4}}
SHIFT, NEAR = 1e-5, {"float32": 2e-3, "complex64": 2e-3, "float64": 1e-5}   # of central differences: their width, and how near they must be
SHAPES = ((3, 4), (5,)), ((), (2, 3, 2))                      # of the parameters of two groups
MATRICES = ((3, 4),), ((5, 2),)                               # Muon takes nothing else, and sparse gradients are of rows
PLATEAUS = [case("ReduceLROnPlateau", **options) for options in (
    {"patience": 1}, {"patience": 0, "factor": 0.5, "threshold": 0.1, "cooldown": 2}, {"mode": "max", "patience": 1, "min_lr": 0.01},
    {"threshold_mode": "abs", "threshold": 0.5, "patience": 1, "min_lr": [0.05, 0.0]}, {"patience": 0, "eps": 0.02})]
SCHEDULERS = {make.__name__: make for make in SIMPLE + CYCLES + COMBINED + PLATEAUS}


class Training:
    """A small problem and an optimizer on one side."""

    def __init__(self, info: Any, options: dict, side: Side, dtype: str, wide: bool = False, sparse: bool = False) -> None:
        self.side, self.info, self.dtype, self.sparse = side, info, {"float32": "float64", "complex64": "complex128"}.get(dtype, dtype) if wide else dtype, sparse
        self.log: list = []
        self.kind, self.wide = info.optim_cls.__name__, wide
        rng = np.random.default_rng(0)
        shapes = MATRICES if sparse or info.optim_cls.__name__ == "Muon" else SHAPES if info.supports_param_groups else (sum(SHAPES, ()),)
        start = [[self.drawn(rng, shape, dtype).requires_grad_() for shape in group] for group in shapes]
        self.params = [p for group in start for p in group]
        self.targets = [self.drawn(rng, tuple(p.shape), dtype) for p in self.params]
        groups = [{"params": start[0]}, *({"params": group, "lr": 0.02} for group in start[1:])]
        self.by_index = sparse and side is THEIRS and dtype.startswith("complex")   # for which PyTorch has no embedding: rows by index, and their gradients
        options = (side.translation())(options)
        self.optimizer = getattr(side.torch.optim, info.optim_cls.__name__)(groups if len(groups) > 1 else start[0], **options)

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
        values = np.asarray(rng.normal(size=shape))
        if dtype.startswith("complex"):
            values = values + 1j * rng.normal(size=shape)
        return self.side.torch.tensor(values.astype(dtype)).to(getattr(self.side.torch, self.dtype))

    def loss(self, step: int) -> Any:
        """Of a parameter that a step leaves out there is no gradient."""
        used = [(p, t) for k, (p, t) in enumerate(zip(self.params, self.targets, strict=True)) if k != 1 or step % 3 != 2]
        if self.sparse:
            rows = self.side.torch.tensor([step % 3, 1, 1])
            used = [(p[rows] if self.by_index else self.side.torch.nn.functional.embedding(rows, p, sparse=True), t[rows]) for p, t in used]
        distances = sum(((p - t) * (k + 0.5)).abs().square().sum() for k, (p, t) in enumerate(used))
        return distances + 0.05 * (used[0][0].sum() - used[-1][0].sum()).abs().square()

    def closure(self, step: int) -> Callable[[], Any]:
        def evaluated() -> Any:
            self.optimizer.zero_grad()
            loss = self.loss(step)
            loss.backward()
            for p in self.params if self.by_index else ():
                p.grad = None if p.grad is None else p.grad.to_sparse(1)
            return loss
        return evaluated

    def step(self, step: int, by_closure: bool = False) -> None:
        evaluate = self.closure(step)
        loss = self.optimizer.step(evaluate) if by_closure or self.info.step_requires_closure else evaluate()
        if not by_closure and not self.info.step_requires_closure:
            self.optimizer.step()
        self.log.append([loss.detach().clone(), [p.detach().clone() for p in self.params], kept(self.optimizer.state_dict())])

    def file(self) -> io.BytesIO:
        """Parameters and the optimizer's state."""
        written = io.BytesIO()
        self.side.torch.save({"params": [p.detach() for p in self.params], "optimizer": self.optimizer.state_dict()}, written)
        return written

    def resume(self, written: io.BytesIO) -> None:
        written.seek(0)
        found = self.side.torch.load(written, weights_only=False)
        if self.wide and self.kind in FEW:                   # it keeps real numbers for complex parameters, which loading does not widen
            found["optimizer"] = widened(found["optimizer"])
        with self.side.torch.no_grad():
            for p, value in zip(self.params, found["params"], strict=True):
                p.copy_(value)
        self.optimizer.load_state_dict(found["optimizer"])


def widened(state: Any) -> Any:
    """A state dict with real numbers in float64."""
    if isinstance(state, dict):
        return {key: widened(value) for key, value in state.items()}
    return [widened(x) for x in state] if isinstance(state, list) else state.double() if isinstance(state, torch.Tensor) else state


def kept(state: Any) -> Any:
    """A state dict as it is now: names, and copies of its tensors."""
    if isinstance(state, dict):
        return [[f"{key}:", kept(value)] for key, value in state.items()]
    if isinstance(state, list | tuple):
        return [type(state).__name__, *map(kept, state)]
    return state.detach().clone() if hasattr(state, "detach") else state


def trained(make: Callable[[], Training], by_closure: bool = False, steps: int = STEPS) -> Answer:
    """The whole of a training: text, options, and all steps."""
    training = make()
    for step in range(steps):
        training.step(step, by_closure)
    optimizer = training.optimizer
    return Answer([repr(optimizer), sorted(map(str, optimizer.defaults)), str(kept(optimizer.state_dict()["param_groups"])), training.log])


def resumed(make: Callable[[], Training], written: io.BytesIO) -> Answer:
    """The second half of a training from a file."""
    training = make()
    training.resume(written)
    for step in range(*reversed(FEW.get(training.kind, (STEPS, HALF)))):
        training.step(step)
    return Answer(training.log)


def half_way(make: Callable[[], Training]) -> io.BytesIO:
    training = make()
    for step in range(FEW.get(training.kind, (STEPS, HALF))[1]):
        training.step(step)
    return training.file()


def smooth(make: Callable[[], Training]) -> Answer:
    """The derivative of a step: by the parameters before it, and by the gradients."""
    training = make()
    T, leaves = training.side.torch, training.params
    params = [p.clone() for p in leaves]
    grads = [(t * 1).requires_grad_() for t in training.targets]
    kind, options = type(training.optimizer), {k: v for k, v in training.optimizer.defaults.items() if k not in ("fused", "foreach")}
    optimizer = kind(params, **options)
    for _ in range(3):
        for p, g in zip(params, grads, strict=True):
            p.grad = g.clone()
        optimizer.step()
    loss = sum((p * (k + 1)).abs().square().sum() for k, p in enumerate(params))
    return Answer([list(T.autograd.grad(loss, [*leaves, *grads]))])


def slopes(make: Callable[[], Training]) -> list[np.ndarray]:
    """The same derivative by central differences of PyTorch's steps."""
    training = make()
    kind, options = type(training.optimizer), {k: v for k, v in training.optimizer.defaults.items() if k not in ("fused", "foreach", "differentiable")}
    points = [x.detach().clone() for x in (*training.params, *training.targets)]
    half = len(points) // 2

    def loss() -> float:
        params = [p.clone() for p in points[:half]]
        optimizer = kind(params, **options)
        for p, g in zip(params, points[half:], strict=True):
            p.grad = g.clone()
        for _ in range(3):
            optimizer.step()
        return sum(((p * (k + 1)).abs().square().sum() for k, p in enumerate(params)), torch.zeros(())).item()

    def slope(flat: torch.Tensor, place: int, direction: complex) -> float:
        ends, before = [], flat[place].clone()
        for sign in (1, -1):
            flat[place] = before + sign * SHIFT * direction
            ends.append(loss())
        flat[place] = before
        return (ends[0] - ends[1]) / (2 * SHIFT)
    return [np.array([sum(d * slope(x.view(-1), k, d) for d in ((1, 1j) if x.is_complex() else (1,))) for k in range(x.numel())]).reshape(tuple(x.shape))
            for x in points]


def is_derivative(found: list, expected: list[np.ndarray], near: float) -> bool:
    arrays = [x.detach().numpy() for x in found]
    return all(np.allclose(a, b, near, near * max(1, np.abs(b).max(initial=0))) for a, b in zip(arrays, expected, strict=True))


def flat(found: Any) -> tuple[list[str], list[np.ndarray]]:
    """All that is said by a nested result, with the types of its numbers; and the numbers."""
    if isinstance(found, list | tuple):
        parts = [flat(x) for x in found]
        return [f"{type(found).__name__} of {len(found)}", *(t for texts, _ in parts for t in texts)], [n for _, numbers in parts for n in numbers]
    if hasattr(found, "detach"):
        return [f"{found.dtype} {tuple(found.shape)}"], [found.detach().numpy()]
    return (["float"], [np.asarray(found)]) if isinstance(found, float) else ([str(found)], [])


def whole_differences(ours: Any, theirs: Any, exact: Any) -> Iterator[str]:
    """Where rounding grows from step to step: whether the largest error of all numbers, as seen in float64, is of the size of PyTorch's own."""
    (said, a), (wanted, b), (_, c) = map(flat, (ours, theirs, exact))
    yield from [f"{x} instead of {y}" for x, y in zip(said, wanted, strict=False) if x != y] + ["number of results"] * (len(said) != len(wanted))
    mine, own = [max((np.abs(x - z) / np.maximum(1, np.abs(z))).max(initial=0) for x, z in zip(some, c, strict=True)) for some in (a, b)]
    if mine > FACTOR * own:
        yield f"an error of {mine} where PyTorch's is {own}"


def configurations(info: Any, dtype: str) -> Iterator[tuple[dict, str]]:
    """Options, and what is done with them."""
    first = True
    for given in info.optim_inputs_func("cpu", getattr(torch, dtype)):
        given.kwargs.update(SHORT.get(info.optim_cls.__name__, {}))
        yield given.kwargs, "steps"
        yield given.kwargs, "closure" if first else "resume"
        if first:
            yield given.kwargs, "resume"
        ways = dtype == "float32" and [{name: value} for name in info.supported_impls if name != "differentiable" for value in (True, False) if name != "fused" or "cpu" in info.supports_fused_on]
        for way in [*ways, {"capturable": True}] if ways and info.has_capturable_arg and first else ways or ():
            yield given.kwargs | way, "steps"
        if "differentiable" in info.supported_impls:
            yield given.kwargs | {"differentiable": True}, "derivative"
            if first:
                yield given.kwargs | {"differentiable": True}, "steps"
        first = False
    if info.supports_sparse or info.only_supports_sparse_grads:
        yield info.metadata_for_sparse[0], "sparse"


def compared(info: Any, options: dict, what: str, dtype: str, steps: int = STEPS) -> Iterator[tuple[str, str]]:
    """What differs in one configuration: aspect and text."""
    sparse = what == "sparse" or info.only_supports_sparse_grads
    some = min(steps, FEW.get(info.optim_cls.__name__, (steps,))[0])

    def maker(side: Side, wide: bool = False) -> Callable[[], Training]:
        return lambda: Training(info, options, side, dtype, wide, sparse)

    def pairs() -> Iterator[tuple[str, Callable[[Side, bool], Answer]]]:
        if what == "resume":
            for source, name in ((THEIRS, "from PyTorch's file"), (OURS, "from jtorch's file")):
                written = half_way(maker(source))
                yield name, lambda side, wide, w=written: resumed(maker(side, wide), w)
        else:
            act = smooth if what == "derivative" else functools.partial(trained, by_closure=what == "closure", steps=some)
            yield what, lambda side, wide: act(maker(side, wide))
    for name, act in pairs():
        ours, theirs = (side.attempt(lambda s=side: act(s, False)) for side in (OURS, THEIRS))
        if what == "derivative" and not ours.error and is_derivative(ours.value[0], slopes(maker(THEIRS, True)), NEAR[dtype]):
            continue                                         # PyTorch's own is an error where a step overwrites what it needs, or stops where momentum begins
        if ours.error or theirs.error:
            if (ours.error, ours.text) != (theirs.error, theirs.text):
                yield name, f"{shown(options, dtype)}: {ours.error}: {ours.text} instead of {theirs.error}: {theirs.text}"[:500]
            continue
        exact = functools.cache(lambda a=act: THEIRS.attempt(lambda: a(THEIRS, True)).value)
        grows = dtype != "float64" and info.optim_cls.__name__ in FEW
        told = OURS.attempt(lambda: Answer(list(whole_differences(ours.value, theirs.value, exact()) if grows else
                                                value_differences(ours.value, theirs.value, exact))))
        for text in (told.value or [told.text] * bool(told.error))[:2]:
            yield name, f"{shown(options, dtype)}: {text}"


def shown(options: dict, dtype: str) -> str:
    return f"{dtype} ({', '.join(f'{k}={v}' for k, v in options.items())})"


def failed(info: Any, rejected: Any, side: Side) -> str:
    """What an optimizer says to arguments that it should reject."""
    own, given = side.translation(), rejected.optimizer_error_input
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            params = own(given.params) if given.params is not None else [side.torch.nn.Parameter(side.torch.ones(2, 3))]
            optimizer = getattr(side.torch.optim, info.optim_cls.__name__)(params, **own(given.kwargs))
            if rejected.error_on is OptimizerErrorEnum.STEP_ERROR:
                optimizer.step()
        except (*FAILURES, UserWarning) as error:
            return f"{type(error).__name__}: {error}"
    return "no error"


def errors_of(info: Any) -> Iterator[tuple[str, str]]:
    for rejected in info.optim_error_inputs_func("cpu", torch.float32):
        ours, theirs = (failed(info, rejected, side) for side in (OURS, THEIRS))
        if ours != theirs:
            yield "errors", f"{rejected.optimizer_error_input.desc}: {ours} instead of {theirs}"


class Schedule:
    """An optimizer and a scheduler on one side: rates, options and parameters of all steps."""

    def __init__(self, side: Side, kind: str, make: Callable) -> None:
        options = {"momentum": 0.9} if kind == "SGD" else {}
        self.side, self.training = side, Training(OPTIMIZERS[kind], {"lr": 0.1, **options}, side, "float64")
        self.scheduler = make(side.torch, self.training.optimizer)
        self.follows = isinstance(self.scheduler, side.torch.optim.lr_scheduler.ReduceLROnPlateau)

    def step(self, step: int) -> list:
        self.training.closure(step)()
        self.training.optimizer.step()
        self.scheduler.step(*([METRICS[step]] if self.follows else []))
        groups = [plain({k: v for k, v in g.items() if k != "params"}) for g in self.training.optimizer.param_groups]
        return [numbers(self.scheduler.get_last_lr()), kept(groups), kept(plain(self.scheduler.state_dict())), [p.detach().clone() for p in self.training.params]]

    def steps(self, first: int, last: int) -> list:
        return [self.step(k) for k in range(first, last)]

    def resume(self, other: Schedule) -> None:
        """Go on where another side stands, by way of files."""
        self.training.resume(other.training.file())
        written = io.BytesIO()
        other.side.torch.save(other.scheduler.state_dict(), written)
        written.seek(0)
        self.scheduler.load_state_dict(self.side.torch.load(written, weights_only=False))


def scheduled(make: Callable[[Side], Schedule]) -> Iterator[tuple[str, str]]:
    """What differs in twenty steps, and in the second ten when the other side did the first."""
    theirs, ours = make(THEIRS), make(OURS)
    for text in value_differences(ours.steps(0, 20), theirs.steps(0, 20), lambda: None):
        yield "steps", text
    for name, source in (("from PyTorch's file", THEIRS), ("from jtorch's file", OURS)):
        half = make(source)
        half.steps(0, 10)
        again = [make(side) for side in (OURS, THEIRS)]
        for schedule in again:
            schedule.resume(half)
        for text in value_differences(*(schedule.steps(10, 20) for schedule in again), lambda: None):
            yield name, text


def schedules(name: str) -> Iterator[tuple[str, Callable[[Side], Schedule]]]:
    """What a row has: a scheduler with two optimizers, or all schedulers that the database has for an optimizer."""
    if name in SCHEDULERS:
        for kind in ("SGD", "AdamW"):
            yield kind, lambda side, k=kind: Schedule(side, k, SCHEDULERS[name])
        return
    kind = name.split()[0]
    for k, group in enumerate(OPTIMIZERS[kind].scheduler_inputs):
        for j, make in enumerate(group):
            yield f"scheduler {k}.{j}", lambda side, m=make: Schedule(side, kind, lambda T, o: (Translation() if side.translated else lambda x: x)(m)(o))


def check(name: str, dtype: str, limit: int | None = None, steps: int = STEPS) -> Row:
    """What differs for an optimizer or a scheduler; with a limit only so many configurations, and no more than their steps."""
    row = Row(name)

    def noted(label: str, found: Callable[[], Iterator[tuple[str, str]]]) -> None:
        row.samples += 1
        try:
            for aspect, text in found():
                row.wrong[aspect].append(f"{label}: {text}"[:500] if label else text)
        except FAILURES as error:
            row.wrong["failed"].append(f"{label}: {type(error).__name__}: {error}"[:500])
    if dtype == "schedule":
        for label, make in schedules(name):
            noted(label, lambda m=make: scheduled(m))
        return row
    info = OPTIMIZERS[name]
    wanted = list(configurations(info, dtype)) if limit is None else [(x.kwargs, "steps") for x in info.optim_inputs_func("cpu", torch.float32)[:limit]]
    for options, what in wanted:
        noted("", lambda o=options, w=what: compared(info, o, w, dtype, steps))
    noted("", lambda: errors_of(info))
    return row


def jobs() -> list[tuple]:
    found = [(name, dtype) for name, info in OPTIMIZERS.items() for dtype in ("float32", "float64", *(["complex64"] * info.supports_complex))]
    with_schedules = [name for name, info in OPTIMIZERS.items() if not info.step_requires_closure and not info.only_supports_sparse_grads]
    return found + [(name, "schedule") for name in SCHEDULERS] + [(f"{name} with schedulers", "schedule") for name in with_schedules]


CAUSES: list[Cause] = [
]

if __name__ == "__main__":
    run(__doc__, Path(__file__).with_suffix(".md"), check, jobs(), CAUSES)
