"""Parametrizations, normalised weights, pruning, functional calls, fusion, loss scaling and wrappers: as PyTorch's."""
from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import jtorch

Case = Callable[[Any], Iterator[Any]]                        # of the library; what it yields is compared, and the error that ends it


def plain(x: Any, T: Any) -> Any:
    """Something that both libraries have in common."""
    if isinstance(x, T.Tensor):
        return ("parameter" if isinstance(x, T.nn.Parameter) else "tensor", x.requires_grad, str(x.dtype), x.detach().numpy().copy())
    if isinstance(x, dict):
        return [(str(k), plain(v, T)) for k, v in x.items()]
    if isinstance(x, list | tuple):
        return [plain(v, T) for v in x]
    return x if isinstance(x, int | float | bool | str | type(None)) else repr(x)


def outcome(case: Case, T: Any) -> list:
    found = []
    T.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = case(T)
        try:
            for x in steps:
                found.append(plain(x, T))
        except Exception as error:                           # compared too
            found.append((type(error).__name__, str(error).replace("jtorch", "torch")))
    return found


def compare(a: Any, b: Any, where: str) -> None:
    if isinstance(a, np.ndarray):
        assert a.shape == b.shape, where
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6, err_msg=where)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), f"{where}: {a} and {b}"
        for k, (x, y) in enumerate(zip(a, b)):
            compare(x, y, f"{where}.{k}")
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-5), where
    else:
        assert a == b, where


