"""Bad input: PyTorch's exception class and text, on the user's line, and no tensor changed."""
from __future__ import annotations

import importlib
import re
from typing import Any

import cases_errors_arguments
import cases_errors_modules
import cases_errors_tensors
import cases_errors_values
import numpy as np
import pytest
import torch as reference

import jtorch

pytestmark = pytest.mark.filterwarnings("ignore")
STATEMENTS = [s for table in (cases_errors_tensors, cases_errors_arguments, cases_errors_values, cases_errors_modules) for s in table.STATEMENTS]

ANY_TEXT = {                                                 # the class is the same; why the text is not
    "nn.Conv2d(3, 4, 3, padding='x')": "PyTorch prints a set, whose order changes with each process",
    "nn.Conv2d(3, 4, 3, padding_mode='x')": "PyTorch prints a set, whose order changes with each process",
    "nn.BCELoss()(a + 5, a)": "the sum is still to be computed, so the other operand is refused",
    "torch.load(__import__('io').BytesIO(b'not a checkpoint'))": "PyTorch explains what changed in one of its releases",
    "torch.meshgrid(a, v)": "PyTorch prints the tensor as C++ does",
    "torch.no_grad(1, 2)": "names a private class",
    "torch.linalg.lstsq(a * float('nan'), a)": "PyTorch calls it a bug of its own",
    "torch.linalg.lstsq(a, a * float('nan'))": "PyTorch calls it a bug of its own",
    "a.contiguous(1)": "PyTorch does not count the tensor itself",
    "with_ = torch.autograd.set_grad_enabled('a', 1)": "names another method of the same class",
}

PROGRAMS = [                                                 # statements that work, one that fails, what is looked at then
    ("y = a * 2", "a @ a", "y.sum().item()"),
    ("y = a * 2", "y.add_(torch.ones(3, 5))", "(y.tolist(), y._version)"),
    ("y = (r * 2).sum()", "(r @ r).sum().backward()", "(y.backward(), r.grad.tolist())"),
    ("y = r * 2", "y[5] = 1", "(y.sum().backward(), r.grad.tolist())"),
    ("y = a.view(12)", "y.add_(v)", "(y.add_(1).tolist(), a.tolist())"),
    ("y = a[0]", "y[9] = 1", "(y.zero_().tolist(), a.tolist())"),
    ("opt = torch.optim.SGD([r], lr=0.1); (r * r).sum().backward()", "F.cross_entropy(r, torch.tensor([0, 1, 9]))", "(opt.step(), r.tolist())"),
    ("y = a + 1", "torch.linalg.inv(torch.zeros(2, 2))", "torch.linalg.inv(y[:2, :2] + torch.eye(2)).tolist()"),
    ("y = a + 1", "y.scatter_(0, torch.tensor([[7]]), 1.0)", "y.scatter_(0, torch.tensor([[1]]), 1.0).tolist()"),
    ("x = torch.eye(2, requires_grad=True)", "torch.linalg.cholesky(-x)", "(torch.linalg.cholesky(x * 4).sum().backward(), x.grad.tolist())"),
    ("y = n + 1", "y // 0", "(y // 2).tolist()"),
    ("torch.manual_seed(3)", "torch.rand(-1)", "torch.rand(2).tolist()"),
    ("torch.manual_seed(3)", "r.uniform_()", "torch.rand(2).tolist()"),
]

FAILURES = [                                                 # what the program itself finds: matrices that are computed, batches, gradients
    ("inv", "torch.linalg.inv(m)"), ("inverse", "torch.inverse(m)"), ("solve", "torch.linalg.solve(m, w)"), ("right", "torch.linalg.solve(m, m, left=False)"),
    ("cholesky", "torch.linalg.cholesky(m @ m.mT)"), ("upper", "torch.linalg.cholesky(m @ m.mT, upper=True)"), ("torch.cholesky", "torch.cholesky(m @ m.mT)"),
    ("ex", "torch.linalg.inv_ex(m)"), ("checked", "torch.linalg.inv_ex(m, check_errors=True)"), ("cholesky_ex", "torch.linalg.cholesky_ex(m @ m.mT)"),
    ("solve_ex", "torch.linalg.solve_ex(m, w)"), ("lu", "torch.linalg.lu_factor(m)"), ("lu_ex", "torch.linalg.lu_factor_ex(m)"),
    ("power", "torch.linalg.matrix_power(m, -2)"), ("positive power", "torch.linalg.matrix_power(m, 2)"), ("tensorinv", "torch.linalg.tensorinv(m, ind=1)"),
    ("tensorsolve", "torch.linalg.tensorsolve(m, w)"),
]
MATRICES = {"regular": [[4.0, 1.0], [1.0, 3.0]], "singular": [[1.0, 2.0], [2.0, 4.0]], "zero": [[0.0, 0.0], [0.0, 0.0]]}


