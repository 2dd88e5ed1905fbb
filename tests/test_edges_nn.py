"""`nn.functional` and scatter operators at 0, ties, inf and nan: value, gradient and second gradient are PyTorch's."""
from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

inf, nan = np.inf, np.nan
LINE = np.array([0, 1, 1, nan, 2, -inf, 3, 3, inf, -1, 0.5, 2, 4]).reshape(1, 1, 13)
PLANE = np.concatenate([LINE.ravel(), np.arange(22.0), [nan]]).reshape(1, 1, 6, 6)
SPECIAL = np.array([0, 1, -1, 0.5, 2, inf, -inf, nan, 0, -2])
LEFT, RIGHT = np.repeat(SPECIAL, 10), np.tile(SPECIAL, 10)
FINITE = LEFT[np.isfinite(LEFT) & np.isfinite(RIGHT)], RIGHT[np.isfinite(LEFT) & np.isfinite(RIGHT)]
SIGNS = np.where(np.arange(100) % 3 == 0, -1.0, 1.0)
ROWS = np.array([[0, -1, 0.5], [-2, -3, -1], [-1, -1, -4], [-3, -2, -1]])
BAGS = np.array([0, 1, 4, 3, 3, 2, 0])
TABLE = np.array([[1, 2], [3, 0], [nan, 1], [inf, nan], [-inf, -1.0]])
CASES: list = []


def case(name: str, body: Callable, *arrays: Any, orders: int = 2, fixed: tuple[int, ...] = ()) -> None:
    """`orders`: 0 compares the value, 1 the gradient, too, 2 also the second one; `fixed`: which arrays need none."""
    CASES.append(pytest.param(body, [np.asarray(a) for a in arrays], orders, fixed, id=name))


def functional(name: str, *arrays: Any, orders: int = 2, fixed: tuple[int, ...] = (), label: str = "", **options: Any) -> None:
    case(f"{name} {label}{options}", lambda T, *x: getattr(T.nn.functional, name)(*x, **options), *arrays, orders=orders, fixed=fixed)


# ---- only what looks at an element changes with it

functional("adaptive_avg_pool1d", LINE, output_size=13)
functional("interpolate", LINE, size=13, mode="area")
for mode in ("linear", "bilinear", "bicubic"):               # finite: where sizes are uneven, zeros of a matrix meet infinities
    for antialias in (False, True)[:1 + (mode != "linear")]:
        shape, size = ((2, 3, 8), 5) if mode == "linear" else ((2, 3, 6, 7), (4, 9))
        functional("interpolate", np.sin(np.arange(math.prod(shape))).reshape(shape), size=size, mode=mode, antialias=antialias)
functional("interpolate", np.arange(8.0).reshape(1, 1, 8), scale_factor=1.05, mode="linear")
functional("max_unpool1d", np.array([[[inf, 2, nan]]]), np.array([[[0, 3, 4]]]), kernel_size=2)
functional("nll_loss", ROWS, np.array([0, 1, 2, 1]), np.array([2, 1, nan]), fixed=(1, 2), reduction="none")
functional("cross_entropy", ROWS, np.array([0, 1, 0, 1]), np.array([2, inf, nan]), fixed=(1, 2), reduction="none")
functional("cross_entropy", ROWS, np.array([0, 1, 0, 1]), np.array([2, inf, nan]), fixed=(1, 2), ignore_index=1)
case("gradient", lambda T, x: T.gradient(x)[0], SPECIAL)

# ---- ties and zeros that are scattered

PLACES = np.array([[0, 1, 1, 0], [0, 0, 2, 2]])
HELD = {"ties": np.array([[1.0, 0, 2, 3], [0, 1, 2, 0], [1, 1, 1, 1]]), "nan": np.array([[1.0, nan, 2, inf], [0, 1, -inf, 0], [1, 1, nan, 1]])}
SOURCE = {"ties": np.array([[1.0, 1, 2, 3], [1, 0, 1, 1]]), "nan": np.array([[nan, 1, 2, inf], [1, 0, nan, 1]])}
for fill in ("ties", "nan"):
    for reduce in ("amax", "amin"):
        for include in (False, True):
            case(f"scatter_reduce {fill} {reduce} {include}", lambda T, x, i, s, r=reduce, n=include: T.scatter_reduce(x, 0, i, s, r, include_self=n),
                 HELD[fill], PLACES, SOURCE[fill], fixed=(1,))
            case(f"index_reduce {fill} {reduce} {include}", lambda T, x, i, s, r=reduce, n=include: T.index_reduce(x, 0, i, s, r, include_self=n),
                 HELD[fill], np.array([1, 1]), SOURCE[fill], fixed=(1,))
for zeros in (0, 1, 2):
    case(f"index_reduce prod {zeros}", lambda T, x, i, s: T.index_reduce(x, 0, i, s, "prod"), [3.0 * (zeros < 2), 2],
         np.array([0, 0]), [0.0 * zeros + (zeros == 0), 5], fixed=(1,))

# ---- losses

for name, options in (("l1_loss", {}), ("smooth_l1_loss", {"beta": 0.5}), ("smooth_l1_loss", {"beta": 0.0}), ("huber_loss", {}), ("huber_loss", {"delta": 0.5}),
                      ("mse_loss", {}), ("hinge_embedding_loss", {}), ("kl_div", {}), ("poisson_nll_loss", {"full": True}),
                      ("poisson_nll_loss", {"full": True, "log_input": False})):
    functional(name, LEFT, RIGHT, reduction="none", **options)
    functional(name, *FINITE, reduction="sum", label="finite ", **options)
