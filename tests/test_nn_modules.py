"""nn modules against PyTorch: text, state, initial values, results, gradients, errors. Each row is code that both run."""
from __future__ import annotations

import copy
import gc
import pickle
import warnings
import weakref
from collections import OrderedDict
from typing import Any

import jtorch
import numpy as np
import pytest
import torch
from cases_modules import INIT, LAYERS, LOSSES, MODELS, PROGRAMS

FRAMEWORKS = torch, jtorch


def names(framework: Any) -> dict[str, Any]:
    """What the rows' code can use."""
    made = {"torch": framework, "nn": framework.nn, "init": framework.nn.init, "F": framework.nn.functional, "rnn": framework.nn.utils.rnn,
            "OrderedDict": OrderedDict, "copy": copy, "pickle": pickle}
    exec(MODELS, made)
    return made


def plain(value: Any) -> Any:
    """A result as NumPy arrays and text, so that those of both frameworks compare."""
    if isinstance(value, FRAMEWORKS[0].Tensor | FRAMEWORKS[1].Tensor):
        array = None if value.is_meta else value.detach().cpu().numpy()
        return str(value.dtype).split(".")[-1], tuple(value.shape), value.requires_grad, array
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (int, float, str, bool, type(None))):
        return value.replace("jtorch.", "torch.") if isinstance(value, str) else value
    return repr(value).replace("jtorch.", "torch.")


