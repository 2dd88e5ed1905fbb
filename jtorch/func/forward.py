"""Derivatives along directions (`jvp`, `linearize`), and Jacobians by columns (`jacfwd`)."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch._core import levels
from jtorch._core.graph import Guard
from jtorch._core.tensor import wrap
from jtorch.autograd.forward_ad import check_pair

from .batch import RANDOMNESS, vmap
from .reverse import Argnums, basis, check_aux, check_outputs, chosen, jacrev, replaced, vjp_by
from .tree import Spec, flatten, mapped

CALL = "jvp(f, primals, tangents)"


def jvp(func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """The value of `func` at the tuple `primals`, and its derivative along `tangents`.

    strict   raise where a result does not depend on the inputs, rather than give zeros
    has_aux  whether `func` returns (result, other things), which then come third

    >>> torch.func.jvp(torch.sin, (torch.zeros(2),), (torch.ones(2),))
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    return jvp_by(func, None, primals, tangents, strict, has_aux)


def jvp_by(func: Callable, argnums: Argnums | None, primals: Any, tangents: Any, strict: bool, has_aux: bool) -> tuple:
    """`jvp` by some of the arguments `primals`, by default all."""
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{CALL}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    by = primals if argnums is None else chosen(primals, argnums)
    given, spec = flatten(by if argnums is None or isinstance(argnums, tuple) else (by,))
    along, other = flatten(tangents)
    if spec != other:
        raise RuntimeError(f"{CALL}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple of 3 tensors, tangents "
                           f"also must be. Got primals with structure {spec} and tangents with structure {other}")
    for name, tensors in ("primals", given), ("tangents", along):
        _check_inputs(name, tensors)
    check = [check_pair(x, t) for x, t in zip(given, along, strict=True)]
    out, slopes, *aux = run(func, argnums, primals, spec, check, Guard("jvp"), has_aux)
    leaves, out_spec = flatten(out)
    if strict and any(s is None for s in slopes):
        raise RuntimeError("jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with strict=True.")
    return out, out_spec.unflatten([torch.zeros_like(x) if s is None else s for s, x in zip(slopes, leaves, strict=True)]), *aux


def run(func: Callable, argnums: Argnums | None, args: tuple, spec: Spec, pairs: list[tuple[Tensor, Tensor]], guard: Guard, has_aux: bool) -> tuple:
    """The value of `func` and for each leaf of it the tangent, or tangents, if any; then what it returns beside.  `pairs` stand for the leaves of `spec`."""
    with levels.working(guard):
        given = spec.unflatten([wrap(levels.paired(x, t, guard.level)) for x, t in pairs])
        out, aux = func(*(given if argnums is None else replaced(args, argnums, given if isinstance(argnums, tuple) else given[0]))), None
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(f"{CALL}: output of function f should be a tuple: (output, aux) if has_aux is True")
            out, aux = out
            check_aux(aux)
        outputs, out_spec = flatten(out)
        check_outputs(outputs, CALL)
        parts = [levels.parted(x._read_value(), guard.level) for x in outputs]
        aux = mapped(lambda x: wrap(levels.parted(x._read_value(), guard.level)[0]) if isinstance(x, Tensor) else x, aux)
    found = out_spec.unflatten([wrap(value) for value, _ in parts]), [None if tangent is None else wrap(tangent) for _, tangent in parts]
    return (*found, aux) if has_aux else found


def _check_inputs(name: str, tensors: list) -> None:
    if not tensors:
        raise RuntimeError(f"{CALL}: Expected {name} to contain at least one Tensor.")
    for x in tensors:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"{CALL}: Expected {name} to only contain Tensors, got {type(x)}")


