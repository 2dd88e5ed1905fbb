"""Every module of PyTorch's own database, and those that it lacks, against jtorch; `main` writes modules.md."""
from __future__ import annotations

import copy
import functools
import io
import pickle
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from forms import OURS, THEIRS, Answer, Side, arrays, described, differences
from frameworks import Late, Translation, path_in
from more_modules import MORE
from operators import widened
from tables import Cause, Row, run
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import jtorch

MODULES = {info.name + " more" * (info in MORE): info for info in [*module_db, *MORE]}
CASTS = {"half": torch.float16, "bfloat16": torch.bfloat16, "double": torch.float64}
SAMPLES = 12                                                  # of a module for a type, in training or not: where it has more, evenly chosen ones
TOGETHER = 8                                                  # samples whose programs are compiled as one
THOROUGH = 2                                                  # samples of each module that are copied, pickled and tried in other types too


@dataclass
class Case:
    """One way of making and calling a module."""
    info: Any
    input: Any
    dtype: torch.dtype
    training: bool
    thorough: bool = True


class Whole(Translation):
    """Functions and classes stand for themselves: modules ask which function they were given."""

    def code(self, x: Any) -> Any:
        made = super().code(x)
        return path_in(jtorch, made.path) if isinstance(made, Late) else made


def inputs_of(info: Any, dtype: torch.dtype, training: bool, errors: bool = False) -> list:
    make = info.module_error_inputs_func if errors else info.module_inputs_func
    torch.manual_seed(0)
    return list(make(info, device="cpu", dtype=dtype, requires_grad=True, training=training)) if make else []


def module_of(case: Case, side: Side, own: Callable) -> Any:
    kind, given = case.info.module_cls, copy.deepcopy(case.input.constructor_input)    # modules among the arguments become part of this one
    side.torch.manual_seed(7)
    return (getattr(jtorch.nn, kind.__name__) if side.translated else kind)(*own(given.args), **own(given.kwargs))


class Life:
    """What one side does with a case: the module, and the answers by aspect."""

    def __init__(self, case: Case, side: Side, wide: bool = False) -> None:
        self.case, self.side, self.wide, self.own = case, side, wide, Whole() if side.translated else lambda x: x
        self.answers: dict[str, Answer] = {}
        made = side.attempt(lambda: Answer(module_of(case, side, self.own)))
        self.answers["construction"] = made if made.error else side.attempt(lambda: Answer(appearance(side, made.value)))
        self.module = made.value
        if made.error:
            return
        dtype = torch.float64 if wide else case.dtype
        self.answers["to"] = side.attempt(lambda: Answer(repr(self.module.to(self.own(dtype)).train(case.training))))
        given = case.input.forward_input
        if given is not None:
            args, kwargs = (given.args, given.kwargs) if not wide else widened((given.args, given.kwargs))
            self.args, self.kwargs = self.own(args), self.own(kwargs)
            self.called()

    def called(self) -> None:
        """The answers of calls."""
        side, answers = self.side, self.answers
        answers["forward"] = side.attempt(lambda: self.differentiated(self.module))
        answers["state after forward"] = side.attempt(lambda: Answer(list(self.module.state_dict().values())))
        answers["second call"] = side.attempt(lambda: Answer([self.value(self.module), list(self.module.buffers())]))
        if not self.case.thorough:
            return
        answers["deep copy"] = side.attempt(lambda: Answer(self.value(copy.deepcopy(self.module))))
        answers["pickle"] = side.attempt(lambda: Answer(self.value(self.pickled())))
        for name, dtype in CASTS.items():
            answers[f".{name}()"] = side.attempt(lambda n=name, d=dtype: self.cast(n, self.own(d)))

    def differentiated(self, module: Any) -> Answer:
        if self.case.info.is_lazy:
            module(*self.args, **self.kwargs)
        leaves = [x for x in [*module.parameters(), *self.side.flat([self.args, self.kwargs])] if x.requires_grad]
        result = module(*self.args, **self.kwargs)
        heads = [r for r in self.side.flat(result) if r.requires_grad] if leaves else []
        cotangents = [self.side.cotangent(r, k) for k, r in enumerate(heads)]
        return Answer(result, list(self.side.torch.autograd.grad(heads, leaves, cotangents, allow_unused=True)) if heads else [])

    def value(self, module: Any) -> Any:
        with self.side.torch.no_grad():
            return module(*self.args, **self.kwargs)

    def pickled(self) -> Any:
        try:
            return pickle.loads(pickle.dumps(self.module))
        except pickle.PicklingError as error:
            raise RuntimeError(str(error).split(" at 0x")[0]) from error

    def cast(self, name: str, dtype: Any) -> Answer:
        def lower(x: Any) -> Any:
            if isinstance(x, list | tuple):
                return type(x)(map(lower, x))
            lowered = x.detach().to(dtype) if isinstance(x, self.side.torch.Tensor) and x.is_floating_point() else x
            return lowered.double() if lowered is not x and self.wide else lowered
        module = getattr(copy.deepcopy(self.module), name)()
        module = module.double() if self.wide else module     # the same numbers, in more digits
        with self.side.torch.no_grad():
            return Answer(module(*lower(self.args), **{k: lower(v) for k, v in self.kwargs.items()}))

    def loaded(self, other: Life) -> Answer:
        """The other side's state, taken by way of a file: what loading says, the state, and a call."""
        file = io.BytesIO()
        other.side.torch.save(other.module.state_dict(), file)
        file.seek(0)
        fresh = module_of(self.case, self.side, self.own)
        with self.side.torch.no_grad():
            for p in fresh.parameters() if not self.case.info.is_lazy else ():
                p.zero_()
        said = fresh.load_state_dict(self.side.torch.load(file))
        fresh.to(self.own(self.case.dtype)).train(self.case.training)
        state = exact(self.side, fresh.state_dict())
        return Answer([str(said), state, None if self.case.input.forward_input is None else self.value(fresh)])


