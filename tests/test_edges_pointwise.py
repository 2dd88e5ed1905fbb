"""Pointwise operators where they are infinite, undefined or have a kink: value, gradient and gradients of gradients, against PyTorch's."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

inf, nan = float("inf"), float("nan")
POINTS = [0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 1e30, -1e30, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 6.0, 20.0]
KINKS = [0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 0.5, 2.0]
FEW = [0.0, 1.0, -1.0, inf, nan, 0.5]


def named(names: str, home: str = "") -> list[tuple[str, Callable]]:
    """Functions of a framework by their names."""
    def call(path: str) -> Callable:
        def function(lib: Any, *operands: Any) -> Any:
            for part in path.split("."):
                lib = getattr(lib, part)
            return lib(*operands)
        return function
    return [(home + name, call(home + name)) for name in names.split()]


ONE = [*named("abs sign rsqrt sqrt reciprocal log log1p log2 atanh asin acosh logit erfinv i0 lgamma digamma tanh sigmoid square nan_to_num"),
       *named("i0e i1e ndtri entr", "special."),
       *named("relu relu6 hardtanh leaky_relu elu selu celu silu softsign softshrink hardshrink hardswish tanhshrink", "nn.functional."),
       ("clamp to [0, 1]", lambda lib, x: lib.clamp(x, 0, 1)), ("clamp from 0", lambda lib, x: lib.clamp(x, min=0)),
       ("clamp to 1", lambda lib, x: lib.clamp(x, max=1)), ("x ** 1", lambda lib, x: x ** 1), ("x ** 2", lambda lib, x: x ** 2),
       ("x ** -1", lambda lib, x: x ** -1), ("0 ** x", lambda lib, x: 0 ** x), ("2 / x", lambda lib, x: 2 / x), ("x / 0", lambda lib, x: x / 0),
       ("copysign -1", lambda lib, x: lib.copysign(x, -1.0)), ("xlogy(2, x)", lambda lib, x: lib.xlogy(2.0, x)),
       ("xlogy(x, 0)", lambda lib, x: lib.xlogy(x, 0.0)), ("celu 2", lambda lib, x: lib.nn.functional.celu(x, alpha=2.0))]
TWO = [*named("mul div pow float_power atan2 hypot copysign nextafter xlogy maximum minimum fmax fmin fmod remainder clamp_min clamp_max logaddexp "
              "logaddexp2 special.xlog1py"),
       ("smooth_l1_loss", lambda lib, x, y: lib.nn.functional.smooth_l1_loss(x, y, reduction="none")),
       ("l1_loss", lambda lib, x, y: lib.nn.functional.l1_loss(x, y, reduction="none")),
       ("huber_loss", lambda lib, x, y: lib.nn.functional.huber_loss(x, y, reduction="none")),
       ("kl_div", lambda lib, x, y: lib.nn.functional.kl_div(x, y, reduction="none")), ("lerp by 1/2", lambda lib, x, y: lib.lerp(x, y, 0.5))]
THREE = named("clamp addcdiv lerp")
CASES = [(name, f, [POINTS]) for name, f in ONE] + [(name, f, zip(*itertools.product(POINTS, KINKS), strict=True)) for name, f in TWO] \
    + [(name, f, zip(*itertools.product(FEW, FEW, FEW), strict=True)) for name, f in THREE]


def derivatives(lib: Any, function: Callable, points: list) -> dict[str, np.ndarray]:
    """The value, the gradients, and the gradients of each of them alone."""
    leaves = [lib.tensor(column, dtype=lib.float64).requires_grad_() for column in points]
    result = function(lib, *leaves)
    found = {"value": result.detach().numpy()}
    first = lib.autograd.grad(result.sum(), leaves, create_graph=True, allow_unused=True)
    for k, g in enumerate(first):
        found[f"gradient {k}"] = np.zeros(result.shape) if g is None else (g.detach() + 0).numpy()
        second = lib.autograd.grad(g.sum(), leaves, retain_graph=True, allow_unused=True) if g is not None and g.requires_grad else [None] * len(leaves)
        for n, s in enumerate(second):
            found[f"gradient {n} of gradient {k}"] = np.zeros(result.shape) if s is None else (s + 0).numpy()
    return found


@pytest.mark.parametrize("name, function, points", [(n, f, list(p)) for n, f, p in CASES], ids=[n for n, *_ in CASES])
def test_edges(name: str, function: Callable, points: list) -> None:
    ours, theirs = [derivatives(lib, function, points) for lib in (jtorch, torch)]
    for aspect, expected in theirs.items():
        np.testing.assert_allclose(ours[aspect], expected, rtol=1e-9, atol=1e-12, err_msg=aspect)


@pytest.mark.parametrize("name", ["polar", "angle"])
def test_derivative_at_the_origin_is_zero(name: str) -> None:
    for lib in (jtorch, torch):
        x = lib.zeros(3, dtype=lib.float64 if name == "polar" else lib.complex128).requires_grad_()
        z = lib.polar(x, lib.tensor([0.0, 1.0, 2.0], dtype=lib.float64)).real if name == "polar" else lib.angle(x)
        z.sum().backward()
        assert (x.grad == 0).all()


def test_erfcx_far_out() -> None:
    x = [10.5, 30.0, 1e5, 1e30, inf]
    np.testing.assert_allclose(jtorch.special.erfcx(jtorch.tensor(x, dtype=jtorch.float64)).numpy(),
                               torch.special.erfcx(torch.tensor(x, dtype=torch.float64)).numpy(), rtol=1e-14)
