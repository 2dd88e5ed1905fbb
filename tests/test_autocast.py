"""`torch.autocast` against PyTorch's: types, values, gradients, warnings and errors; a training loop with a scaler."""
from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from jtorch import debug
from jtorch._core import autocast as rules
from jtorch._core.device import device as jdevice
from jtorch._core.graph import aval, mode
from jtorch._core.op import REGISTRY

TOLERANCE = {"bfloat16": 4e-2, "float16": 4e-3}              # a few units in the last place: XLA may keep more digits between operations than PyTorch
CASES: dict[str, tuple[Callable, tuple]] = {}
ALIKE = {"addr"}                                             # cases whose operands have one type: mixed, jtorch raises with and without autocast


def case(function: Callable, *shapes: tuple[int, ...], mixed: bool = True) -> None:
    """Add a call of a function of a framework and tensors of such shapes."""
    if not mixed:
        ALIKE.add(f"{len(CASES)}")
    CASES[f"{len(CASES)}"] = function, shapes


def cases(names: str, *shapes: tuple[int, ...], **options: Any) -> None:
    """Add a call of each of these public functions."""
    for name in names.split():
        CASES[name] = (lambda t, *x, name=name: functools.reduce(getattr, name.split("."), t)(*x, **options)), shapes


M, V = (3, 3), (3,)
FN = "nn.functional."
cases("addbmm", M, (2, 3, 3), (2, 3, 3))
cases("addmm", M, M, M)
cases("baddbmm bmm", (2, 3, 3), (2, 3, 3), (2, 3, 3))
CASES["bmm"] = CASES["bmm"][0], ((2, 3, 3), (2, 3, 3))
cases("mm matmul inner kron dist cdist nn.functional.linear", M, M)
cases("mv linalg.vecdot", M, V)
cases("dot vdot outer", V, V)
cases("addmv", V, M, V)
cases("addr", M, V, V)
case(lambda t, a, b: t.inner(a, b), V, V)
case(lambda t, a, b: t.inner(a, b), M, (), mixed=False)
case(lambda t, a, b: a @ b, (2, 3, 3), V)
case(lambda t, a, b: t.tensordot(a, b, 1), M, M)
for spec in ("ij,jk->ik", "ij,ij->ij", "ij,ij->i", "ij,jk", "ij,kl->ijkl", "bij,bjk->bik"):
    shape = (2, 3, 3) if "b" in spec else M
    case(lambda t, a, b, spec=spec: t.einsum(spec, a, b), shape, shape, mixed=spec not in ("ij,ij->ij", "ij,kl->ijkl"))
case(lambda t, a: t.einsum("ij->ji", a), M)
case(lambda t, a, b, c: t.einsum("ij,jk,kl->il", a, b, c), M, M, M)
case(lambda t, a, b: t.chain_matmul(a, b), M, M)
case(lambda t, a, b: t.linalg.multi_dot([a, b]), M, M)
case(lambda t, a: t.matrix_power(a, 3), M)
case(lambda t, a: t.matrix_power(a, 1), M)
cases("cov", M)
cases("nn.functional.conv1d nn.functional.conv_transpose1d", (2, 1, 6), (1, 1, 3))
cases("nn.functional.conv2d nn.functional.conv_transpose2d", (2, 1, 5, 5), (1, 1, 3, 3))
cases("nn.functional.conv3d nn.functional.conv_transpose3d", (1, 1, 3, 3, 3), (1, 1, 2, 2, 2))
cases("conv_tbc", (4, 2, 3), (2, 3, 3), V)
cases("nn.functional.prelu", M, V)
cases("nn.functional.scaled_dot_product_attention", (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4))
cases("nn.functional.bilinear", M, M, (2, 3, 3))
for joined in ("cat", "stack", "hstack"):
    case(lambda t, a, b, joined=joined: getattr(t, joined)([a, b]), V, V)
