"""Few numbers on the host are computed and written there at once: the same values, memory, versions and errors as in PyTorch, and no program runs."""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

import jtorch
from jtorch import debug

INF, NAN = float("inf"), float("nan")


def table(t: ModuleType) -> Any:
    x = t.zeros(6, 7)
    for i in range(6):
        for j in range(7):
            x[i, j] = i * j + 0.1
    return x


def rows(t: ModuleType) -> Any:
    x, y = t.zeros(9, 5, dtype=t.float64), t.arange(5, dtype=t.float64)
    for k in range(9):
        x[-k - 1] = y * k / 3
        x[k, 1:4:2] = -1
    return x


def recurrence(t: ModuleType) -> Any:
    x = t.ones(40)
    for k in range(2, 40):
        x[k] = x[k - 1] * 0.7 + x[k - 2] / 3 - 0.1
    return x


def counts(t: ModuleType) -> Any:
    x = t.zeros(4, dtype=t.int64)
    for k in range(50):
        x[k * k % 4] += 1
        x[k % 3] *= 2 if k % 7 == 0 else 1
    return x


def q_learning(t: ModuleType) -> Any:
    q = t.zeros(5, 3)
    for k in range(60):
        state, action, after = k % 5, k * 2 % 3, k * 3 % 5
        q[state, action] += 0.5 * (float(k % 4) + 0.9 * q[after].max() - q[state, action])
    return q


def several_types(t: ModuleType) -> list:
    made = []
    for kind in (t.float16, t.bfloat16, t.float32, t.float64, t.uint8, t.int16, t.int64, t.bool, t.complex64):
        x = t.zeros(3, 4, dtype=kind)
        x[0, 1], x[1], x[2, 2:], x[0, 0] = 1, True, 7, 100
        x[..., 3] = t.ones(3, dtype=kind)
        x[None, 1:2] = t.ones(1, 1, dtype=kind)
        made.append(x)
    return made


def numbers(t: ModuleType) -> Any:
    x = t.zeros(9)
    for k, value in enumerate((INF, -INF, NAN, 1e-46, 3.4e38, 2 ** 24 + 1, -0.0, True, 2 ** 40)):
        x[k] = value
    return x


def views(t: ModuleType) -> list:
    x = t.zeros(4, 4)
    row, column, whole, flat = x[1], x[:, 2], x.detach(), x.view(16)
    x[1, 2] = 5
    row[0] = 2
    column[3] += 3
    flat[5] -= 4
    x.t()[0, 3] = 9
    x.diagonal()[2] = 8
    return [x, row, column, whole, flat]


def taken_before(t: ModuleType) -> list:
    """What was computed or copied before a write keeps the old values."""
    x = t.arange(100.0)
    pending, copy, few, row = x * 3, x.clone(), x[:4] + 1, x[1:3]
    x[1] = 10
    again = x * 3
    row[1] = 20
    y = t.stack([x, x])
    x[0] = -1
    return [pending, copy, few, row, again, y, x]


def with_numpy(t: ModuleType) -> list:
    x = t.zeros(3)
    array = x.numpy()
    x[1] = 4
    array[2] = 5
    x[0] = float(array[2])
    return [x, t.from_numpy(array.copy())]


def versions(t: ModuleType) -> list:
    x = t.zeros(3)
    x[0] = 1
    x[1] += 1
    row = x[:2]
    row[0] = 3
    return [x._version, row._version, t.ones(2)._version]


def exact_operations(t: ModuleType) -> list:
    x, k = t.tensor([0.1, -2.5, INF, NAN, 0.0]), t.tensor([7, -7, 3, 0, 2])
    made = [x + 1, x * 3, 1 - x, 1 / x, x / 3, x ** 2, -x, x.abs(), x.floor(), x.round(), x.sign(), x.clamp(-1, 1), x > 0, x == x, x.max(), x.argmin(), x.isnan(),
            t.where(x > 0, x, 0), t.maximum(x, x * 2), k // 2, k % 4, k * 2.5, k << 1, k & 3, ~k, k == 7, k.max(), x.double() + k, t.cat([x, x]), t.stack([k, k]),
            x.flip(0), k.abs(), (x < 1) & (k > 0), x.sqrt(), k.bool(), x[:2].int(), k.float() / 3, x.nan_to_num(), t.remainder(k, 4), t.fmod(x, 2), x.trunc()]
    for scale in (2, 3.5, -1):                               # one after another, as numbers that are inputs
        made += [x * scale, k * scale, x - scale]
    return made


PROGRAMS = [table, rows, recurrence, counts, q_learning, several_types, numbers, views, taken_before, with_numpy, versions, exact_operations]
QUIET = [table, rows, recurrence, counts, q_learning, numbers, versions]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if not isinstance(a, jtorch.Tensor):
        return a == b
    return str(a.dtype) == str(b.dtype) and a.shape == b.shape and repr(a.tolist()) == repr(b.tolist())


@pytest.mark.parametrize("program", PROGRAMS)
def test_results(program: Callable):
    ours, theirs = program(jtorch), program(torch)
    assert same(ours, theirs), f"{ours}\n{theirs}"


@pytest.mark.parametrize("program", QUIET)
def test_no_program_runs(program: Callable):
    debug.counters().reset()
    program(jtorch)
    assert debug.counters().launches == 0


@pytest.mark.parametrize("code", [
    "x[5] = 1.0", "x[-4] = 1.0", "x[0, 9] = 1.0", "x[::-1] = 1.0", "x[0, 0, 0] = 1.0", "x[0] = t.ones(3)", "x[0] = t.ones(2, 4)", "x[0] = 'a'", "x[0] = None",
    "x[0, 0] = 1e39", "x.long()[0] = 2 ** 70", "x[1.5] = 1.0", "x[0:2] = t.ones(3, 4)", "t.zeros(2, dtype=t.uint8)[0] = 'b'", "x[0, 0] = 1j",
    "t.zeros(())[0] = 1.0", "t.zeros(3)[True, 1.0] = 2.0"])
def test_errors(code: str):
    def outcome(t: ModuleType) -> tuple:
        x = t.arange(12.0).reshape(3, 4) + 0
        try:
            exec(code, {"t": t, "x": x})
        except Exception as error:  # whatever PyTorch raises is what is compared
            return type(error).__name__, str(error), x.tolist()
        return "no error", x.tolist()
    assert outcome(jtorch) == outcome(torch)


@pytest.mark.parametrize("code", ["w[0] = 1.0", "y = w * 2; y[0] = 5.0; y.sum().backward(); result = w.grad", "y = x * w; x[0] = 3.0; y.sum().backward()",
                                  "y = x * w; y.sum().backward(); x[0] = 3.0; result = w.grad", "x[0] = w[1]; x.sum().backward(); result = w.grad",
                                  "x[0] += w[1]; (x * x).sum().backward(); result = w.grad", "x[0] = 2.0; (x * w).sum().backward(); result = w.grad"])
def test_gradients(code: str):
    def outcome(t: ModuleType) -> Any:
        names = {"w": t.ones(3, requires_grad=True), "x": t.arange(3.0), "t": t}
        try:
            exec(code, names)
        except RuntimeError as error:
            return str(error)[:70]
        return names["result"].tolist()
    assert outcome(jtorch) == outcome(torch)


def test_large_tensors_are_filled_in_place():
    x = jtorch.zeros(1 << 20)
    x[0] = 1
    where = x._value.array.ctypes.data
    for k in range(100):
        x[k] = k
    assert x._value.array.ctypes.data == where and x[:100].tolist() == list(range(100))
