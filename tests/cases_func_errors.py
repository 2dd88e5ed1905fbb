"""Bodies for test_func that must raise, with PyTorch's class and text."""
from __future__ import annotations

from typing import Any

from cases_func import ERRORS, captured, named, numbers


def f1(x: Any) -> Any:
    return x


named(ERRORS, "vmap", {
    "no_inputs": lambda t: t.vmap(f1)(),
    "number": lambda t: t.vmap(f1)(2.0),
    "structure": lambda t: t.vmap(f1, in_dims=(0, 0))(t.ones(2)),
    "in_dims_none": lambda t: t.vmap(f1, in_dims=None)(t.ones(2)),
    "in_dims_all_none": lambda t: t.vmap(f1, in_dims=(None,))(t.ones(2)),
    "in_dims_range": lambda t: t.vmap(f1, in_dims=1)(t.ones(2)),
    "in_dims_class": lambda t: t.vmap(f1, in_dims="a")(t.ones(2)),
    "in_dims_float": lambda t: t.vmap(f1, in_dims=(1.5,))(t.ones(2)),
    "in_dims_key": lambda t: t.vmap(f1, in_dims=({"b": 0},))({"a": t.ones(2)}),
    "scalar": lambda t: t.vmap(f1)(t.tensor(1.0)),
    "sizes": lambda t: t.vmap(lambda x, y: x)(t.ones(2), t.ones(3)),
    "returns_none": lambda t: t.vmap(lambda x: None)(t.ones(2)),
    "returns_number": lambda t: t.vmap(lambda x: (x, 3))(t.ones(2)),
    "out_dims_range": lambda t: t.vmap(f1, out_dims=2)(t.ones(2, 3)),
    "out_dims_structure": lambda t: t.vmap(f1, out_dims=(0, 1))(t.ones(2, 3)),
    "out_dims_class": lambda t: t.vmap(f1, out_dims="a")(t.ones(2, 3)),
    "out_dims_none": lambda t: t.vmap(f1, out_dims=None)(t.ones(2, 3)),
    "randomness": lambda t: t.vmap(f1, randomness="x")(t.ones(2)),
    "chunk_size": lambda t: t.vmap(f1, chunk_size=0)(t.ones(2)),
    "item": lambda t: t.vmap(lambda x: x.item())(t.ones(2)),
    "bool": lambda t: t.vmap(lambda x: x if x > 0 else -x)(t.ones(2)),
    "float": lambda t: t.vmap(lambda x: float(x))(t.ones(2)),
    "format": lambda t: t.vmap(lambda x: f"{x:.2f}")(t.ones(2)),
    "tolist": lambda t: t.vmap(lambda x: x.tolist())(t.ones(2)),
    "numpy": lambda t: t.vmap(lambda x: x.numpy())(t.ones(2)),
    "data_ptr": lambda t: t.vmap(lambda x: x.data_ptr())(t.ones(2)),
    "nonzero": lambda t: t.vmap(lambda x: x.nonzero())(t.ones(2, 3)),
    "where": lambda t: t.vmap(lambda x: t.where(x > 0))(t.ones(2, 3)),
    "unique": lambda t: t.vmap(lambda x: x.unique())(t.ones(2, 3)),
    "mask": lambda t: t.vmap(lambda x: x[x > 0])(t.ones(2, 3)),
    "masked_select": lambda t: t.vmap(lambda x: x.masked_select(x > 0))(t.ones(2, 3)),
    "allclose": lambda t: t.vmap(lambda x: t.allclose(x, x))(t.ones(2, 3)),
    "equal": lambda t: t.vmap(lambda x: t.equal(x, x))(t.ones(2, 3)),
    "contains": lambda t: t.vmap(lambda x: 1 in x)(t.ones(2, 3)),
    "copy_to_captured": lambda t: t.vmap(lambda x: t.zeros(()).copy_(x))(t.ones(2)),
    "write_to_captured": lambda t: t.vmap(lambda x: t.zeros(3).index_put_((t.tensor(0),), x))(t.ones(2)),
    "dimension": lambda t: t.vmap(lambda x: x.sum(5))(t.ones(2, 3)),
    "requires_grad_": lambda t: t.vmap(lambda x: x.requires_grad_())(t.ones(2)),
    "backward": lambda t: (lambda w: t.vmap(lambda x: (x * w).sum().backward())(t.ones(2)))(captured(t)),
    "batch_norm": lambda t: t.vmap(t.nn.BatchNorm1d(3))(t.ones(2, 4, 3)),
    "rrelu": lambda t: t.vmap(lambda x: t.nn.functional.rrelu(x, training=True), randomness="same")(t.ones(2)),
})
named(ERRORS, "grad", {
    "not_scalar": lambda t: t.func.grad(lambda x: x * 2)(t.ones(2)),
    "not_tensor": lambda t: t.func.grad(lambda x: 2.0)(t.ones(2)),
    "tuple": lambda t: t.func.grad(lambda x: (x, x))(t.ones(())),
    "aux": lambda t: t.func.grad(lambda x: x, has_aux=True)(t.ones(())),
    "aux_text": lambda t: t.func.grad(lambda x: (x, "text"), has_aux=True)(t.ones(())),
    "jvp_aux_text": lambda t: t.func.jvp(lambda x: (x, "text"), (t.ones(()),), (t.ones(()),), has_aux=True),
    "integers": lambda t: t.func.grad(f1)(t.tensor(1)),
    "number": lambda t: t.func.grad(f1)(2.0),
    "argnums": lambda t: t.func.grad(f1, argnums=2)(t.ones(())),
    "argnums_twice": lambda t: t.func.grad(lambda x, y: x, argnums=(0, 0))(t.ones(()), t.ones(())),
    "argnums_class": lambda t: t.func.grad(f1, argnums="a")(t.ones(())),
    "argnums_empty": lambda t: t.func.grad(f1, argnums=())(t.ones(())),
    "backward": lambda t: t.func.grad(lambda x: x.backward())(t.ones(())),
    "requires_grad_": lambda t: t.func.grad(lambda x: x.requires_grad_())(t.ones(())),
    "in_place": lambda t: t.func.grad(lambda x: x.mul_(2).sum())(t.ones(2)),
    "out": lambda t: t.func.grad(lambda x: t.add(x, x, out=t.zeros(())))(t.ones(())),
    "vjp_structure": lambda t: t.func.vjp(lambda x, y: (x.sin(), {"a": x * y}), t.ones(2), t.ones(2))[1](t.ones(2)),
    "vjp_shape": lambda t: t.func.vjp(t.sin, t.ones(2))[1](t.ones(3)),
    "vjp_not_tensor": lambda t: t.func.vjp(lambda x: (x, 3), t.ones(2)),
    "vjp_empty": lambda t: t.func.vjp(lambda x: (), t.ones(2)),
    "vjp_number": lambda t: t.func.vjp(f1, 3.0),
    "vjp_aux": lambda t: t.func.vjp(lambda x: (x, x, x), t.ones(2), has_aux=True),
    "vjp_no_cotangent": lambda t: t.func.vjp(f1, t.ones(2))[1](),
    "vjp_freed": lambda t: (lambda pull: (pull(t.ones(2), retain_graph=False), pull(t.ones(2))))(t.func.vjp(t.sin, t.ones(2))[1]),
    "jvp_not_tuple": lambda t: t.func.jvp(f1, t.ones(2), t.ones(2)),
    "jvp_structure": lambda t: t.func.jvp(f1, (t.ones(2),), (t.ones(2), t.ones(2))),
    "jvp_empty": lambda t: t.func.jvp(lambda: t.ones(2), (), ()),
    "jvp_shape": lambda t: t.func.jvp(f1, (t.ones(2),), (t.ones(3),)),
    "jvp_integers": lambda t: t.func.jvp(f1, (t.tensor(1),), (t.tensor(1),)),
    "jvp_number": lambda t: t.func.jvp(f1, (1.0,), (1.0,)),
    "jvp_strict": lambda t: t.func.jvp(lambda x: t.ones(2), (t.ones(2),), (t.ones(2),), strict=True),
    "jvp_not_tensor": lambda t: t.func.jvp(lambda x: 3, (t.ones(2),), (t.ones(2),)),
    "jvp_aux": lambda t: t.func.jvp(f1, (t.ones(2),), (t.ones(2),), has_aux=True),
    "jacrev_not_tensor": lambda t: t.func.jacrev(lambda x: (x, 3))(t.ones(2)),
    "jacrev_chunk_size": lambda t: t.func.jacrev(f1, chunk_size=0)(t.ones(2)),
    "jacrev_integers": lambda t: t.func.jacrev(f1)(t.tensor([1])),
    "jacfwd_integers": lambda t: t.func.jacfwd(f1)(t.tensor([1])),
    "jacfwd_randomness": lambda t: t.func.jacfwd(f1, randomness="x")(t.ones(2)),
    "jacfwd_random": lambda t: t.func.jacfwd(lambda x: x * t.randn(2))(t.ones(2)),
    "linearize_shape": lambda t: t.func.linearize(t.sin, t.ones(2))[1](t.ones(3)),
    "linearize_dtype": lambda t: t.func.linearize(t.sin, t.ones(2))[1](t.ones(2, dtype=t.float64)),
    "linearize_structure": lambda t: t.func.linearize(t.sin, t.ones(2))[1](t.ones(2), t.ones(2)),
    "functionalize": lambda t: t.func.functionalize(f1, remove="x")(t.ones(2)),
})


