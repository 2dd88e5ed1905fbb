"""The operator bodies of `torch.nn.functional` against PyTorch: value, type, shape and gradient, and the errors' class and text."""
from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable

import cases_nn
import cases_nn_layers  # noqa: F401  (it adds to the table)
import jax
import numpy as np
import pytest
import torch

from jtorch._core.op import FLOAT, NONE, REGISTRY

NAMES = ("activation", "linear", "distance", "loss", "classify", "ctc", "conv", "pool", "adaptive", "normalize", "embed", "rnn", "attention",
         "pad", "resample")
MODULES = [importlib.import_module(f"jtorch._ops.{name}") for name in NAMES]
TOLERANCE = {"float32": 2e-5, "float64": 1e-11}


def body_of(name: str) -> Callable:
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


def drawn(value: object, type: str, rng: np.random.Generator) -> object:
    if isinstance(value, list):
        return [drawn(item, type, rng) for item in value]
    if not isinstance(value, cases_nn.Sample):
        return value
    array = np.asarray(value.draw(rng))
    return array.astype(type) if value.floating else array


def as_torch(value: object) -> object:
    if isinstance(value, list):
        return [as_torch(item) for item in value]
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def flat(results: object) -> list:
    """The arrays of a nested result, in order."""
    if isinstance(results, (list, tuple)):
        return [leaf for result in results for leaf in flat(result)]
    return [results]


def is_float(array: object) -> bool:
    return np.issubdtype(np.asarray(array).dtype, np.floating)


class Call:
    """One call with its drawn operands, split into those that are differentiated and the rest."""

    def __init__(self, inputs: tuple, options: dict, type: str, fixed: tuple[int, ...] = ()) -> None:
        rng = np.random.default_rng(0)
        self.values = [drawn(value, type, rng) for value in (*inputs, *options.values())]
        self.names = list(options)
        self.leaves = [leaf for value in self.values for leaf in flat(value) if isinstance(leaf, np.ndarray)]
        self.fixed = {id(self.values[n]) for n in fixed}
        self.free = [n for n, leaf in enumerate(self.leaves) if leaf.dtype.kind == "f" and id(leaf) not in self.fixed]

    def apply(self, function: Callable, leaves: list) -> object:
        """Call `function` with `leaves` in the operands' places."""
        left = iter(leaves)

        def put(value: object) -> object:
            if isinstance(value, list):
                return [put(item) for item in value]
            return next(left) if isinstance(value, np.ndarray) else value

        values = [put(value) for value in self.values]
        split = len(values) - len(self.names)
        return function(*values[:split], **dict(zip(self.names, values[split:], strict=True)))

    def ours(self, body: Callable, cotangents: list[np.ndarray]) -> tuple[list, list]:
        """The body's results and the gradients of its operands, as one compiled program, as in use."""
        ops = [op for op in REGISTRY.get(body.__name__, ()) if op.body is body]
        if ops and ops[0].kind != NONE:
            common = np.dtype(str(functools.reduce(torch.promote_types, (torch.from_numpy(leaf).dtype for leaf in self.leaves)))[6:])
            common = np.dtype("float32") if ops[0].kind == FLOAT and common.kind in "iub" else common
            self.leaves = [leaf.astype(common) for leaf in self.leaves]

        def program(leaves: list, cotangents: list) -> tuple[list, list]:
            def of_free(*free: jax.Array) -> tuple[list, list]:
                all_leaves = list(leaves)
                for n, leaf in zip(self.free, free, strict=True):
                    all_leaves[n] = leaf
                results = flat(self.apply(body, all_leaves))
                return [r for r in results if jax.numpy.issubdtype(r.dtype, jax.numpy.floating)], results

            _, vjp, results = jax.vjp(of_free, *(leaves[n] for n in self.free), has_aux=True)
            return results, list(vjp(cotangents)) if cotangents else []

        return jax.jit(program)(self.leaves, cotangents)

    def theirs(self, function: Callable, gradient: bool) -> tuple[list, list, list[np.ndarray]]:
        """PyTorch's results and gradients, and the cotangents drawn for them."""
        leaves = [torch.from_numpy(leaf.copy()).requires_grad_(gradient and n in self.free) for n, leaf in enumerate(self.leaves)]
        results = flat(self.apply(function, leaves))
        heads = [r for r in results if r.is_floating_point()] if gradient and self.free else []
        rng = np.random.default_rng(1)
        cotangents = [np.asarray(rng.standard_normal(r.shape), str(r.dtype)[6:]) for r in heads]
        grads = [None] * len(self.free)
        live = [(r, torch.from_numpy(c)) for r, c in zip(heads, cotangents, strict=True) if r.requires_grad]
        if live:
            grads = torch.autograd.grad([r for r, _ in live], [leaves[n] for n in self.free], [c for _, c in live], allow_unused=True)
        return [r.detach() for r in results], list(grads), cotangents


def torch_function(case: cases_nn.Case) -> Callable:
    return case.against or getattr(torch.nn.functional, case.name, None) or getattr(torch, case.name)


def label(case: cases_nn.Case) -> str:
    return f"{case.name}-{cases_nn.CASES.index(case)}"


@pytest.mark.parametrize("type", ["float32", "float64"])
@pytest.mark.parametrize("case", cases_nn.CASES, ids=label)
def test_case(case: cases_nn.Case, type: str) -> None:
    if type not in case.types:
        pytest.skip("the case names its types")
    call = Call(case.inputs, case.options, type, case.fixed)
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, expected_grads, cotangents = call.theirs(torch_function(case), case.gradient)
        got, grads = call.ours(body_of(case.name), cotangents)
        assert [str(r.dtype) for r in got] == [str(r.dtype)[6:] for r in expected]
        assert [tuple(r.shape) for r in got] == [tuple(r.shape) for r in expected]
        tolerance = TOLERANCE[type] * case.tolerance
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=tolerance, atol=tolerance)
        for ours, theirs in zip(grads, expected_grads if cotangents else [], strict=True):
            theirs = np.zeros(ours.shape) if theirs is None else theirs.numpy()
            np.testing.assert_allclose(np.asarray(ours), theirs, rtol=tolerance * 10, atol=tolerance * 10)


def outcome(function: Callable, inputs: tuple, options: dict, wrap: Callable) -> tuple[str, str]:
    rng = np.random.default_rng(0)
    values = [wrap(drawn(value, "float32", rng)) for value in (*inputs, *options.values())]
    split = len(inputs)
    with pytest.raises((RuntimeError, IndexError, ValueError, TypeError, AssertionError)) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(*values[:split], **dict(zip(options, values[split:], strict=True)))
    return type(caught.value).__name__, str(caught.value).split("\n")[0].strip()


@pytest.mark.parametrize("name, inputs, options", cases_nn.ERRORS)
def test_error(name: str, inputs: tuple, options: dict) -> None:
    theirs = outcome(getattr(torch.nn.functional, name.removesuffix("_apply")), inputs, options, as_torch)
    with jax.enable_x64(True):
        body = body_of(name)
        ours = outcome(body, inputs, options, lambda value: jax.numpy.asarray(value) if isinstance(value, np.ndarray) else value)
    assert ours == theirs