functional("margin_ranking_loss", LEFT, RIGHT, SIGNS, reduction="none")
functional("gaussian_nll_loss", SPECIAL, np.roll(SPECIAL, 1), np.array([0, 0, 1e-8, 1, inf, nan, 0, 1, 2, inf]), reduction="none")
functional("triplet_margin_loss", ROWS, np.where(ROWS < -2, inf, ROWS), np.where(ROWS == 0, nan, ROWS), p=3.0, reduction="none")

# ---- the rest

for mode in ("sum", "mean", "max"):
    functional("embedding_bag", BAGS, TABLE, np.array([0, 2, 2, 4, 7]), mode=mode, fixed=(0, 2))
case("embedding_bag padding", lambda T, i, t, w: T.nn.functional.embedding_bag(i, t, T.tensor([0, 2, 2, 4]), mode="sum", per_sample_weights=w, padding_idx=2),
     BAGS, TABLE, np.arange(7.0), orders=1)
functional("lp_pool1d", LINE, norm_type=inf, kernel_size=2)
functional("pdist", np.array([[0, nan], [0, 1], [2, 1.0]]), p=0.0, orders=0)
case("cdist", lambda T, x, y: T.cdist(x, y, 0.0), np.array([[0, nan], [0, 1]]), np.array([[0, 1.0]]), orders=0)
case("fractional_max_pool2d", lambda T, x, s: T.nn.functional.fractional_max_pool2d(x, 3, (2, 2), _random_samples=s), PLANE, np.array([[[0.3, 0.6]]]),
     fixed=(1,), orders=1)
functional("fractional_max_pool3d", np.zeros((0, 1, 4, 5, 4)), kernel_size=2, output_size=2, orders=0)


def given(T: types.ModuleType, arrays: list, fixed: tuple[int, ...]) -> list:
    return [T.tensor(a, requires_grad=a.dtype.kind == "f" and k not in fixed) for k, a in enumerate(arrays)]


def weights(T: types.ModuleType, shape: tuple[int, ...]) -> Any:
    return T.tensor(np.cos(np.arange(int(np.prod(shape))) * 1.3).reshape(tuple(shape)) + 0.1)


def answers(T: types.ModuleType, body: Callable, arrays: list, orders: int, fixed: tuple[int, ...]) -> list:
    """The values, the gradients and the second gradients."""
    tensors = given(T, arrays, fixed)
    found = body(T, *tensors)
    wanted = [x for x in tensors if x.requires_grad]
    level = [o for o in (found if isinstance(found, tuple) else (found,)) if o.dtype.is_floating_point]
    all_found = [level]
    for _ in range(orders):
        roots = [o for o in level if o.requires_grad]
        if not roots:
            break
        level = T.autograd.grad(roots, wanted, [weights(T, o.shape) for o in roots], create_graph=True, allow_unused=True)
        level = [T.zeros_like(x) if g is None else g * 1.0 for g, x in zip(level, wanted, strict=True)]
        all_found.append(level)
    return [[x.detach().numpy(force=True) for x in level] for level in all_found]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("body, arrays, orders, fixed", CASES)
def test_edges(body: Callable, arrays: list, orders: int, fixed: tuple[int, ...]) -> None:
    ours, theirs = answers(jtorch, body, arrays, orders, fixed), answers(torch, body, arrays, orders, fixed)
    for found, expected in zip(ours, theirs, strict=False):                # where PyTorch knows that a derivative is 0, it has no more levels
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_errors() -> None:
    """A negative variance beside a nan, and a range that bins cannot divide."""
    for T in (torch, jtorch):
        with pytest.raises(ValueError, match="var has negative entry/entries"):
            T.nn.functional.gaussian_nll_loss(T.zeros(2), T.zeros(2), T.tensor([nan, -1.0]))
        with pytest.raises(RuntimeError, match=r"torch.histogramdd: dimension 0's range \[nan, nan\] is not finite"):
            T.histogram(T.tensor([1.0, nan]), 3)
        with pytest.raises(RuntimeError, match=r"torch.histogramdd: dimension 0's range \[nan, nan\] is not finite"):
            T.histogramdd(T.tensor([[1.0], [nan]]), [3])


@pytest.mark.parametrize("mode, antialias, corners", [("bilinear", True, False), ("bilinear", True, True), ("bilinear", False, False), ("bilinear", False, True),
                                                      ("bicubic", True, False), ("bicubic", False, False), ("bicubic", False, True), ("lanczos", True, None)])
@pytest.mark.parametrize("shape, size", [((1, 3, 48, 64), (32, 32)), ((1, 3, 33, 47), (17, 90)), ((2, 1, 20, 20), (7, 9)), ((1, 2, 31, 16), (31, 20)), ((1, 5, 31, 16), (9, 16)),
                                         ((1, 3, 3, 5), (20, 1)), ((1, 3, 120, 200), (11, 13))])
def test_images_of_bytes_to_the_bit(shape: tuple, size: tuple, mode: str, antialias: bool, corners: bool | None) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for format in ("contiguous_format", "channels_last"):
        ours, theirs = (m.nn.functional.interpolate(m.tensor(image).to(memory_format=getattr(m, format)), size, mode=mode, antialias=antialias, align_corners=corners)
                        for m in (jtorch, torch))
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
