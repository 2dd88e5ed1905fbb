"""Tables of measurements and random tensors of torch.utils.benchmark: the same text and the same choices as PyTorch's."""
from __future__ import annotations

import random
import warnings
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.utils.benchmark

import jtorch
import jtorch.utils.benchmark

pytestmark = pytest.mark.filterwarnings("ignore")
SETUP = """
V = torch.utils.benchmark
def m(times, stmt="x + 1", number=1, description="d", **more):
    return V.Measurement(number, times, V.TaskSpec(stmt=stmt, setup="pass", description=description, **more))
def table(measurements, trim=False, rowwise=None, flags=False):
    compare = V.Compare(measurements)
    if trim:
        compare.trim_significant_figures()
    if rowwise is not None:
        compare.colorize(rowwise)
    if flags:
        compare.highlight_warnings()
    return str(compare)
GRID = [m([1e-6 * (i + 1) * (j + 1)] * 5, label="L", sub_label=f"row{i}", description=f"col{j}", num_threads=1 + j // 2) for i in range(3) for j in range(3)]
WIDE = [m([1.2345e-3, 1.3e-3, 2e-3] * 3, env="E1"), m([22.3456e-3] * 3, env="E22"), m([1e-3, 1, 1, 1], description="e", env="E1")]
P, T, A = V.FuzzedParameter, V.FuzzedTensor, V.ParameterAlias
def n(name, low=1, high=8, kind="loguniform", **more):
    return P(name, low, high, kind, **more)
def taken(parameters, tensors, count=3, **more):
    found = []
    for seed in range(4):
        fuzzer = V.Fuzzer(parameters, tensors, seed=seed, **more)
        for made, told, params in fuzzer.take(count):
            found.append(({k: (tuple(t.shape), t.stride(), str(t.dtype), t.tolist()) for k, t in made.items()}, told, params))
        found.append(fuzzer.rejection_rate)
    return found
"""
CODE = """
table(GRID)
table(GRID, True), table(GRID, rowwise=False), table(GRID, rowwise=True), table(GRID, True, True, True)
table(WIDE)
table(WIDE, flags=True), table(WIDE, True, flags=True), table(WIDE, True, False, True), table(WIDE, False, True, True)
table([m([1e-9], label="A"), m([5], label="A", description="other"), m([1e-3], label="B"), m([100000], label="C", sub_label="s s")])
table([m([1e-3]), m([3e-3]), m([8e-3])]), table([m([1.0], stmt="a\\nb"), m([2.0], sub_label="", description="e")])
table([m([1.0], label="a very long label for a table")]), table([m([1.0], label="label fo")]), table([])
table([m([2e-10])]), table([m([2e-10])], True), table([m([999.96]), m([1], sub_label="one")], True)
table([m([1e-3], description=None)])
[table([m([b], sub_label="a"), m([b + k * d], sub_label="b")], rowwise=False) for b, d in ((1e-7, 1e-8), (1e-5, 5e-8), (1.0, 0.01), (3.0, 0.5)) for k in range(0, 40, 3)]
V.Compare([3])
V.Compare([m([1.0])]).extend_results([3])
[m([t] * 5).significant_figures for t in (1e-9, 2.4e-6, 2.6e-6, 1e-5, 1e-4, 1e-3, 1.0, 100.0)], m([1.0, 1.02]).significant_figures, m([1, 1.001, 1.003]).significant_figures
[(k.number_per_run, k.raw_times, k.metadata) for k in V.Measurement.merge([m([2.0, 4.0], number=2), m([3.0], number=3)])]
m([1]) == m([1]), m([1]) == m([2]), m([1]) != 3
hash(m([1]))
[V.trim_sigfig(x, k) for x in (1, 100, -5.55, 123456, 0.00123456, 5.5455, 999.96) for k in (1, 2, 3, 4)]
list(V.Colorize)
taken([n("a"), n("b")], [T("x", ("a", "b")), T("y", ("b", 2, "a"), probability_contiguous=0.2)])
taken([n("a"), n("b"), n("s", 1, 3, "uniform")], [T("x", ("a", "b"), steps=("s", 2))])
taken([n("a"), n("b"), n("d", 0, 2, "uniform")], [T("x", ("a", "b"), dim_parameter="d", roll_parameter="d")])
taken([n("a"), n("b")], [T("x", ("a", "b"), min_elements=10, max_elements=30, max_allocation_bytes=60)])
taken([n("a", strict=True), n("b")], [T("x", ("a", "b"))], count=2, constraints=[lambda p: p["a"] > p["b"] or p["a"] == 1])
taken([[n("a"), n("b")]], [[T("x", ("a",), dtype=torch.int8), T("y", ("b",), dtype=torch.complex64)], T("z", ("a",), dtype=torch.float64)])
taken([n("a")], [T("x", ("a",), tensor_constructor=lambda size, dtype, **more: torch.full(size, more["a"], dtype=dtype))])
taken([n("a")], [T("x", ("a",), min_elements=1000)])
taken([n("a")], [T("x", ("zz",))])
taken([n("a")], [T("a", ("a",))])
taken([n("a")], [T("x", ("a",), dim_parameter="d")])
P("a", 1, 2)
P("a", 1, 2, "normal")
n("a").name, T("x", ("a",)).name
"""


