"""Gradients as small programs: each takes the framework and `read`, which may look at a tensor's values between forward and backward, and
returns what it observed.  Both frameworks must observe the same, whether values were read or not."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

Read = Callable[[Any], Any]
CASES: dict[str, Callable[[ModuleType, Read], Any]] = {}


def case(function: Callable) -> Callable:
    """Add a program to the table."""
    assert function.__name__ not in CASES
    CASES[function.__name__] = function
    return function


def error(function: Callable, *args: Any, **kwargs: Any) -> str:
    """The class and the first line of the error that a call raises."""
    try:
        function(*args, **kwargs)
    except Exception as e:                                   # whatever it is, both frameworks must agree on it
        return f"{type(e).__name__}: {str(e).partition(chr(10))[0]}"
    return "no error"


def leaf(torch: ModuleType, *values: float) -> Any:
    return torch.tensor(values, requires_grad=True)


def grads(*tensors: Any) -> list:
    return [None if t.grad is None else t.grad.tolist() for t in tensors]


# backward

@case
def simple(torch, read):
    x, w = leaf(torch, 1.0, 2.0, 3.0), leaf(torch, 0.5, -1.0, 2.0)
    y = (x * w).exp() + x
    read(y)
    loss = y.sum()
    loss.backward()
    return loss.item(), grads(x, w), x.is_leaf, y.is_leaf, y.requires_grad


@case
def accumulation(torch, read):
    x = leaf(torch, 1.0, 2.0)
    for k in range(3):
        y = (x ** 2).sum() * (k + 1)
        read(y)
        y.backward()
    first = grads(x)
    x.grad.zero_()
    (x ** 3).sum().backward()
    seen = x.grad
    (x * 2).sum().backward()
    return first, grads(x), seen is x.grad, seen.tolist(), x.grad.requires_grad


@case
def grad_set_to_none_and_assigned(torch, read):
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.ones(2)
    (x * 3).sum().backward()
    a = grads(x)
    x.grad = None
    (x * 3).sum().backward()
    return a, grads(x), error(setattr, x, "grad", torch.ones(3)), error(setattr, x, "grad", 3.0), error(setattr, x, "grad", torch.ones(2).double()), \
        error(setattr, x, "grad", x)


@case
def backward_with_gradient(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = x ** 3
    read(y)
    y.backward(torch.tensor([1.0, 0.5]))
    x.backward(torch.tensor([10.0, 20.0]))
    return grads(x), error((x * 2).backward), error((x * 2).backward, torch.ones(3)), error((x * 2).sum().backward, torch.ones(2)), \
        error((x * 2).backward, 1.0)


@case
def backward_without_graph(torch, read):
    x, n = torch.ones(2), torch.tensor([1, 2])
    return error(x.sum().backward), error(n.sum().backward), error(torch.autograd.backward, [x.sum()]), error(torch.autograd.backward, []), \
        error(torch.autograd.grad, x.sum(), x), error(torch.autograd.backward, [leaf(torch, 1.0).sum(), x.sum()])


@case
def twice(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = (x * x).sum()
    read(y)
    y.backward()
    a = error(y.backward)
    z = (x * x).sum()
    z.backward(retain_graph=True)
    read(z)
    z.backward()
    return a, grads(x), error(z.backward)


@case
def twice_where_nothing_is_saved(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = (x + 1).sum() - x.mean() + x.view(2, 1).t()[0, 0]
    y.backward()
    read(y)
    y.backward()
    return grads(x)


@case
def shared_graph_freed_by_another_pass(torch, read):
    x = leaf(torch, 1.0, 2.0)
    h = x.exp()
    a, b = h.sum(), (h * 2).sum()
    read(h)
    a.backward()
    return grads(x), error(b.backward)


@case
def several_roots(torch, read):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    a, b = (x * w).sum(), x * x
    read(a)
    torch.autograd.backward([a, b], [None, torch.tensor([1.0, 2.0])])
    c, d = (x * w).sum(), (x.sin() * w).sum()
    torch.autograd.backward((c, d), retain_graph=True)
    torch.autograd.backward((c, d))
    return grads(x, w), error(torch.autograd.backward, [(x * w).sum()], [None, None]), \
        error(torch.autograd.backward, (x * w).sum(), torch.ones(()), grad_variables=torch.ones(()))


@case
def same_root_twice(torch, read):
    x = leaf(torch, 1.0, 2.0)
    a = (x * x).sum()
    torch.autograd.backward([a, a])
    torch.autograd.backward([x, x], [torch.ones(2), torch.ones(2)])
    return grads(x)


@case
def backward_inputs(torch, read):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    h = x * w
    read(h)
    h.sum().backward(inputs=[x], retain_graph=True)
    a = grads(x, w)
    h.sum().backward(inputs=w)
    k = x * w
    (k * k).sum().backward(inputs=[k, x])
    return a, grads(x, w), k.grad.tolist(), error((x * w).sum().backward, inputs=[]), error((x * w).sum().backward, inputs=torch.ones(2)), \
        error((x * 2).sum().backward, inputs=[w])


@case
def dtypes(torch, read):
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    w = leaf(torch, 3.0, 4.0)
    y = (x * w).sum()
    read(y)
    y.backward()
    h = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True)
    (h.float() * 2).sum().backward()
    return str(x.grad.dtype), str(w.grad.dtype), grads(x, w), str(h.grad.dtype), error(lambda: torch.tensor([1, 2], requires_grad=True)).partition(":")[0], \
        error(lambda: torch.tensor([1, 2]).requires_grad_()), error(lambda: setattr(torch.tensor([True]), "requires_grad", True))


@case
def broadcasting(torch, read):
    a, b, c = torch.ones(3, 1, requires_grad=True), torch.ones(4, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    y = (a * b * c + 1) ** 2
    read(y)
    y.sum().backward()
    return grads(a, b, c)


@case
def complex_values(torch, read):
    z = torch.tensor([1 + 2j, 0.5 - 1j], requires_grad=True)
    y = (z * z).abs().sum()
    read(y)
    y.backward()
    return [str(z.grad.dtype), torch.view_as_real(z.grad).tolist()], error((z * 2).sum().backward)


@case
def integer_path(torch, read):
    x = leaf(torch, 1.0, 5.0, 3.0)
    values, where = x.max(0)
    y = x[where] * 2 + values
    read(y)
    y.backward()
    return grads(x), where.requires_grad, error(where.backward), x.argmax().requires_grad


@case
def detached(torch, read):
    x = leaf(torch, 1.0, 2.0)
    d = x.detach()
    y = (x * d).sum()
    read(y)
    y.backward()
    h = x * 2
    h.detach_()
    return grads(x), d.requires_grad, h.requires_grad, h.is_leaf, h.grad_fn, error(x.view(2).detach_), error((x * 2).view(2).detach_)


@case
def requires_grad_changes(torch, read):
    x = torch.ones(2)
    x.requires_grad_()
    y = x * 2
    read(y)
    e = error(y.requires_grad_, False), error(setattr, y, "requires_grad", False)
    y.requires_grad_()
    y.sum().backward()
    x.requires_grad_(False)
    z = x * 2
    return e, grads(x), z.requires_grad, x.requires_grad, x.is_leaf


@case
def leaf_in_place(torch, read):
    x = leaf(torch, 1.0, 2.0)
    v = x[:1]
    e = [error(x.add_, 1), error(v.add_, 1), error(x.__setitem__, 0, 1.0), error(x.copy_, torch.ones(2)), error(x.zero_), error(x.view(2).mul_, 2)]
    with torch.no_grad():
        x.add_(1)
        v.mul_(3)
    read(x)
    (x * x).sum().backward()
    return e, x.tolist(), grads(x), x.is_leaf, x.requires_grad, x._version


@case
def manual_descent(torch, read):
    x = leaf(torch, 1.0, -2.0)
    for _ in range(4):
        loss = (x * x).sum()
        read(loss)
        loss.backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
        x.grad = None
    return x.tolist(), x._version


@case
def in_place_on_results(torch, read):
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x * 2
    y.mul_(3)
    read(y)
    y[1] = x[0] * 5
    y[2:] += x[2:]
    y.sum().backward()
    return grads(x), y.tolist(), y._version


@case
def chain_through_slices(torch, read):
    x = leaf(torch, 1.0, 2.0)
    out = torch.zeros(3, 2)
    for k in range(3):
        out[k] = x * (k + 1)
        read(out)
    (out * out).sum().backward()
    return grads(x), out.requires_grad, out.is_leaf


@case
def unused_leaf(torch, read):
    x, w = leaf(torch, 1.0), leaf(torch, 2.0)
    (x * 2).sum().backward()
    return grads(x, w)


@case
def grad_of_non_leaf(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        g = y.grad
    return g, len(caught), y.retains_grad, x.retains_grad


@case
def retained(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    z = y.exp()
    z.retain_grad()
    read(z)
    (z * z).sum().backward(retain_graph=True)
    first = grads(x, y, z)
    (z * z).sum().backward()
    x.retain_grad()
    return first, grads(x, y, z), y.retains_grad, x.retains_grad, error(torch.ones(2).retain_grad)


# autograd.grad

@case
def grad_basics(torch, read):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = (x * w).sum()
    read(y)
    a, b = torch.autograd.grad(y, (x, w))
    h = x.exp()
    c, = torch.autograd.grad((h * h).sum(), h)
    d, e = torch.autograd.grad([(x * w).sum(), x * x], [x, w], [None, torch.tensor([1.0, 2.0])])
    return [t.tolist() for t in (a, b, c, d, e)], grads(x, w), a.requires_grad


@case
def grad_of_itself(torch, read):
    x = torch.tensor(2.0, requires_grad=True)
    y = x * 3
    a, = torch.autograd.grad(x, x)
    b, c = torch.autograd.grad(y, (y, x))
    return a.item(), b.item(), c.item()


@case
def grad_unused(torch, read):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = (x * x).sum()
    read(y)
    e = error(torch.autograd.grad, y, (x, w), retain_graph=True)
    a = torch.autograd.grad(y, (x, w), allow_unused=True, retain_graph=True)
    b = torch.autograd.grad(y, (x, w), materialize_grads=True, retain_graph=True)
    f = error(torch.autograd.grad, y, (x, w), allow_unused=False, materialize_grads=True, retain_graph=True)
    g = error(torch.autograd.grad, y, torch.ones(2), retain_graph=True)
    h = error(torch.autograd.grad, y, (x * 2,), retain_graph=True)
    return e, [None if t is None else t.tolist() for t in a], [t.tolist() for t in b], f, g, h


@case
def grad_frees(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = (x * x).sum()
    torch.autograd.grad(y, x)
    read(y)
    return error(torch.autograd.grad, y, x)


@case
def grad_stops_at_inputs(torch, read):
    """Only what lies between outputs and inputs is gone through: the rest of the graph stays."""
    x = leaf(torch, 1.0, 2.0)
    h = x.exp()
    y = (h * h).sum()
    read(y)
    a, = torch.autograd.grad(y, h)
    h.sum().backward()
    return a.tolist(), grads(x)


@case
def grad_batched(torch, read):
    x = leaf(torch, 1.0, 2.0, 3.0)
    y = x ** 2
    read(y)
    a, = torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True)
    return a.tolist()


@case
def higher_orders(torch, read):
    x = torch.tensor(1.5, requires_grad=True)
    y = x.sin() * x ** 3
    found = []
    for _ in range(4):
        read(y)
        y, = torch.autograd.grad(y, x, create_graph=True)
        found.append(y.item() if y.requires_grad else None)
    return found, y.requires_grad


@case
def higher_order_backward(torch, read):
    x = leaf(torch, 0.5, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (x ** 4).sum().backward(create_graph=True)
    g = x.grad
    read(g)
    h, = torch.autograd.grad(g.sum(), x)
    return g.tolist(), h.tolist(), g.requires_grad, g.grad_fn is not None


@case
def gradient_penalty(torch, read):
    w, x = leaf(torch, 0.5, -1.0, 2.0), torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, -0.3]], requires_grad=True)
    out = torch.tanh(x @ w)
    read(out)
    g, = torch.autograd.grad(out.sum(), x, create_graph=True)
    penalty = ((g.norm(dim=1) - 1) ** 2).mean()
    read(penalty)
    (out.mean() + penalty).backward()
    return grads(w, x), penalty.item()


@case
def second_order_linear(torch, read):
    x = leaf(torch, 1.0, 2.0)
    g, = torch.autograd.grad((x * 3).sum(), x, create_graph=True)
    return g.requires_grad, g.tolist(), error(torch.autograd.grad, g.sum(), x)


@case
def unrolled_updates(torch, read):
    """Gradients through a few steps of gradient descent."""
    lr, x = torch.tensor(0.1, requires_grad=True), leaf(torch, 1.0, 2.0)
    w = x * 1
    for _ in range(3):
        g, = torch.autograd.grad((w ** 4).sum(), w, create_graph=True)
        read(g)
        w = w - lr * g
    w.sum().backward()
    return grads(lr, x)


@case
def grad_mode_of_results(torch, read):
    x = leaf(torch, 1.0)
    with torch.no_grad():
        a = x * 2
        b = torch.ones(1, requires_grad=True)
        c = b * 2
        with torch.enable_grad():
            d = x * 2
    return a.requires_grad, b.requires_grad, c.requires_grad, d.requires_grad


@case
def grad_under_no_grad(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = (x * x).sum()
    with torch.no_grad():
        g, = torch.autograd.grad(y, x, retain_graph=True)
        y.backward()
    return g.tolist(), grads(x)


# Hooks

@case
def leaf_hooks(torch, read):
    x, log = leaf(torch, 1.0, 2.0), []
    first = x.register_hook(lambda g: log.append(("a", g.tolist())))
    x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: log.append(("c", g.tolist())))
    y = (x * 3 + x * x).sum()
    read(y)
    y.backward()
    first.remove()
    first.remove()
    (x * 1).sum().backward()
    return log, grads(x), error(torch.ones(2).register_hook, print)


@case
def result_hooks(torch, read):
    x, log = leaf(torch, 1.0, 2.0), []
    h = x * 2
    h.register_hook(lambda g: log.append(("h", g.tolist())))
    h.register_hook(lambda g: g + 1)
    h.retain_grad()
    y = h.exp()
    y.register_hook(lambda g: log.append(("y", g.tolist())))
    x.register_hook(lambda g: log.append(("x", g.tolist())))
    read(y)
    y.sum().backward()
    return log, grads(x, h)


@case
def hooks_with_values(torch, read):
    """A hook that reads the gradient's values, and one that raises."""
    x, log = leaf(torch, 1.0, 2.0), []
    h = x * 2
    h.register_hook(lambda g: log.append(g.sum().item()))
    (h * h).sum().backward()

    def fail(g):
        raise ValueError("no")
    k = x * 2
    k.register_hook(fail)
    return log, grads(x), error((k * k).sum().backward)


