"""The tensor operators' bodies against PyTorch: value, type, shape, gradient, and errors."""
from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from functools import reduce

import cases_ops
import cases_ops_arrays  # noqa: F401  (fills the table)
import cases_ops_errors  # noqa: F401  (fills the table)
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch

from jtorch._core.dtype import named
from jtorch._core.op import FLOAT, NONE, REGISTRY, Op

for _module in ("pointwise", "elementary", "bits", "compare", "reduce", "scan", "extremes", "sort", "join", "select", "products", "linalg", "lu"):
    importlib.import_module(f"jtorch._ops.{_module}")

ERRORS = (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError)
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-6, "float64": 1e-12, "complex64": 2e-6, "complex128": 1e-12}
TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "None": ()}
NUMBER = (int, float, complex)
VERDICTS = {"equal": "_equal", "allclose": "_allclose"}


# ---- finding the overload that PyTorch's arguments fit

def fits(op: Op, name: str, value: object) -> bool:
    kind, annotation = op.kinds[name], op.parameters[name].annotation
    options = annotation.split(" | ")
    if value is None:
        return "None" in options or kind == "dims"
    if kind == "array":
        return isinstance(value, np.ndarray) or op.kind != NONE and isinstance(value, NUMBER)
    if kind == "scalar":
        return isinstance(value, NUMBER)
    if kind in ("arrays", "shape", "dims"):
        return isinstance(value, (list, tuple)) or kind == "dims" and isinstance(value, int) and not isinstance(value, bool)
    known = [TYPES[option] for option in options if option in TYPES]
    if len(known) < len(options):
        return True
    return any(isinstance(value, known_type) and isinstance(value, bool) <= (known_type is bool) for known_type in known if known_type != ())


def bound(op: Op, args: tuple, kwargs: dict) -> dict | None:
    names = list(op.parameters)
    positional = [n for n in names if op.parameters[n].kind is op.parameters[n].POSITIONAL_OR_KEYWORD]
    if len(args) > len(positional) or not set(kwargs) <= set(names):
        return None
    given = dict(zip(positional, args)) | kwargs
    missing = [n for n in names if n not in given and op.parameters[n].default is op.parameters[n].empty]
    return given if not missing and all(fits(op, n, value) for n, value in given.items()) else None


def overload(name: str, args: tuple, kwargs: dict) -> tuple[Op, dict]:
    home, _, last = name.rpartition(".")
    found = REGISTRY.get(name) or REGISTRY.get(VERDICTS.get(last, last), [])
    for op in found:
        given = bound(op, args, kwargs)
        if given is not None and (name in op.facts["aliases"] or (home or "torch") in op.facts["home"] or not op.facts["home"]):
            return op, given
    raise LookupError(f"no overload of {name} takes {args} {kwargs}")


# ---- calling the body as the engine will

def promoted(values: list) -> np.dtype:
    """PyTorch's result type of arrays and numbers."""
    ranks: dict[int, torch.dtype] = {}
    for value in values:
        rank = 0 if not isinstance(value, np.ndarray) else 1 if value.ndim == 0 else 2
        own = as_torch(value).dtype if rank else torch.tensor(value).dtype
        ranks[rank] = torch.promote_types(ranks[rank], own) if rank in ranks else own
    ordered = [ranks[r] for r in sorted(ranks, reverse=True)]
    return reduce(lambda high, low: torch.promote_types(high, low) if category(low) > category(high) else high, ordered)


def category(type: torch.dtype) -> int:
    return 3 if type.is_complex else 2 if type.is_floating_point else 0 if type is torch.bool else 1


def as_torch(value: object) -> object:
    if isinstance(value, list):
        return [as_torch(item) for item in value]
    if isinstance(value, cases_ops.T):
        return getattr(torch, value.name)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(value.astype("float32")).bfloat16()
    return torch.from_numpy(value.copy())


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().resolve_conj()
    if tensor._is_zerotensor():
        return np.zeros(tuple(tensor.shape), str(tensor.dtype)[6:])
    return tensor.float().numpy().astype(ml_dtypes.bfloat16) if tensor.dtype == torch.bfloat16 else tensor.numpy()


def prepared(op: Op, given: dict) -> dict:
    """The arguments with operands and numbers as arrays, promoted as the operator's kind says."""
    arrays = [v for n, v in given.items() if op.kinds[n] == "array" and v is not None and n not in op.keeps]
    arrays += [v for n, vs in given.items() if op.kinds[n] == "arrays" for v in vs]
    common = None
    if op.kind != NONE and arrays:
        common = promoted(arrays)
        common = torch.float32 if op.kind == FLOAT and category(common) < 2 else common
        common = np.dtype(ml_dtypes.bfloat16) if common == torch.bfloat16 else np.dtype(str(common)[6:])

    def ready(name: str, value: object) -> object:
        kind = op.kinds[name]
        if value is None:
            return None
        if kind == "arrays":
            return [np.asarray(v).astype(common or v.dtype) for v in value]
        if name in op.keeps:
            return np.asarray(value)
        if kind == "array" or kind == "scalar":
            return np.asarray(value).astype(common) if common else np.asarray(value)
        return named(value.name) if isinstance(value, cases_ops.T) else tuple(value) if isinstance(value, list) else value

    return {name: ready(name, value) for name, value in given.items()}


def is_leaf(value: object) -> bool:
    return isinstance(value, np.ndarray) and (value.dtype.kind in "fc" or value.dtype == ml_dtypes.bfloat16)


def flat(results: object) -> list:
    return [leaf for r in results for leaf in flat(r)] if isinstance(results, (list, tuple)) else [results]


