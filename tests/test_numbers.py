"""Numbers where there might be tensors: what their types hold, what is refused, in which digits they are computed with; in both frameworks."""
from __future__ import annotations

import math
import warnings
from types import ModuleType
from typing import Any

import pytest
import torch

import jtorch
from jtorch._core import run

TYPES = ("bool", "uint8", "int8", "int32", "int64", "float16", "float32")
NUMBERS = (True, -1, 200, 300, 1 << 40, 1.5, 1e10, 1e300, float("inf"), float("nan"), 2j)
HELD = """
torch.add(x, x, alpha=n)
torch.sub(x, x, alpha=n)
torch.add(x, 1, alpha=n)
x.clone().add_(x, alpha=n)
torch.clamp(x, max=n)
torch.clamp(x, 0, n)
torch.clamp_min(x, n)
torch.where(x > 0, x, n)
torch.where(x > 0, n, x)
x.masked_fill(x > 0, n)
x.clone().masked_fill_(x > 0, n)
torch.fill(x, n)
x.clone().fill_(n)
x.index_fill(0, first, n)
x.scatter(0, first, n)
x.index_add(0, first, x[:1], alpha=n)
torch.addcmul(x, x, x, value=n)
torch.addmv(x[:1], x.view(1, 3), x, alpha=n)
torch.baddbmm(x.view(1, 1, 3), x.view(1, 1, 3)[:, :, :1], x.view(1, 1, 3), beta=n)
torch.nn.functional.pad(x, (1, 1), value=n)
x ** n
x // n
x % n
torch.fmod(x, n)
x - n
n - x
x * n
torch.div(x, n, rounding_mode="trunc")
torch.tensor([n], dtype=x.dtype)
torch.isin(x, n)
torch.bucketize(n, x)
torch.copysign(x, n)
torch.float_power(x, n)
torch.zeros(3, 3, dtype=x.dtype).fill_diagonal_(n)
torch.linspace(0, n, 3, dtype=x.dtype)
torch.nan_to_num(x, n)
torch.xlogy(x, n)
torch.searchsorted(x, n)
torch.nn.functional.hardtanh(x, 0, n)
""".strip().splitlines()
APART = ("ComplexHalf", "complex32",                         # XLA has no complex numbers of half precision
         "value cannot be converted to type double",         # which of two errors comes first: `clamp` with complex bounds
         "'>' not supported between instances")              # Python's error for a complex bound, and not one that names the argument
CODES = """
torch.add(torch.tensor([1]), 2, alpha=2 ** 63)
torch.tensor([1]) + 2 ** 63
torch.tensor([1]) + 2 ** 64
torch.tensor([1.0]) + 2 ** 63
torch.tensor([1.0]) * 2 ** 70
torch.tensor([1]) - 2 ** 70
torch.tensor([1]) + -2 ** 64
torch.tensor([1.0]).masked_fill(torch.tensor([True]), 2 ** 63)
torch.tensor([1]).masked_fill(torch.tensor([True]), 2 ** 63)
torch.tensor([1.0]).masked_fill(torch.tensor([True]), 2 ** 64)
torch.full((2,), 2 ** 63)
torch.full((2,), 2 ** 64)
torch.ones(2) - torch.ones(2).bool()
torch.ones(2).bool() - torch.ones(2).bool()
torch.ones(2).bool() - True
torch.ones(2) - True
torch.rsub(torch.ones(2).bool(), 1)
torch.tensor([-0.5], dtype=torch.uint8)
torch.tensor([255.9], dtype=torch.uint8)
torch.tensor([1.9, -1.9], dtype=torch.int8)
torch.tensor([float("nan")], dtype=torch.bool)
torch.tensor(1e5, dtype=torch.float16)
torch.float_power(2.7, torch.tensor([1, 2]))
torch.tensor([3, 2, -1, 0]) ** 200
torch.tensor([3, 2, -1, 0]) ** torch.tensor([200, 3, 5, 0])
torch.tensor([3, 2], dtype=torch.uint8) ** torch.tensor([200, 3], dtype=torch.uint8)
torch.tensor([0, 1, 2, 3], dtype=torch.uint8) ** torch.tensor([128, 200, 128, 255], dtype=torch.uint8)
torch.tensor([0, 1, 2, 3], dtype=torch.uint8) ** 128
torch.tensor([3, -1], dtype=torch.int8) ** 127
3 ** torch.tensor([100, 3])
torch.zeros(2).fill_(2 ** 63)
torch.zeros(2).fill_(2 ** 64)
torch.zeros(2).fill_(-2 ** 63 - 1)
torch.zeros(2, dtype=torch.int64).fill_(2 ** 63)
torch.zeros(2, dtype=torch.bool).fill_(2 ** 63)
torch.zeros(2, dtype=torch.bool).fill_(2 ** 64)
torch.fill(torch.zeros(2), 2 ** 63)
torch.nn.functional.soft_margin_loss(torch.tensor([-1000.0, -20, 0, 20, 1000]), torch.ones(5), reduction="none")
torch.tensor([2]) ** torch.tensor([-1])
torch.tensor([1, 2]).pow_(-1)
torch.tensor([True, False]) ** True
torch.tensor([True, False]) ** False
torch.tensor([True]).pow(torch.tensor([True]))
2j % torch.tensor([1.0])
torch.bucketize(torch.tensor([True]), torch.tensor([True]))
torch.norm(torch.ones(2), True)
torch.nn.functional.elu(torch.ones(2), True)
torch.nn.functional.layer_norm(torch.ones(2), (2,), eps=True)
torch.cdist(torch.ones(2, 2), torch.ones(2, 2), True)
torch.multinomial(torch.ones(2), True)
torch.linspace(0.6, 5.9, 4, dtype=torch.int32)
torch.linspace(-1, 0, 3, dtype=torch.uint8)
torch.renorm(torch.ones(2, 2), 2, 0, float("nan"))
torch.renorm(torch.ones(2, 2), 2, 0, 2j)
torch.gcd(torch.tensor([True]), torch.tensor([True]))
torch.isclose(torch.tensor(1.0), torch.tensor(1.0), rtol=-0.4)
torch.allclose(torch.tensor(1.0), torch.tensor(1.0), atol=-0.4)
torch.clamp(torch.tensor([True]), torch.tensor(True), torch.tensor(True))
torch.clamp_max(torch.tensor([True]), torch.tensor([True]))
torch.nn.functional.hardtanh(torch.tensor([1], dtype=torch.uint8), -1, 1)
torch.nn.functional.threshold(torch.tensor([True]), 0, 1)
torch.nn.functional.threshold(torch.tensor([1], dtype=torch.uint8), 300, 1)
torch.nn.functional.softshrink(torch.ones(2), float("inf"))
torch.isin(torch.tensor([1]), True)
torch.isin(torch.tensor([1.0]), torch.tensor([1j]))
torch.bmm(*[torch.ones(1, 1, 1).bool()] * 2)
torch.baddbmm(*[torch.ones(1, 1, 1).bool()] * 3)
torch.ones(2, dtype=torch.float16) * torch.tensor(0.7, dtype=torch.float64)
torch.tensor(0.7) * torch.ones(2, dtype=torch.bfloat16)
torch.tensor(0.5, dtype=torch.float16) * torch.tensor(0.7)
torch.addcmul(torch.tensor(1.0), torch.ones(2, dtype=torch.float16), torch.ones(2, dtype=torch.float16))
torch.tensor([1.5], dtype=torch.bfloat16) / torch.tensor(3)
""".strip().splitlines()