def modules(T: Any) -> Any:
    """Parametrizations of all kinds, in one library."""
    class Symmetric(T.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).T

    class Sum(T.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.sum()

    class Three(T.nn.Module):
        def forward(self, x: Any) -> Any:
            return 3

    class Wide(T.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.double()

    class Inv(T.nn.Module):
        def __init__(self, kind: int = 0) -> None:
            super().__init__()
            self.kind = kind

        def forward(self, x: Any) -> Any:
            return x * 2

        def right_inverse(self, x: Any) -> Any:
            return [lambda: x / 2, lambda: x.double(), lambda: x.sum(), lambda: 3, lambda: (x, 3), lambda: (x, x)][self.kind]()

    class Two(T.nn.Module):
        kind = 0

        def forward(self, a: Any, b: Any) -> Any:
            return a + b

        def right_inverse(self, x: Any) -> Any:
            return [lambda: (x / 2, x / 2), lambda: 3, lambda: (x,), lambda: (x, 3), lambda: (x, x.double())][self.kind]()
    return {c.__name__: c for c in (Symmetric, Sum, Three, Wide, Inv, Two)}


def values(T: Any, *shape: int) -> Any:
    return T.tensor(np.random.RandomState(0).randn(*shape).astype("float32"))


def linear(T: Any, i: int = 3, o: int = 4, **options: Any) -> Any:
    """A layer with the same numbers in both libraries."""
    layer = T.nn.Linear(i, o, **options)
    with T.no_grad():
        for p in layer.parameters():
            p.copy_(values(T, *p.shape))
    return layer


CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def raising(name: str, body: Callable[[Any, Any], Any]) -> None:
    """A case of one expression, for its value or its error."""
    def run(T: Any) -> Iterator[Any]:
        yield body(T, T.nn.utils)
    run.__name__ = name
    CASES.append(run)


@case
def registering(T: Any) -> Iterator[Any]:
    P, M = T.nn.utils.parametrize, modules(T)
    layer = linear(T, 3, 3).eval()
    inner = M["Symmetric"]()
    yield P.register_parametrization(layer, "weight", inner) is layer
    yield layer, inner.training, layer.state_dict(), layer.weight, type(layer).__name__, type(layer).__qualname__, "weight" in dir(layer)
    yield P.is_parametrized(layer), P.is_parametrized(layer, "bias"), P.is_parametrized(layer, "weight"), P.type_before_parametrizations(layer).__name__
    layer(T.ones(2, 3)).sum().backward()
    yield layer.parametrizations.weight.original.grad
    P.register_parametrization(layer, "weight", M["Inv"]())
    yield layer, layer.weight, P.cached.__name__
    with P.cached():
        yield layer.weight is layer.weight
    yield layer.weight is layer.weight
    P.remove_parametrizations(layer, "weight")
    yield layer, layer.state_dict(), type(layer).__name__, isinstance(layer.weight, T.nn.Parameter)
    P.remove_parametrizations(layer, "weight")


@case
def assigning(T: Any) -> Iterator[Any]:
    P, M = T.nn.utils.parametrize, modules(T)
    layer = linear(T, 2, 2)
    held = layer.weight
    P.register_parametrization(layer, "weight", M["Inv"]())
    yield layer.weight, layer.parametrizations.weight.original is held
    layer.weight = T.ones(2, 2)
    yield layer.weight, layer.state_dict()
    P.remove_parametrizations(layer, "weight", leave_parametrized=False)
    yield layer.weight is held, layer.weight, [n for n, _ in layer.named_parameters()]
    P.register_parametrization(layer, "weight", M["Two"]())
    yield layer.state_dict(), layer
    layer.weight = T.zeros(2, 2) + 4
    yield layer.weight
    P.remove_parametrizations(layer, "weight")
    yield layer, layer.state_dict(), layer.weight
    P.register_parametrization(layer, "weight", M["Symmetric"]())
    layer.weight = T.ones(2, 2)


@case
def buffers_and_copies(T: Any) -> Iterator[Any]:
    P, M = T.nn.utils.parametrize, modules(T)
    norm = T.nn.BatchNorm1d(3)
    P.register_parametrization(norm, "running_mean", M["Inv"]())
    yield norm.state_dict(), [n for n, _ in norm.named_buffers()]
    P.remove_parametrizations(norm, "running_mean")
    yield list(norm._buffers), norm
    model = T.nn.Sequential(linear(T, 2, 2))
    P.register_parametrization(model[0], "weight", M["Inv"]())
    other = copy.deepcopy(model)
    model[0].weight = T.zeros(2, 2)
    yield other, type(other[0]) is type(model[0]), other[0].weight, other.state_dict()
    pickle.dumps(model[0])


@case
def transferring(T: Any) -> Iterator[Any]:
    P, M = T.nn.utils.parametrize, modules(T)
    a, b, c = linear(T, 2, 2), linear(T, 2, 2), linear(T, 2, 2)
    yield P.transfer_parametrizations_and_params(a, b)
    P.register_parametrization(a, "weight", M["Inv"]())
    P.register_parametrization(c, "bias", T.nn.Identity())
    yield P.transfer_parametrizations_and_params(a, b), b.weight, b.parametrizations.weight.original is a.parametrizations.weight.original
    yield P.transfer_parametrizations_and_params(a, c), P.transfer_parametrizations_and_params(a, T.nn.Identity()).state_dict()
    P.transfer_parametrizations_and_params(a, b, "bias")


register = lambda U, layer, p, **k: U.parametrize.register_parametrization(layer, "weight", p, **k)
for name in ("Sum", "Three", "Wide"):
    raising(f"first-{name}", lambda T, U, name=name: register(U, linear(T, 3, 3), modules(T)[name]()))
    raising(f"second-{name}", lambda T, U, name=name: register(U, register(U, linear(T, 3, 3), T.nn.Identity()), modules(T)[name]()))
for kind in range(6):
    raising(f"inverse-{kind}", lambda T, U, kind=kind: register(U, linear(T, 3, 3), modules(T)["Inv"](kind)))
    raising(f"unsafe-{kind}", lambda T, U, kind=kind: register(U, linear(T, 3, 3), modules(T)["Inv"](kind), unsafe=True))
for kind in range(4):
    raising(f"further-inverse-{kind}", lambda T, U, kind=kind: register(U, register(U, linear(T, 3, 3), T.nn.Identity()), modules(T)["Inv"](kind)))
for kind in range(5):
    def assigned(T: Any, U: Any, kind: int = kind) -> Any:
        layer, two = linear(T, 2, 2), modules(T)["Two"]()
        register(U, layer, two)
        two.kind = kind
        layer.weight = T.ones(2, 2)
        return layer.weight
    raising(f"assign-{kind}", assigned)
raising("register-unknown", lambda T, U: U.parametrize.register_parametrization(linear(T), "foo", T.nn.Identity()))
raising("register-attribute", lambda T, U: U.parametrize.register_parametrization(linear(T), "in_features", T.nn.Identity()))
raising("remove-other", lambda T, U: U.parametrize.remove_parametrizations(register(U, linear(T), T.nn.Identity()), "bias"))
raising("remove-several", lambda T, U: U.parametrize.remove_parametrizations(U.parametrizations.weight_norm(linear(T)), "weight", leave_parametrized=False))
raising("list-empty", lambda T, U: U.parametrize.ParametrizationList([], T.nn.Parameter(T.ones(2))))


def normalised(T: Any, layer: Any, x: Any) -> Iterator[Any]:
    """All of a layer with a normalised weight: before, in training, in evaluation."""
    yield layer, layer.state_dict(), layer.weight, [n for n, _ in layer.named_parameters()], [n for n, _ in layer.named_buffers()]
    for _ in range(2):
        out = layer(x)
        out.square().sum().backward()
        yield out, [p.grad for p in layer.parameters()], layer.state_dict()
    layer.eval()
    yield layer(x), layer.state_dict()


for home in ("parametrizations", None):
    for name, options in (("weight_norm", {}), ("weight_norm", {"dim": None}), ("weight_norm", {"dim": 1}), ("spectral_norm", {}),
                          ("spectral_norm", {"n_power_iterations": 3, "dim": 1})):
        def layers(T: Any, home: Any = home, name: str = name, options: dict = options) -> Iterator[Any]:
            U = T.nn.utils
            make = getattr(getattr(U, home) if home else U, name)
            yield from normalised(T, make(linear(T), **options), values(T, 2, 3))
            conv = T.nn.ConvTranspose2d(2, 3, 2)
            conv.weight.data.copy_(values(T, 2, 3, 2, 2))
            conv.bias.data.zero_()
            yield from normalised(T, make(conv, **options), values(T, 1, 2, 3, 3))
            if home is None:
                getattr(U, f"remove_{name}")(conv)
                yield conv, conv.state_dict(), type(conv.weight).__name__, len(conv._forward_pre_hooks), len(conv._state_dict_hooks)
                copied = make(linear(T), **options)
                make(copied, **options)
            else:
                U.parametrize.remove_parametrizations(conv, "weight")
                yield conv, conv.state_dict()
        layers.__name__ = f"{home}-{name}-{options}"
        CASES.append(layers)
for shape in ((3, 2), (2, 3), (2, 2)):
    for kind in ("matrix_exp", "cayley", "householder", None):
        for trivial in (True, False):
            def orthogonal(T: Any, shape: Any = shape, kind: Any = kind, trivial: bool = trivial) -> Iterator[Any]:
                layer = T.nn.utils.parametrizations.orthogonal(linear(T, *shape), orthogonal_map=kind, use_trivialization=trivial)
                yield layer, layer.state_dict(), layer.weight
                (layer.weight * values(T, *layer.weight.shape)).sum().backward()
                yield layer.parametrizations.weight.original.grad
                layer.weight = T.eye(shape[1], shape[0])
                yield layer.weight, layer.state_dict() if shape[0] == shape[1] else None
                layer.weight = T.ones(5, 5)
            orthogonal.__name__ = f"orthogonal-{shape}-{kind}-{trivial}"
            CASES.append(orthogonal)


@case
def older_state(T: Any) -> Iterator[Any]:
    U = T.nn.utils
    new = U.parametrizations.weight_norm(linear(T))
    yield new.load_state_dict(U.weight_norm(linear(T)).state_dict()), new.state_dict(), dict(U.spectral_norm(linear(T)).state_dict()._metadata)


for old in ("weight_norm", "spectral_norm"):
    raising(f"{old}-unknown", lambda T, U, old=old: getattr(U, old)(linear(T), "foo"))
    raising(f"{old}-lazy", lambda T, U, old=old: getattr(U, old)(T.nn.LazyLinear(3)))
    raising(f"{old}-remove", lambda T, U, old=old: getattr(U, f"remove_{old}")(linear(T)))
    raising(f"{old}-parametrization-unknown", lambda T, U, old=old: getattr(U.parametrizations, old)(linear(T), "foo"))
raising("spectral-iterations", lambda T, U: U.spectral_norm(linear(T), n_power_iterations=0))
raising("spectral-parametrization-iterations", lambda T, U: U.parametrizations.spectral_norm(linear(T), n_power_iterations=0))
raising("spectral-dim", lambda T, U: U.parametrizations.spectral_norm(linear(T), dim=3))
raising("spectral-bias", lambda T, U: U.parametrizations.spectral_norm(linear(T), "bias").bias)
raising("orthogonal-map", lambda T, U: U.parametrizations.orthogonal(linear(T), orthogonal_map="x"))
raising("orthogonal-bias", lambda T, U: U.parametrizations.orthogonal(linear(T), "bias"))
raising("orthogonal-unknown", lambda T, U: U.parametrizations.orthogonal(linear(T), "foo"))


@case
def pruning(T: Any) -> Iterator[Any]:
    R = T.nn.utils.prune
    layer = linear(T)
    held = layer.weight
    yield R.is_pruned(layer), R.l1_unstructured(layer, "weight", 2) is layer, R.is_pruned(layer)
    for prune in (lambda: R.l1_unstructured(layer, "weight", 0.25), lambda: R.ln_structured(layer, "weight", 1, 1, 0),
                  lambda: R.ln_structured(layer, "weight", 0.4, float("inf"), -1), lambda: R.custom_from_mask(layer, "weight", T.eye(4, 3)),
                  lambda: R.identity(layer, "weight"), lambda: R.l1_unstructured(layer, "bias", 1, importance_scores=-T.arange(4.0))):
        yield layer, layer.state_dict(), layer.weight, layer(T.ones(2, 3)), [type(h).__name__ for h in layer._forward_pre_hooks.values()]
        prune()
    layer(T.ones(2, 3)).sum().backward()
    yield layer.weight_orig is held, held.grad, [len(h) for h in layer._forward_pre_hooks.values() if isinstance(h, R.PruningContainer)]
    R.remove(layer, "weight")
    yield layer.weight is held, layer.state_dict(), len(layer._forward_pre_hooks)
    R.remove(layer, "weight")


@case
def pruning_at_random(T: Any) -> Iterator[Any]:
    R = T.nn.utils.prune
    layer = linear(T, 6, 5)
    R.random_unstructured(layer, "weight", 0.3)
    yield layer.weight_mask
    R.random_structured(layer, "weight", 2, 0)
    yield layer.weight_mask
    R.random_structured(layer, "weight", 0.5, 1)
    yield layer.weight_mask


@case
def pruning_globally(T: Any) -> Iterator[Any]:
    R = T.nn.utils.prune
    model = T.nn.Sequential(linear(T), linear(T, 4, 3))
    R.global_unstructured([(model[0], "weight"), (model[1], "weight"), (model[1], "bias")], R.L1Unstructured, amount=0.5)
    yield model.state_dict(), R.is_pruned(model), type(next(iter(model[0]._forward_pre_hooks.values()))).__name__
    R.global_unstructured([(model[0], "weight")], R.L1Unstructured, importance_scores={(model[0], "weight"): T.arange(12.0).view(4, 3)}, amount=2)
    yield model.state_dict()
    R.global_unstructured([(model[0], "weight")], R.LnStructured, amount=1, n=2)


@case
def pruning_tensors(T: Any) -> Iterator[Any]:
    R = T.nn.utils.prune
    t = T.arange(4.0)
    yield R.L1Unstructured(2).prune(t), R.L1Unstructured(2).prune(t, default_mask=T.tensor([1, 1, 1, 0.0])), R.L1Unstructured(2).prune(t, importance_scores=-t)
    a, b = R.L1Unstructured(1), R.L1Unstructured(1)
    a._tensor_name, b._tensor_name = "a", "b"
    container = R.PruningContainer(a)
    yield len(container), container[0] is a, list(container) == [a], [T.__name__ == "", container._tensor_name]
    container.add_pruning_method(3)


AMOUNTS = 1.5, -1, -0.1, "x", 13, None, 12, 0, 0.0, 1.0
for amount in AMOUNTS:
    raising(f"amount-{amount}", lambda T, U, a=amount: U.prune.l1_unstructured(linear(T), "weight", a).weight_mask)
for amount in (1.5, -1, 5, 4, 0):
    raising(f"amount-of-slices-{amount}", lambda T, U, a=amount: U.prune.ln_structured(linear(T), "weight", a, 2, 0).weight_mask)
raising("slices-of-vector", lambda T, U: U.prune.ln_structured(linear(T), "bias", 1, 2, 0))
raising("slices-dim", lambda T, U: U.prune.ln_structured(linear(T), "weight", 1, 2, 2))
raising("prune-unknown", lambda T, U: U.prune.identity(linear(T), "foo"))
raising("prune-mask", lambda T, U: U.prune.custom_from_mask(linear(T), "weight", T.ones(3)))
raising("prune-scores", lambda T, U: U.prune.l1_unstructured(linear(T), "weight", 1, importance_scores=T.ones(2)))
raising("prune-global-type", lambda T, U: U.prune.global_unstructured(linear(T), U.prune.L1Unstructured, amount=1))
raising("prune-global-scores", lambda T, U: U.prune.global_unstructured([(linear(T), "weight")], U.prune.L1Unstructured, amount=1, importance_scores=3))
raising("prune-buffer", lambda T, U: U.prune.identity(T.nn.BatchNorm1d(3), "running_mean"))
raising("prune-copy", lambda T, U: copy.deepcopy(U.prune.identity(linear(T), "weight")))


@case
def functional_calls(T: Any) -> Iterator[Any]:
    F, x = T.func.functional_call, T.ones(1, 2)

    class Tied(T.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = T.nn.Parameter(T.ones(1))
            self.b = self.a
            self.register_buffer("c", T.ones(1))

        def forward(self, x: Any) -> Any:
            self.c = self.c + 1
            return x + self.a * 10 + self.b * 100, self.c
    t, zero, given = Tied(), T.zeros(1), {"c": T.zeros(1)}
    yield F(t, {"a": zero}, x), F(t, {"a": zero}, x, tie_weights=False), F(t, {"a": zero, "b": zero}, (x,), {}), t.a is t.b, t.c
    yield F(t, given, x), given, t.c, T.nn.utils.stateless.functional_call(t, {"a": zero}, kwargs={"x": x}), t
    w = T.zeros(2, 2, requires_grad=True)
    model = T.nn.Sequential(linear(T, 2, 2))
    out = F(model, ({"0.weight": w}, {"0.bias": T.ones(2)}), x)
    out.sum().backward()
    yield out, w.grad, model.state_dict(), model[0].weight.grad
    yield F(T.nn.utils.parametrizations.weight_norm(linear(T, 2, 2)), {"parametrizations.weight.original0": T.ones(2, 1)}, x)
    parameters, buffers = T.func.stack_module_state([linear(T, 2, 2), linear(T, 2, 2)])
    yield parameters, buffers
    F(t, {"a": zero, "b": T.ones(1)}, x)


for name, given in {"unknown": {"foo": 1}, "number": {"weight": 1}, "attribute": {"in_features": 0}, "nested": {"foo.bar": 0}, "empty": {"": 0}}.items():
    for strict in (False, True):
        raising(f"call-{name}-{strict}", lambda T, U, given=given, strict=strict: T.func.functional_call(
            linear(T), {k: v or T.ones(1) for k, v in given.items()}, T.ones(1, 3), strict=strict))
raising("call-type", lambda T, U: T.func.functional_call(linear(T), 3, T.ones(1, 3)))
raising("call-elements", lambda T, U: T.func.functional_call(linear(T), [{}, 3], T.ones(1, 3)))
raising("call-twice", lambda T, U: T.func.functional_call(linear(T), [{"weight": T.ones(4, 3)}, {"weight": 1}], T.ones(1, 3)))
raising("stack-none", lambda T, U: T.func.stack_module_state([]))
raising("stack-modes", lambda T, U: T.func.stack_module_state([linear(T), linear(T).eval()]))
raising("stack-classes", lambda T, U: T.func.stack_module_state([linear(T), T.nn.ReLU()]))


@case
def fusing(T: Any) -> Iterator[Any]:
    U = T.nn.utils
    for bias in (True, False):
        norm, conv, up = T.nn.BatchNorm2d(4), T.nn.Conv2d(2, 4, 2, bias=bias), T.nn.ConvTranspose2d(2, 4, 2, bias=bias)
        norm.running_mean.copy_(values(T, 4))
        norm.running_var.copy_(values(T, 4).abs())
        for layer, transpose in ((conv, False), (up, True)):
            fused = U.fuse_conv_bn_eval(layer.eval(), norm.eval(), transpose)
            x = values(T, 2, 2, 3, 3)
            yield T.allclose(fused(x), norm(layer(x)), atol=1e-4), fused, fused.training, fused.weight.requires_grad
        line = linear(T, bias=bias).eval()
        flat = T.nn.BatchNorm1d(4).eval()
        yield U.fuse_linear_bn_eval(line, flat), U.fuse_linear_bn_eval(line, flat).state_dict()
    U.fuse_conv_bn_eval(conv.train(), norm)


raising("fuse-features", lambda T, U: U.fuse_linear_bn_eval(linear(T).eval(), T.nn.BatchNorm1d(3).eval()))
raising("fuse-statistics", lambda T, U: U.fuse_conv_bn_eval(T.nn.Conv2d(1, 2, 2).eval(), T.nn.BatchNorm2d(2, track_running_stats=False).eval()))
raising("skip-init", lambda T, U: [U.skip_init(T.nn.Linear, 3, 2), U.skip_init(T.nn.Linear, 3, 2).weight.shape])
raising("skip-init-no-device", lambda T, U: U.skip_init(T.nn.ReLU))
raising("skip-init-no-class", lambda T, U: U.skip_init(3))


@case
def wrappers(T: Any) -> Iterator[Any]:
    layer, x = linear(T), T.ones(2, 3)
    both = T.nn.DataParallel(layer)
    yield both, both.device_ids, both.module is layer, both.state_dict(), both(x), both(input=x), T.nn.DataParallel(layer, device_ids=[0]).device_ids
    yield layer.compile(backend="eager"), T.compile(layer, backend="eager", fullgraph=True).weight
    yield T.compile(backend="eager", dynamic=False)(len)([1, 2]), T.compiler.is_compiling(), T.compile(layer, disable=True) is layer
    layer.compile(mode="foo")


raising("compile-number", lambda T, U: T.compile(3))
raising("compile-mode", lambda T, U: T.compile(linear(T), mode="x"))
raising("compile-both", lambda T, U: T.compile(linear(T), mode="default", options={}))


@case
def scaling(T: Any) -> Iterator[Any]:
    p = T.nn.Parameter(T.ones(2))
    optimizer, scaler = T.optim.SGD([p], lr=0.1), T.amp.GradScaler("cpu", growth_interval=2)
    yield scaler.get_scale(), scaler.state_dict(), scaler.is_enabled()
    for step in range(5):
        optimizer.zero_grad()
        loss = scaler.scale((p * (float("inf") if step == 3 else 1.0)).sum())
        loss.backward()
        if step % 2:
            scaler.unscale_(optimizer)
        yield loss.item(), p.grad, scaler.step(optimizer), p
        scaler.update()
        yield scaler.state_dict(), pickle.loads(pickle.dumps(scaler)).state_dict()
    scaler.update(5.0)
    yield scaler.get_scale(), scaler.scale([T.ones(1), (T.ones(1),)]), scaler.scale(T.ones(1, dtype=T.half))
    scaler.update(T.tensor(7.0))
    other = T.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    yield other.state_dict(), T.amp.GradScaler("cpu", enabled=False).state_dict(), T.amp.GradScaler("cpu", enabled=False).scale(3)
    yield T.amp.GradScaler().is_enabled(), T.cuda.amp.GradScaler().is_enabled(), T.cuda.amp.GradScaler().step(optimizer)
    scaler.step(optimizer)
    scaler.step(optimizer)


def scaler_after(T: Any, *steps: str) -> Any:
    p = T.nn.Parameter(T.ones(2))
    optimizer, scaler = T.optim.SGD([p], lr=0.1), T.amp.GradScaler("cpu")
    for step in steps:
        if step == "backward":
            scaler.scale(p.sum()).backward()
        elif step == "scale":
            scaler.scale(p.sum())
        elif step == "update":
            scaler.update()
        else:
            getattr(scaler, step)(optimizer)
    return scaler.state_dict()


for steps in ("update", "step", "unscale_", "scale step", "scale update", "backward unscale_ unscale_", "backward step unscale_", "backward step step"):
    raising(f"scaler-{steps}", lambda T, U, steps=steps: scaler_after(T, *steps.split()))
raising("scaler-growth", lambda T, U: T.amp.GradScaler("cpu", growth_factor=1.0))
raising("scaler-backoff", lambda T, U: T.amp.GradScaler("cpu", backoff_factor=1.0))
raising("scaler-empty", lambda T, U: T.amp.GradScaler("cpu").load_state_dict({}))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_as_pytorch(case: Case) -> None:
    theirs, ours = outcome(case, torch), outcome(case, jtorch)
    for k, (a, b) in enumerate(zip(theirs, ours)):
        compare(a, b, f"step {k}: {a} and {b}" if len(str(a)) < 600 else f"step {k}")
    assert len(theirs) == len(ours), f"{theirs[-1]} and {ours[-1]}"
