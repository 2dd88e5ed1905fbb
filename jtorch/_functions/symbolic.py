"""Functions of numbers that PyTorch's compiler would keep symbolic, control flow, and what this build has.  Numbers are always known here."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .._core.public import PUBLIC, public
from .._core.tensor import Tensor

Number = int | float


@public("torch")
class SymInt:
    """An integer that a compiler does not know yet; there are none here."""


@public("torch")
class SymFloat:
    """A float that a compiler does not know yet; there are none here."""


@public("torch")
class SymBool:
    """A bool that a compiler does not know yet; there are none here."""


@public("torch")
def sym_int(a: Number) -> int:
    """`a` without its fraction."""
    return int(a)


@public("torch")
def sym_float(a: Number) -> float:
    """`a` as a float."""
    return float(a)


@public("torch")
def sym_max(a: Number, b: Number) -> Number:
    """The larger number; a float if either is one."""
    return max(float(a), float(b)) if isinstance(a, float) or isinstance(b, float) else max(a, b)


@public("torch")
def sym_min(a: Number, b: Number) -> Number:
    """The smaller number; a float if either is one."""
    return min(float(a), float(b)) if isinstance(a, float) or isinstance(b, float) else min(a, b)


@public("torch")
def sym_not(a: Any) -> bool:
    """`not a`."""
    return not a


@public("torch")
def sym_sqrt(a: Number) -> float:
    """The square root."""
    return math.sqrt(a)


@public("torch")
def sym_sum(args: Sequence[Number]) -> Number:
    """The sum."""
    return sum(args)


@public("torch")
def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """`t` if `b`, else `f`."""
    return t if b else f


@public("torch")
def sym_fresh_size(expr: int) -> int:
    """`expr`."""
    return expr


@public("torch")
def sym_constrain_range(size: Number, *, min: int | None = None, max: int | None = None) -> None:
    """Raise unless `size` lies between the bounds."""
    if min is not None and size < min or max is not None and size > max:
        raise RuntimeError(f"Invalid value range for {size} between [{min}, {max}].")


@public("torch")
def sym_constrain_range_for_size(size: Number, *, min: int | None = None, max: int | None = None) -> None:
    """Raise unless `size` lies between the bounds."""
    sym_constrain_range(size, min=min, max=max)


# Control flow

@public("torch")
def cond(pred: bool | Tensor, true_fn: Callable, false_fn: Callable, operands: tuple | list = ()) -> Any:
    """`true_fn(*operands)` if `pred`, else `false_fn(*operands)`; a tensor is looked at.

    >>> torch.cond(torch.tensor(True), torch.sin, torch.cos, (torch.zeros(1),))
    tensor([0.])
    """
    if not isinstance(pred, bool | int | float | Tensor):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    return (true_fn if pred else false_fn)(*operands)


@public("torch")
def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: tuple | list) -> Any:
    """Replace the values by `body_fn(*values)` as long as `cond_fn(*values)`; they keep their shapes and types.

    >>> torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, 2 * x), (torch.tensor(0), torch.ones(1)))
    (tensor(3), tensor([8.]))
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, tuple | list):
        raise RuntimeError(f"Expect carried_inputs to be a tuple or a list, but got {type(carried_inputs).__name__}.")
    values: Any = tuple(carried_inputs)
    while cond_fn(*values if isinstance(values, tuple | list) else (values,)):
        values = body_fn(*values if isinstance(values, tuple | list) else (values,))
    return values


# This build

class OutOfMemoryError(RuntimeError):
    """A device has not enough memory."""


class AcceleratorError(RuntimeError):
    """An accelerator failed."""


class FatalError(Exception):
    """An error after which a process cannot go on."""


for _error in (OutOfMemoryError, AcceleratorError, FatalError):
    _error.__module__ = "torch"
    public("torch")(_error)

FLAGS = {"has_lapack": True, "has_mkl": False, "has_openmp": False, "has_spectral": True, "USE_GLOBAL_DEPS": False, "USE_RTLD_GLOBAL_WITH_LIBTORCH": False}
PUBLIC["torch"].update(FLAGS)                                # type: ignore[arg-type]


@public("torch")
def compiled_with_cxx11_abi() -> bool:
    """Always True."""
    return True


@public("torch")
def is_vulkan_available() -> bool:
    """Always False."""
    return False


@public("torch")
def init_num_threads() -> None:
    """Nothing: XLA has its own threads."""


@public("torch")
def cudnn_is_acceptable(tensor: Tensor) -> bool:
    """Always False: XLA chooses among its own kernels."""
    return False


@public()
def is_distributed(input: Tensor) -> bool:
    """Always False."""
    return False