def outcome(framework: ModuleType, code: str, **names: Any) -> str:
    """What is printed, or the error's class and first line."""
    try:
        return repr(eval(code, {"torch": framework, **names}))
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


@pytest.mark.parametrize("code", CODES)
def test_same(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)


@pytest.mark.parametrize("code", HELD)
def test_numbers_of_each_kind(code: str) -> None:
    found, expected = ([(kind, n, outcome(framework, code, n=n, x=framework.tensor([0, 1, 2]).to(getattr(framework, kind)), first=framework.tensor([0])))
                        for kind in TYPES for n in NUMBERS] for framework in (jtorch, torch))
    differ = [(*a, b[2]) for a, b in zip(found, expected, strict=True) if a[2] != b[2] and not any(text in b[2] for text in APART)]
    assert not differ, "\n".join(map(str, differ))


def test_numbers_that_vary() -> None:
    """Each is checked, also where it is an input of a program that is there already."""
    x = jtorch.arange(40, dtype=jtorch.uint8)
    for n in (1, 2, 3, 4):
        assert x.clamp(max=n).max().item() == n and (x ** n)[1].item() == 1
    for code in ("x.clamp(max=300)", "x ** 300", "x.masked_fill(x > 3, -256)"):
        with pytest.raises(RuntimeError, match="value cannot be converted to type uint8_t without overflow"):
            eval(code, {"x": x})
    with pytest.raises(OverflowError, match="int too big to convert"):
        x + (1 << 64)
    assert x.clamp(max=7).max().item() == 7


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("code", ["x * 0.7", "0.7 * x", "x / 0.7", "0.7 / x", "x * t(0.7)", "x / t(0.7)", "x.mul_(0.7)", "torch.add(x, y, alpha=0.7)", "torch.sub(x, y, alpha=0.3)",
                                  "torch.addcmul(x, y, z, value=0.7)", "torch.addcdiv(x, y, z, value=0.7)", "torch.addcdiv(x, y, z)", "torch.lerp(x, y, 0.7)", "torch.lerp(x, y, z)"])
def test_sixteen_bits_are_rounded_once(kind: str, code: str) -> None:
    """A number keeps its digits; a sum of products that is one operation is rounded once.  XLA may join the last product and sum, and rarely rounds otherwise then."""
    torch.manual_seed(0)
    given = [torch.randn(1000) * 3 for _ in range(3)]
    found, expected = (eval(code, {"torch": f, "t": f.tensor, **dict(zip("xyz", [f.tensor(a.tolist()).to(getattr(f, kind)) for a in given], strict=True))})
                       for f in (jtorch, torch))
    assert sum(a != b for a, b in zip(found.tolist(), expected.tolist(), strict=True)) <= (5 if "(x, y" in code else 0)


@pytest.mark.parametrize("code", ["(x > 10).float() * y", "y * (x > 10)", "(x > 10) * y", "(x > 10).double() * math.inf", "((x > 10) * y).sum()", "(x > 10).float() * y.log()"])
def test_a_mask_times_what_is_infinite(code: str) -> None:
    """0 * inf is nan also where 0 was a boolean, for which XLA would choose 0."""
    found, expected = (eval(code, {"math": math, "x": f.arange(20.0), "y": f.tensor([math.inf, math.nan] * 10)}) for f in (jtorch, torch))
    assert str(found.tolist()) == str(expected.tolist())


def test_conversions_lose_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is warned of once, where there is one: as PyTorch's, of whom another test may have had the warning."""
    monkeypatch.setattr(run, "told", set())
    x = jtorch.tensor(1.5, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert int(x) == 1 and float(x.detach()) == x.item() == 1.5
        with jtorch.no_grad():
            assert float(x) == 1.5
    with pytest.warns(UserWarning, match="Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior") as caught:
        assert float(x) == 1.5
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert complex(x) == 1.5