def jacfwd(func: Callable, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error") -> Callable:
    """The function that computes the Jacobian of `func` by the arguments `argnums`, a column for each of their elements: better than `jacrev` where there
    are fewer of these than of results.

    >>> torch.func.jacfwd(torch.sin)(torch.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    @functools.wraps(func)
    def inside(*args: Any, **kwargs: Any) -> Any:
        if randomness not in RANDOMNESS:
            raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
        by = chosen(args, argnums)
        several = isinstance(argnums, tuple)
        inputs, spec = flatten(by if several else (by,))
        _check_inputs("primals", inputs)

        if randomness == "different":
            out, leaves, aux = _one_by_one(func, argnums, args, kwargs, spec, basis(inputs), has_aux)
        else:
            pairs = list(zip(inputs, basis(inputs), strict=True))
            guard = Guard("jvp", 1 + sum(x.numel() for x in inputs), randomness)
            out, leaves, *aux = run(lambda *a: func(*a, **kwargs), argnums, args, spec, [check_pair(x, t, True) for x, t in pairs], guard, has_aux)
        outputs, out_spec = flatten(out)
        found = [_columns(y, x, inputs, spec, several) for y, x in zip(leaves, outputs, strict=True)]
        return (out_spec.unflatten(found), *aux) if has_aux else out_spec.unflatten(found)
    return inside


def _columns(slopes: Tensor | None, out: Tensor, inputs: list[Tensor], spec: Spec, several: bool) -> Any:
    """The derivatives of one result along each element of the inputs, as the Jacobian's blocks in the inputs' structure."""
    counts = [x.numel() for x in inputs]
    parts = out.new_zeros(sum(counts), *out.shape).split(counts) if slopes is None else slopes.split(counts)
    tree = spec.unflatten([p.movedim(0, -1).reshape(*out.shape, *x.shape) for p, x in zip(parts, inputs, strict=True)])
    return tree if several else tree[0]


def _one_by_one(func: Callable, argnums: Argnums, args: tuple, kwargs: dict, spec: Spec, directions: list[Tensor], has_aux: bool) -> tuple:
    """The values and the derivatives along each direction, for which `func` draws numbers of its own."""
    def along(*directions: Tensor) -> Any:
        out, slopes, *aux = jvp_by(lambda *a: func(*a, **kwargs), argnums, args, spec.unflatten(directions), False, has_aux)
        return out, flatten(slopes)[0], aux
    found, slopes, aux = vmap(along, randomness="different")(*directions)
    return mapped(lambda x: x[0], found), slopes, mapped(lambda x: x[0], aux)


def hessian(func: Callable, argnums: Argnums = 0) -> Callable:
    """The function that computes the Hessian of `func`: the Jacobian, by columns, of its Jacobian.

    >>> torch.func.hessian(lambda x: (x ** 3).sum())(torch.ones(2))
    tensor([[6., 0.],
            [0., 6.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """The value of `func`, and the function from tangents to derivatives along them, for which `func` is not run again.

    >>> torch.func.linearize(torch.sin, torch.zeros(2))[1](torch.ones(2))
    tensor([1., 1.])
    """
    out, pull = vjp_by(func, None, primals, {}, False)
    outputs, out_spec = flatten(out)
    inputs, in_spec = flatten(primals)
    _, push = vjp_by(lambda *vs: pull(out_spec.unflatten(vs), create_graph=True), None, tuple([torch.zeros_like(x) for x in outputs]), {}, False)

    def jvp_fn(*tangents: Any) -> Any:
        given, spec = flatten(tangents)
        if spec != in_spec:
            raise RuntimeError(f"Expected the tangents {spec} to have the same argspec as the primals {in_spec}")
        for k, (t, x) in enumerate(zip(given, inputs, strict=True)):
            for what in "shape", "dtype":
                if getattr(t, what) != getattr(x, what):
                    raise RuntimeError(f"tangent:{k} with {what} {getattr(t, what)} in flattened pytree doesn't match the {what} {getattr(x, what)} of the "
                                       "corresponding primal.")
        return out_spec.unflatten(push(tangents))
    return out, jvp_fn
