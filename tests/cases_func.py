"""Bodies for test_func: each takes the framework as its argument."""
from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

BODIES: list[Callable] = []
ERRORS: list[Callable] = []
Pair = namedtuple("Pair", "x y")


def body(function: Callable) -> Callable:
    BODIES.append(function)
    return function


def error(function: Callable) -> Callable:
    ERRORS.append(function)
    return function


def named(group: list[Callable], prefix: str, functions: dict[str, Callable]) -> None:
    """Add short bodies."""
    for name, function in functions.items():
        function.__name__ = f"{prefix}_{name}"
        group.append(function)


def numbers(t: Any, *shape: int) -> Any:
    return t.linspace(-1.3, 1.7, int(t.tensor(shape).prod()) if shape else 1).reshape(shape)


# vmap

named(BODIES, "vmap", {
    "pointwise": lambda t: t.vmap(lambda x: x * 2 + 1)(numbers(t, 3)),
    "dot": lambda t: t.vmap(t.dot)(numbers(t, 4, 3), numbers(t, 4, 3)),
    "in_dims": lambda t: t.vmap(lambda x, y: x @ y, in_dims=(1, None))(numbers(t, 3, 4), numbers(t, 3, 2)),
    "negative_dims": lambda t: t.vmap(lambda x: x.cumsum(0), in_dims=-1, out_dims=-1)(numbers(t, 3, 4)),
    "out_dims": lambda t: t.vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(numbers(t, 2, 3)),
    "nested": lambda t: t.vmap(t.vmap(lambda x, y: x @ y))(numbers(t, 2, 3, 4), numbers(t, 2, 3, 4)),
    "outer_product": lambda t: t.vmap(t.vmap(lambda x, y: x * y, (None, 0)), (0, None))(numbers(t, 3), numbers(t, 4)),
    "dict_in": lambda t: t.vmap(lambda d: d["a"] + d["b"][0], in_dims=({"a": 0, "b": [None]},))({"a": numbers(t, 3), "b": [numbers(t, 1)]}),
    "trees_out": lambda t: t.vmap(lambda x: [x, (x, OrderedDict(a=x.sin()))])(numbers(t, 3)),
    "namedtuple": lambda t: t.vmap(lambda p: Pair(p.x * p.y, p.y))(Pair(numbers(t, 3), numbers(t, 3))),
    "keywords": lambda t: t.vmap(lambda x, k: x * k)(numbers(t, 3), k=2),
    "unbatched_out": lambda t: t.vmap(lambda x: t.ones(2))(numbers(t, 3)),
    "out_none": lambda t: t.vmap(lambda x: t.ones(2), out_dims=None)(numbers(t, 3)),
    "empty_batch": lambda t: t.vmap(lambda x: x * 2)(t.ones(0, 2)),
    "shape_inside": lambda t: t.vmap(lambda x: x * x.dim() + x.size(0) + x.numel() + len(x))(numbers(t, 2, 3)),
    "iteration": lambda t: t.vmap(lambda x: sum(list(x)))(numbers(t, 2, 3)),
    "indexing": lambda t: t.vmap(lambda x, i: x[i])(numbers(t, 3, 4), t.tensor([0, 2, 1])),
    "slices": lambda t: t.vmap(lambda x: x[1:, None] - x[..., :-1])(numbers(t, 3, 4)),
    "gather_from_captured": lambda t: (lambda table: t.vmap(lambda i: table[i])(t.tensor([2, 0])))(numbers(t, 3, 2)),
    "where": lambda t: t.vmap(lambda x: t.where(x > 0, x, 0.0))(numbers(t, 3, 4)),
    "sort": lambda t: tuple(t.vmap(lambda x: t.sort(x, descending=True))(numbers(t, 3, 4))),
    "max": lambda t: tuple(t.vmap(lambda x: t.max(x, 0))(numbers(t, 3, 4))),
    "cat": lambda t: t.vmap(lambda x: t.cat([x, t.ones(2)]))(numbers(t, 3, 4)),
    "stack": lambda t: t.vmap(lambda x: t.stack([x, t.ones(4)]))(numbers(t, 3, 4)),
    "softmax": lambda t: t.vmap(lambda x: x.softmax(0))(numbers(t, 3, 4)),
    "einsum": lambda t: t.vmap(lambda x: t.einsum("ij,ij->i", x, x))(numbers(t, 2, 3, 4)),
    "inverse": lambda t: t.vmap(t.linalg.inv)(numbers(t, 2, 2, 2).sin() + 2 * t.eye(2)),
    "cholesky": lambda t: t.vmap(lambda a: t.linalg.cholesky(a @ a.T + t.eye(2)))(numbers(t, 3, 2, 2)),
    "views": lambda t: t.vmap(lambda x: x.reshape(2, 3).T.unsqueeze(0).expand(2, 3, 2).flatten())(numbers(t, 4, 6)),
    "split": lambda t: t.vmap(lambda x: x.split(2)[1] * x.chunk(2)[0].sum())(numbers(t, 4, 6)),
    "inplace_on_clone": lambda t: t.vmap(lambda x: x.clone().mul_(2).add_(1))(numbers(t, 3)),
    "integers": lambda t: t.vmap(lambda x: x // 2 + x % 3)(t.arange(6).reshape(2, 3)),
    "complex": lambda t: t.vmap(lambda x: t.view_as_real(x * 1j))(t.complex(numbers(t, 3), numbers(t, 3))),
    "chunks": lambda t: t.vmap(lambda x, y: (x * y, y), in_dims=(0, None), chunk_size=2)(numbers(t, 5, 2), numbers(t, 2)),
    "autocast_type": lambda t: t.vmap(lambda x: x.double().float() + x.to(t.float64))(numbers(t, 3)),
    "conv": lambda t: t.vmap(t.nn.functional.conv1d)(numbers(t, 2, 3, 2, 8), numbers(t, 2, 4, 2, 3)),
    "linear": lambda t: t.vmap(t.nn.functional.linear, (0, None))(numbers(t, 5, 3), numbers(t, 4, 3)),
    "layer_norm": lambda t: t.vmap(lambda x: t.nn.functional.layer_norm(x, (4,)))(numbers(t, 2, 3, 4)),
    "cross_entropy": lambda t: t.vmap(t.nn.functional.cross_entropy)(numbers(t, 2, 3, 4), t.tensor([[0, 1, 2], [3, 1, 0]])),
    "embedding": lambda t: t.vmap(lambda i: t.nn.functional.embedding(i, numbers(t, 4, 2)))(t.tensor([[0, 1], [3, 1]])),
    "attention": lambda t: t.vmap(t.nn.functional.scaled_dot_product_attention)(*[numbers(t, 2, 1, 3, 4).sin() for _ in range(3)]),
    "max_pool": lambda t: t.vmap(lambda x: t.nn.functional.max_pool2d(x, 2))(numbers(t, 3, 1, 2, 4, 4)),
    "batch_norm_eval": lambda t: t.vmap(t.nn.BatchNorm1d(3).eval())(numbers(t, 2, 4, 3)),
    "batch_norm_no_statistics": lambda t: t.vmap(t.nn.BatchNorm1d(3, track_running_stats=False))(numbers(t, 2, 4, 3)),
    "no_grad": lambda t: (lambda w: t.vmap(t.no_grad()(lambda x: x * w))(numbers(t, 3)))(t.ones((), requires_grad=True)),
    "gru_cell": lambda t: t.vmap(small_cell(t))(numbers(t, 2, 5, 3), numbers(t, 2, 5, 4)),
})


def small_cell(t: Any) -> Any:
    t.manual_seed(3)
    return t.nn.GRUCell(3, 4).requires_grad_(False)


@body
def inplace_reaches_the_input(t: Any) -> Any:
    x = numbers(t, 3)
    return t.vmap(lambda x: x.mul_(2))(x), x


@body
def inplace_on_new(t: Any) -> Any:
    def f(x: Any) -> Any:
        a, b = t.zeros_like(x), x.new_zeros(3)
        a.add_(x)
        b[1] = x.sum()
        a[0] = 5.0
        return a, b, x.new_full((2,), 2.0), t.full_like(x, 3.0)
    return t.vmap(f)(numbers(t, 2, 4))


@body
def texts(t: Any) -> Any:
    found: list[str] = []

    def note(x: Any) -> Any:
        found.append(repr(x))
        return x.sum()
    t.vmap(note)(numbers(t, 2, 2))
    t.vmap(t.vmap(note))(numbers(t, 2, 2))
    t.func.grad(note)(numbers(t, 2))
    t.vmap(t.func.grad(note))(numbers(t, 2, 2))
    t.func.jvp(note, (t.ones(2),), (t.ones(2),))
    return found


# Random numbers inside vmap

def seeded(t: Any, f: Callable, randomness: str, *args: Any, **options: Any) -> Any:
    t.manual_seed(4)
    return t.vmap(f, randomness=randomness, **options)(*args)


DRAWS: dict[str, Callable] = {
    "randn": lambda t: lambda x: t.randn(3) + x.sum(), "rand": lambda t: lambda x: t.rand(()), "randn_like": lambda t: lambda x: t.randn_like(x),
    "randint": lambda t: lambda x: t.randint(0, 10, (3,)), "randperm": lambda t: lambda x: t.randperm(5), "dropout": lambda t: lambda x: t.dropout(x + 2, 0.5, True),
    "dropout_unbatched": lambda t: lambda x: t.dropout(t.ones(4), 0.5, True), "bernoulli_unbatched": lambda t: lambda x: t.bernoulli(t.full((3,), 0.5)),
    "multinomial_unbatched": lambda t: lambda x: t.multinomial(t.ones(4), 2), "normal_": lambda t: lambda x: x.clone().normal_(),
    "exponential_": lambda t: lambda x: x.clone().exponential_(), "alpha_dropout": lambda t: lambda x: t.nn.functional.alpha_dropout(x, 0.5, True),
    "nested": lambda t: t.vmap(lambda x: t.randn(2), randomness="same"), "nested_too": lambda t: t.vmap(lambda x: t.randn(2), randomness="different"),
}
for _name, _f in DRAWS.items():
    for _kind in "different", "same":
        named(BODIES, f"random_{_kind}", {_name: lambda t, f=_f, kind=_kind: seeded(t, f(t), kind, numbers(t, 2, 3))})
    named(ERRORS, "random", {_name: lambda t, f=_f: seeded(t, f(t), "error", numbers(t, 2, 3))})
named(BODIES, "random", {
    "chunks_same": lambda t: seeded(t, lambda x: t.randn(2), "same", numbers(t, 4), chunk_size=2),
    "chunks_different": lambda t: seeded(t, lambda x: t.randn(2), "different", numbers(t, 4), chunk_size=2),
    "bernoulli": lambda t: seeded(t, lambda x: t.bernoulli(x), "different", t.full((2, 3), 0.5)),
    "multinomial": lambda t: seeded(t, lambda x: t.multinomial(x, 2), "different", t.ones(2, 4)),
    "poisson": lambda t: seeded(t, lambda x: t.poisson(x), "different", t.full((2, 4), 3.0)),
    "normal": lambda t: seeded(t, lambda x: t.normal(x, 1.0), "different", numbers(t, 2, 3)),
    "layer": lambda t: seeded(t, t.nn.Sequential(t.nn.Dropout(0.5), t.nn.ReLU()), "different", t.ones(3, 20)),
})
named(ERRORS, "random", {
    "same_bernoulli": lambda t: seeded(t, lambda x: t.bernoulli(x), "same", t.full((2, 3), 0.5)),
    "same_normal": lambda t: seeded(t, lambda x: t.normal(x, 1.0), "same", t.full((2, 3), 0.5)),
    "in_place": lambda t: seeded(t, lambda x: t.zeros(3).normal_(), "different", t.ones(2)),
})


# Derivatives

def captured(t: Any) -> Any:
    return t.tensor([0.5, 2.0], requires_grad=True)


def with_no_grad(t: Any) -> Callable:
    def f(x: Any) -> Any:
        with t.no_grad():
            c = x ** 2
        return (x ** 3 * c).sum()
    return f


named(BODIES, "grad", {
    "sin": lambda t: t.func.grad(t.sin)(t.tensor(0.3)),
    "twice": lambda t: t.func.grad(t.func.grad(lambda x: x ** 3))(t.tensor(3.0)),
    "thrice": lambda t: t.func.grad(t.func.grad(t.func.grad(lambda x: x.sin() * x)))(t.tensor(3.0)),
    "argnums": lambda t: t.func.grad(lambda x, y: (x * y ** 2).sum(), argnums=(1, 0))(numbers(t, 2), t.ones(2)),
    "argnums_negative": lambda t: t.func.grad(lambda x, y: (x * y ** 2).sum(), argnums=-1)(numbers(t, 2), t.ones(2)),
    "aux": lambda t: t.func.grad(lambda x: (x.sum(), (x * 2, [x])), has_aux=True)(numbers(t, 2)),
    "and_value": lambda t: t.func.grad_and_value(lambda x: x.square().sum())(numbers(t, 2)),
    "and_value_aux": lambda t: t.func.grad_and_value(lambda x: (x.square().sum(), {"a": x}), has_aux=True)(numbers(t, 2)),
    "tree": lambda t: t.func.grad(lambda d: (d["a"] * d["b"][0]).sum())({"a": numbers(t, 2), "b": [t.ones(2)]}),
    "keywords": lambda t: t.func.grad(lambda x, k: (x * k).sum())(numbers(t, 2), k=3.0),
    "captured": lambda t: (lambda w: t.func.grad(lambda x: (x * w).sum())(numbers(t, 2)))(captured(t)),
    "captured_unused": lambda t: (lambda w: t.func.grad(lambda x: (w * 1).sum())(numbers(t, 2)))(captured(t)),
    "of_leaf": lambda t: t.func.grad(lambda x: (x ** 2).sum())(captured(t)),
    "of_leaf_linear": lambda t: t.func.grad(lambda x: (x * 2).sum())(captured(t)),
    "detach": lambda t: t.func.grad(t.func.grad(lambda x: x ** 3 * x.detach() ** 2))(t.tensor(3.0)),
    "no_grad_inside": lambda t: t.func.grad(with_no_grad(t))(numbers(t, 2)),
    "no_grad_inside_nested": lambda t: t.func.grad(lambda x: t.func.grad(with_no_grad(t))(x).sum())(numbers(t, 2)),
    "no_grad_outside": lambda t: t.no_grad()(t.func.grad(lambda x: x ** 2))(t.tensor(3.0)),
    "no_grad_outside_captured": lambda t: (lambda w: t.no_grad()(t.func.grad(lambda x: (x * w).sum()))(numbers(t, 2)))(captured(t)),
    "over_vmap": lambda t: t.func.grad(lambda x: t.vmap(lambda y: y ** 2)(x).sum())(numbers(t, 3)),
    "under_vmap": lambda t: t.vmap(t.func.grad(lambda x: (x ** 3).sum()))(numbers(t, 3, 2)),
    "under_vmap_unbatched": lambda t: t.vmap(t.func.grad(lambda w, x: (w * x).sum()), (None, 0))(t.ones(2), numbers(t, 3, 2)),
    "of_batch_for_captured": lambda t: (lambda w: t.autograd.grad(t.vmap(lambda x: (x * w).sum().sin())(numbers(t, 3, 2)).sum(), w))(captured(t)),
    "through_grad_for_captured": lambda t: (lambda w: t.autograd.grad(t.func.grad(lambda x: (x ** 2 * w).sum())(numbers(t, 2)).sum(), w))(captured(t)),
    "through_vmap_grad_for_captured":
        lambda t: (lambda w: t.autograd.grad(t.vmap(t.func.grad(lambda x: (x ** 2 * w ** 2).sum()))(numbers(t, 3, 2)).sum(), w))(captured(t)),
    "inplace_on_clone": lambda t: t.func.grad(lambda x: x.clone().mul_(x).sum())(numbers(t, 2)),
    "inplace_on_new": lambda t: t.func.grad(lambda x: t.zeros(2).add_(x * x).sum())(numbers(t, 2)),
    "autograd_inside": lambda t: t.func.grad(lambda x: t.autograd.grad((x ** 3).sum(), x, create_graph=True)[0].sum())(numbers(t, 2)),
    "item_inside": lambda t: t.func.grad(lambda x: (x * x.sum().item()).sum())(numbers(t, 2)),
    "branch_inside": lambda t: t.func.grad(lambda x: (x if x.sum() > 0 else -x).sum())(numbers(t, 2)),
    "of_matmul": lambda t: t.func.grad(lambda w: t.nn.functional.linear(numbers(t, 2, 3), w).tanh().sum())(numbers(t, 4, 3)),
    "of_complex": lambda t: t.func.grad(lambda x: (x * x.conj()).real.sum())(t.complex(numbers(t, 2), t.ones(2))),
})
named(BODIES, "vjp", {
    "plain": lambda t: t.func.vjp(t.sin, numbers(t, 2))[1](t.ones(2)),
    "several": lambda t: t.func.vjp(lambda x, y: (x.sin(), {"a": x * y}), numbers(t, 2), t.ones(2))[1]((t.ones(2), {"a": numbers(t, 2)})),
    "value": lambda t: t.func.vjp(lambda x: (x, x * 2), numbers(t, 2))[0],
    "aux": lambda t: t.func.vjp(lambda x: (x * 2, x.sin()), numbers(t, 2), has_aux=True)[2],
    "unused": lambda t: t.func.vjp(lambda x: t.ones(2), numbers(t, 2))[1](t.ones(2)),
    "again": lambda t: (lambda pull: (pull(t.ones(2)), pull(numbers(t, 2))))(t.func.vjp(t.sin, numbers(t, 2))[1]),
    "under_vmap": lambda t: t.vmap(t.func.vjp(lambda x: x ** 2, numbers(t, 2))[1])(t.eye(2)),
    "inside_grad": lambda t: t.func.grad(lambda v: t.func.vjp(t.sin, numbers(t, 2))[1](v)[0].sum())(t.ones(2)),
    "outside_then_grad": lambda t: (lambda pull: t.func.grad(lambda v: pull(v)[0].sum())(t.ones(2)))(t.func.vjp(t.sin, numbers(t, 2))[1]),
    "for_captured": lambda t: (lambda w: t.func.vjp(lambda x: x * w, numbers(t, 2)))(captured(t))[0],
})
named(BODIES, "jvp", {
    "plain": lambda t: t.func.jvp(t.sin, (numbers(t, 2),), (t.ones(2),)),
    "two": lambda t: t.func.jvp(lambda x, y: (x * y, y.exp()), (numbers(t, 2), t.ones(2)), (t.ones(2), numbers(t, 2))),
    "tree": lambda t: t.func.jvp(lambda d: {"o": d["a"] * 2}, ({"a": numbers(t, 2)},), ({"a": t.ones(2)},)),
    "aux": lambda t: t.func.jvp(lambda x: (x.sin(), x * 2), (numbers(t, 2),), (t.ones(2),), has_aux=True),
    "unused": lambda t: t.func.jvp(lambda x: t.ones(2), (numbers(t, 2),), (t.ones(2),)),
    "detach": lambda t: t.func.jvp(lambda x: x * x.detach(), (numbers(t, 2),), (t.ones(2),)),
    "no_grad": lambda t: t.func.jvp(with_no_grad(t), (numbers(t, 2),), (t.ones(2),)),
    "twice": lambda t: t.func.jvp(lambda x: t.func.jvp(lambda y: y ** 3, (x,), (t.ones(2),))[1], (numbers(t, 2),), (t.ones(2),)),
    "of_grad": lambda t: t.func.jvp(t.func.grad(lambda x: (x ** 3).sum()), (numbers(t, 2),), (t.ones(2),)),
    "grad_of": lambda t: t.func.grad(lambda x: t.func.jvp(t.sin, (x,), (t.ones(2),))[1].sum())(numbers(t, 2)),
    "vmap_of": lambda t: t.vmap(lambda x, v: t.func.jvp(t.sin, (x,), (v,))[1])(numbers(t, 3, 2), numbers(t, 3, 2)),
    "of_vmap": lambda t: t.func.jvp(t.vmap(t.sin), (numbers(t, 3, 2),), (t.ones(3, 2),)),
    "linear": lambda t: t.func.jvp(lambda w: t.nn.functional.linear(numbers(t, 2, 3), w).tanh(), (numbers(t, 4, 3),), (t.ones(4, 3),)),
    "integer_result": lambda t: t.func.jvp(lambda x: (x * x, x.argmax()), (numbers(t, 2),), (t.ones(2),))[0],
    "inplace": lambda t: t.func.jvp(lambda x: t.zeros(2).add_(x * x), (numbers(t, 2),), (t.ones(2),)),
    "indexed_write": lambda t: t.func.jvp(lambda x: write_first(t, x), (numbers(t, 2),), (t.ones(2),)),
    "print": lambda t: t.func.jvp(lambda x: x * x.sum().item(), (numbers(t, 2),), (t.ones(2),)),
    "softmax": lambda t: t.func.jvp(lambda x: t.nn.functional.cross_entropy(x, t.tensor([0, 1])), (numbers(t, 2, 3),), (t.ones(2, 3).tril(),)),
    "linearize": lambda t: (lambda out, push: (out, push(t.ones(2)), push(numbers(t, 2))))(*t.func.linearize(t.sin, numbers(t, 2))),
    "linearize_two": lambda t: t.func.linearize(lambda x, y: {"a": x * y}, numbers(t, 2), t.ones(2))[1](t.ones(2), numbers(t, 2)),
})


def write_first(t: Any, x: Any) -> Any:
    out = t.ones(3)
    out[0] = x[1] ** 2
    return out


CUBE = {"vector": lambda x: x ** 3, "scalar": lambda x: (x ** 3).sum(), "tree": lambda x: {"a": x.sin(), "b": (x.sum() ** 2, x[:1])}}
for _name, _f in CUBE.items():
    for _how in "jacrev", "jacfwd", "hessian":
        named(BODIES, _how, {_name: lambda t, f=_f, how=_how: getattr(t.func, how)(f)(numbers(t, 2))})
for _how in "jacrev", "jacfwd", "hessian":
    named(BODIES, _how, {
        "two": lambda t, how=_how: getattr(t.func, how)(lambda x, y: x * y ** 2, argnums=(0, 1))(numbers(t, 2), t.ones(2) * 2),
        "second": lambda t, how=_how: getattr(t.func, how)(lambda x, y: (x * y ** 2, y), argnums=1)(numbers(t, 2), t.ones(2) * 2),
        "tree_in": lambda t, how=_how: getattr(t.func, how)(lambda d: d["a"] * d["b"] ** 2)({"a": numbers(t, 2), "b": t.ones(2)}),
        "under_vmap": lambda t, how=_how: t.vmap(getattr(t.func, how)(lambda x: (x ** 3).sum()))(numbers(t, 3, 2)),
        "of_vmap": lambda t, how=_how: getattr(t.func, how)(t.vmap(lambda x: (x ** 3).sum()))(numbers(t, 3, 2)),
        "softmax": lambda t, how=_how: getattr(t.func, how)(lambda x: x.softmax(-1))(numbers(t, 3)),
        "captured": lambda t, how=_how: (lambda w: getattr(t.func, how)(lambda x: (x ** 3 * w).sum())(numbers(t, 2)))(captured(t)),
    })
named(BODIES, "jac", {
    "rev_aux": lambda t: t.func.jacrev(lambda x: (x.sin(), x), has_aux=True)(numbers(t, 2)),
    "fwd_aux": lambda t: t.func.jacfwd(lambda x: (x.sin(), x), has_aux=True)(numbers(t, 2)),
    "rev_chunks": lambda t: t.func.jacrev(lambda x: x.sin(), chunk_size=2)(numbers(t, 5)),
    "rev_rev": lambda t: t.func.jacrev(t.func.jacrev(lambda x: x ** 3))(numbers(t, 2)),
    "fwd_fwd": lambda t: t.func.jacfwd(t.func.jacfwd(lambda x: x ** 3))(numbers(t, 2)),
    "rev_fwd": lambda t: t.func.jacrev(t.func.jacfwd(lambda x: x ** 3))(numbers(t, 2)),
    "fwd_fwd_rev": lambda t: t.func.jacfwd(t.func.hessian(lambda x: (x ** 4).sum()))(numbers(t, 2)),
    "unused": lambda t: t.func.jacrev(lambda x, y: x, argnums=(0, 1))(numbers(t, 2), t.ones(3)),
    "fwd_random": lambda t: seeded_jacobian(t),
    "fwd_branch": lambda t: t.func.jacfwd(lambda x: x * x.sum().item() if x.sum() > 0 else -x)(numbers(t, 2)),
    "hessian_branch": lambda t: t.func.hessian(lambda x: (x ** 2).sum() if x.sum() > 0 else -x.sum())(numbers(t, 2)),
    "matrix": lambda t: t.func.jacrev(lambda a: a @ a.T)(numbers(t, 2, 3)),
})


def seeded_jacobian(t: Any) -> Any:
    t.manual_seed(2)
    return t.func.jacfwd(lambda x: x * t.randn(2), randomness="same")(numbers(t, 2))


# The tutorials' ways of use

def network(t: Any) -> Any:
    t.manual_seed(1)
    return t.nn.Sequential(t.nn.Linear(3, 5), t.nn.Tanh(), t.nn.Linear(5, 2))


@body
def per_sample_gradients(t: Any) -> Any:
    net = network(t)
    parameters = {k: v.detach() for k, v in net.named_parameters()}
    buffers = {k: v.detach() for k, v in net.named_buffers()}

    def loss(parameters: dict, buffers: dict, sample: Any, target: Any) -> Any:
        out = t.func.functional_call(net, (parameters, buffers), (sample.unsqueeze(0),))
        return t.nn.functional.cross_entropy(out, target.unsqueeze(0))
    per_sample = t.vmap(t.func.grad(loss), in_dims=(None, None, 0, 0))
    return per_sample(parameters, buffers, numbers(t, 4, 3), t.tensor([0, 1, 1, 0])), \
        t.vmap(t.func.grad(loss), (None, None, 0, 0), chunk_size=3)(parameters, buffers, numbers(t, 4, 3), t.tensor([0, 1, 1, 0]))


@body
def convolutional_per_sample_gradients(t: Any) -> Any:
    t.manual_seed(1)
    net = t.nn.Sequential(t.nn.Conv2d(1, 2, 3), t.nn.ReLU(), t.nn.MaxPool2d(2), t.nn.Flatten(0), t.nn.Linear(8, 2))
    parameters = {k: v.detach() for k, v in net.named_parameters()}

    def loss(parameters: dict, x: Any) -> Any:
        return t.func.functional_call(net, parameters, (x,)).logsumexp(0)
    return t.vmap(t.func.grad(loss), (None, 0))(parameters, numbers(t, 3, 1, 6, 6).sin())


@body
def ensemble(t: Any) -> Any:
    nets = [network(t) for _ in range(3)]
    for k, net in enumerate(nets):
        with t.no_grad():
            net[0].weight += k
    parameters, buffers = t.func.stack_module_state(nets)
    x = numbers(t, 4, 3)
    shared = t.vmap(lambda p, b, x: t.func.functional_call(nets[0], (p, b), (x,)), in_dims=(0, 0, None))(parameters, buffers, x)
    each = t.vmap(lambda p, b, x: t.func.functional_call(nets[0], (p, b), (x,)))(parameters, buffers, t.stack([x, x + 1, x * 2]))
    (shared.sum() + each.square().sum()).backward()
    return shared, each, {k: p.grad for k, p in parameters.items()}


@body
def neural_tangent_kernel(t: Any) -> Any:
    net = network(t)
    parameters = {k: v.detach() for k, v in net.named_parameters()}

    def one(parameters: dict, x: Any) -> Any:
        return t.func.functional_call(net, parameters, (x.unsqueeze(0),)).squeeze(0)

    def by_jacobians(x1: Any, x2: Any) -> Any:
        first = [j.flatten(2) for j in t.vmap(t.func.jacrev(one), (None, 0))(parameters, x1).values()]
        second = [j.flatten(2) for j in t.vmap(t.func.jacrev(one), (None, 0))(parameters, x2).values()]
        return t.stack([t.einsum("Naf,Mbf->NMab", a, b) for a, b in zip(first, second, strict=True)]).sum(0)

    def by_products(x1: Any, x2: Any) -> Any:
        def entry(x1: Any, x2: Any) -> Any:
            out, pull = t.func.vjp(lambda p: one(p, x1), parameters)

            def row(v: Any) -> Any:
                return t.func.jvp(lambda p: one(p, x2), (parameters,), pull(v))[1]
            return t.vmap(row)(t.eye(2))
        return t.vmap(t.vmap(entry, (None, 0)), (0, None))(x1, x2)
    x1, x2 = numbers(t, 3, 3), numbers(t, 2, 3) * 2
    return by_jacobians(x1, x2), by_products(x1, x2)


@body
def maml(t: Any) -> Any:
    net = network(t)
    parameters = {k: v.detach().requires_grad_() for k, v in net.named_parameters()}

    def task_loss(x: Any, y: Any) -> Any:
        def inner(parameters: dict) -> Any:
            return t.nn.functional.mse_loss(t.func.functional_call(net, parameters, (x,)), y)
        adapted = parameters
        for _ in range(2):
            grads = t.func.grad(inner)(adapted)
            adapted = {k: adapted[k] - 0.1 * grads[k] for k in adapted}
        return inner(adapted)
    losses = t.vmap(task_loss)(numbers(t, 3, 4, 3), numbers(t, 3, 4, 2).cos())
    losses.mean().backward()
    return losses, {k: p.grad for k, p in parameters.items()}


@body
def maml_functional(t: Any) -> Any:
    def net(x: Any, params: tuple) -> Any:
        x = t.nn.functional.linear(x, params[0]).relu()
        return t.nn.functional.linear(x, params[1])

    def task(params: tuple, x: Any, y: Any) -> Any:
        grads = t.func.grad(lambda p: t.nn.functional.mse_loss(net(x, p), y))(params)
        return t.nn.functional.mse_loss(net(x, tuple(p - 0.1 * g for p, g in zip(params, grads, strict=True))), y)
    params = (numbers(t, 4, 1), numbers(t, 1, 4).sin())
    x = numbers(t, 3, 5, 1)
    return t.func.grad(lambda p: t.vmap(lambda x, y: task(p, x, y))(x, x.sin()).mean())(params)


@body
def physics_informed(t: Any) -> Any:
    net = t.nn.Sequential(t.nn.Linear(1, 6), t.nn.Tanh(), t.nn.Linear(6, 1))
    t.manual_seed(1)
    for p in net.parameters():
        t.nn.init.normal_(p)

    def u(x: Any) -> Any:
        return net(x.reshape(1, 1)).squeeze()
    x = numbers(t, 5)
    first, second = t.vmap(t.func.grad(u)), t.vmap(t.func.grad(t.func.grad(u)))
    loss = (second(x) + first(x) * t.vmap(u)(x)).square().mean()
    loss.backward()
    return loss, [p.grad for p in net.parameters()]


@body
def hessian_products(t: Any) -> Any:
    def f(x: Any) -> Any:
        return (x.sin() ** 2).sum() * x.prod()
    x, v = numbers(t, 3) + 2, t.tensor([1.0, 0.5, -1.0])
    forward_reverse = t.func.jvp(t.func.grad(f), (x,), (v,))[1]
    reverse_reverse = t.func.vjp(t.func.grad(f), x)[1](v)[0]
    reverse_forward = t.func.grad(lambda x: t.func.jvp(f, (x,), (v,))[1])(x)
    return forward_reverse, reverse_reverse, reverse_forward


@body
def batched_jacobian_by_autograd(t: Any) -> Any:
    x = (numbers(t, 4)).requires_grad_()
    y = x ** 3
    return t.vmap(lambda v: t.autograd.grad(y, x, v, retain_graph=True)[0])(t.eye(4)), t.autograd.grad(y, x, t.eye(4), is_grads_batched=True)


@body
def autograd_through_a_batched_graph(t: Any) -> Any:
    x = (numbers(t, 4)).requires_grad_()
    y = t.vmap(lambda a: a ** 3)(x)
    return t.vmap(lambda v: t.autograd.grad(y, x, v, retain_graph=True)[0])(t.eye(4))


@body
def laplacian(t: Any) -> Any:
    return t.vmap(lambda x: t.func.hessian(lambda x: (x ** 3).sum() * x[0])(x).diagonal().sum())(numbers(t, 4, 3))


@body
def batch_norm_without_statistics(t: Any) -> Any:
    t.manual_seed(0)
    net = t.func.replace_all_batch_norm_modules_(t.nn.Sequential(t.nn.Linear(3, 3), t.nn.BatchNorm1d(3)))
    parameters = {k: v.detach() for k, v in net.named_parameters()}
    loss = t.func.grad(lambda p, x: t.func.functional_call(net, p, (x,)).sin().sum())
    return t.vmap(loss, (None, 0))(parameters, numbers(t, 2, 4, 3).sin()), repr(net), sorted(net.state_dict())


@body
def functionalized(t: Any) -> Any:
    return t.func.functionalize(lambda x: x.clone().add_(1).view(-1), remove="mutations_and_views")(numbers(t, 2, 2))


@body
def unwrapped(t: Any) -> Any:
    found = []

    def f(x: Any) -> Any:
        found.append(t.func.debug_unwrap(x))
        return x.sum()
    t.vmap(t.func.grad(f))(numbers(t, 2, 3))
    return found


@body
def rearranged(t: Any) -> Any:
    x = numbers(t, 2, 3, 4)
    return [t.func.rearrange(x, "a b c -> c (a b)"), t.func.rearrange(x, "a b (c d) -> a d b c", d=2), t.func.rearrange([x, x], "s a ... -> a ... s"),
            t.func.rearrange(x, "a b c -> a 1 b c"), t.vmap(lambda y: t.func.rearrange(y, "b c -> (c b)"))(x)]


# autograd.Function in transforms

def functions(t: Any) -> Any:
    class Cube(t.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x ** 3, 3 * x ** 2

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
            ctx.mark_non_differentiable(output[1])
            ctx.save_for_backward(output[1])
            ctx.save_for_forward(output[1])

        @staticmethod
        def backward(ctx: Any, g: Any, _: Any) -> Any:
            return g * ctx.saved_tensors[0] * 2          # twice the derivative, so that it is seen to be this one

        @staticmethod
        def jvp(ctx: Any, v: Any) -> Any:
            return v * ctx.saved_tensors[0] * 5, None

    class Product(t.autograd.Function):
        calls: list = []

        @staticmethod
        def forward(x: Any, y: Any, k: float) -> Any:
            return x * y * k

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
            ctx.save_for_backward(*inputs[:2])
            ctx.k = inputs[2]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y * ctx.k, g * x * ctx.k, None

        @staticmethod
        def vmap(info: Any, in_dims: tuple, x: Any, y: Any, k: float) -> Any:
            Product.calls.append((tuple(info), in_dims))
            x = x if in_dims[0] is None else x.movedim(in_dims[0], 0)
            return Product.apply(x, y, k), 0
    return Cube, Product


@body
def custom_functions(t: Any) -> Any:
    cube, product = functions(t)
    x = numbers(t, 3)
    first = [t.vmap(lambda x: cube.apply(x)[0])(x), t.func.grad(lambda x: cube.apply(x)[0].sum())(x), t.vmap(t.func.grad(lambda x: cube.apply(x)[0]))(x),
             t.func.jvp(lambda x: cube.apply(x)[0], (x,), (t.ones(3),)), t.func.jacrev(lambda x: cube.apply(x)[0])(x)]
    second = [t.vmap(lambda x, y: product.apply(x, y, 2.0), (0, None))(x, t.tensor(2.0)),
              t.func.grad(lambda x: t.vmap(lambda x: product.apply(x, t.tensor(3.0), 2.0))(x).sum())(x),
              t.vmap(t.func.grad(lambda x: product.apply(x, x, 2.0)))(x)]
    return first, second, product.calls


# Forward mode

@body
def dual_numbers(t: Any) -> Any:
    fwd = t.autograd.forward_ad
    w = captured(t)
    with fwd.dual_level():
        x = fwd.make_dual(numbers(t, 2), t.ones(2))
        y = x.sin() * w
        found = [fwd.unpack_dual(y), fwd.unpack_dual(w)[1], repr(x), x.requires_grad, y.requires_grad, fwd.unpack_dual(x > 0)[1], x.sum().item()]
        found += [type(fwd.unpack_dual(x)).__name__, fwd.unpack_dual(x.detach())[1], fwd.unpack_dual(t.stack([x, t.ones(2)]))]
        (grad,) = t.autograd.grad(fwd.unpack_dual(y).tangent.sum(), w)
    return [list(f) if isinstance(f, tuple) else f for f in found], grad, fwd.unpack_dual(y).tangent


@body
def dual_module(t: Any) -> Any:
    fwd, net = t.autograd.forward_ad, network(t)
    with fwd.dual_level():
        for name, p in list(net.named_parameters()):
            owner, last = net.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]
            delattr(owner, last)
            setattr(owner, last, fwd.make_dual(p.detach(), t.ones_like(p)))
        return list(fwd.unpack_dual(net(numbers(t, 4, 3))))


for _strategy in "reverse-mode", "forward-mode":
    named(BODIES, "functional", {
        f"jacobian_{_strategy}": lambda t, s=_strategy: t.autograd.functional.jacobian(lambda x, y: (x * y.sum(), x.sin()), (numbers(t, 2), numbers(t, 3)),
                                                                                       vectorize=True, strategy=s),
        f"hessian_{_strategy}": lambda t, s=_strategy: t.autograd.functional.hessian(lambda x: (x ** 3).sum(), numbers(t, 3), vectorize=True,
                                                                                     outer_jacobian_strategy=s).detach()})    # PyTorch leaves it tracked


@body
def checked_gradients(t: Any) -> Any:
    x = t.tensor([0.5, 1.0], dtype=t.float64, requires_grad=True)
    cube, _ = functions(t)
    check = t.autograd.gradcheck
    return [check(t.sin, x, check_forward_ad=True, check_batched_grad=True), check(lambda x: cube.apply(x)[0], x, raise_exception=False),
            check(lambda x: cube.apply(x)[0], x, check_forward_ad=True, check_backward_ad=False, raise_exception=False),
            t.autograd.gradgradcheck(t.sin, x, check_fwd_over_rev=True)]