def outcome(module: ModuleType, code: str) -> Any:
    scope = {"torch": module}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(SETUP, scope)
        try:
            return str(eval(code, scope))
        except Exception as error:
            return type(error).__name__


@pytest.mark.parametrize("code", CODE.strip().split("\n"))
def test_as_in_pytorch(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)


def _drawn(pick: random.Random) -> list[tuple]:
    found = []
    envs = pick.choice([[None], ["a"], ["a", "bcd"], ["", "x", "yy"]])
    for _ in range(pick.randint(0, 8)):
        t, spread = 10 ** pick.uniform(*pick.choice([(-9, 3), (-6, -3), (-3, -2)])), pick.choice([0, 1e-3, 0.02, 0.1, 0.5, 3])
        spec = {"stmt": pick.choice("xy"), "setup": "pass", "label": pick.choice([None, "L", "a longer label here"]),
                "sub_label": pick.choice([None, "s1", "sub 2", ""]), "description": pick.choice(["d", "ee", "a description"]), "env": pick.choice(envs),
                "num_threads": pick.choice([1, 1, 2, 16])}
        found.append((pick.choice([1, 10]), [t * (1 + spread * pick.random()) for _ in range(pick.randint(1, 7))], spec))
    return found


def _shown(module: ModuleType, specs: list[tuple], trim: bool, rowwise: bool | None, flags: bool) -> str:
    of = module.utils.benchmark
    compare = of.Compare([of.Measurement(number, times, of.TaskSpec(**spec)) for number, times, spec in specs])
    if trim:
        compare.trim_significant_figures()
    if rowwise is not None:
        compare.colorize(rowwise)
    if flags:
        compare.highlight_warnings()
    return str(compare)


def test_tables_of_many_measurements() -> None:
    pick = random.Random(11)
    for _ in range(300):
        given = _drawn(pick), pick.random() < 0.5, pick.choice([None, False, True]), pick.random() < 0.5
        assert _shown(jtorch, *given) == _shown(torch, *given), given


def test_print(capsys: pytest.CaptureFixture) -> None:
    printed = []
    for module in (jtorch, torch):
        of = module.utils.benchmark
        of.Compare([of.Measurement(1, [1.0], of.TaskSpec("x", "pass", description="d"))]).print()
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_custom_distribution() -> None:
    """As documented: PyTorch 2.13 itself refuses probabilities that add up to one."""
    of = jtorch.utils.benchmark
    parameters = [of.FuzzedParameter("a", 2, 9, "uniform"), of.FuzzedParameter("b", distribution={1: 0.5, of.ParameterAlias("a"): 0.5})]
    sizes = [params for _, _, params in of.Fuzzer(parameters, [of.FuzzedTensor("x", ("a", "b"))], seed=0).take(20)]
    assert {p["b"] == p["a"] for p in sizes} == {True, False} and all(p["b"] in (1, p["a"]) for p in sizes)
    with pytest.raises(AssertionError, match="not normalized"):
        of.FuzzedParameter("b", distribution={1: 0.5, 2: 0.4})
    circle = [of.FuzzedParameter(x, distribution={of.ParameterAlias(y): 1.0}) for x, y in ("ab", "ba")]
    with pytest.raises(ValueError, match="a -> b -> a"):
        list(of.Fuzzer(circle, [of.FuzzedTensor("x", ("a",))]).take(1))


def test_threads_and_what_is_not_there() -> None:
    of = jtorch.utils.benchmark
    before = jtorch.get_num_threads()
    with of.set_torch_threads(1):
        assert jtorch.get_num_threads() == 1
    assert jtorch.get_num_threads() == before
    with pytest.raises(NotImplementedError, match="Valgrind"):
        of.Timer("1").collect_callgrind(1)
    for name in ("CallgrindStats", "FunctionCounts", "FuzzedSparseTensor"):
        with pytest.raises(AttributeError, match=name):
            getattr(of, name)
