"""Forward-mode derivatives (`torch.autograd.forward_ad`): tensors that carry their tangent along."""
from __future__ import annotations

from contextlib import ExitStack
from threading import local
from typing import NamedTuple

from .._core import levels
from .._core.graph import Guard, Level
from .._core.promote import FLOAT_CATEGORIES
from .._core.tensor import Tensor, wrap

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class Current(local):
    """The level that this thread has entered."""
    level: Level | None = None
    stack: ExitStack


_current = Current()


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent, None where it has none."""
    primal: Tensor
    tangent: Tensor | None


def check_pair(tensor: Tensor, tangent: Tensor, several: bool = False) -> tuple[Tensor, Tensor]:
    """A tensor and what is to be its tangent, or a batch of these.  Raises where it can't be."""
    for name, x in ("primal", tensor), ("tangent", tangent):
        if x.dtype.category not in FLOAT_CATEGORIES:
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    if tensor.shape != tangent.shape[several:]:
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor, this is not supported. Tensor is of "
                           f"size {list(tensor.shape)} while the given forward gradient is of size {list(tangent.shape)}.")
    return tensor, tangent if tangent.dtype is tensor.dtype else tangent.to(tensor.dtype)


def enter_dual_level() -> int:
    """Begin a level in which tensors may have tangents; returns its number."""
    if _current.level is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    guard = Guard("dual")
    _current.stack = ExitStack()
    _current.stack.enter_context(levels.working(guard))
    _current.level = guard.level
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: all tangents are gone."""
    if _current.level is None:
        raise RuntimeError("Dual level must be a positive number.")
    if level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not supported.")
    _current.level = None
    _current.stack.close()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor of the same values that has this tangent.

    >>> with torch.autograd.forward_ad.dual_level():
    ...     x = torch.autograd.forward_ad.make_dual(torch.zeros(1), torch.ones(1))
    ...     torch.autograd.forward_ad.unpack_dual(x.sin()).tangent
    tensor([1.])
    """
    if _current.level is None:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first.")
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise ValueError(f"Expected primal to be floating point or complex, but got: {tensor.dtype}")
    if not (tangent.is_floating_point() or tangent.is_complex()):
        raise ValueError(f"Expected tangent to be floating point or complex, but got: {tangent.dtype}")
    pair = check_pair(tensor, tangent)
    if _current.level in tensor._aval.levels:
        raise RuntimeError("Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not supported.")
    return wrap(levels.paired(*pair, _current.level))


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The tensor without its tangent, and the tangent."""
    if _current.level is None:
        return UnpackedDualTensor(tensor, None)
    value, tangent = levels.parted(tensor._read_value(), _current.level)
    return UnpackedDualTensor(wrap(value), None if tangent is None else wrap(tangent))


class dual_level:
    """A level in which tensors may have tangents, for a `with` block; `make_dual` gives them theirs."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *error: object) -> None:
        exit_dual_level()