def exact(side: Side, tensors: dict) -> list[str]:
    """Names, types, shapes and bits."""
    return [f"{name}: {described(x)} {bits(side, x)} {x.requires_grad}" for name, x in tensors.items()]


def bits(side: Side, x: Any) -> str:
    if isinstance(x, side.torch.nn.parameter.UninitializedTensorMixin):
        return "not made yet"
    values = arrays(side, x)
    return f"{values.ravel()[:2]} {zlib.crc32(values.tobytes())}"


def appearance(side: Side, module: Any) -> list:
    """A new module's text, tensors, parts and public attributes."""
    parts = [f"{name}: {type(m).__name__} {m.extra_repr()} {attributes(side, m)}" for name, m in module.named_modules()]
    state = module.state_dict()
    return [repr(module), str(module), exact(side, dict(module.named_parameters())), exact(side, dict(module.named_buffers())), list(state), parts,
            [(name, dict(found)) for name, found in state._metadata.items()], [name for name, _ in module.named_children()]]


def attributes(side: Side, module: Any) -> dict[str, str]:
    registered = {*module._parameters, *module._buffers, *module._modules}

    def shown(x: Any) -> str:
        return described(x) if isinstance(x, side.torch.Tensor) else getattr(x, "__name__", None) or repr(x)
    return {name: shown(value) for name, value in sorted(vars(module).items()) if not name.startswith("_") and name not in registered}


def lives(case: Case) -> tuple[Life, Life]:
    return Life(case, OURS), Life(case, THEIRS)


def different(case: Case, ours: Life, theirs: Life) -> Iterator[tuple[str, str]]:
    """What differs: aspect and text."""
    if ours.module is not None and theirs.module is not None:
        for name, source in (("load PyTorch's state", theirs), ("load jtorch's state", ours)):
            for life in (ours, theirs):
                life.answers[name] = life.side.attempt(lambda at=life, s=source: at.loaded(s))
    wide = functools.cache(lambda: Life(case, THEIRS, wide=True).answers)

    def precisely(aspect: str) -> Answer:
        if aspect.startswith("load"):                         # the call of a loaded module is the second call
            return Answer([None, None, wide()["second call"].value[0]])
        return wide().get(aspect, Answer())
    for aspect, expected in theirs.answers.items():
        found = ours.answers.get(aspect, Answer(error="Absent"))
        if expected.error and not found.error and "not implemented for" in expected.text:
            continue                                          # jtorch may work where PyTorch lacks the code for a type
        for kind, texts in differences(found, expected, lambda a=aspect: precisely(a)).items():
            for text in texts if kind != "strides" else ():
                yield f"{aspect} {kind if kind != 'value' else ''}".strip(), f"{shown(case)}: {text}"


def shown(case: Case) -> str:
    def short(x: Any) -> str:
        if isinstance(x, list | tuple):
            return f"[{', '.join(map(short, x))}]"
        return described(x) if isinstance(x, torch.Tensor) else getattr(x, "__name__", None) or repr(x).split("(\n")[0]
    said = [f"{', '.join([*map(short, given.args), *(f'{k}={short(v)}' for k, v in given.kwargs.items())])}"
            for given in (case.input.constructor_input, case.input.forward_input) if given is not None]
    return f"{str(case.dtype)[6:]} {'train' if case.training else 'eval'} ({')('.join(said)})"[:300]


def errors_of(info: Any, dtype: torch.dtype, training: bool) -> Iterator[tuple[str, str]]:
    """What PyTorch rejects: the class of the error and its text."""
    for error in inputs_of(info, dtype, training, errors=True):
        case = Case(info, error.module_error_input, dtype, training, thorough=False)
        aspect = "construction" if error.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR else "forward"
        ours, theirs = (life.answers.get(aspect, life.answers["construction"]) for life in lives(case))
        if (ours.error, ours.text) != (theirs.error, theirs.text):
            yield "errors", f"{shown(case)}: {ours.error}: {ours.text} instead of {theirs.error}: {theirs.text}"


def check(name: str, dtype: str, limit: int = SAMPLES, thorough: int = THOROUGH, modes: tuple[bool, ...] = (True, False)) -> Row:
    """How many samples a module has for a type, and what differs."""
    info, of_type, row = MODULES[name], getattr(torch, dtype), Row(name)
    for training in modes:
        inputs = inputs_of(info, of_type, training)
        inputs = inputs[::-(-len(inputs) // limit)]
        for k in range(0, len(inputs), TOGETHER):
            cases = [Case(info, x, of_type, training, i < thorough) for i, x in enumerate(inputs[k:k + TOGETHER], k)]
            for case, pair in zip(cases, [*map(lives, cases)], strict=True):
                row.samples += 1
                for aspect, text in different(case, *pair):
                    row.wrong[aspect].append(text)
        for aspect, text in errors_of(info, of_type, training):
            row.wrong[aspect].append(text)
    return row


def jobs() -> list[tuple]:
    return [(name, str(dtype)[6:]) for name, info in MODULES.items() for dtype in info.dtypes if dtype is not torch.complex32]    # XLA has no complex32


CAUSES = [
    Cause("CrossMapLRN2d", "gradient", "gradient 0", "PyTorch's gradient is not the derivative (its own gradcheck fails); jtorch's is"),
]

if __name__ == "__main__":
    run(__doc__, Path(__file__).with_suffix(".md"), check, jobs(), CAUSES)