case(lambda t, a, b: t.index_copy(a, 0, t.tensor([1]), b), V, (1,))
cases("add mul div maximum atan2 hypot where", V, V)
CASES["where"] = (lambda t, a, b: t.where(a > 0, a, b)), (V, V)
cases("addcmul addcdiv", V, V, V)
cases("exp sin tanh sigmoid expm1 cosh erf reciprocal sum mean prod std square logsumexp softmax log_softmax cumsum cumprod", M)
for reduced in ("logsumexp", "softmax", "log_softmax", "cumsum", "cumprod", "prod", "sum"):
    CASES[reduced + " dim"] = (lambda t, a, reduced=reduced: getattr(t, reduced)(a, 1)), (M,)
    if reduced not in ("prod", "sum"):
        del CASES[reduced]
case(lambda t, a: t.nn.functional.softmax(a, 1, dtype=t.float32), M)
case(lambda t, a: t.prod(a, 0, dtype=t.bfloat16), M)
case(lambda t, a: a**2 + 1 / a.abs().clamp(0.5), M)
cases("nn.functional.gelu nn.functional.silu nn.functional.relu nn.functional.softplus nn.functional.elu nn.functional.logsigmoid", M)
cases("norm linalg.vector_norm linalg.matrix_norm trace nn.functional.normalize", M)
cases("nn.functional.layer_norm", M, **{"normalized_shape": (3,)})
cases("nn.functional.group_norm", (2, 4), num_groups=2)
cases("nn.functional.rms_norm", M, normalized_shape=(3,))
cases("nn.functional.cosine_similarity nn.functional.pairwise_distance", M, M)
cases(" ".join(FN + n for n in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "binary_cross_entropy_with_logits", "poisson_nll_loss",
                                "hinge_embedding_loss", "soft_margin_loss", "cross_entropy")), M, M)
cases(" ".join(FN + n for n in ("triplet_margin_loss", "margin_ranking_loss")), M, M, M)
cases(FN + "cosine_embedding_loss", M, M, V)
case(lambda t, a, b: t.nn.functional.binary_cross_entropy(a.sigmoid(), b.sigmoid()), M, M)
case(lambda t, a: t.nn.functional.cross_entropy(a, t.tensor([0, 2, 1])), M)
case(lambda t, a: t.nn.functional.nll_loss(a, t.tensor([0, 2, 1])), M)
case(lambda t, a: t.nn.functional.multi_margin_loss(a, t.tensor([0, 2, 1])), M)
case(lambda t, a: t.nn.functional.ctc_loss(a, t.tensor([[1]]), t.tensor([3]), t.tensor([1])), (3, 1, 3))
for pooling in ("avg_pool", "max_pool"):
    for n in (1, 2, 3):
        case(lambda t, a, f=f"{pooling}{n}d": getattr(t.nn.functional, f)(a, 2), (1, 1, *(4,) * n))
for n in (2, 3):
    case(lambda t, a, f=f"adaptive_avg_pool{n}d": getattr(t.nn.functional, f)(a, 2), (1, 1, *(4,) * n))
    case(lambda t, a, f=f"adaptive_max_pool{n}d": getattr(t.nn.functional, f)(a, 2), (1, 1, *(4,) * n))
for padding in ("constant", "reflect", "replicate", "circular"):
    for n in (1, 2, 3):
        case(lambda t, a, n=n, padding=padding: t.nn.functional.pad(a, (1,) * 2 * n, mode=padding), (1, 1, *(3,) * n))
case(lambda t, a, b: t.nn.functional.grid_sample(a, b, align_corners=False), (1, 1, 4, 4), (1, 2, 2, 2))
for resizing in ("nearest", "bilinear", "area", "bicubic"):
    case(lambda t, a, resizing=resizing: t.nn.functional.interpolate(a, scale_factor=2, mode=resizing), (1, 1, 2, 2))
