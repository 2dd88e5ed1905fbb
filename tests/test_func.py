"""`torch.func`, `torch.vmap` and `autograd.forward_ad` against PyTorch: one body runs with both, and values, structure and errors must be the same."""
from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs

import jtorch as ours
from jtorch import debug
from jtorch.func.tree import flatten

import test_host
import test_ops
from cases_func import BODIES
from cases_func_errors import ERRORS


def plain(x: Any) -> Any:
    """A result as something that both frameworks' results compare as: arrays in the same containers."""
    if isinstance(x, theirs.Tensor | ours.Tensor):
        return ("tensor", str(x.dtype), x.requires_grad, np.asarray(x.detach().resolve_conj().numpy() if isinstance(x, theirs.Tensor) else x.detach().numpy()))
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, tuple | list):
        return (type(x).__name__, [plain(v) for v in x])
    return x


def same(expected: Any, found: Any) -> None:
    """Compare two results of `plain`."""
    assert type(expected) is type(found)
    if isinstance(expected, np.ndarray):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)    # float32, in another order of operations
    elif isinstance(expected, dict):
        assert list(expected) == list(found)
        for key in expected:
            same(expected[key], found[key])
    elif isinstance(expected, tuple | list):
        assert len(expected) == len(found)
        for a, b in zip(expected, found, strict=True):
            same(a, b)
    else:
        assert expected == found


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_results(body: Callable) -> None:
    theirs.manual_seed(0)
    expected = plain(body(theirs))
    ours.manual_seed(0)
    same(expected, plain(body(ours)))


@pytest.mark.parametrize("body", ERRORS, ids=lambda body: body.__name__)
def test_errors(body: Callable) -> None:
    with pytest.raises(Exception) as expected:               # whatever PyTorch raises
        body(theirs)
    with pytest.raises(type(expected.value)) as found:
        body(ours)
    assert str(found.value).replace("jtorch._core.tensor.", "torch.") == str(expected.value)


def test_repeated_step_compiles_nothing() -> None:
    net = ours.nn.Sequential(ours.nn.Linear(3, 8), ours.nn.Tanh(), ours.nn.Linear(8, 1))
    parameters = {k: v.detach() for k, v in net.named_parameters()}

    def loss(parameters: dict, x: ours.Tensor, y: ours.Tensor) -> ours.Tensor:
        return (ours.func.functional_call(net, parameters, (x,)) - y).square().sum()

    def step(k: int) -> float:
        x, y = ours.randn(4, 3), ours.randn(4, 1)
        per_sample = ours.vmap(ours.func.grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
        for name, g in per_sample.items():
            parameters[name] = parameters[name] - 0.01 * g.mean(0)
        return float(loss(parameters, x, y))

    for k in range(6):
        step(k)
    counters = debug.counters()
    counters.reset()
    for k in range(5):
        step(k)
    assert counters.compiles == counters.misses == 0
    assert counters.launches == 5


def test_training_through_vmap_compiles_nothing() -> None:
    """A step with the user's own `backward` through `vmap`: the level's number must be the same each time."""
    w = ours.randn(3, requires_grad=True)
    optimizer = ours.optim.SGD([w], 0.01)

    def step() -> None:
        optimizer.zero_grad()
        loss = ours.vmap(lambda x: (x * w).sum().sin())(ours.randn(4, 3)).sum()
        loss.backward()
        optimizer.step()

    for _ in range(6):
        step()
    counters = debug.counters()
    counters.reset()
    for _ in range(5):
        step()
    assert counters.misses == counters.compiles == 0


@pytest.mark.parametrize("name", [n for n in dir(theirs.func) if not n.startswith("_")])
def test_names(name: str) -> None:
    assert callable(getattr(ours.func, name))


def test_forward_ad_names() -> None:
    module = importlib.import_module("jtorch.autograd.forward_ad")
    assert set(module.__all__) == {"UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"}


# Operators, by the tables of test_ops

def tensors_of(call: Any) -> tuple[Callable, list, Any]:
    """The function of a call of the tables, and its arguments as leaves, with their structure."""
    args, kwargs = test_ops.OURS.arguments(call)
    found, spec = flatten((list(args), kwargs))
    return test_ops.OURS.function(call.name), [x.detach() if isinstance(x, ours.Tensor) else x for x in found], spec


def function_of(function: Callable, full: list, spec: Any, places: list[int], smooth: bool) -> Callable:
    """The call as a function of the tensors at these places; of its results, those that are tensors (and floating point)."""
    def of(*tensors: ours.Tensor) -> list:
        args, kwargs = spec.unflatten([tensors[places.index(k)] if k in places else x for k, x in enumerate(full)])
        found = [x for x in flatten(function(*args, **kwargs))[0] if isinstance(x, ours.Tensor)]
        return [x for x in found if x.is_floating_point()] if smooth else found
    return of


def first_call(name: str) -> Any:
    return next(call for call in test_ops.cases_ops.CALLS if call.name == name)


DYNAMIC = {"bincount", "masked_select", "nonzero", "unique", "allclose", "arange", "linspace"}    # nothing to batch, or shapes that depend on values
NAMES = sorted({call.name for call in test_host.CALLS} - DYNAMIC)


@pytest.mark.parametrize("name", NAMES)
def test_vmap_is_a_loop(name: str) -> None:
    function, full, spec = tensors_of(first_call(name))
    places = [k for k, x in enumerate(full) if isinstance(x, ours.Tensor)]
    f = function_of(function, full, spec, places, False)
    batches = [ours.stack([full[k], full[k] * 0.9 if full[k].is_floating_point() else full[k]]) for k in places]
    loop = [f(*[b[n] for b in batches]) for n in range(2)]
    for k, batched in enumerate(ours.vmap(f)(*batches)):
        np.testing.assert_allclose(batched.numpy(), np.stack([one[k].numpy() for one in loop]), rtol=2e-3, atol=1e-4)   # other algorithms for batches


@pytest.mark.parametrize("name", NAMES)
def test_jvp_is_the_transpose_of_vjp(name: str) -> None:
    function, full, spec = tensors_of(first_call(name))
    places = [k for k, x in enumerate(full) if isinstance(x, ours.Tensor) and x.is_floating_point()]
    xs = tuple([full[k] for k in places])
    f = function_of(function, full, spec, places, True)
    if not xs or not f(*xs):
        return                                               # nothing to differentiate
    ours.manual_seed(0)
    out, pull = ours.func.vjp(f, *xs)
    us, vs = [ours.randn_like(o) for o in out], tuple([ours.randn_like(x) for x in xs])
    along = ours.func.jvp(f, xs, vs)[1]
    ahead, back = (sum(float((a * b).double().sum()) for a, b in zip(p, q, strict=True)) for p, q in ((us, along), (vs, pull(us))))
    assert ahead == pytest.approx(back, rel=2e-3, abs=2e-3)
