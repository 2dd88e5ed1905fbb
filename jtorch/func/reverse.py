"""Gradients, vector-Jacobian products and Jacobians of functions (`grad`, `vjp`, `jacrev`)."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch._core import levels
from jtorch._core.graph import Guard
from jtorch._core.tensor import wrap

from .batch import vmap
from .tree import Spec, flatten, mapped

Argnums = int | tuple[int, ...]


def tracked(tree: Any, guard: Guard) -> Any:
    """The tensors of a tree as inputs of a gradient level."""
    def one(x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        inside = wrap(levels.tracked(x, guard.number))
        inside._tracked = True
        return inside
    return mapped(one, tree)


def untracked(tree: Any, guard: Guard) -> Any:
    """The tensors of a tree outside of a gradient level."""
    return mapped(lambda x: wrap(levels.untracked(x._read_value(), guard.number)) if isinstance(x, Tensor) and x.requires_grad else x, tree)


def chosen(args: tuple, argnums: Argnums) -> Any:
    """The arguments that `argnums` names: one, or a tuple."""
    numbers = _numbers(args, argnums)
    return args[numbers[0]] if isinstance(argnums, int) else tuple([args[n] for n in numbers])


def replaced(args: tuple, argnums: Argnums, given: Any) -> list:
    """The arguments with those that `argnums` names exchanged."""
    full = list(args)
    for n, x in zip(_numbers(args, argnums), (given,) if isinstance(argnums, int) else given, strict=True):
        full[n] = x
    return full


def _numbers(args: tuple, argnums: Argnums) -> list[int]:
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    positive = [n % len(args) for n in numbers]
    if len(set(positive)) != len(positive):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return positive


def products(outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Any], guard: Guard, retain: bool, create: bool) -> list[Tensor]:
    """vᵀJ of a level, zeros where an input has no part in the outputs."""
    pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if guard.number in o._aval.tracks]
    further = any(levels.further(t._aval, guard.number) for t in (*outputs, *inputs, *cotangents) if t is not None)
    found: Sequence = [None] * len(inputs)
    if pairs:
        found = torch.autograd.grad([o for o, _ in pairs], inputs, [c for _, c in pairs], retain, create and further, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]


def grad(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """The function that computes the gradient of `func`, which returns a scalar, by the arguments `argnums`.

    has_aux  whether `func` returns (result, other things); the gradient then comes with these

    >>> torch.func.grad(torch.sin)(torch.tensor(0.0))
    tensor(1.)
    """
    @functools.wraps(func)
    def inside(*args: Any, **kwargs: Any) -> Any:
        found, value = _gradient(func, argnums, has_aux, args, kwargs)
        return (found, value[1]) if has_aux else found
    return inside


def grad_and_value(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """As `grad`, for the pair (gradient, value of `func`)."""
    @functools.wraps(func)
    def inside(*args: Any, **kwargs: Any) -> Any:
        return _gradient(func, argnums, has_aux, args, kwargs)
    return inside


def _gradient(func: Callable, argnums: Argnums, has_aux: bool, args: tuple, kwargs: dict) -> tuple:
    outer, guard = torch.is_grad_enabled(), Guard("grad")
    with levels.working(guard), torch.enable_grad():
        given = tracked(chosen(args, argnums), guard)
        result = func(*replaced(args, argnums, given), **kwargs)
        out = result
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError("grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is True")
            out = result[0]
            check_aux(result[1])
        if not isinstance(out, Tensor):
            raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(out)}")
        if out.dim() != 0:
            raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with {out.dim()} dims. Maybe you wanted to "
                               "use the vjp or jacrev APIs instead?")
        leaves, spec = flatten(given)
        found = products([out], leaves, [None], guard, True, outer)
    return untracked(spec.unflatten(found), guard), untracked(result, guard)


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """The value of `func`, and the function from v, of the value's structure, to vᵀJ: a tuple, for each argument one.

    has_aux  whether `func` returns (result, other things), which then come third

    >>> torch.func.vjp(torch.sin, torch.zeros(2))[1](torch.ones(2))
    (tensor([1., 1.]),)
    """
    return vjp_by(func, None, primals, {}, has_aux)


def vjp_by(func: Callable, argnums: Argnums | None, args: tuple, kwargs: dict, has_aux: bool) -> tuple:
    """`vjp` by some of the arguments, by default all."""
    guard = Guard("grad")
    with levels.working(guard), torch.enable_grad():
        given = tracked(args if argnums is None else chosen(args, argnums), guard)
        result = func(*(given if argnums is None else replaced(args, argnums, given)), **kwargs)
        out, aux = result, None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError("vjp(f, *primals): output of function f should be a tuple: (output, aux) if has_aux is True")
            out, aux = result
            check_aux(aux)
        outputs, out_spec = flatten(out)
        check_outputs(outputs, "vjp(f, *primals)")
    inputs, in_spec = flatten(given)

    def wrapper(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        vs, spec = flatten(cotangents)
        if spec != out_spec:
            raise RuntimeError("Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                               f"cotangents: {spec.outline()}, primal output: {out_spec.outline()}")
        create = torch.is_grad_enabled() if create_graph is None else create_graph
        return untracked(in_spec.unflatten(products(outputs, inputs, vs, guard, retain_graph, create)), guard)
    wrapper.__qualname__ = "_vjp_with_argnums.<locals>.wrapper"
    return (untracked(out, guard), wrapper, untracked(aux, guard)) if has_aux else (untracked(out, guard), wrapper)


def check_outputs(outputs: Sequence, call: str) -> None:
    """Raise where a function did not return tensors only."""
    for x in outputs:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"{call}: expected f(*primals) to return only tensors, got unsupported type {type(x)}")
    if not outputs:
        raise RuntimeError(f"{call}: Expected f to be a function that has non-empty output (got output = {outputs})")


def check_aux(aux: Any) -> None:
    """Raise where what a function returns beside its result is not of tensors only."""
    for x in flatten(aux)[0]:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")


def basis(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The standard basis of the space of all these tensors' elements: for each tensor a batch of as many as there are elements in all."""
    counts = [t.numel() for t in tensors]
    ones = torch.eye(sum(counts))
    return [rows.reshape(-1, *t.shape).to(t.dtype).to(t.device) for rows, t in zip(ones.split(counts, 1), tensors, strict=True)]


def jacrev(func: Callable, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None, _preallocate_and_copy: bool = False) -> Callable:
    """The function that computes the Jacobian of `func` by the arguments `argnums`, a row for each element of the result: its shape is the result's, then the
    argument's.

    chunk_size  how many rows at once; all by default

    >>> torch.func.jacrev(torch.sin)(torch.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def inside(*args: Any, **kwargs: Any) -> Any:
        out, pull, *aux = vjp_by(func, argnums, args, kwargs, has_aux)
        outputs, spec = flatten(out)
        rows = vmap(lambda *vs: pull(spec.unflatten(vs)), chunk_size=chunk_size)(*basis(outputs))
        found = _cut(rows, outputs, spec)
        return (found, *aux) if has_aux else found
    return inside


def _cut(rows: Any, outputs: Sequence[Tensor], spec: Spec) -> Any:
    """The rows for each output, under each input."""
    counts = [o.numel() for o in outputs]
    leaves, inner = flatten(rows)
    parts = [x.split(counts, 0) for x in leaves]
    return spec.unflatten([inner.unflatten([p[k].reshape(*o.shape, *x.shape[1:]) for p, x in zip(parts, leaves, strict=True)]) for k, o in enumerate(outputs)])
