"""Forms of calls from PyTorch's past that still work, with a warning: `addcdiv(x, 0.5, y, z)`, `addmm(2, x, 0.5, y, z)`."""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from . import misfit
from .op import Op

NUMBERS = {"add": ("alpha",), "sub": ("alpha",), "addcmul": ("value",), "addcdiv": ("value",),   # which numbers once stood between the tensors
           **dict.fromkeys(("addmm", "addmv", "addr", "addbmm", "baddbmm"), ("beta", "alpha"))}
told: list[str] = []                                         # the first such call, after which there is no more warning


def reordered(name: str, op: Op, method: bool, given: dict[str, Any], more: Sequence[Any]) -> dict[str, Any] | None:
    """By their names, the arguments of a call in which numbers stand before tensors; None where it is no such call.

    given  the call's arguments under the names that today's form has for their places, more  those too many
    """
    numbers = NUMBERS.get(op.name, ())
    tensors = ["self" if method and not k else p for k, (p, kind, keyword) in enumerate(op.plan) if not keyword]
    args = [*[given[n] for n in tensors], *more]
    first = 0 if len(numbers) == 2 and not method else 1
    for used in {numbers, numbers[:1]} - {()}:
        order = list(tensors)
        for k, number in enumerate(used):
            order.insert(first + 2 * k if not method else first + k, number)
        if len(order) == len(args) and all((misfit.fits("Number", a) and not misfit.is_tensor(a)) == (n in used) for n, a in zip(order, args, strict=True)):
            _tell(name, op, method, order[method:], tensors[method:], numbers)
            return {**given, **dict(zip(order, args, strict=True))}
    return None


def _tell(name: str, op: Op, method: bool, old: Sequence[str], new: Sequence[str], numbers: Sequence[str]) -> None:
    if told:
        return
    told.append(name)
    was = ", ".join(f"{'Number' if n in numbers else 'Tensor'} {n}" for n in old)
    now = ", ".join([f"Tensor {n}" for n in new] + ["*"] + [f"Number {n} = 1" for n in numbers])
    ends = (")", ")") if method else (", *, Tensor out = None)", ", Tensor out = None)")
    warnings.warn(f"This overload of {name} is deprecated:\n\t{name}({was}{ends[0]}\nConsider using one of the following signatures instead:\n"
                  f"\t{name}({now}{ends[1]}", UserWarning, stacklevel=5)
