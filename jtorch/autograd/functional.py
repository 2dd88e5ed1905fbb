"""Products with Jacobians and Hessians, and the matrices themselves (`torch.autograd.functional`)."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
Tensors = Tensor | tuple[Tensor, ...]
NOT_DIFFERENTIABLE = ("Output {k} of the user-provided function does not require gradients. The outputs must be computed in a differentiable manner from the "
                      "input when running in strict mode.")
INDEPENDENT = "Output {k} of the user-provided function is independent of input {n}. This is not allowed in strict mode."
LINEAR = ("The jacobian of the user-provided function is independent of input {n}. This is not allowed in strict mode when create_graph=True.")
LINEAR_HESSIAN = ("While computing the hessian, found that the jacobian of the user-provided function with respect to input {n} is independent of the input. "
                  "This is not allowed in strict mode. You should ensure that your function is twice differentiable and that the jacobian depends on the "
                  "inputs (this would be violated by a linear function for example).")


def _tuple(given: Any, what: str, function: str) -> tuple[bool, tuple]:
    """Whether several tensors were given, and the tensors."""
    several = isinstance(given, tuple)
    tensors = given if several else (given,)
    for k, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            name = "inputs" if what == "inputs" else "outputs of the user-provided function"
            if several:
                raise TypeError(f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but the value at index {k} has type {type(t)}.")
            raise TypeError(f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but the given {name} has type {type(t)}.")
    return several, tensors


def _leaves(tensors: Sequence[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    """Fresh tensors to differentiate by; with `create_graph` those that have a history keep it."""
    return tuple([t.view_as(t) if create_graph and t.requires_grad else t.detach().clone().requires_grad_() for t in tensors])


def _finish(results: Sequence[Tensor | None], like: Sequence[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    """The results, zeros where there is none, without history unless it was asked for."""
    full = [torch.zeros_like(x) if r is None else r for r, x in zip(results, like, strict=True)]
    return tuple(full if create_graph else [r.detach() for r in full])


def _shape(tensors: tuple, several: bool) -> Any:
    return tensors if several else tensors[0]


def _check_strict(outputs: Sequence[Tensor]) -> None:
    for k, out in enumerate(outputs):
        if not out.requires_grad:
            raise RuntimeError(NOT_DIFFERENTIABLE.format(k=k))


def _vectors(v: Any, like: Sequence[Tensor], several: bool, missing: str) -> tuple[Tensor, ...]:
    """The vectors to multiply with; ones where there is a single element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(missing)
        return (torch.ones_like(like[0]),)
    given = v if isinstance(v, tuple) else (v,)
    if len(given) != len(like):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for k, (x, t) in enumerate(zip(given, like, strict=True)):
        if x.shape != t.shape:
            which = f"Entry {k} in " if several else ""
            raise RuntimeError(f"{which}v has invalid size: should be {t.shape} but got {x.shape}.")
    return given


NO_OUTPUT_VECTOR = "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
NO_INPUT_VECTOR = "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element."


