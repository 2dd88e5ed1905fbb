"""Custom functions, `torch.autograd.functional`, `gradcheck` and overwritten values: programs as in `cases_autograd.py`."""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from cases_autograd import error, grads, leaf

Read = Callable[[Any], Any]
CASES: dict[str, Callable[[ModuleType, Read], Any]] = {}


def case(function: Callable) -> Callable:
    """Add a program to the table."""
    assert function.__name__ not in CASES
    CASES[function.__name__] = function
    return function


def functions(torch: ModuleType) -> dict[str, Any]:
    """A few custom functions."""
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return 2 * g * x

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            y, = ctx.saved_tensors
            return g * y

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, scale, name=None):
            ctx.save_for_backward(x, w)
            ctx.scale = scale
            return scale * (x @ w)

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            gx = gw = None
            if ctx.needs_input_grad[0]:
                gx = ctx.scale * g @ w.t()
            if ctx.needs_input_grad[1]:
                gw = ctx.scale * x.t() @ g
            return gx, gw, None, None
    return {"Square": Square, "Exp": Exp, "Linear": Linear}


@case
def function_basics(torch, read):
    square = functions(torch)["Square"]
    x = leaf(torch, 1.0, 2.0)
    y = square.apply(x * 3)
    read(y)
    y.sum().backward()
    z = square.apply(torch.ones(2))
    with torch.no_grad():
        w = square.apply(x)
    return grads(x), y.tolist(), y.grad_fn.name(), type(y.grad_fn).__name__, y.requires_grad, z.requires_grad, w.requires_grad, y.is_leaf, str(y.tolist())


@case
def function_with_other_arguments(torch, read):
    linear = functions(torch)["Linear"]
    x, w = torch.ones(2, 3), torch.full((3, 2), 0.5, requires_grad=True)
    y = linear.apply(x, w, 2.0)
    read(y)
    y.sum().backward()
    v = torch.ones(2, 3, requires_grad=True)
    linear.apply(v, w, 3, "name").pow(2).sum().backward()
    return grads(w, v)


@case
def function_needs(torch, read):
    seen = []

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b, c):
            seen.append(ctx.needs_input_grad)
            return a * 1

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return g, None, None
    x = leaf(torch, 1.0)
    F.apply(x, torch.ones(1), 3).sum().backward()
    F.apply(torch.ones(1), x, 3).requires_grad
    with torch.no_grad():
        F.apply(x, x, 3)
    return seen, grads(x)


@case
def function_higher_orders(torch, read):
    found = []
    for name in ("Square", "Exp"):
        f = functions(torch)[name]
        x = leaf(torch, 0.5, 2.0)
        y = f.apply(x)
        read(y)
        g, = torch.autograd.grad(y.sum(), x, create_graph=True)
        read(g)
        h, = torch.autograd.grad((g * g).sum(), x, create_graph=True)
        k, = torch.autograd.grad(h.sum(), x, allow_unused=True)
        found.append([g.tolist(), h.tolist(), None if k is None else k.tolist()])
    return found


@case
def function_with_constant_backward(torch, read):
    """A backward that computes with plain numbers: its result has no gradient."""
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2
    x = leaf(torch, 1.0, 2.0)
    y = Twice.apply(x)
    g, = torch.autograd.grad(y.sum(), x, create_graph=True)
    (y * y).sum().backward()
    return g.tolist(), g.requires_grad, grads(x)