case(lambda t, a: t.quantile(a, 0.5), V)
case(lambda t, a: t.linalg.inv(a + 4 * t.eye(3)), M)
case(lambda t, a: t.linalg.solve(a + 4 * t.eye(3), a), M)
case(lambda t, a: t.linalg.cholesky(a @ a.T + 4 * t.eye(3)), M)
case(lambda t, a: t.linalg.svdvals(a), M)
case(lambda t, a: t.fft.rfft(a).abs(), (4,))
case(lambda t, a, w: t.lstm_cell(a, (a, a), w, w)[1], M, (12, 3))
case(lambda t, a, w: t.gru_cell(a, a, w, w), M, (9, 3))
case(lambda t, a, w: t.rnn_tanh_cell(a, a, w, w), M, M)
MIXES = "ff", "hh", "fh"                               # which operands have the lower type, f: float32


def run(t: ModuleType, name: str, mix: str, low: str) -> tuple[Any, list[Any]] | str:
    """The result of a case under autocast, and its operands; or the class of the error."""
    function, shapes = CASES[name]
    rng = np.random.default_rng(len(name))
    kinds = [{"f": t.float32, "h": getattr(t, low)}[(mix + mix[-1] * 9)[k]] for k in range(len(shapes))]
    operands = [t.tensor(rng.standard_normal(s).astype("float32")).to(kind).requires_grad_() for s, kind in zip(shapes, kinds, strict=True)]
    try:
        with t.autocast("cpu", dtype=getattr(t, low)):
            return function(t, *operands), operands
    except (RuntimeError, TypeError, NotImplementedError, ValueError) as error:
        return type(error).__name__


def close(ours: Any, theirs: Any, tolerance: float, what: str) -> None:
    assert str(ours.dtype) == str(theirs.dtype), what
    a, b = [x.detach().to(m.complex64 if x.is_complex() else m.float32).numpy() for x, m in ((ours, jtorch), (theirs, torch))]
    np.testing.assert_allclose(a, b, tolerance, tolerance * max(1, float(np.abs(b).max(initial=0))), err_msg=what)


NAMES = list(CASES)
TOGETHER = 16                                                # calls whose programs are compiled as one


@pytest.mark.parametrize(("first", "low"), [(k, low) for low in TOLERANCE for k in range(0, len(NAMES), TOGETHER if low == "bfloat16" else 6 * TOGETHER)])
def test_operations(first: int, low: str) -> None:
    """Types and values of results and gradients, for operands of all mixtures of float32 and the lower type."""
    pairs, losses = [], {jtorch: 0.0, torch: 0.0}
    for name in NAMES[first:first + TOGETHER]:
        for mix in MIXES if len(CASES[name][1]) > 1 and name not in ALIKE else MIXES[:2]:
            theirs = run(torch, name, mix, low)
            if isinstance(theirs, str):
                continue                                     # what PyTorch has no kernel for, jtorch may compute
            ours = run(jtorch, name, mix, low)
            assert not isinstance(ours, str), f"{name} {mix}: {ours}"
            pairs.append((f"{name} {mix}", ours, theirs))
            for module, (result, _) in ((jtorch, ours), (torch, theirs)):
                if result.requires_grad:
                    losses[module] = losses[module] + (result.float() * 0.5).sum()
    for loss in losses.values():
        if not isinstance(loss, float):
            loss.backward()
    for what, (ours, a), (theirs, b) in pairs:
        close(ours, theirs, TOLERANCE[low], what)
        for x, y in zip(a, b, strict=True):
            if x.grad is None or y.grad is None:             # None is as good as zeros
                assert not any(g.count_nonzero() for g in (x.grad, y.grad) if g is not None), what
            else:
                close(x.grad, y.grad, 2 * TOLERANCE[low], f"gradient of {what}")


