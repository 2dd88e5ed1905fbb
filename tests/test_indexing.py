"""`x[...]` and `x[...] = v` against PyTorch: every kind of index, values, shapes, gradients, error classes and messages."""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch as reference

import jtorch

SHAPES = {"v": (5,), "m": (4, 6), "c": (2, 3, 4), "s": (), "e": (0, 3)}
NAMES = {"N": None, "E": Ellipsis, "np": np, "T": True, "F": False}

# Texts of indices: `t(…)` is a tensor, `b(…)` a boolean one, `i(…)`, `u(…)` a 32-bit and an 8-bit one, N is None, E is Ellipsis

BASIC = ["0", "-1", "1, 2", "-2, -1", ":", "1:", ":-1", "::2", "1:4:2", "1:1", "3:1", "-3:", "100:", ":100", "-100:2", "E", "N", "E, N", "N, E", "N, 0", "0, N",
         "E, 0", "0, E", "E, 1:3", "1:, E", ":, 0", ":, -1:", "0, :", ":, N", ":, ::3", "N, :, N", "1:3, 2:4", "::2, ::3", "()", "0, E, 0", "N, N, N", "np.int64(1)",
         "np.int32(-1), 0", "slice(np.int64(1), None)", "E, N, 0", ":, :, 0", "0, 0, 0", "0, :, 1", ":, 1, :", "1, ::2, 1:", "E, ::2, N", "T", "F", "T, 0", "0, T", "T, F",
         ":, T", "E, T", "T, E, T"]
TENSORS = ["t(0)", "t(-1)", "t([0, 1])", "t([1, 1, -1])", "t([[0, 1], [1, 0]])", "t([])", "t([0, 1]), t([1, 2])", "t([0, 1]), 1", "1, t([0, 1])", "t([0, 1]), :2", ":, t([0, 1])",
           ":, t([[0, 1]])", "1:, t([0, 2])", "t([[0], [1]]), t([0, 1])", "t([[0], [1]]), t([[0, 1, 2]])", "t(1), t([0, 1])", "t([0, 1]), N", "N, t([0, 1])", "E, t([0, 1])",
           "t([0, 1]), E", "t([0, 1]), :, t([0, 1])", "t([0, 1]), N, t([0, 1])", ":, t([0, 1]), t([0, 1])", "0, :, t([0, 1])", "t([0, 1]), :, 0", "t([0, 1]), 0, t([1, 0])",
           ":, 0, t([0, 1])", "t([0]), t([0, 1])", "i([0, 1])", "i([0, 1]), t([1, 0])", "u([0, 1])", "t([0, 1]), ::2", "t([0, 1]), T", "T, t([0, 1])"]
SEQUENCES = ["[0, 1]", "[1, -1, 0]", "[[0, 1], [1, 0]]", "[0], [1]", "[0, 1], [1, 2]", "[]", ":, [0, 1]", ":, [0, 2], N", "[0, 1], :", "np.array([0, 1])", "np.array([True, False, True, False, True])",
             "np.array(1)", "np.array([0, 1]), 1", "range(2)", "(0, 1)", "[0, 1], t([1, 0])", "[True, False, True, True, False]", "[True, False, True, True]", "[[True, False]]",
             "[t(0), t(1)]", "[t(1), 0]", "[t([0, 1]), t([1, 2])]", "[slice(0, 1), 0]", "[N, 0]", "[0, E]", "[1.0, 2.0]"]
MASKS = ["x > 0", "x > 100", "x > -100", "x[0] > 0", ":, x[0] > 0", "(x > 0).any(-1)", "(x > 0).any(-1), 0", "(x > 0).any(-1), t([0])", "(x > 0).any(-1), :2", "N, x > 0", "x > 0, N", "E, x[..., 0] > 0",
         "x > 0, E", "b(True)", "b(False)", "b([True])", "b([True, False, True, False, True])", "b([True, False, True, True])", "b([True, False]), 0", "b([True, False]), :, 1:3", "b([True, False, True, True]), b([True, False, False, True, True, False])",
         "u([1, 0, 1, 0, 1])", "0, b([True, False, True, False, True, True])", "b([[True, False, True], [False, True, True]])", "b([[True, False, True], [False, True, True]]), 0",
         ":, b([True, False, True]), t([0, 1])"]
WRONG = ["5", "-6", "0, 100", "0, 0, 0, 0", "1.0", "'a'", "0.5:1", "::-1", "::0", "'a':", "t([100])", "t([-100])", "t([0, 100]), 0", "t([0.5, 1.0])", "t(0.5)", "t([0, 1, 2]), t([0, 1])", "b([True, False])",
         "0, b([True])", "b([[True, False], [True, False]])", "E, E", "{}", "{1}", "[0, 100]", "[0.5]", "['a']", "np.array([0.5])", "np.array(['a'])", "object", "N, 100", "2 ** 70", "1j", "[[0, 1], [1]]",
         "t([0, 1], dtype=complex)", "i([100])", "T, 100", "x", "t([[0, 1]]), t([[0, 1], [1, 0], [0, 0]])", "slice(0, 1, None), slice(0, 1.5)", "b([True] * 7)"]
