"""The host's random numbers against PyTorch's, bit for bit: values, and the generator's state after them."""
from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
import torch

import jtorch
from jtorch._core import dtype as dtypes
from jtorch._core import normals, random, rejection
from jtorch._core.fused import fma64
from jtorch._core.twister import Generator

SEEDS = 0, 1, 42, -7, 2**40 + 3
SHAPES = (), (0, 3), (1,), (3,), (5, 3), (16,), (17,), (4, 100), (40000,)
HALVES, SINGLES = ("float16", "bfloat16"), ("float32", "float64")
FLOATS, COMPLEX = HALVES + SINGLES, ("complex64", "complex128")
INTEGERS = "uint8", "int8", "int16", "int32", "int64"
WIDE = "uint16", "uint32", "uint64"
EVERY = FLOATS + COMPLEX + INTEGERS + WIDE + ("bool",)


def here(name: str) -> dtypes.dtype:
    return dtypes.named(name)


def there(name: str) -> torch.dtype:
    return getattr(torch, name)


def array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as a NumPy array, bfloat16 included."""
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(dtypes.bfloat16.numpy)
    return tensor.numpy()


def equal(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()


def compare(ours: Callable[[Generator], np.ndarray], theirs: Callable[[torch.Generator], torch.Tensor], seed: int, times: int = 2) -> None:
    """Both functions give the same numbers, `times` times in a row, and leave the same state; or raise the same error."""
    mine, torchs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    for _ in range(times):
        try:
            expected = array(theirs(torchs))
        except (RuntimeError, ValueError, NotImplementedError) as error:
            with pytest.raises(type(error)) as raised:
                ours(mine)
            assert str(raised.value) == str(error).split("\n")[0] and raised.type is type(error)
            return
        assert equal(ours(mine), expected)
        assert np.array_equal(mine.get_state(), torchs.get_state().numpy())


FILLS = [                                                    # our function, PyTorch's method, parameters, types
    ("uniform", "uniform_", [(0, 1), (-0.05, 0.05), (100, 101), (0, 3.3), (2, 2), (-1e4, 1), (1, 0), (0, 1e39)], EVERY),
    ("normal", "normal_", [(0, 1), (1.5, 0.3), (0, 0), (-2, 7.7), (0, -1)], EVERY),
    ("bernoulli", "bernoulli_", [(0.5,), (0,), (1,), (0.3,), (1e-12,), (1 - 1e-9,), (2,)], EVERY),
    ("exponential", "exponential_", [(1,), (0.3,), (float("inf"),), (0,)], EVERY),
    ("geometric", "geometric_", [(0.5,), (0.3,), (1,)], EVERY),
    ("cauchy", "cauchy_", [(0, 1), (1.5, 0.3), (0, 0)], EVERY),
    ("log_normal", "log_normal_", [(0, 1), (1, 0.5), (0, 0)], EVERY),
    ("randint", "random_", [(), (0, 2), (0, 300), (-5, 5), (3, 70001), (0, 2**28 - 1), (0, 2**28), (0, 2**40), (-2**63, 0), (3, 2**25 + 7),
                            (2**24 + 1, 2**25 + 11), (-2**25 - 3, -5), (2**53 + 1, 2**54 + 11), (0, 0), (5, 3)], EVERY),
    ("randint", "random_", [(0, None), (5, None), (-1, None), (-2**63, None), (2**24 - 5, None), (2**24 + 1, None), (2**28, None)],
     FLOATS + INTEGERS + WIDE),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ours, theirs, parameters, types", FILLS, ids=lambda value: value if isinstance(value, str) else "")
def test_fill(ours: str, theirs: str, parameters: list[tuple], types: tuple[str, ...], shape: tuple[int, ...]) -> None:
    fill = getattr(random, ours)
    for index, name in enumerate(types):
        if 0 in shape and name not in FLOATS:
            continue                                         # PyTorch checks nothing where there is nothing to fill
        for numbers in parameters if len(shape) < 2 or name in FLOATS else parameters[:3]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")              # both warn of bounds that a float does not hold
                compare(lambda g: fill(g, shape, here(name), *numbers),
                        lambda g: getattr(torch.empty(shape, dtype=there(name)), theirs)(*numbers, generator=g), SEEDS[index % len(SEEDS)])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ("float32", "float64", "bfloat16", "complex64"))
def test_normal_not_contiguous(name: str, seed: int) -> None:
    compare(lambda g: random.normal(g, (7, 5), here(name), 1.5, 0.7, contiguous=False),
            lambda g: torch.empty(7, 5, 2, dtype=there(name))[..., 0].normal_(1.5, 0.7, generator=g), seed)


def test_normal_is_kept_for_the_next_call() -> None:
    mine, torchs = Generator().manual_seed(5), torch.Generator().manual_seed(5)
    for count, name in zip((3, 20, 40, 2, 0, 1, 33, 7), (*SINGLES, *SINGLES, *HALVES, *HALVES), strict=True):
        assert equal(random.normal(mine, (count,), here(name)), array(torch.empty(count, dtype=there(name)).normal_(generator=torchs)))
        assert np.array_equal(mine.get_state(), torchs.get_state().numpy())


@pytest.mark.parametrize("seed", SEEDS)
def test_large_normal(seed: int) -> None:
    compare(lambda g: random.normal(g, (500_003,), dtypes.float32), lambda g: torch.empty(500_003).normal_(generator=g), seed, 1)


@pytest.mark.parametrize("parameters", [(0.0, 1.0), (0.3, 0.02), (-5.0, 7.5)])
def test_compiled_normal(monkeypatch: pytest.MonkeyPatch, parameters: tuple[float, float]) -> None:
    monkeypatch.setattr(normals.programs, "spent", normals.PATIENCE)
    for seed, size in enumerate((16, 33, 512, 600, 2048, 3000, 8192, 8200, 300_001)):
        for name in HALVES + ("float32",):
            ours, theirs = random.normal(Generator().manual_seed(seed), (size,), here(name), *parameters), torch.Generator().manual_seed(seed)
            expected = torch.empty(size, dtype=there(name)).normal_(*parameters, generator=theirs)
            np.testing.assert_array_equal(ours.view(np.uint8), array(expected).view(np.uint8))
    assert normals.programs.usable


@pytest.mark.parametrize("chances", FLOATS)
@pytest.mark.parametrize("name", FLOATS + INTEGERS + WIDE + ("bool", "complex64"))
def test_bernoulli_of_chances(name: str, chances: str) -> None:
    p = torch.rand(9, 11, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(there(chances))
    compare(lambda g: random.bernoulli(g, (9, 11), here(name), array(p)),
            lambda g: torch.empty(9, 11, dtype=there(name)).bernoulli_(p, generator=g), 8)


@pytest.mark.parametrize("p", (-0.1, 1.1, float("nan")))
def test_bernoulli_of_wrong_chances(p: float) -> None:
    compare(lambda g: random.bernoulli(g, (3,), dtypes.float32, np.full(3, p, np.float32)),
            lambda g: torch.bernoulli(torch.full((3,), p), generator=g), 0)


@pytest.mark.parametrize("p", (0, 0.1, 0.5, 0.7, 1))
@pytest.mark.parametrize("shape", ((), (3, 5), (70000,), (0,)), ids=str)
def test_keep_mask(shape: tuple[int, ...], p: float) -> None:
    torch.manual_seed(4)
    expected = torch.nn.functional.dropout(torch.ones(shape), p).numpy() != 0
    generator = Generator().manual_seed(4)
    assert equal(random.keep_mask(generator, shape, p), expected)
    assert np.array_equal(generator.get_state(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("n", (0, 1, 2, 3, 100, 128, 129, 256, 257, 300, 2049, 2050, 5000, -1))
def test_randperm(n: int, name: str) -> None:
    compare(lambda g: random.randperm(g, n, here(name)), lambda g: torch.randperm(n, dtype=there(name), generator=g), 11)


@pytest.mark.parametrize("name", FLOATS + ("int64", "complex64", "bool"))
@pytest.mark.parametrize("shape", ((1,), (2,), (50,), (3, 7), (1000,), (2, 3, 4), ()), ids=str)
def test_multinomial(shape: tuple[int, ...], name: str) -> None:
    weights = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(there(name))
    for count in 0, 1, 2, 7, 3000:
        for replacement in False, True:
            compare(lambda g: random.multinomial(g, array(weights), count, replacement),
                    lambda g: torch.multinomial(weights, count, replacement, generator=g), count)


@pytest.mark.parametrize("weights", ([0, 0], [-1, 2], [float("nan"), 1], [float("inf"), 1], [1, 0], [0, 3]), ids=str)
def test_multinomial_of_odd_weights(weights: list[float]) -> None:
    for count, replacement in (1, False), (1, True), (5, True):
        compare(lambda g: random.multinomial(g, np.array(weights, np.float32), count, replacement),
                lambda g: torch.multinomial(torch.tensor(weights, dtype=torch.float32), count, replacement, generator=g), 2)


@pytest.mark.parametrize("size", (1, 7, 300))
@pytest.mark.parametrize("scale", (0.5, 3, 9.9, 10, 12, 1000))
@pytest.mark.parametrize("name", FLOATS + ("int64", "complex64"))
def test_rejection(name: str, scale: float, size: int) -> None:
    drawn = torch.rand(3, size, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    shape, count, p = (drawn[0] * scale + scale / 2).to(there(name)), (drawn[1] * scale * 2 + 1).floor().to(there(name)), drawn[2].to(there(name))
    compare(lambda g: rejection.poisson(g, array(shape)), lambda g: torch.poisson(shape, generator=g), 3)
    compare(lambda g: rejection.binomial(g, array(count), array(p)), lambda g: torch.binomial(count, p, generator=g), 4)
    compare(lambda g: rejection.standard_gamma(g, array(shape)), lambda g: torch._standard_gamma(shape, generator=g), 5)


@pytest.mark.parametrize("name", SINGLES)
@pytest.mark.parametrize("shape", ((1,), (3,), (20, 4), (2, 90)), ids=str)
def test_dirichlet(shape: tuple[int, ...], name: str) -> None:
    alpha = torch.rand(shape, generator=torch.Generator().manual_seed(9), dtype=there(name)) * 3
    expected = torch._sample_dirichlet(alpha, generator=torch.Generator().manual_seed(6)).numpy()
    result = rejection.dirichlet(Generator().manual_seed(6), alpha.numpy())
    assert result.dtype == expected.dtype
    np.testing.assert_array_max_ulp(result, expected, 2 if name == "float64" else 0)     # PyTorch's order of summation depends on the processor


@pytest.mark.parametrize("values, message", (([-1.0, 1.0], "invalid Poisson rate"), ([float("nan")], "invalid Poisson rate")), ids=str)
def test_poisson_rates(values: list[float], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        rejection.poisson(Generator(), np.array(values))


@pytest.mark.parametrize("count, p", (([-1, 3], [0.5, 0.5]), ([1.5, 3.5], [1, 1]), ([1.5, 3.5], [float("nan"), 0]), ([5, 5], [-0.5, 1.5])), ids=str)
def test_binomial_of_odd_parameters(count: list[float], p: list[float]) -> None:
    n, chances = torch.tensor(count, dtype=torch.float64), torch.tensor(p, dtype=torch.float64)
    compare(lambda g: rejection.binomial(g, n.numpy(), chances.numpy()), lambda g: torch.binomial(n, chances, generator=g), 0)


# The generator itself

def test_states_go_both_ways() -> None:
    mine, torchs = Generator().manual_seed(3), torch.Generator().manual_seed(3)
    for count in 0, 1, 300, 323, 1, 3, 624, 5000:
        assert np.array_equal(mine.words(count) % 97, torch.empty(count, dtype=torch.int64).random_(97, generator=torchs).numpy())
        assert np.array_equal(mine.get_state(), torchs.get_state().numpy())
        again, theirs = Generator().set_state(torchs.get_state().numpy()), torch.Generator().set_state(torch.from_numpy(mine.get_state()))
        assert np.array_equal(again.get_state(), theirs.get_state().numpy())
        assert again.initial_seed() == theirs.initial_seed() == 3
        assert equal(random.normal(again, (5,), dtypes.float32), torch.empty(5).normal_(generator=theirs).numpy())


@pytest.mark.parametrize("seed", (0, -1, 2**63 - 1, 2**63, 2**64 - 1, -2**63, 2**64, -2**63 - 1, 1.5, True, "a", None), ids=str)
def test_seeds(seed: object) -> None:
    try:
        expected = torch.Generator().manual_seed(seed)
    except (RuntimeError, ValueError) as error:
        with pytest.raises(type(error), match=str(error)):
            Generator().manual_seed(seed)
        return
    made = Generator().manual_seed(seed)
    assert made.initial_seed() == expected.initial_seed() and np.array_equal(made.get_state(), expected.get_state().numpy())


def test_fresh_generators() -> None:
    assert np.array_equal(Generator().get_state(), torch.Generator().get_state().numpy())
    assert str(Generator("cpu").device) == "cpu"
    generator = Generator()
    assert generator.seed() == generator.initial_seed() != generator.seed()
    assert random.default_generator.initial_seed() != torch.Generator().initial_seed()


@pytest.mark.parametrize("duplicate", (copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), lambda g: g.clone_state()),
                         ids=("copy", "deepcopy", "pickle", "clone_state"))
def test_copies(duplicate: Callable[[Generator], Generator]) -> None:
    generator = Generator().manual_seed(6)
    random.normal(generator, (3,), dtypes.float32)
    other = duplicate(generator)
    assert other is not generator and np.array_equal(other.get_state(), generator.get_state())
    assert equal(random.normal(other, (20,), dtypes.float32), random.normal(generator, (20,), dtypes.float32))


@pytest.mark.parametrize("state", (np.zeros(10, np.uint8), np.zeros(5056, np.uint8)), ids=("short", "zeros"))
def test_wrong_states(state: np.ndarray) -> None:
    with pytest.raises(RuntimeError) as expected:
        torch.Generator().set_state(torch.from_numpy(state))
    with pytest.raises(RuntimeError) as raised:
        Generator().set_state(state)
    assert str(raised.value) == str(expected.value).split("\n")[0]


def test_offsets_are_not_for_the_cpu() -> None:
    for call in Generator().get_offset, lambda: Generator().set_offset(0):
        with pytest.raises(RuntimeError, match="CPU Generator does not use offset"):
            call()


@pytest.mark.parametrize("b, c", ((0.3, 1.7), (1e-3, 5.0), (2.5, -1.2), (7.1, 1e-9), (1.0, 0.1), (3.3, 0.0)))
def test_fused(b: float, c: float) -> None:
    a = np.random.default_rng(0).standard_normal(500)
    exact = [float(Fraction(x) * Fraction(b) + Fraction(c)) for x in a.tolist()]
    assert np.array_equal(fma64(a, b, c), exact)


@pytest.mark.parametrize("options", [{}, {"devices": []}, {"enabled": False}, {"device_type": "mps"}, {"device_type": "no such"}, {"devices": [0]},
                                     {"devices": 0}, {"devices": ["cuda:0"]}], ids=str)
def test_forks(options: dict) -> None:
    def outcome(lib: ModuleType) -> object:
        lib.manual_seed(0)
        try:
            with lib.random.fork_rng(**options):
                first = lib.rand(1).item()
        except (RuntimeError, AssertionError, TypeError) as error:
            return type(error)
        return first, lib.rand(1).item()
    assert outcome(jtorch) == outcome(torch)


# Draws that depend on tensors

DEPENDENT = {
    "bernoulli": lambda t, p: t.bernoulli(p),
    "bernoulli a number": lambda t, p: p.bernoulli(0.3),
    "bernoulli out": lambda t, p: t.bernoulli(p, out=t.empty(0, dtype=t.int64)),
    "bernoulli in place": lambda t, p: t.zeros_like(p).bernoulli_(p),
    "bernoulli into integers": lambda t, p: t.zeros(p.shape, dtype=t.int32).bernoulli_(p),
    "normal": lambda t, p: t.normal(p - 0.5, p),
    "normal means": lambda t, p: t.normal(p, 2.0),
    "normal deviations": lambda t, p: t.normal(1.0, p),
    "normal two types": lambda t, p: t.normal(p.float(), p.double()),
    "poisson": lambda t, p: t.poisson(p * 9),
    "binomial": lambda t, p: t.binomial((p * 9).round(), p),
    "multinomial": lambda t, p: t.multinomial(p, 3),
    "multinomial again": lambda t, p: t.multinomial(p, 3, replacement=True),
}
LAYOUTS = {"contiguous": lambda t: t.rand(20, 7), "transposed": lambda t: t.rand(7, 20).t(), "few": lambda t: t.rand(2, 4), "strided": lambda t: t.rand(8, 12)[::2, ::3],
           "float64": lambda t: t.rand(5, 6, dtype=t.float64).t(), "still computed": lambda t: 1 - t.rand(20, 8) * t.rand(8)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_draws(name: str, layout: str):
    def drawn(t: ModuleType) -> tuple:
        t.manual_seed(7)
        made = DEPENDENT[name](t, LAYOUTS[layout](t))
        return str(made.dtype).rpartition(".")[2], made.stride(), made.tolist(), t.rand(1).item()
    ours, theirs = drawn(jtorch), drawn(torch)
    assert (ours[:2], ours[3]) == (theirs[:2], theirs[3])
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6, atol=1e-7)   # a product and a sum may be rounded once


@pytest.mark.parametrize("name", [n for n in DEPENDENT if "out" not in n and "integers" not in n])
def test_gradients_of_dependent_draws(name: str):
    """All are zero, or there is none, which a gradient that arrives is told."""
    def told(t: ModuleType) -> tuple:
        p = t.full((3, 4), 0.5, requires_grad=True)
        try:
            made = DEPENDENT[name](t, p)
            if not made.requires_grad:
                return "none",
            return type(made.grad_fn).__name__, t.autograd.grad(made.sum(), p)[0].tolist()
        except (RuntimeError, NotImplementedError) as error:
            return type(error).__name__, str(error)[:40]
    assert told(jtorch) == told(torch)


@pytest.mark.parametrize("code", ["uniform_()", "normal_()", "exponential_()", "bernoulli_()", "bernoulli_(0.2)", "geometric_(0.5)", "cauchy_()", "log_normal_()", "random_()",
                                  "random_(5)", "random_(2, 5)"])
def test_gradients_of_draws_in_place(code: str):
    def told(t: ModuleType) -> tuple:
        x = t.ones(3, requires_grad=True)
        made = eval(f"(x * 2).{code}", {"x": x})
        return type(made.grad_fn).__name__, t.autograd.grad(made.sum(), x)[0].tolist()
    assert told(jtorch) == told(torch)


@pytest.mark.parametrize("code", ["t.bernoulli(t.tensor([0.5, 1.5]))", "t.bernoulli(t.tensor([float('nan')]))", "t.bernoulli(t.ones(2, dtype=t.int64))",
                                  "t.normal(0.0, t.tensor([-1.0]))", "t.normal(0.0, t.tensor([float('nan')]))", "t.normal(0.0, t.ones(2, dtype=t.complex64))",
                                  "t.poisson(t.ones(2, dtype=t.int64))", "t.zeros(3).bernoulli_(t.ones(2, 3))", "t.zeros(3).bernoulli_(t.ones(3, dtype=t.int64))",
                                  "t.binomial(t.ones(2, dtype=t.float16), t.ones(2, dtype=t.float16))"])
def test_errors_of_dependent_draws(code: str):
    def told(t: ModuleType) -> tuple:
        with pytest.raises((RuntimeError, NotImplementedError)) as error:
            eval(code, {"t": t})
        return error.type, str(error.value)
    assert told(jtorch) == told(torch)


def test_dependent_draws_wait_for_nothing():
    jtorch.manual_seed(0)
    p = jtorch.rand(40, 5)
    jtorch.debug.counters().reset()
    for _ in range(5):
        p = (jtorch.bernoulli(p) + jtorch.normal(p, p)).sigmoid()
    assert jtorch.debug.counters().launches == 0
    p.sum().item()