def run(op: Op, given: dict, operands: list[np.ndarray], cotangents: list | None) -> tuple[list, list]:
    """The body's results, and the gradients of the operands (as they were before promotion)."""
    def body(*free: jax.Array) -> list:
        left = iter(free)
        cast = prepared(op, given)

        def put(before: object, after: object) -> object:
            if isinstance(before, (list, tuple)) and isinstance(after, list):
                return [put(x, y) for x, y in zip(before, after, strict=True)]
            if is_leaf(before):
                return next(left).astype(after.dtype)
            constant = isinstance(before, NUMBER)                       # the engine passes numbers as constants until they vary
            return jnp.asarray(after) if isinstance(after, np.ndarray) and not constant else after

        filled = {n: put(given[n], cast[n]) for n in given}
        names = [n for n in op.parameters if n in filled]
        plain = [n for n in names if op.parameters[n].kind is not op.parameters[n].KEYWORD_ONLY]
        gap = next((k for k, n in enumerate(plain) if list(op.parameters)[k] != n), len(plain))
        return flat(op.body(*(filled[n] for n in plain[:gap]), **{n: filled[n] for n in names if n not in plain[:gap]}))

    def program(free: list, cotangents: list) -> tuple[list, list]:
        def heads(*free: jax.Array) -> tuple[list, list]:
            results = body(*free)
            return [r for r in results if jnp.issubdtype(r.dtype, jnp.inexact)], results
        if cotangents is None:
            return body(*free), []
        _, vjp, results = jax.vjp(heads, *free, has_aux=True)
        return results, list(vjp(cotangents))

    return jax.jit(program)([jnp.asarray(x) for x in operands], cotangents)


def function(name: str) -> Callable:
    return reduce(getattr, name.split("."), torch)


def compare(ours: object, theirs: np.ndarray, tolerance: float, signs: bool = True) -> None:
    ours = np.asarray(ours)
    if not signs:
        ours, theirs = np.abs(ours), np.abs(theirs)
    if theirs.dtype == ml_dtypes.bfloat16:
        ours, theirs = ours.astype("float32"), theirs.astype("float32")
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("call", cases_ops.CALLS, ids=lambda call: call.name)
def test_body(call: cases_ops.Call) -> None:
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        op, given = overload(call.name, call.args, call.kwargs)
        values = [x for v in given.values() for x in (v if isinstance(v, (list, tuple)) else [v])]
        operands = [x for x in values if is_leaf(x)]
        tensors = {id(x): as_torch(x).requires_grad_(call.grad) for x in operands}

        def to_torch(value: object) -> object:
            if isinstance(value, (list, tuple)):
                return type(value)(to_torch(x) for x in value)
            return tensors.get(id(value), as_torch(value))

        results = flat(function(call.name)(*(to_torch(x) for x in call.args), **{n: to_torch(x) for n, x in call.kwargs.items()}))
        results = [torch.tensor(r) if isinstance(r, bool) else r for r in results]
        rng = np.random.default_rng(1)
        heads = [r for r in results if r.is_floating_point() or r.is_complex()]
        cotangents = [np.asarray(rng.standard_normal(tuple(r.shape))).astype(as_numpy(r).dtype) for r in heads]
        with_gradient = call.grad and operands and heads
        ours, grads = run(op, given, operands, [jnp.asarray(x) for x in cotangents] if with_gradient else None)
        assert [str(np.asarray(r).dtype) for r in ours] == [str(as_numpy(r).dtype) for r in results]
        assert [r.shape for r in ours] == [tuple(r.shape) for r in results]
        names = [str(np.asarray(r).dtype) for r in (*ours, *grads)]
        tolerance = call.tol * max([TOLERANCE.get(n, 0) for n in names] + [min([TOLERANCE.get(str(x.dtype), 1) for x in operands], default=0)])
        for r, expected in zip(ours, results, strict=True):
            compare(r, as_numpy(expected), tolerance, call.signs)
        live = [(r, as_torch(x)) for r, x in zip(heads, cotangents, strict=True) if r.requires_grad]
        if with_gradient:
            expected = [None] * len(operands)
            if live:
                expected = torch.autograd.grad([r for r, _ in live], [tensors[id(x)] for x in operands], [x for _, x in live], allow_unused=True)
            for r, x in zip(grads, expected, strict=True):
                if not jnp.iscomplexobj(r) and not any(np.iscomplexobj(t) for t in cotangents):
                    compare(r, np.zeros(r.shape, r.dtype) if x is None else as_numpy(x), tolerance * 10)


def outcome(call: Callable) -> tuple[str, str]:
    with pytest.raises(ERRORS) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call()
    return type(caught.value).__name__, str(caught.value).split("\n")[0].strip()


def ours_outcome(name: str, args: tuple, kwargs: dict) -> tuple[str, str]:
    with jax.enable_x64(True):
        op, given = overload(name, args, kwargs)
        ready = {n: jnp.asarray(x) if isinstance(x, np.ndarray) and isinstance(given[n], np.ndarray) else x for n, x in prepared(op, given).items()}
        return outcome(lambda: jax.eval_shape(lambda: op.body(**ready)))


@pytest.mark.parametrize("name, args, kwargs, error, text", cases_ops.RAISES, ids=lambda value: value if isinstance(value, str) else "")
def test_error(name: str, args: tuple, kwargs: dict, error: type[Exception], text: bool) -> None:
    kind, message = outcome(lambda: function(name)(*map(as_torch, args), **{n: as_torch(x) for n, x in kwargs.items()}))
    ours_kind, ours_message = ours_outcome(name, args, kwargs)
    assert ours_kind == kind == error.__name__
    assert ours_message == message or not text