def _products(outputs: Sequence[Tensor], inputs: Sequence[Tensor], v: Sequence[Tensor], create_graph: bool) -> list[Tensor | None]:
    """vᵀJ, None where an input has no part in the outputs."""
    pairs = [(o, g) for o, g in zip(outputs, v, strict=True) if o.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    return list(torch.autograd.grad([o for o, _ in pairs], inputs, [g for _, g in pairs], allow_unused=True, create_graph=create_graph, retain_graph=True))


def _refuse_none(results: Sequence[Any], text: str) -> None:
    for n, r in enumerate(results):
        if r is None:
            raise RuntimeError(text.format(k=0, n=n))


def vjp(func: Callable, inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """The value of `func` at `inputs`, and vᵀJ.

    >>> torch.autograd.functional.vjp(lambda x: x ** 2, torch.tensor([1.0, 2.0]), torch.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with torch.enable_grad():
        several, given = _tuple(inputs, "inputs", "vjp")
        xs = _leaves(given, create_graph)
        many, outputs = _tuple(func(*xs), "outputs", "vjp")
        if strict:
            _check_strict(outputs)
        vs = _vectors(v, outputs, many, NO_OUTPUT_VECTOR)
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        found = _products(outputs, xs, vs, create_graph)
        if strict:
            _refuse_none(found, INDEPENDENT)
        return _shape(_finish(outputs, outputs, create_graph), many), _shape(_finish(found, xs, create_graph), several)


def jvp(func: Callable, inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """The value of `func` at `inputs`, and Jv: the gradient of vᵀJ by v, which is linear in it."""
    with torch.enable_grad():
        several, given = _tuple(inputs, "inputs", "jvp")
        vs = _vectors(v, given, several, NO_INPUT_VECTOR)
        xs = _leaves(given, create_graph)
        many, outputs = _tuple(func(*xs), "outputs", "jvp")
        if strict:
            _check_strict(outputs)
        us = tuple([torch.zeros_like(o, requires_grad=True) for o in outputs])
        back = _products(outputs, xs, us, True)
        if strict:
            _refuse_none(back, INDEPENDENT)
        back = [torch.zeros_like(x) if b is None else b for b, x in zip(back, xs, strict=True)]
        found = _products(back, us, vs, create_graph)
        return _shape(_finish(outputs, outputs, create_graph), many), _shape(_finish(found, outputs, create_graph), many)


def _scalar(outputs: tuple, many: bool, function: str) -> Tensor:
    if many:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return outputs[0]


def _scalar_gradient(func: Callable, inputs: Tensors, v: Any, create_graph: bool, strict: bool, name: str) -> tuple:
    """What `vhp` and `hvp` begin with: whether there are several inputs, the inputs, the vectors, the value, the gradient."""
    several, given = _tuple(inputs, "inputs", name)
    vs = _vectors(v, given, several, NO_INPUT_VECTOR)
    xs = _leaves(given, create_graph)
    many, outputs = _tuple(func(*xs), "outputs", name)
    if strict:
        _check_strict(outputs)
    out = _scalar(outputs, many, name)
    gradient = _products((out,), xs, (torch.ones_like(out),), True)
    if strict:
        _refuse_none(gradient, INDEPENDENT)
    return several, xs, vs, out, [torch.zeros_like(x) if g is None else g for g, x in zip(gradient, xs, strict=True)]


def vhp(func: Callable, inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """The value of a scalar `func`, and vᵀH."""
    with torch.enable_grad():
        several, xs, vs, out, gradient = _scalar_gradient(func, inputs, v, create_graph, strict, "vhp")
        found = _products(gradient, xs, vs, create_graph)
        if strict:
            _refuse_none(found, LINEAR_HESSIAN)
        return _finish((out,), (out,), create_graph)[0], _shape(_finish(found, xs, create_graph), several)


def hvp(func: Callable, inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """The value of a scalar `func`, and Hv; `vhp` is faster, and the same since H is symmetric."""
    with torch.enable_grad():
        several, xs, vs, out, gradient = _scalar_gradient(func, inputs, v, create_graph, strict, "hvp")
        us = tuple([torch.zeros_like(x, requires_grad=True) for x in xs])
        back = _products(gradient, xs, us, True)
        if strict:
            _refuse_none(back, LINEAR_HESSIAN)
        back = [torch.zeros_like(x) if b is None else b for b, x in zip(back, xs, strict=True)]
        found = _products(back, us, vs, create_graph)
        return _finish((out,), (out,), create_graph)[0], _shape(_finish(found, xs, create_graph), several)


# Matrices

def jacobian(func: Callable, inputs: Tensors, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode") -> Any:
    """The Jacobian: for each output and input a tensor of the output's shape followed by the input's.

    strict     raise where an output does not depend on an input, rather than give zeros
    vectorize  take all rows, or columns, as one batch, as `vmap` does
    strategy   "reverse-mode" takes a row for each element of the outputs, "forward-mode" a column for each of the inputs

    >>> torch.autograd.functional.jacobian(lambda x: x ** 2, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    assert strategy in ("forward-mode", "reverse-mode"), (
        'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than inputs, "forward-mode" tends to be '
        'more performant. Otherwise, prefer to use "reverse-mode".')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError("torch.autograd.functional.jacobian: `create_graph=True` and `strategy=\"forward-mode\"` are not supported together "
                                      "(yet). Please either set `create_graph=False` or `strategy=\"reverse-mode\"`.")
        if not vectorize:
            raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for `vectorize=True`.")
    if vectorize and strict:
        raise RuntimeError("torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. Please either set "
                           "`strict=False` or `vectorize=False`.")
    several, given = _tuple(inputs, "inputs", "jacobian")
    if strategy == "forward-mode":
        return _by_columns(func, given, several)
    with torch.enable_grad():
        xs = _leaves(given, create_graph)
        many, outputs = _tuple(func(*xs), "outputs", "jacobian")
        if strict:
            _check_strict(outputs)
        found = [_by_batches(out, xs, create_graph) if vectorize else _by_rows(out, k, xs, create_graph, strict) for k, out in enumerate(outputs)]
        rows = tuple([_shape(_finish(row, row, create_graph), several) for row in found])
        return _shape(rows, many)


def _by_rows(out: Tensor, number: int, xs: Sequence[Tensor], create_graph: bool, strict: bool) -> tuple[Tensor, ...]:
    """The Jacobian of one output: the gradient of each of its elements."""
    rows: list[list] = [[] for _ in xs]
    for element in out.reshape(-1):
        found = _products((element,), xs, (torch.ones_like(element),), create_graph)
        for n, (g, x) in enumerate(zip(found, xs, strict=True)):
            if strict and g is None:
                raise RuntimeError(INDEPENDENT.format(k=number, n=n))
            if strict and create_graph and not g.requires_grad:
                raise RuntimeError(LINEAR.format(n=n))
            rows[n].append(torch.zeros_like(x) if g is None else g)
    return tuple([torch.stack(r).reshape(*out.shape, *x.shape) if r else x.new_zeros(*out.shape, *x.shape) for r, x in zip(rows, xs, strict=True)])


def _by_batches(out: Tensor, xs: Sequence[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    """The Jacobian of one output: the gradients of all its elements as one batch."""
    flat = out.reshape(-1)

    def row(v: Tensor) -> tuple[Tensor, ...]:
        return tuple([torch.zeros_like(x) if g is None else g for g, x in zip(_products((flat,), xs, (v,), create_graph), xs, strict=True)])
    rows = torch.vmap(row)(torch.eye(flat.numel(), dtype=out.dtype, device=out.device))
    return tuple([r.reshape(*out.shape, *x.shape) for r, x in zip(rows, xs, strict=True)])


def _by_columns(func: Callable, inputs: Sequence[Tensor], several: bool) -> Any:
    """The Jacobian, by derivatives along each element of the inputs as one batch."""
    many = False

    def outputs(*xs: Tensor) -> tuple[Tensor, ...]:
        nonlocal many
        many, found = _tuple(func(*xs), "outputs", "jacobian")
        return found
    found = torch.func.jacfwd(outputs, tuple(range(len(inputs))))(*[x.detach() for x in inputs])
    rows = [[block.detach() for block in row] for row in found]
    if several:
        return rows if many else rows[0]
    return tuple([row[0] for row in rows]) if many else rows[0][0]


def hessian(func: Callable, inputs: Tensors, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The Hessian of a scalar function: the Jacobian of its gradient.

    >>> torch.autograd.functional.hessian(lambda x: (x ** 3).sum(), torch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several, given = _tuple(inputs, "inputs", "hessian")
    assert outer_jacobian_strategy in ("forward-mode", "reverse-mode"), 'Expected strategy to be either "forward-mode" or "reverse-mode".'

    def scalar(*xs: Tensor) -> Tensor:
        many, outputs = _tuple(func(*xs), "outputs", "hessian")
        return _scalar(outputs, many, "hessian").reshape(())

    def gradient(*xs: Tensor) -> tuple:
        many, outputs = _tuple(func(*xs), "outputs", "hessian")
        if strict:
            _check_strict(outputs)
        out = _scalar(outputs, many, "hessian")
        found = _products((out,), xs, (torch.ones_like(out),), True)
        if strict:
            _refuse_none(found, INDEPENDENT)
            for n, g in enumerate(found):
                if not g.requires_grad:
                    raise RuntimeError(LINEAR_HESSIAN.format(n=n))
        return tuple([torch.zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)])

    if outer_jacobian_strategy == "forward-mode" and create_graph:
        raise NotImplementedError("torch.autograd.functional.hessian: `create_graph=True` and `outer_jacobian_strategy=\"forward-mode\"` are not supported "
                                  "together (yet).")
    if outer_jacobian_strategy == "forward-mode":
        found = jacobian(torch.func.grad(scalar, tuple(range(len(given)))), given, create_graph, False, vectorize, outer_jacobian_strategy)
        return found if several else found[0][0]
    found = jacobian(gradient, given, create_graph, False, vectorize)
    return found if several else found[0][0]