def simple(t: Any, **rules: Any) -> Any:
    class Simple(t.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x * 2

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
            """Nothing is kept."""

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2
    for name, rule in rules.items():
        setattr(Simple, name, staticmethod(rule) if callable(rule) else rule)
    return Simple


class OldStyle:
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2


named(ERRORS, "custom", {
    "no_rule": lambda t: t.vmap(simple(t).apply)(t.ones(2)),
    "two_rules": lambda t: t.vmap(simple(t, generate_vmap_rule=True, vmap=lambda info, dims, x: (x, 0)).apply)(t.ones(2)),
    "one_return": lambda t: t.vmap(simple(t, vmap=lambda info, dims, x: x).apply)(t.ones(2)),
    "no_jvp": lambda t: t.func.jvp(simple(t).apply, (t.ones(2),), (t.ones(2),)),
    "no_setup": lambda t: t.func.grad(type("Old", (OldStyle, t.autograd.Function), {}).apply)(t.ones(())),
})


def in_level(t: Any, primal: Any, tangent: Any) -> Any:
    with t.autograd.forward_ad.dual_level():
        return t.autograd.forward_ad.make_dual(primal, tangent)


def nested_levels(t: Any) -> None:
    with t.autograd.forward_ad.dual_level(), t.autograd.forward_ad.dual_level():
        """Refused."""


named(ERRORS, "dual", {
    "no_level": lambda t: t.autograd.forward_ad.make_dual(t.ones(2), t.ones(2)),
    "nested": nested_levels,
    "exit": lambda t: t.autograd.forward_ad.exit_dual_level(),
    "integers": lambda t: in_level(t, t.tensor([1]), t.ones(1)),
    "integer_tangent": lambda t: in_level(t, t.ones(1), t.tensor([1])),
    "shape": lambda t: in_level(t, t.ones(2), t.ones(3)),
    "number": lambda t: in_level(t, 1.0, t.ones(3)),
})

PATTERNS = {"a b c -> a b": {}, "a b -> b a": {}, "a b c": {}, "a b c -> a b c -> c": {}, "a a b -> a b": {}, "(a b c -> a": {}, "a b ((c d)) -> a b c d": {},
            "a b c -> a (b ...)": {}, "a-b -> a": {}, "a b _ -> a b _": {}, "a b 3 -> a b": {}, "(...) b -> b": {}, "a b c -> a b c": {"z": 5}}
named(ERRORS, "rearrange", {p: lambda t, p=p, sizes=sizes: t.func.rearrange(numbers(t, 2, 3, 4), p, **sizes) for p, sizes in PATTERNS.items()})