@case
def hook_order(torch, read):
    """Leaves get their gradients as soon as they are complete."""
    log = []
    a, b = leaf(torch, 1.0), leaf(torch, 2.0)
    h = a * 2
    k = h * b
    for name, t in dict(a=a, b=b, h=h, k=k).items():
        t.register_hook(lambda g, name=name: log.append(name))
    a.register_post_accumulate_grad_hook(lambda t: log.append("after a"))
    b.register_post_accumulate_grad_hook(lambda t: log.append("after b"))
    k.sum().backward()
    return log


@case
def after_accumulation(torch, read):
    x, log = leaf(torch, 1.0, 2.0), []

    def step(p):
        log.append(p.grad.tolist())
        with torch.no_grad():
            p.sub_(p.grad, alpha=0.5)
        p.grad = None
    handle = x.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        y = (x * x).sum()
        read(y)
        y.backward()
    handle.remove()
    (x * x).sum().backward()
    return log, x.tolist(), grads(x), error((x * 2).register_post_accumulate_grad_hook, step)


@case
def hooks_in_grad(torch, read):
    x, log = leaf(torch, 1.0, 2.0), []
    h = x * 2
    h.register_hook(lambda g: log.append("h"))
    x.register_hook(lambda g: g * 5)
    x.register_post_accumulate_grad_hook(lambda t: log.append("after"))
    a, = torch.autograd.grad((h * h).sum(), x, retain_graph=True)
    b, = torch.autograd.grad((h * 3).sum(), h)
    return a.tolist(), b.tolist(), log