class Net:
    """Networks of both frameworks with the same parameters, and what they are given."""

    def __init__(self, make: Callable[[ModuleType], Any], *shapes: tuple[int, ...]) -> None:
        self.nets = {}
        for t in (torch, jtorch):
            t.manual_seed(0)
            self.nets[t] = make(t)
        self.inputs = [np.random.default_rng(1).standard_normal(s).astype("float32") for s in shapes]


def residual(t: ModuleType) -> Any:
    class Residual(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.norm = t.nn.Linear(6, 6), t.nn.LayerNorm(6)

        def forward(self, x):
            return self.norm(x + t.nn.functional.gelu(self.inner(x)))
    return t.nn.Sequential(Residual(), t.nn.Linear(6, 6), t.nn.BatchNorm1d(6), t.nn.ReLU(), t.nn.GroupNorm(2, 6), t.nn.Linear(6, 3))


def convolutional(t: ModuleType) -> Any:
    return t.nn.Sequential(t.nn.Conv2d(1, 4, 3), t.nn.BatchNorm2d(4), t.nn.ReLU(), t.nn.MaxPool2d(2), t.nn.InstanceNorm2d(4, affine=True), t.nn.Flatten(),
                           t.nn.Linear(36, 3))


def attention(t: ModuleType) -> Any:
    return t.nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)


NETS = {"residual": Net(residual, (5, 6)), "convolutional": Net(convolutional, (2, 1, 8, 8)), "attention": Net(attention, (2, 4, 6)),
        "lstm": Net(lambda t: t.nn.LSTM(3, 4), (5, 2, 3)), "lstm projected": Net(lambda t: t.nn.LSTM(3, 4, proj_size=2), (5, 2, 3)),
        "gru": Net(lambda t: t.nn.GRU(3, 4, num_layers=2), (5, 2, 3)), "rnn": Net(lambda t: t.nn.RNN(3, 4, bidirectional=True), (5, 2, 3)),
        "cells": Net(lambda t: t.nn.LSTMCell(3, 4), (2, 3))}


def leaves(results: Any) -> list[Any]:
    return [leaf for r in results for leaf in leaves(r)] if isinstance(results, (tuple, list)) else [results]


@pytest.mark.parametrize("given", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETS)
def test_modules(name: str, given: str) -> None:
    """Whole networks: all results, and the gradients, which have the parameters' own type."""
    found = {}
    for t, net in NETS[name].nets.items():
        net.zero_grad()
        with t.autocast("cpu"):
            results = leaves(net(*[t.tensor(x).to(getattr(t, given)) for x in NETS[name].inputs]))
        (sum((r.float() ** 2).mean() for r in results)).backward()
        found[t] = results + [p.grad for p in net.parameters()]
    for ours, theirs in zip(found[jtorch], found[torch], strict=True):
        close(ours, theirs, 6e-2, name)                      # bfloat16 has 8 bits, and these networks round several times


def training(t: ModuleType, low: str, steps: int) -> tuple[list[float], Any, Any]:
    """A loop with autocast, scaled losses and clipped gradients: the losses, the scaler, and the step."""
    t.manual_seed(0)
    net = t.nn.Sequential(t.nn.Linear(6, 16), t.nn.ReLU(), t.nn.LayerNorm(16), t.nn.Linear(16, 3))
    opt, scaler, loss_fn = t.optim.SGD(net.parameters(), lr=0.1), t.amp.GradScaler("cpu", init_scale=2.0 ** 17, growth_interval=4), t.nn.CrossEntropyLoss()
    rng = np.random.default_rng(0)
    x, y = t.tensor(rng.standard_normal((32, 6)).astype("float32")), t.tensor(rng.integers(0, 3, 32))

    def step() -> float:
        opt.zero_grad()
        with t.autocast("cpu", dtype=getattr(t, low)):
            out = net(x)
            assert out.dtype == getattr(t, low)
            loss = loss_fn(out, y)
        scaler.scale(loss).backward()
        scaler.unscale_(opt)
        t.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(opt)
        scaler.update()
        return loss.item()
    return [step() for _ in range(steps)], scaler, step


