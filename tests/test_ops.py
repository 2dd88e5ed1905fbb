"""Every call of the tables in PyTorch and in jtorch: value, type, shape and gradient of the function, method, in-place form, `out=`; errors."""
from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from types import ModuleType
from typing import Any

import cases_ops
import cases_ops_algebra  # noqa: F401  (fills the table)
import cases_ops_arrays  # noqa: F401  (fills the table)
import cases_ops_errors  # noqa: F401  (fills the table)
import cases_ops_more  # noqa: F401  (fills the table)
import cases_ops_special  # noqa: F401  (fills the table)
import ml_dtypes
import numpy as np
import pytest
import torch

import jtorch

TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-6, "float64": 1e-12, "complex64": 2e-6, "complex128": 1e-12}
FAILURES = (RuntimeError, IndexError, ValueError, TypeError, AttributeError)
TOGETHER = 12                                                           # calls whose programs are compiled as one
ELSE = {"addbmm(float32[4], float32[5, 2, 3], float32[5, 3, 4], beta=0.1, alpha=2) in-place": "PyTorch gives the tensor another shape",
        "all(float32[3]) wide out": "PyTorch makes the operand bytes first", "any(float32[3]) wide out": "PyTorch makes the operand bytes first",
        "cumsum(bool[4], 0) in-place": "another class of error", "cumprod(bool[4], 0) in-place": "another class of error"}
GROUPS = [cases_ops.CALLS[k:k + TOGETHER] for k in range(0, len(cases_ops.CALLS), TOGETHER)]
WIDER = {"float16": "float32", "float32": "float64", "int64": "float32", "bool": "uint8", "float64": "float32"}   # another type for `out=`


@dataclass
class Form:
    """What one way of calling an operator gave: tensors, or the class of an error."""
    results: list[Any]
    grads: list[Any]
    error: str = ""


