"""Tensors of subclasses of `Tensor`, on the memory of others."""
from __future__ import annotations

from typing import Any

from .._core import misfit, override
from .._core.device import Where
from .._core.graph import here
from .._core.public import public
from .._core.storage import ALIAS, Step
from .._core.tensor import Tensor, new
from .convert import legacy


@public("Tensor")
def as_subclass(self: Tensor, cls: Any) -> Tensor:
    """The tensor as one of a subclass, with the same memory and gradient history."""
    override.prepare(cls)
    with override.unasked():
        out = self._view(ALIAS, (), ())
    out.__class__ = cls
    return out


def _new(cls: Any, *args: Any, device: Where = None, dtype: Any = None, **kwargs: Any) -> Tensor:
    made = legacy(here.mode.floating, device or "cpu", args) if not (len(args) == 1 and isinstance(args[0], Tensor)) else args[0].detach()
    if cls is Tensor:
        return made
    return make_subclass(cls, made)


def make_subclass(cls: Any, data: Tensor, require_grad: bool = False, **kwargs: Any) -> Tensor:
    """A tensor of a subclass on the memory of `data`."""
    if require_grad.__class__ is not bool:
        raise misfit.wrong_class("_make_subclass", "require_grad", 3, "bool", require_grad)
    override.prepare(cls)
    with override.unasked():
        if data.requires_grad and data._leaf is None:
            data = data.detach()
        made, storage, step = new(cls), data._share(), data._step
        made._value = None
        storage.join(made, Step(step.parent, step.op, step.numbers, step.attrs))
        return made.requires_grad_() if require_grad else made


Tensor.__new__ = _new
Tensor._make_subclass = staticmethod(make_subclass)