@pytest.mark.parametrize("low", TOLERANCE)
def test_a_training_loop(low: str) -> None:
    """The losses and the scale are PyTorch's: in float16 the first gradients overflow, so that steps are left out."""
    ours, scaler, _ = training(jtorch, low, 12)
    theirs, other, _ = training(torch, low, 12)
    np.testing.assert_allclose(ours, theirs, TOLERANCE[low])
    assert scaler.state_dict() == other.state_dict()


def test_a_training_loop_compiles_nothing() -> None:
    _, _, step = training(jtorch, "bfloat16", 10)
    counters = debug.counters()
    before = counters.compiles, counters.misses
    for _ in range(10):
        step()
    assert (counters.compiles, counters.misses) == before


# The settings

def noted(action: Callable[[], Any]) -> tuple[Any, list[tuple[type, str]]]:
    """What an action returns or raises, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = action()
        except (RuntimeError, TypeError, ValueError, AssertionError) as error:
            result = type(error), str(error)
    return str(result).replace("jtorch._core.device.device", "torch.device"), [(w.category, str(w.message).partition(" (Triggered")[0]) for w in caught]


def fields(context: Any) -> tuple:
    return context.device, context.fast_dtype, context._enabled, context._cache_enabled


SETTINGS: list[Callable[[Any], Any]] = [
    *[lambda t, a=a, k=k: fields(t.autocast(*a, **k)) for a, k in (
        (("cpu",), {}), (("cuda",), {}), (("xla",), {}), (("mps",), {}), (("cpu:0",), {}), (("meta",), {}), (("nothing",), {}), ((3,), {}), ((None,), {}),
        (("privateuseone",), {}), (("cpu",), {"enabled": False}), (("cpu",), {"cache_enabled": False}), (("cuda",), {"enabled": False}))],
    *[lambda t, d=d, k=k, e=e: fields(t.amp.autocast(k, getattr(t, d), e)) for d in ("float16", "float32", "int8") for k in ("cpu", "cuda") for e in (True, False)],
    lambda t: fields(t.cpu.amp.autocast()), lambda t: fields(t.cuda.amp.autocast(False)), lambda t: fields(t.cuda.amp.autocast()),
    lambda t: t.autocast("cpu")(3),
    *[lambda t, n=n, a=a: getattr(t, n)(*a) for n in ("is_autocast_enabled", "get_autocast_dtype") for a in (("cpu",), ("cuda",), ("meta",), ("x",), (3,))],
    lambda t: t.is_autocast_enabled(), lambda t: [t.amp.is_autocast_available(d) for d in ("cpu", "cuda", "meta")], lambda t: t.amp.is_autocast_available(3),
    lambda t: (t.set_autocast_enabled("cpu", True), t.is_autocast_enabled("cpu"), t.is_autocast_enabled(), t.set_autocast_enabled("cpu", False)),
    lambda t: (t.set_autocast_enabled(True), t.is_autocast_enabled(), t.set_autocast_enabled(False), t.is_autocast_enabled()),
    lambda t: t.set_autocast_enabled("cpu", 1), lambda t: t.set_autocast_enabled(),
    lambda t: (t.set_autocast_dtype("cpu", t.float16), t.get_autocast_dtype("cpu"), fields(t.autocast("cpu")), t.set_autocast_dtype("cpu", t.bfloat16)),
    lambda t: t.set_autocast_dtype("cpu", 3),
    lambda t: (t.set_autocast_cache_enabled(False), t.is_autocast_cache_enabled(), fields(t.autocast("cpu")), t.set_autocast_cache_enabled(True)),
    lambda t: (t.autocast_increment_nesting(), t.autocast_increment_nesting(), t.autocast_decrement_nesting(), t.autocast_decrement_nesting()),
    lambda t: t.clear_autocast_cache(), lambda t: t.is_autocast_cpu_enabled(), lambda t: t.get_autocast_gpu_dtype(),
    lambda t: t.set_autocast_cpu_dtype(t.bfloat16), lambda t: t.set_autocast_cpu_enabled(False), lambda t: t.get_autocast_xla_dtype(),
    lambda t: t.amp.custom_fwd(3), lambda t: t.amp.custom_fwd(device_type=3), lambda t: t.amp.custom_bwd(device_type=None),
    lambda t: t.cuda.amp.custom_fwd(len).__name__, lambda t: t.cuda.amp.custom_bwd(len).__name__]


@pytest.mark.parametrize("action", SETTINGS)
def test_settings(action: Callable) -> None:
    assert noted(lambda: action(jtorch)) == noted(lambda: action(torch))


def nested(t: ModuleType) -> list:
    """What holds inside several contexts."""
    def now() -> tuple:
        return t.is_autocast_enabled("cpu"), str(t.get_autocast_dtype("cpu")), str((x @ x).dtype), t.is_grad_enabled()
    x, seen = t.ones(2, 2), []
    with t.autocast("cpu", dtype=t.float16) as context:
        seen += [now(), context.fast_dtype == t.float16]
        with t.no_grad(), t.autocast("cpu", enabled=False):
            seen.append(now())
            with t.autocast("cpu"):
                seen.append(now())
        inside = threading.Thread(target=lambda: seen.append(now()))
        inside.start()
        inside.join()
    seen.append(now())
    with t.no_grad():
        t.set_autocast_enabled("cpu", True)
    seen.append(now())
    t.set_autocast_enabled("cpu", False)
    try:
        with t.autocast("cpu"):
            raise KeyError
    except KeyError:
        seen.append(now())

    @t.autocast("cpu")
    def decorated(y: Any) -> Any:
        """What it does."""
        return y @ y
    return [*seen, str(decorated(x).dtype), decorated.__name__, decorated.__doc__, now()]


def test_nesting_threads_and_decorators() -> None:
    assert nested(jtorch) == nested(torch)


def custom(t: ModuleType) -> list:
    """A Function that knows autocast, with and without `cast_inputs`."""
    seen: list = []

    def make(**options: Any) -> Any:
        class Product(t.autograd.Function):
            @staticmethod
            @t.amp.custom_fwd(device_type="cpu", **options)
            def forward(ctx, a, b, more):
                ctx.save_for_backward(a, b)
                seen.append((t.is_autocast_enabled("cpu"), str(a.dtype), str(b.dtype), str(more[0]["x"].dtype), str(more[1].dtype)))
                return a.mm(b.to(a.dtype))

            @staticmethod
            @t.amp.custom_bwd(device_type="cpu")
            def backward(ctx, grad):
                a, b = ctx.saved_tensors
                seen.append((t.is_autocast_enabled("cpu"), str(t.get_autocast_dtype("cpu")), str(grad.dtype)))
                return grad.mm(b.to(grad.dtype).t()), a.to(grad.dtype).t().mm(grad), None
        return Product
    for options in ({}, {"cast_inputs": t.float32}):
        for enabled in (True, False):
            x = t.ones(2, 2, requires_grad=True)
            with t.autocast("cpu", dtype=t.float16, enabled=enabled):
                y = make(**options).apply(x.half(), x.double(), [{"x": x.half()}, t.ones(1).long()]) if enabled else make(**options).apply(x, x, [{"x": x}, x])
            y.float().sum().backward()
            seen.append((str(y.dtype), x.grad.tolist()))
    return seen


def test_custom_functions() -> None:
    assert custom(jtorch) == custom(torch)


@pytest.mark.parametrize("call", [lambda t, a: t.mm(a, a, out=t.empty(3, 3)), lambda t, a: t.zeros(3, 3).addmm_(a, a), lambda t, a: t.mm(a, a),
                                  lambda t, a: a.bfloat16().pow_(2), lambda t, a: t.addmm(*[a.bfloat16()] * 3, out=t.empty(3, 3, dtype=t.bfloat16)),
                                  lambda t, a: t.baddbmm(*[a[None]] * 3, out=t.empty(1, 3, 3)), lambda t, a: a.clone().addmm_(a, a, beta=2, alpha=0.5)])
def test_in_place_and_out(call: Callable) -> None:
    """What is written to has its type already: nothing is converted."""
    found = []
    for t in (jtorch, torch):
        with t.autocast("cpu", dtype=t.bfloat16):
            result = call(t, t.arange(9.0).reshape(3, 3) / 7)
            assert t.is_autocast_enabled("cpu")
        found.append((str(result.dtype), result.float().numpy()))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-2)


def test_unfit_types() -> None:
    """Types that are neither the lower one nor float32."""
    def mixtures(t: ModuleType) -> list:
        ones = t.ones(2, 2)
        with t.autocast("cpu", dtype=t.float16):
            return [noted(f) for f in (lambda: t.cat([ones.bfloat16(), ones]), lambda: t.stack([ones.bfloat16(), ones.half()]),
                                       lambda: t.mm(ones.bfloat16(), ones).dtype, lambda: t.mm(ones.double(), ones.double()).dtype,
                                       lambda: t.mm(ones.long(), ones.long()).dtype, lambda: t.nn.functional.mse_loss(ones.double(), ones).dtype)]
    assert mixtures(jtorch) == mixtures(torch)


# GPUs, without one: PyTorch's answers were taken from tensors without data

CUDA = {"mm ff": "hh", "addmv ffh": "hhh", "exp h": "f", "exp f": "f", "cat fh": None, "softmax h": "f", "layer_norm hff": "fff", "mse_loss hf": "ff", "sum h": "f",
        "dot fh": "ff", "dot hh": "hh", "scatter_add h-f": "f-f", "sigmoid h": None, "relu h": None, "interpolate h": "f", "grid_sample hf": "ff"}


def defaults(op: Any) -> tuple:
    """An operator's attributes where none is given."""
    return tuple(p.default for n, p in op.parameters.items() if op.kinds[n] in ("attribute", "dims", "shape"))