class Framework:
    """PyTorch or jtorch, and how a call of the table is made with it."""

    def __init__(self, module: ModuleType) -> None:
        self.torch = module

    def tensor(self, array: np.ndarray) -> Any:
        if array.dtype == ml_dtypes.bfloat16:
            return self.torch.tensor(array.astype("float32")).bfloat16()
        return self.torch.tensor(array)

    def argument(self, value: object) -> Any:
        """A value of the table as an argument."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.argument(item) for item in value)
        if isinstance(value, cases_ops.T):
            return getattr(self.torch, value.name)
        return self.tensor(value) if isinstance(value, np.ndarray) else value

    def arguments(self, call: cases_ops.Call) -> tuple[list, dict]:
        return [self.argument(x) for x in call.args], {n: self.argument(x) for n, x in call.kwargs.items()}

    def function(self, name: str) -> Callable:
        return reduce(getattr, name.split("."), self.torch)

    def flat(self, results: object) -> list:
        """The tensors of a nested result; verdicts as tensors."""
        if isinstance(results, (list, tuple)):
            return [leaf for r in results for leaf in self.flat(r)]
        return [self.torch.tensor(results) if isinstance(results, (bool, int, float)) else results]

    def attempt(self, form: Callable[[], Form]) -> Form:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return form()
            except FAILURES as error:
                return Form([], [], type(error).__name__)

    def plain(self, call: cases_ops.Call, args: list, kwargs: dict) -> Form:
        """The function, and the gradients of its operands for random gradients of its results."""
        leaves = [x for x in self.flat([*args, *kwargs.values()]) if isinstance(x, self.torch.Tensor) and (x.is_floating_point() or x.is_complex())]
        for leaf in leaves if call.grad else ():
            leaf.requires_grad_()
        results = self.flat(self.function(call.name)(*args, **kwargs))
        rng = np.random.default_rng(1)
        heads = [r for r in results if r.requires_grad]
        cotangents = [self.cotangent(r, rng) for r in heads]
        if heads:
            self.torch.autograd.backward(heads, cotangents)
        return Form(results, [leaf.grad for leaf in leaves])

    def cotangent(self, result: Any, rng: np.random.Generator) -> Any:
        drawn = np.asarray(rng.standard_normal(tuple(result.shape)))
        if result.is_complex():
            drawn = drawn + 1j * rng.standard_normal(tuple(result.shape))
        return self.torch.tensor(drawn).to(result.dtype)

    def constant(self, value: object) -> Any:
        """An argument without its gradient: the other forms work on the same memory, so that XLA sees that they compute the same."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.constant(item) for item in value)
        return value.detach() if isinstance(value, self.torch.Tensor) else value

    def method(self, name: str, args: list, kwargs: dict) -> Form:
        return Form(self.flat(getattr(args[0], name)(*args[1:], **kwargs)), [])

    def in_place(self, name: str, args: list, kwargs: dict) -> Form:
        target = args[0].clone()
        assert getattr(target, name + "_")(*args[1:], **kwargs) is target
        return Form([target], [])

    def out(self, name: str, args: list, kwargs: dict, types: list[str]) -> Form:
        """`out=` with tensors of the given types that have no elements."""
        given = [self.torch.empty(0, dtype=getattr(self.torch, t)) for t in types]
        result = self.function(name)(*args, **kwargs, out=given[0] if len(given) == 1 else tuple(given))
        assert (result if len(given) == 1 else result[0]) is given[0]
        return Form(given, [])

    def forms(self, call: cases_ops.Call, like: Form | None) -> dict[str, Form]:
        """All forms of a call; `like` is what PyTorch's function gave."""
        args, kwargs = self.arguments(call)
        found = {"function": self.attempt(lambda: self.plain(call, args, kwargs))}
        args, kwargs = self.constant(args), {n: self.constant(x) for n, x in kwargs.items()}
        results = (like or found["function"]).results
        last = call.name.rpartition(".")[2]
        if isinstance(call.args[0], np.ndarray) and "." not in call.name.removeprefix("Tensor."):
            if hasattr(torch.Tensor, last):
                found["method"] = self.attempt(lambda: self.method(last, args, kwargs))
            if hasattr(torch.Tensor, last + "_"):
                found["in-place"] = self.attempt(lambda: self.in_place(last, args, kwargs))
        types = [str(r.dtype)[6:] for r in results]
        found["out"] = self.attempt(lambda: self.out(call.name, args, kwargs, types))
        found["wide out"] = self.attempt(lambda: self.out(call.name, args, kwargs, [WIDER.get(t, t) for t in types]))
        return found


THEIRS, OURS = Framework(torch), Framework(jtorch)


def to_numpy(tensor: Any) -> np.ndarray:
    """The values of a tensor of either framework."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    if isinstance(tensor, torch.Tensor) and tensor._is_zerotensor():
        tensor = torch.zeros_like(tensor)
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def close(ours: Any, theirs: Any, tolerance: float, signs: bool = True) -> str:
    """How two tensors differ; empty where they don't."""
    if (str(ours.dtype), tuple(ours.shape)) != (str(theirs.dtype), tuple(theirs.shape)):
        return f"{ours.dtype}{list(ours.shape)} instead of {theirs.dtype}{list(theirs.shape)}"
    a, b = to_numpy(ours), to_numpy(theirs)
    if not signs:
        a, b = np.abs(a), np.abs(b)
    if np.allclose(a, b, tolerance, tolerance, equal_nan=True):
        return ""
    return f"{a.tolist()} instead of {b.tolist()}"[:300]


def tolerance_of(call: cases_ops.Call, form: Form) -> float:
    operands = [x for v in (*call.args, *call.kwargs.values()) for x in (v if isinstance(v, (list, tuple)) else [v])
                if isinstance(x, np.ndarray) and str(x.dtype) in TOLERANCE]
    names = [str(r.dtype)[6:] for r in (*form.results, *form.grads) if r is not None]
    return call.tol * max([TOLERANCE.get(n, 0) for n in names] + [min([TOLERANCE[str(x.dtype)] for x in operands], default=0)])


