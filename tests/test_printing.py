"""The text of tensors against PyTorch's, letter by letter."""
from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

import jtorch
from jtorch._core import dtype as dtypes
from jtorch._core import printing

REAL = "float16", "bfloat16", "float32", "float64", "float8_e5m2", "float8_e4m3fn"
COMPLEX = "complex64", "complex128"
WHOLE = "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"
CHOICES = {"precision": (0, 1, 2, 3, 6, 8), "threshold": (0, 5, 50, 1000, math.inf), "edgeitems": (0, 1, 2, 3, 5),
           "linewidth": (20, 40, 80, 120, 200), "profile": ("default", "short", "full"), "sci_mode": (True, False, None)}


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    yield
    for module in torch, printing:
        module.set_printoptions(profile="default")


def array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's elements as a NumPy array, of types that PyTorch cannot convert too."""
    if tensor.dtype in (torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn):
        plain = torch.int16 if tensor.dtype is torch.bfloat16 else torch.uint8
        return tensor.view(plain).numpy().view(dtypes.named(str(tensor.dtype)[6:]).numpy)
    return tensor.numpy()


def compare(tensor: torch.Tensor, **options: object) -> None:
    for module in torch, printing:
        module.set_printoptions(profile="default")
        module.set_printoptions(**options)
    type = dtypes.named(str(tensor.dtype)[6:])
    suffixes = printing.type_suffixes(tuple(tensor.shape), type, dtypes.float32)
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    assert printing.format_tensor(array(tensor.detach()), type, suffixes=suffixes) == repr(tensor), (tensor.dtype, tensor.shape, options)


def numbers(random: np.random.Generator, count: int) -> np.ndarray:
    """Numbers of one of the kinds that are printed differently, sometimes with special values among them."""
    x = random.standard_normal(count)
    kinds = (lambda: x * 10.0**random.uniform(-8, 10), lambda: np.round(x * 10), lambda: np.round(x * 10**random.uniform(0, 9)),
             lambda: 10.0**random.uniform(-6, 6, count) * np.sign(x), lambda: np.zeros(count), lambda: np.abs(x) * 10.0**random.integers(-5, 9),
             lambda: random.uniform(0, 1, count), lambda: np.where(x < 0, -0.0, np.round(np.abs(x) * 5)), lambda: x)
    made = kinds[random.integers(len(kinds))]()
    if count and random.random() < 0.3:
        for value in random.choice([math.nan, math.inf, -math.inf, 0.0, -0.0], 3):
            made[random.integers(count)] = value
    return np.full(count, math.nan) if random.random() < 0.03 else made