@case
def function_several_results(torch, read):
    class Split(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3, 7, x.detach().long()

        @staticmethod
        def backward(ctx, a, b, n, i):
            return (0 if a is None else a * 2) + (0 if b is None else b * 3)
    x = leaf(torch, 1.0, 2.0)
    a, b, n, i = Split.apply(x)
    read(a)
    a.sum().backward()
    c, d, *_ = Split.apply(x)
    (c * d).sum().backward()
    return grads(x), n, i.requires_grad, a.grad_fn.name(), b.output_nr


@case
def function_materialized(torch, read):
    seen = []

    class Pair(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x.sum()

        @staticmethod
        def backward(ctx, a, b):
            seen.append((a.tolist(), b.tolist()))
            return a * 2 + b
    x = leaf(torch, 1.0, 2.0)
    a, b = Pair.apply(x)
    read(b)
    b.backward()
    return grads(x), seen


@case
def function_constant_results(torch, read):
    class Top(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            values, where = x.sort()
            ctx.mark_non_differentiable(where)
            ctx.save_for_backward(where)
            return values, where

        @staticmethod
        def backward(ctx, g, none):
            where, = ctx.saved_tensors
            return torch.zeros_like(g).scatter(0, where, g)
    x = leaf(torch, 3.0, 1.0, 2.0)
    values, where = Top.apply(x)
    read(values)
    (values * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    return grads(x), where.tolist(), where.requires_grad, where.grad_fn


@case
def function_in_place(torch, read):
    class Add(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = Add.apply(y)
    read(z)
    (y * y).sum().backward()
    return grads(x), z is y, y.tolist(), y._version, y.grad_fn.name(), error(Add.apply, x)


@case
def function_returns_its_input(torch, read):
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5
    x = leaf(torch, 1.0, 2.0)
    y = Same.apply(x)
    read(y)
    (y * 1).sum().backward()
    return grads(x), y is x, y.requires_grad, y.is_leaf


@case
def function_setup_context(torch, read):
    class Mul(torch.autograd.Function):
        @staticmethod
        def forward(a, b, k):
            return a * b * k

        @staticmethod
        def setup_context(ctx, inputs, output):
            a, b, ctx.k = inputs
            ctx.save_for_backward(a, b, output)

        @staticmethod
        def backward(ctx, g):
            a, b, y = ctx.saved_tensors
            return g * b * ctx.k, g * a * ctx.k, None
    a, b = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = Mul.apply(a, b, 10)
    read(y)
    g, = torch.autograd.grad(y.sum(), a, create_graph=True)
    (y.sum() + (g * g).sum()).backward()
    return grads(a, b)


@case
def function_vjp_name(torch, read):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def vjp(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g
    x = leaf(torch, 1.0, 2.0)
    Cube.apply(x).sum().backward()
    return grads(x)


@case
def function_once_differentiable(torch, read):
    from_torch = torch.autograd.function.once_differentiable

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 2

        @staticmethod
        @from_torch
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]
    x = leaf(torch, 1.0, 2.0)
    Once.apply(x).sum().backward()
    g, = torch.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    return grads(x), g.tolist(), g.requires_grad, error(g.sum().backward)


@case
def function_wrong_gradients(torch, read):
    def made(result, forward=lambda ctx, x, n: x * 2):
        class Bad(torch.autograd.Function):
            pass
        Bad.forward = staticmethod(forward)
        Bad.backward = staticmethod(lambda ctx, g: result)
        return error(lambda: Bad.apply(leaf(torch, 1.0, 2.0), 3).sum().backward())
    one = torch.ones(2)
    return [made(one), made((one,)), made((one, None)), made((one, None, None)), made((one, None, one)), made((one, one)), made((torch.ones(3), None)),
            made((3, None)), made((None, None)), made((torch.ones(2, 2), None)), made((torch.ones(2).double(), None)), made(((one, None),)), made("text")]


@case
def function_missing_parts(torch, read):
    class Empty(torch.autograd.Function):
        pass

    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2
    square = functions(torch)["Square"]
    x = leaf(torch, 1.0)
    return error(Empty.apply, x), error(Half.apply(x).backward, torch.ones(1)), error(square), error(lambda: square()(x)), \
        error(lambda: square.apply()), error(square.apply, "text")


@case
def function_forward_fails(torch, read):
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            raise KeyError("forward")

    class Worse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise KeyError("backward")
    x = leaf(torch, 1.0)
    return error(Bad.apply, x), error(Worse.apply(x).sum().backward), torch.is_grad_enabled()


@case
def function_twice(torch, read):
    f = functions(torch)
    x = leaf(torch, 1.0, 2.0)

    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.k = 3
            return x + 1

        @staticmethod
        def backward(ctx, g):
            return g * ctx.k
    y, z = f["Square"].apply(x).sum(), Nothing.apply(x).sum()
    read(y)
    y.backward()
    z.backward()
    z.backward()
    return error(y.backward), grads(x)


@case
def function_version_check(torch, read):
    f = functions(torch)
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = f["Square"].apply(y)
    y.add_(1)
    read(z)
    e = f["Exp"].apply(x)
    e.mul_(2)
    return error(z.sum().backward), error(e.sum().backward)


@case
def function_ctx(torch, read):
    seen = []

    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            ctx.k = k
            ctx.save_for_backward(x, None)
            seen.append(type(ctx).__name__)
            return x * k

        @staticmethod
        def backward(ctx, g):
            seen.append((type(ctx).__name__, ctx.name(), ctx.saved_tensors[1], len(ctx.next_functions), torch.is_grad_enabled(), ctx.k))
            return g * ctx.k, None
    x = leaf(torch, 1.0)
    y = F.apply(x, 3)
    y.grad_fn.extra = 1
    seen.append((y.grad_fn.k, y.grad_fn.extra, y.grad_fn.saved_tensors[0] is x, isinstance(y.grad_fn, torch.autograd.function.FunctionCtx) or True))
    read(y)
    y.backward()
    return seen, grads(x)


@case
def function_in_function(torch, read):
    f = functions(torch)

    class Outer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                y = f["Square"].apply(inner) * inner
            ctx.inner, ctx.y = inner, y
            return y.detach()

        @staticmethod
        def backward(ctx, g):
            return torch.autograd.grad(ctx.y, ctx.inner, g)[0]
    x = leaf(torch, 1.0, 2.0)
    y = Outer.apply(x * 1)
    read(y)
    y.sum().backward()
    return grads(x)


@case
def function_with_backward_inside(torch, read):
    """A re-entrant pass: checkpointing by hand."""
    class Check(torch.autograd.Function):
        @staticmethod
        def forward(ctx, run, x):
            ctx.run = run
            ctx.save_for_backward(x)
            with torch.no_grad():
                return run(x)

        @staticmethod
        def backward(ctx, g):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = ctx.run(x)
            torch.autograd.backward(y, g)
            return None, x.grad
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = Check.apply(lambda t: (t * w).tanh(), x * 0.1)
    read(y)
    (y * y).sum().backward()
    return grads(x, w)


@case
def straight_through(torch, read):
    class Round(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, g):
            return g.clamp(-1, 1)
    x, found = leaf(torch, 0.4, 1.6), []
    for _ in range(3):
        loss = ((Round.apply(x) - 3) ** 2).sum()
        read(loss)
        loss.backward()
        found.append(x.grad.tolist())
        with torch.no_grad():
            x -= 0.3 * x.grad
        x.grad = None
    return found, x.tolist()


# torch.autograd.functional

def numbers(x: Any) -> Any:
    """Nested tuples of tensors as lists, with whether they require grad."""
    return [numbers(t) for t in x] if isinstance(x, list | tuple) else (x.tolist(), x.requires_grad)


@case
def functional_products(torch, read):
    f = torch.autograd.functional

    def cube(x):
        y = x ** 3
        return y

    def two(a, b):
        return a * b.sum(), (a ** 2).sum()
    x, v = torch.tensor([1.0, 2.0]), torch.tensor([0.5, -1.0])
    return [numbers(t) for t in (
        f.vjp(cube, x, v), f.jvp(cube, x, v), f.vjp(two, (x, v), (v, torch.tensor(2.0))), f.jvp(two, (x, v), (v, x)),
        f.vjp(lambda t: t.exp().sum(), x), f.jvp(cube, x, v, create_graph=True), f.vjp(cube, x, v, create_graph=True),
        f.vhp(lambda t: (t ** 3).sum(), x, v), f.hvp(lambda t: (t ** 3).sum(), x, v),
        f.hvp(lambda a, b: (a * b).sum() ** 2, (x, v), (v, x)), f.vhp(lambda a, b: (a * b).sum() ** 2, (x, v), (v, x)))]


@case
def functional_matrices(torch, read):
    f = torch.autograd.functional
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([[0.5, -1.0], [2.0, 3.0]])

    def two(a, b):
        return b @ a, (a * a).sum()
    p = torch.tensor([1.0, 2.0], requires_grad=True)
    j = f.jacobian(lambda t: t ** 3, p, create_graph=True)
    j.sum().backward()
    return [numbers(t) for t in (
        f.jacobian(lambda t: t ** 3, x), f.jacobian(two, (x, y)), f.jacobian(lambda t: t.sum(), x), f.jacobian(lambda t: t.t(), y),
        f.jacobian(lambda t: t ** 3, x, vectorize=True), f.jacobian(two, (x, y), vectorize=True),
        f.jacobian(lambda t: t ** 3, x, strategy="forward-mode", vectorize=True),
        f.hessian(lambda t: (t ** 3).sum(), x), f.hessian(lambda a, b: (b @ a).sum() ** 2, (x, y)), f.hessian(lambda t: (t ** 3).sum(), x, vectorize=True),
        f.hessian(lambda t: (t ** 3).sum(), x, create_graph=True), f.hessian(lambda t: (t ** 3).sum(), x, outer_jacobian_strategy="forward-mode", vectorize=True).detach())
    ], grads(p), j.tolist()


@case
def functional_errors(torch, read):
    f = torch.autograd.functional
    x = torch.ones(2)
    return [error(f.jacobian, lambda t: 3, x), error(f.jacobian, lambda t: t, 3), error(f.hessian, lambda t: t, x), error(f.vjp, lambda t: t, x),
            error(f.vjp, lambda t: t, x, torch.ones(3)), error(f.jvp, lambda t: t, x), error(f.hvp, lambda t: t.sum(), x),
            error(f.jacobian, lambda t: t.detach(), x, strict=True), error(f.jacobian, lambda t: torch.ones(2), x, strict=True),
            error(f.jacobian, lambda a, b: a * 2, (x, x), strict=True), error(f.hessian, lambda t: t.sum(), x, strict=True),
            error(f.vjp, lambda t: torch.ones(2), x, x, strict=True), error(f.jacobian, lambda t: t, x, strategy="forward-mode"),
            error(f.jacobian, lambda t: t, x, strategy="other"), error(f.jacobian, lambda t: t, x, vectorize=True, strict=True),
            error(f.vhp, lambda t: (t, t), x, x), error(f.hvp, lambda t: t * 2, x, x), error(f.vjp, lambda t: t, (x, 3), x),
            error(f.vjp, lambda t: t, x, (x, x))]


@case
def functional_without_gradient(torch, read):
    f = torch.autograd.functional
    x = torch.ones(2)
    return [numbers(t) for t in (f.jacobian(lambda t: torch.ones(3), x), f.jacobian(lambda a, b: a * 2, (x, x)), f.hessian(lambda t: t.sum(), x),
                                 f.vjp(lambda t: torch.ones(2), x, x), f.jvp(lambda t: torch.ones(2), x, x))]


# gradcheck

@case
def gradient_checks(torch, read):
    check, double = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    x = torch.tensor([0.3, 1.2], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[0.3, 1.2], [1.0, -0.5]], dtype=torch.float64, requires_grad=True)
    z = torch.tensor([0.3 + 1j, 1.2 - 2j], dtype=torch.complex128, requires_grad=True)

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3
    return [check(torch.sin, x), check(lambda a, b: (b @ a, a.exp()), (x, w)), double(lambda t: t ** 3, x), check(lambda t: t * t, z),
            check(Wrong.apply, x, raise_exception=False), error(check, Wrong.apply, (x,)), error(check, torch.sin, torch.ones(2)),
            check(torch.sin, x, fast_mode=True), check(Wrong.apply, x, raise_exception=False, fast_mode=True),
            check(lambda t: t.sum(), (x,), eps=1e-4, atol=1e-3), double(lambda a, b: (b @ a).tanh(), (x, w), (torch.ones(2, dtype=torch.float64),))]


# Overwritten values

HINT = "Hint"


def overwritten(torch: ModuleType, read: Read, forward: Callable, write: Callable) -> Any:
    """The error of a backward pass after `write` changed something that `forward` had used; both take the leaf, an intermediate and a constant."""
    x = leaf(torch, 0.5, 1.5, 2.5)
    h, k = x * 1, torch.tensor([1.0, 2.0, 3.0])
    y = forward(x, h, k)
    read(h)
    try:
        write(x, h, k, y)
        read(h)
        y.sum().backward()
    except RuntimeError as e:
        return str(e).partition(HINT)[0]
    return grads(x)


def quietly(torch: ModuleType, write: Callable) -> Callable:
    def inside(*args):
        with torch.no_grad():
            write(*args)
    return inside


FORWARDS = {
    "exp": lambda x, h, k: h.exp(), "square": lambda x, h, k: h * h, "times constant": lambda x, h, k: h * k, "add": lambda x, h, k: h + k,
    "of leaf": lambda x, h, k: x * x, "sin": lambda x, h, k: h.sin(), "sum": lambda x, h, k: h.sum(), "relu": lambda x, h, k: h.relu(),
    "tanh": lambda x, h, k: h.tanh(), "sigmoid": lambda x, h, k: h.sigmoid(), "sqrt": lambda x, h, k: h.sqrt(), "softmax": lambda x, h, k: h.softmax(0),
    "view": lambda x, h, k: h[:2] * h[:2], "pow": lambda x, h, k: h ** 2, "log": lambda x, h, k: h.log(), "div": lambda x, h, k: k / h,
    "matmul": lambda x, h, k: h @ k, "abs": lambda x, h, k: h.abs(), "clone": lambda x, h, k: h.clone() * k, "mean": lambda x, h, k: h.mean(),
    "max": lambda x, h, k: h.max(), "clamp": lambda x, h, k: h.clamp(0, 1), "prod": lambda x, h, k: h.prod(), "cumsum": lambda x, h, k: h.cumsum(0),
    "reciprocal": lambda x, h, k: h.reciprocal(), "norm": lambda x, h, k: h.norm(), "log_softmax": lambda x, h, k: h.log_softmax(0),
    "number": lambda x, h, k: h * 3,
}
OVERWRITES = {
    "h.add_": lambda torch: lambda x, h, k, y: h.add_(1), "y.add_": lambda torch: lambda x, h, k, y: y.add_(1), "k.add_": lambda torch: lambda x, h, k, y: k.add_(1),
    "h[0] =": lambda torch: lambda x, h, k, y: h.__setitem__(0, 5.0), "detached": lambda torch: lambda x, h, k, y: h.detach().add_(1),
    "leaf": lambda torch: quietly(torch, lambda x, h, k, y: x.add_(1)),
    "no_grad": lambda torch: quietly(torch, lambda x, h, k, y: h.mul_(1)),
}


def _add(forward: str, write: str) -> None:
    def program(torch: ModuleType, read: Read) -> Any:
        return overwritten(torch, read, FORWARDS[forward], OVERWRITES[write](torch))
    CASES[f"overwritten: {forward}, {write}"] = program


for _forward in FORWARDS:
    for _write in OVERWRITES:
        if _write in ("h.add_", "y.add_") or _write != "k.add_" and _forward in ("exp", "square", "times constant", "of leaf", "view"):
            _add(_forward, _write)


@case
def in_place_activations(torch, read):
    """Networks with in-place activations need nothing that is overwritten."""
    x, w = torch.ones(4, 3), torch.full((3, 3), 0.1, requires_grad=True)
    h = torch.relu_(x @ w)
    h = (h @ w).sigmoid_()
    h = (h @ w).tanh_() * 2
    h = (h @ w).add_(1).mul_(2).exp_()
    read(h)
    h.sum().backward()
    return grads(w)


@case
def step_between_forward_and_backward(torch, read):
    """An optimizer's step overwrites what an older graph needs."""
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    first = (w * w).sum()
    second = (w ** 3).sum()
    read(first)
    first.backward()
    optimizer.step()
    read(w)
    found = error(second.backward)
    third = (w ** 3).sum()
    third.backward(retain_graph=True)
    read(third)
    third.backward()
    return found, grads(w)


@case
def overwritten_own_operand(torch, read):
    x, found = leaf(torch, 0.5, 1.5), []
    for act in (lambda h: h.pow_(2), lambda h: h.mul_(h), lambda h: h.mul_(x), lambda h: h.clamp_(0, 1), lambda h: h.abs_(), lambda h: h.sin_(),
                lambda h: h.div_(x), lambda h: h.log_()):
        h = x * 1
        y = act(h)
        read(y)
        found.append(error(y.sum().backward).partition(HINT)[0])
    return found, grads(x)


@case
def overwritten_indices(torch, read):
    x, i, m = leaf(torch, 1.0, 2.0, 3.0), torch.tensor([0, 2]), torch.tensor([True, False, True])
    a, b, c = x[i], x.gather(0, i), x.masked_fill(m, 0)
    d = torch.where(m, x, x * 2)
    read(a)
    i.zero_()
    m.fill_(False)
    return [error(t.sum().backward).partition(HINT)[0] for t in (a, b, c, d)]


@case
def overwritten_constant(torch, read):
    """Of constants only writes before the program runs are noticed: values never change, so the gradient is right in any case."""
    return overwritten(torch, lambda x: None, FORWARDS["times constant"], OVERWRITES["k.add_"](torch))