def scope_of(name: str) -> dict[str, Any]:
    """What the statements see: a (3, 4), v (3), integers n, booleans b, c (2, 3, 4), and r like a that requires grad."""
    torch = importlib.import_module(name)
    torch.manual_seed(0)
    values = np.arange(12, dtype="float32").reshape(3, 4) / 10
    return {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "a": torch.tensor(values), "v": torch.tensor([1.0, 2.0, 3.0]),
            "n": torch.tensor([[1, 2, 3, 4]] * 3), "b": torch.tensor([True, False]), "c": torch.zeros(2, 3, 4), "r": torch.tensor(values, requires_grad=True)}


def state(scope: dict[str, Any]) -> list[tuple]:
    seen = [(scope[k], scope[k].grad) for k in "avnbcr"]
    return [(str(x.dtype), tuple(x.shape), x.detach().tolist(), x._version, x.requires_grad, None if g is None else g.tolist()) for x, g in seen]


def failure(name: str, statement: str) -> tuple[str, str]:
    """The class and first line of the error that a statement raises, on its own line and leaving every tensor as it was."""
    scope = scope_of(name)
    before = state(scope)
    program = compile(f"pass\n{statement}\npass", "<program>", "exec")
    with pytest.raises(Exception) as caught:                 # whatever it is, both must agree on it
        exec(program, scope)
    lines = [entry.lineno + 1 for entry in caught.traceback if str(entry.path).endswith("<program>")]
    assert lines[:1] == [2], "not raised by the statement"
    assert state(scope) == before, "changed a tensor"
    return type(caught.value).__name__, str(caught.value).strip().partition("\n")[0].replace("jtorch.", "torch.")


def same_text(expected: str, given: str) -> bool:
    """Whether the texts agree: ours may go on, with a cure; it always tells an argument's position, PyTorch not for one given by name."""
    if "received an invalid combination of arguments" in expected:   # PyTorch lists the forms that its C++ functions have
        return True
    return given == expected or bool(expected) and given.startswith(expected) or re.sub(r" \(position \d+\)", "", given) == expected


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statement(statement: str) -> None:
    expected, given = failure("torch", statement), failure("jtorch", statement)
    assert given[0] == expected[0], (expected, given)
    assert statement in ANY_TEXT or same_text(expected[1], given[1]), (expected, given)


@pytest.mark.parametrize(("before", "wrong", "after"), PROGRAMS, ids=[p[1] for p in PROGRAMS])
def test_what_was_recorded_before_goes_on(before: str, wrong: str, after: str) -> None:
    found = []
    for name in ("torch", "jtorch"):
        scope = scope_of(name)
        exec(before, scope)
        with pytest.raises(Exception) as caught:
            exec(wrong, scope)
        found.append((type(caught.value).__name__, eval(after, scope)))
    assert found[1][0] == found[0][0]
    assert close(found[0][1], found[1][1]), found


def close(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return bool(np.isclose(a, b, 1e-4, 1e-5, equal_nan=True)) if isinstance(a, float) else a == b


@pytest.mark.parametrize("kinds", ["regular", "singular", "zero", "regular regular", "regular singular", "regular zero singular"])
@pytest.mark.parametrize("call", [f[1] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_failures_of_decompositions(call: str, kinds: str) -> None:
    given = [MATRICES[k] for k in kinds.split()]
    if len(given) > 1 and "tensor" in call:
        pytest.skip("no batches there")
    found = []
    for torch in (reference, jtorch):
        leaf = torch.tensor(given if len(given) > 1 else given[0], requires_grad=True)
        scope = {"torch": torch, "m": leaf * 1, "w": torch.ones(2, 1) if len(given) > 1 else torch.ones(2)}
        try:
            made = eval(call, scope)
        except RuntimeError as error:
            found.append((type(error).__name__, str(error), issubclass(torch.linalg.LinAlgError, RuntimeError)))
            continue
        parts = list(made) if isinstance(made, tuple) else [made]
        info = parts[-1].tolist() if "_ex" in call else None
        if "_ex" not in call or not np.any(info):             # what a failed factorisation leaves behind is nobody's business
            (parts[0] * torch.arange(1.0, parts[0].numel() + 1).reshape(parts[0].shape)).sum().backward()
            info = info, parts[0].tolist(), leaf.grad.tolist()
        found.append((len(parts), info))
    assert close(found[0], found[1]), found