def some_tensor(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    values = numbers(random, math.prod(shape))
    if name in COMPLEX:
        values = np.stack([values, numbers(random, values.size)], -1).view(np.complex128)[..., 0]
    elif name in WHOLE:
        values = np.nan_to_num(values, nan=0, posinf=3, neginf=4).clip(-2**40, 2**40).astype(np.int64)
    tensor = torch.tensor(values).reshape(shape).to(getattr(torch, name))
    if name in REAL[:4] + COMPLEX and random.random() < 0.3:
        tensor.requires_grad_()
        return tensor + 0 if random.random() < 0.5 else tensor
    return tensor


def some_shape(random: np.random.Generator) -> tuple[int, ...]:
    if random.random() < 0.1:
        return (int(random.integers(900, 1100)),)
    return tuple(random.choice([0, 1, 2, 3, 4, 5, 6, 7, 12, 30], random.integers(5), p=[.03, .12, .15, .15, .15, .1, .1, .1, .05, .05]).tolist())


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast", "ignore:overflow")
@pytest.mark.parametrize("name", REAL + COMPLEX + WHOLE)
def test_any_tensor(name: str) -> None:
    random = np.random.default_rng(len(name) * 1000 + ord(name[-1]))
    for _ in range(60):
        shape = some_shape(random)
        chosen = {key: choices[random.integers(len(choices))] for key, choices in CHOICES.items() if random.random() < 0.2}
        if math.prod(shape) <= 5000:
            compare(some_tensor(random, name, shape), **chosen)


@pytest.mark.parametrize("values", (
    1.5, 3, True, 1 + 2j, [], [[], []], [1.0, 2.5], [1.0, 2.0], [1.0, 1000.0], [1.0, 1001.0], [0.5, 500.0], [0.5, 501.0], [1e8], [1e8 + 1],
    [1e-4], [9e-5], [math.nan], [math.inf, 1.0], [-math.inf, 0.5], [math.nan, 0.0], [-0.0, 0.0], [-0.0, 1.0], [1e30, 1e-30], [99999.0, 1.0],
    [123456.7], [True, False], [1, -1000], [2**62], [1j, 1.5 - 2.25j], [1e10 + 1e-10j], [complex(math.nan, -math.inf)], [complex(0, -0.0)],
    [[1, 2], [3, 4]]), ids=str)
def test_examples(values: object) -> None:
    compare(torch.tensor(values))
    if not isinstance(values, (bool, int)):
        compare(torch.tensor(values, dtype=torch.complex128 if torch.tensor(values).is_complex() else torch.float64))


@pytest.mark.parametrize("shape", ((0,), (0, 3), (3, 0), (2, 0, 1), (1000,), (1001,), (6, 200), (200, 6), (7, 200), (2, 3, 4),
                                   (20, 20, 20), (1, 1, 1, 1), (8, 8, 8, 8), (2000, 1), (1, 2000)), ids=str)
@pytest.mark.parametrize("name", ("float32", "float64", "int64", "int32", "bool", "complex64"))
def test_shapes(shape: tuple[int, ...], name: str) -> None:
    compare(torch.arange(math.prod(shape)).reshape(shape).to(getattr(torch, name)))


@pytest.mark.parametrize("options", (
    {"precision": 10}, {"precision": 0}, {"sci_mode": True}, {"sci_mode": False}, {"profile": "short"}, {"profile": "full"}, {"linewidth": 30},
    {"linewidth": 1}, {"threshold": 3}, {"edgeitems": 1, "threshold": 3}, {"edgeitems": 0, "threshold": 3},
    {"edgeitems": 0}, {"profile": "short", "edgeitems": 5},
    {"profile": "unknown"}), ids=str)
def test_options(options: dict[str, object]) -> None:
    for tensor in torch.linspace(-1, 1, 40).reshape(4, 10), torch.arange(1100), torch.tensor(math.pi), torch.zeros(0, 2), torch.zeros(0):
        compare(tensor, **options)


def test_options_accumulate() -> None:
    tensor = torch.linspace(-1, 1, 1100)
    for options in ({"precision": 2}, {"edgeitems": 1}, {"sci_mode": True}, {"linewidth": 40}, {"profile": "full"}, {"precision": 1},
                    {"profile": "short"}):
        torch.set_printoptions(**options)
        printing.set_printoptions(**options)
        assert printing.get_printoptions() == torch._tensor_str.get_printoptions()
        assert printing.format_tensor(tensor.numpy(), dtypes.float32, suffixes=[]) == repr(tensor)


def test_options_of_a_block() -> None:
    before = printing.get_printoptions()
    with pytest.raises(ZeroDivisionError), printing.printoptions(precision=1, threshold=2):
        assert printing.get_printoptions() == {**before, "precision": 1, "threshold": 2}
        raise ZeroDivisionError
    assert printing.get_printoptions() == before


def test_suffixes_indents_and_hidden_elements() -> None:
    meta = torch.empty(2, 3, device="meta", dtype=torch.int64, requires_grad=False)
    suffixes = ["device='meta'", *printing.type_suffixes((2, 3), dtypes.int64, dtypes.float32, hidden=True)]
    assert printing.format_tensor("...", dtypes.int64, suffixes=suffixes) == repr(meta)

    class Named(torch.Tensor):
        pass
    named = torch.arange(40.0).as_subclass(Named).requires_grad_()
    text = printing.format_tensor(named.detach().numpy(), dtypes.float32, suffixes=["requires_grad=True"], prefix="Named(")
    assert text == repr(named)
    assert printing.format_tensor(np.zeros((2, 2)), dtypes.float64, indent=3, suffixes=[]) == "tensor([[0., 0.],\n" + " " * 11 + "[0., 0.]])"


def test_default_types() -> None:
    for default in torch.float32, torch.float64, torch.float16:
        torch.set_default_dtype(default)
        try:
            for name in "float32", "float64", "float16", "complex64", "complex128", "int64", "bool", "int8":
                for shape in (2,), (0,):
                    tensor = torch.zeros(shape, dtype=getattr(torch, name))
                    suffixes = printing.type_suffixes(shape, dtypes.named(name), dtypes.named(str(default)[6:]))
                    assert printing.format_tensor(tensor.numpy(), dtypes.named(name), suffixes=suffixes) == repr(tensor)
        finally:
            torch.set_default_dtype(torch.float32)


MADE = {"float": lambda m: m.tensor(1.5), "int": lambda m: m.tensor(3), "bool": lambda m: m.tensor(True), "complex": lambda m: m.tensor(1.5 + 2j),
        "bfloat16": lambda m: m.tensor(1.7, dtype=m.bfloat16), "float16": lambda m: m.tensor(1.7, dtype=m.float16), "one element": lambda m: m.tensor([1.5]),
        "computed": lambda m: m.tensor(1.5, requires_grad=True) * 2, "meta": lambda m: m.tensor(1.5, device="meta"),
        "parameter": lambda m: m.nn.Parameter(m.tensor(1.5))}


@pytest.mark.parametrize("spec", ("", ".4f", "5d", ">10", "x", "e", "q"))
@pytest.mark.parametrize("made", MADE)
def test_format(made: str, spec: str) -> None:
    """A tensor without dimensions is formatted as its element."""
    try:
        expected = format(MADE[made](torch), spec)
    except (ValueError, TypeError) as error:
        with pytest.raises(error.__class__) as raised:
            format(MADE[made](jtorch), spec)
        assert str(raised.value) == str(error)
    else:
        assert format(MADE[made](jtorch), spec) == expected