ALL = BASIC + TENSORS + SEQUENCES + MASKS + WRONG

NUMBERS, BROADCAST, TOO_BIG = "3.5", "broadcast", "too big"


def make(torch: ModuleType, shape: str) -> Any:
    values = np.random.RandomState(len(SHAPES[shape])).randn(*SHAPES[shape])
    return torch.tensor(np.asarray(values, "float32"))


def index_of(torch: ModuleType, text: str, x: Any) -> Any:
    """The index that a text describes."""
    def tensor(kind: Any) -> Callable:
        def of(values: Any, dtype: Any = None) -> Any:
            if dtype is complex:
                return torch.tensor(values, dtype=torch.complex64)
            whole = torch.tensor(values)
            return torch.tensor(values, dtype=torch.int64 if kind is None and values == [] else kind) if kind is not None or values == [] else whole
        return of
    scope = {**NAMES, "x": x, "t": tensor(None), "b": tensor(torch.bool), "i": tensor(torch.int32), "u": tensor(torch.uint8)}

    class Catch:
        def __getitem__(self, index: Any) -> Any:
            return index
    return eval(f"catch[{text}]", {**scope, "catch": Catch()})


def outcome(function: Callable, torch: ModuleType, *args: Any) -> Any:
    """What a call gives, or the class and text of its error."""
    try:
        return function(torch, *args)
    except Exception as e:                                   # whatever it is, both frameworks must agree on it
        return type(e).__name__, str(e).partition("\n")[0]


def seen(x: Any) -> tuple:
    return str(x.dtype), tuple(x.shape), x.detach().tolist()


def get(torch: ModuleType, text: str, shape: str) -> Any:
    """The indexed values, whether they share memory, and the gradient."""
    x = make(torch, shape).requires_grad_()
    base = x * 1
    y = base[index_of(torch, text, x.detach())]
    (y * torch.arange(1.0, y.numel() + 1).reshape(y.shape)).sum().backward()
    before = y.detach().clone()
    with torch.no_grad():
        base.add_(1)
    return seen(before), y._base is None if torch is reference else None, tuple(y.stride()) if y.is_contiguous() else None, x.grad.tolist()


def shares(torch: ModuleType, text: str, shape: str) -> Any:
    x = make(torch, shape)
    y = x[index_of(torch, text, x)]
    x.add_(1)
    return y.tolist()


def put(torch: ModuleType, text: str, shape: str, value: str) -> Any:
    """The contents after an assignment, and the gradients of the old contents and the new."""
    x, leaf = make(torch, shape), make(torch, shape).requires_grad_()
    index = index_of(torch, text, x)
    target = leaf * 1
    if value == NUMBERS:
        target[index] = 3.5
        target.mul(2).sum().backward()
        return seen(target), leaf.grad.tolist(), target._version
    room = tuple(target[index].shape)
    given = room[1:] if value == BROADCAST else (3, 7, *room)
    new = torch.tensor(np.asarray(np.random.RandomState(3).randn(*given), "float32"), requires_grad=True)
    target[index] = new * 1
    (target * torch.arange(1.0, target.numel() + 1).reshape(target.shape)).sum().backward()
    return seen(target), leaf.grad.tolist(), new.grad.tolist()


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(np.isclose(a, b, 1e-4, 1e-5)) if isinstance(a, float) and isinstance(b, float) else a == b


def agree(function: Callable, *args: Any) -> None:
    a, b = outcome(function, reference, *args), outcome(function, jtorch, *args)
    if isinstance(a, tuple) and isinstance(a[0], tuple) and isinstance(b, tuple) and isinstance(b[0], tuple):
        a, b = [[p for k, p in enumerate(o) if k != 1 or function is not get] for o in (a, b)]
    assert same(a, b), f"{args}\nPyTorch {a}\njtorch  {b}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("text", ALL)
def test_get(text: str, shape: str) -> None:
    agree(get, text, shape)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", ("m", "c"))
@pytest.mark.parametrize("text", BASIC + TENSORS + MASKS)
def test_views_and_copies(text: str, shape: str) -> None:
    agree(shares, text, shape)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", (NUMBERS, BROADCAST, TOO_BIG))
@pytest.mark.parametrize("shape", ("v", "m", "c"))
@pytest.mark.parametrize("text", ALL)
def test_put(text: str, shape: str, value: str) -> None:
    agree(put, text, shape, value)