@case
def hooks_and_higher_orders(torch, read):
    x, log = leaf(torch, 2.0), []
    h = x ** 2
    h.register_hook(lambda g: g * 2)
    g, = torch.autograd.grad((h * h).sum(), x, create_graph=True)
    read(g)
    g2, = torch.autograd.grad(g, x)
    return g.tolist(), g2.tolist()


@case
def hook_bad_return(torch, read):
    x = leaf(torch, 1.0, 2.0)
    x.register_hook(lambda g: 3)
    y = leaf(torch, 1.0, 2.0)
    y.register_hook(lambda g: torch.ones(3))
    return error((x * 2).sum().backward), error((y * 2).sum().backward)


@case
def multi_grad_hook(torch, read):
    log = []
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    h = x * w
    handle = torch.autograd.graph.register_multi_grad_hook((x, w, h), lambda gs: log.append([None if g is None else g.tolist() for g in gs]))
    read(h)
    (h * h).sum().backward()
    handle.remove()
    (x * w).sum().backward()
    torch.autograd.graph.register_multi_grad_hook((x, w), lambda g: log.append(g.tolist()), mode="any")
    (x * w).sum().backward()
    return log


# The graph

@case
def graph_nodes(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = (x * 2 + 1).exp()
    z = y.sum()
    names, node = [], z.grad_fn
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    end = z.grad_fn.next_functions[0][0].next_functions[0][0].next_functions[0][0].next_functions[0][0]
    return names, end.variable is x, x.grad_fn, type(y.grad_fn).__name__, y.grad_fn == y.grad_fn, isinstance(y.grad_fn, torch.autograd.graph.Node), \
        [n for _, n in y.grad_fn.next_functions]


@case
def graph_nodes_of_several(torch, read):
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = x * w
    a, b = y.view(2, 1).max(0)
    u = torch.stack([x, w]).unbind(0)
    return [type(n).__name__ for n, _ in y.grad_fn.next_functions], a.grad_fn.name(), b.grad_fn, a.output_nr, len((x + 1).grad_fn.next_functions)


@case
def node_hooks(torch, read):
    log = []
    x, w = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    y = x * w
    y.grad_fn.register_prehook(lambda gs: log.append([g.tolist() for g in gs]))
    handle = y.grad_fn.register_hook(lambda given, taken: log.append(([g.tolist() for g in given], [g.tolist() for g in taken])))
    read(y)
    (y * 2).sum().backward()
    handle.remove()
    z = x * w
    z.grad_fn.register_hook(lambda given, taken: (given[0] * 10, None))
    z.grad_fn.register_prehook(lambda gs: (gs[0] * 2,))
    z.sum().backward()
    return log, grads(x, w)


@case
def accumulator_hooks(torch, read):
    x, log = leaf(torch, 1.0, 2.0), []
    node = (x * 1).grad_fn.next_functions[0][0]
    node.register_hook(lambda given, taken: log.append((len(given), [g.tolist() for g in taken])))
    (x * 3).sum().backward()
    return log, node.name()


@case
def gradient_edges(torch, read):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    edge = torch.autograd.graph.get_gradient_edge(y)
    g, = torch.autograd.grad((y * y).sum(), edge)
    return edge.node.name(), edge.output_nr, g.tolist()


# Anomalies

def anomaly(torch, build):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with torch.autograd.detect_anomaly():
            found = error(lambda: build().backward())
    return found, [str(w.message).partition(".")[0] for w in caught]


@case
def anomalies(torch, read):
    x = leaf(torch, 0.0, 1.0)

    def bad():
        y = (x * 0).sqrt() * 0
        read(y)
        return y.sum()
    found = anomaly(torch, bad)
    fine = anomaly(torch, lambda: (x * 2).sum())
    with torch.autograd.set_detect_anomaly(True):
        on = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        z = ((x * 0).sqrt() * 0).sum()
        z.backward()
    return found, fine, on, torch.is_anomaly_enabled(), [str(v) for v in x.grad.tolist()]


# Modes

@case
def modes(torch, read):
    seen, on = [], torch.is_grad_enabled
    seen.append(on())
    with torch.no_grad():
        seen.append(on())
        with torch.enable_grad():
            seen.append(on())
        with torch.set_grad_enabled(True):
            seen.append(on())
        seen.append(on())
    torch.set_grad_enabled(False)
    seen.append(on())
    torch.set_grad_enabled(True)
    try:
        with torch.no_grad():
            raise KeyError
    except KeyError:
        seen.append(on())
    with torch.inference_mode():
        seen += [on(), torch.is_inference_mode_enabled()]
        with torch.inference_mode(False):
            seen += [on(), torch.is_inference_mode_enabled()]
    with torch.inference_mode(False):
        seen.append(on())
    return seen


@case
def decorated(torch, read):
    on = torch.is_grad_enabled

    @torch.no_grad()
    def f(a, b=1):
        """doc"""
        return on(), a, b

    @torch.no_grad
    def g():
        return on()

    @torch.enable_grad()
    def h():
        return on()

    @torch.set_grad_enabled(False)
    def i():
        return on()

    @torch.inference_mode()
    def j():
        return on(), torch.is_inference_mode_enabled()

    @torch.inference_mode
    def k():
        return torch.is_inference_mode_enabled()
    with torch.no_grad():
        inside = h(), on()
    return f(3, b=4), f.__name__, f.__doc__, g(), inside, i(), on(), j(), k(), on()


@case
def decorated_generators(torch, read):
    on, log = torch.is_grad_enabled, []

    @torch.no_grad()
    def numbers(n):
        try:
            for k in range(n):
                got = yield k, on()
                log.append((got, on()))
        except ValueError:
            log.append(("caught", on()))
            yield "thrown", on()
        finally:
            log.append(("end", on()))
        return "done"
    first = list(numbers(2)), on()
    g = numbers(5)
    second = [next(g), on(), g.send("x"), on(), g.throw(ValueError()), on()]
    g.close()

    def outer():
        return (yield from numbers(1))
    o = outer()
    next(o)
    return first, second, log, error(o.send, None), on()


@case
def decorated_class(torch, read):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        @torch.no_grad()
        class Thing:
            def __init__(self):
                self.on = torch.is_grad_enabled()

            def later(self):
                return torch.is_grad_enabled()
    t = Thing()
    return t.on, t.later()


@case
def inference_results(torch, read):
    x = leaf(torch, 1.0, 2.0)
    with torch.inference_mode():
        y = x * 2
        y.add_(1)
    return y.requires_grad, y.tolist(), (y + 1).requires_grad, x.is_inference(), y.clone().is_inference()


# Saved tensors

@case
def saved_in_functions(torch, read):
    log = []

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    def pack(t):
        log.append("pack")
        return t.detach() * 10

    def unpack(t):
        log.append("unpack")
        return t
    x = leaf(torch, 1.0, 2.0)
    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = Double.apply(x)
    read(y)
    y.sum().backward()
    with torch.autograd.graph.save_on_cpu():
        z = Double.apply(x)
    z.sum().backward()
    return log, grads(x)


@case
def versions(torch, read):
    x = torch.ones(3)
    v = x[1:]
    seen = [x._version]
    v.add_(1)
    seen += [x._version, v._version]
    x.detach().mul_(2)
    seen.append(x._version)
    x.data.mul_(2)
    seen.append(x._version)
    x[0] = 5
    torch.add(x, 1, out=x)
    seen.append(x._version)
    torch.autograd.graph.increment_version(x)
    seen.append(v._version)
    return seen