def differences(call: cases_ops.Call, ours: Form, theirs: Form, tolerance: float) -> list[str]:
    """All that is wrong with one form."""
    if ours.error != theirs.error:
        return [f"{ours.error or 'no error'} instead of {theirs.error or 'no error'}"]
    if len(ours.results) != len(theirs.results):
        return [f"{len(ours.results)} results instead of {len(theirs.results)}"]
    found = [close(a, b, tolerance, call.signs) for a, b in zip(ours.results, theirs.results, strict=True)]
    found += ["requires_grad" for a, b in zip(ours.results, theirs.results, strict=True) if a.requires_grad != b.requires_grad]
    for k, (a, b) in enumerate(zip(ours.grads, theirs.grads, strict=True)):
        if a is not None or b is not None:
            missing = a is None or b is None                             # as good as zeros
            wrong = to_numpy(b if a is None else a).any() if missing else close(a, b, tolerance * 10)
            found.append(f"gradient {k}: {'only one has it' if missing else wrong}" if wrong else "")
    return [f for f in found if f]


def described(call: cases_ops.Call) -> str:
    def short(value: object) -> str:
        return f"{value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else repr(value)
    return f"{call.name}({', '.join([short(a) for a in call.args] + [f'{k}={short(a)}' for k, a in call.kwargs.items()])})"


def label(group: list[cases_ops.Call]) -> str:
    return "-".join(dict.fromkeys(call.name for call in (group[0], group[-1])))


@pytest.mark.parametrize("group", GROUPS, ids=label)
def test_calls(group: list[cases_ops.Call]) -> None:
    """All forms of some calls; they are recorded one after another, and run together when the first value is looked at."""
    theirs = [THEIRS.forms(call, None) for call in group]
    ours = [OURS.forms(call, forms["function"]) for call, forms in zip(group, theirs, strict=True)]
    wrong = []
    for call, a, b in zip(group, ours, theirs, strict=True):
        for form, expected in b.items():
            tolerance = max(tolerance_of(call, b["function"]), tolerance_of(call, expected))
            more = expected.error == "TypeError" and "out" in form or expected.error and form == "wide out"   # PyTorch can't, jtorch may
            if not more and f"{described(call)} {form}" not in ELSE:
                wrong += [f"{described(call)} {form}: {d}" for d in differences(call, a[form], expected, tolerance)]
    assert not wrong, "\n" + "\n".join(wrong)


def outcome(framework: Framework, name: str, args: tuple, kwargs: dict) -> tuple[str, str]:
    with pytest.raises(FAILURES) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        framework.function(name)(*map(framework.argument, args), **{n: framework.argument(x) for n, x in kwargs.items()})
    return type(caught.value).__name__, str(caught.value).split("\n")[0].strip()


@pytest.mark.parametrize("name, args, kwargs, error, text", cases_ops.RAISES, ids=lambda value: value if isinstance(value, str) else "")
def test_error(name: str, args: tuple, kwargs: dict, error: type[Exception], text: bool) -> None:
    """A rejected call: the class of the error, and its first line."""
    kind, message = outcome(THEIRS, name, args, kwargs)
    ours_kind, ours_message = outcome(OURS, name, args, kwargs)
    assert ours_kind == kind == error.__name__
    assert ours_message == message or not text



def test_run_at_once() -> None:
    """A sample of the table gives the same where each operator runs when it is called instead of being recorded."""
    code = "import test_ops\nfor group in test_ops.GROUPS[::25]: test_ops.test_calls(group)"
    here = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", code], cwd=here, env={**os.environ, "JTORCH_EAGER": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
                          capture_output=True, text=True, timeout=600)
    assert not done.returncode, done.stderr[-3000:]