@pytest.mark.parametrize("call", CUDA)
def test_rules_for_gpus(call: str) -> None:
    name, operands = call.split()
    where, types = jdevice("cuda", 0), {"f": jtorch.float32, "h": jtorch.float16}
    op = REGISTRY[name][0]
    attrs = (2, 0) if name == "cat" else defaults(op)
    kinds = [aval((2,), jtorch.int64 if o == "-" else types[o], where) for o in operands]
    kinds += [None] * (sum(k in ("array", "scalar") for k in op.kinds.values()) - len(kinds)) if not op.sequences else []
    casts = rules.converted(op, kinds, attrs, mode(True, False, jtorch.float32, (("cuda", jtorch.float16),)))
    expected = CUDA[call]
    assert casts == (None if expected is None else tuple([None if o == "-" else types[o] for o in expected] + [None] * (len(kinds) - len(operands))))


def test_unsafe_on_gpus() -> None:
    op = REGISTRY["binary_cross_entropy"][0]
    kinds, attrs = [aval((2,), jtorch.float32, jdevice("cuda", 0))] * 2 + [None], defaults(op)
    with pytest.raises(RuntimeError, match="are unsafe to autocast"):
        rules.converted(op, kinds, attrs, mode(True, False, jtorch.float32, (("cuda", jtorch.float16),)))


def test_tables_name_operators() -> None:
    known = {op.name for ops in REGISTRY.values() for op in ops} | {"lstm_apply", "rnn_apply", "multi_head_attention_apply"}
    assert not {name for table in rules.TABLES.values() for name in table} - known