def assert_same(want: Any, got: Any, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Equal structure and text, arrays equal within the tolerance."""
    assert type(want) is type(got), (want, got)
    if isinstance(want, (list, tuple)):
        assert len(want) == len(got), (want, got)
        for w, g in zip(want, got):
            assert_same(w, g, rtol, atol)
    elif isinstance(want, dict):
        assert list(want) == list(got)
        for key in want:
            assert_same(want[key], got[key], rtol, atol)
    elif isinstance(want, np.ndarray):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)
    else:
        assert want == got


def both(code: str) -> tuple[Any, Any]:
    """What the code does in PyTorch and in jtorch: its value, or its error, and its warnings."""
    outcomes = []
    for framework in FRAMEWORKS:
        space = names(framework)
        framework.manual_seed(7)
        *lines, last = code.split("; ")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                for line in lines:
                    exec(line, space)
                outcome = plain(eval(last, space))
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}".replace("jtorch.", "torch.")
        said = [f"{w.category.__name__}: {w.message}".replace("jtorch.", "torch.") for w in caught]
        outcomes.append([outcome, said])
    return tuple(outcomes)


def build(framework: Any, code: str) -> tuple[Any, dict[str, Any]]:
    space = names(framework)
    framework.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(code, space), space


@pytest.mark.parametrize("code", [code for code, _ in LAYERS] + [code for code, _, _ in LOSSES])
def test_text_state_and_initial_values(code: str) -> None:
    (want, _), (got, _) = build(torch, code), build(jtorch, code)
    assert repr(got) == repr(want)
    assert_same(plain([(n, p) for n, p in want.named_parameters() if not torch.nn.parameter.is_lazy(p)]),
                plain([(n, p) for n, p in got.named_parameters() if not jtorch.nn.parameter.is_lazy(p)]))
    assert list(got.state_dict()) == list(want.state_dict())
    assert got.state_dict()._metadata == want.state_dict()._metadata
    for w, g in zip(want.modules(), got.modules()):
        assert list(g._parameters) == list(w._parameters) and list(g._buffers) == list(w._buffers) and list(g._modules) == list(w._modules)
        mine = {k: repr(v).replace("jtorch.", "torch.") for k, v in g.__getstate__().items() if k[0] != "_"}
        theirs = {k: repr(v) for k, v in w.__getstate__().items() if k[0] != "_"}
        functions = {k for k, v in theirs.items() if "function" in v or "method" in v}
        assert {k: v for k, v in mine.items() if k not in functions} == {k: v for k, v in theirs.items() if k not in functions}


def run(framework: Any, code: str, inputs: str, targets: str, train: bool) -> list[Any]:
    """Results, gradients and state after a step."""
    model, space = build(framework, code)
    if not train:
        model.eval()
    framework.manual_seed(5)
    args = eval(f"({inputs},)", space)
    leaves = [a.requires_grad_() for a in args if isinstance(a, framework.Tensor) and a.is_floating_point() and "inplace" not in code]
    args += eval(f"({targets})", space)
    framework.manual_seed(11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = model(*args)
    flat = list(flatten(framework, result))
    if any(t.requires_grad for t in flat):
        sum((t * t).sum() for t in flat if t.requires_grad).backward()
    return plain([flat, [a.grad for a in leaves], {n: p.grad for n, p in model.named_parameters()}, dict(model.named_buffers()),
                  type(model).__name__])


def flatten(framework: Any, value: Any) -> Any:
    if isinstance(value, framework.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from flatten(framework, v)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("code, inputs, targets", [(c, i, "") for c, i in LAYERS if i] + [(c, i, f"{t},") for c, i, t in LOSSES])
def test_results_gradients_and_buffers(code: str, inputs: str, targets: str, train: bool) -> None:
    want, got = run(torch, code, inputs, targets, train), run(jtorch, code, inputs, targets, train)
    many = "Norm3d" in code                                  # gradients of biases: 250 terms that cancel, of which each is rounded by 1e-7
    assert_same(want, got, rtol=2e-5, atol=3e-5 if many else 5e-6)   # float32 sums in another order


@pytest.mark.parametrize("code", INIT)
def test_initialisers(code: str) -> None:
    want, got = both("t = torch.empty(5, 7); " + code)
    assert_same(want, got)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (4, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    want, got = both(f"init.orthogonal_(torch.empty({shape}), 2.)")
    assert_same(want, got, atol=2e-6)                        # a QR factorisation of another library


@pytest.mark.parametrize("code", PROGRAMS, ids=str)
def test_program(code: str) -> None:
    want, got = both(code)
    assert_same(want, got, rtol=1e-6, atol=1e-6)             # float32 sums in another order


@pytest.mark.parametrize("arguments", [{"padding": "foo"}, {"padding_mode": "foo"}])
def test_choices_of_convolutions(arguments: dict[str, str]) -> None:
    for framework in FRAMEWORKS:
        with pytest.raises(ValueError, match="one of"):      # PyTorch prints the choices, a set, in any order
            framework.nn.Conv2d(4, 3, 3, **arguments)


def test_padding_in_inference() -> None:
    """A padded position comes out of an encoder as zeros in inference, and only there."""
    for mask in ([[False, False, True], [False, False, False]], [[True, False, False], [False, False, False]]):
        for grad in (True, False):
            results = []
            for framework in FRAMEWORKS:
                framework.manual_seed(0)
                nn = framework.nn
                model = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, nn.LayerNorm(4)).eval()
                x = framework.randn(2, 3, 4)
                with framework.set_grad_enabled(grad):
                    results.append(plain(model(x, src_key_padding_mask=framework.tensor(mask)).detach()))
            assert_same(*results, rtol=1e-5, atol=1e-5)      # PyTorch runs its fused inference kernel here


def test_modules_are_freed_at_once() -> None:
    """No reference cycle keeps a module that nobody holds."""
    gc.disable()
    try:
        model = jtorch.nn.Sequential(jtorch.nn.Linear(1, 1), jtorch.nn.BatchNorm1d(1))
        gone = weakref.ref(model[0])
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_parameters_are_plain_attributes() -> None:
    """What makes `module.weight` quick: Python finds it in the instance."""
    model = jtorch.nn.Linear(1, 1)
    assert model.__dict__["weight"] is model._parameters["weight"]
    assert "weight" not in model.__getstate__()


def test_every_public_name_exists() -> None:
    missing = set(torch.nn.modules.__all__) - set(dir(jtorch.nn))
    assert not missing
