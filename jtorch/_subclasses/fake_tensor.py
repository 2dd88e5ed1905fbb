"""Tensors that only PyTorch's compiler makes, so that there are none; those without data are on the device "meta"."""
from __future__ import annotations

from .. import Tensor
from .._C import _disabled_torch_function_impl


class FakeTensor(Tensor):
    """The class that libraries ask for with `isinstance`."""
    __torch_function__ = _disabled_torch_function_impl


def is_fake(x: object) -> bool:
    """Whether it is one: never."""
    return isinstance(x, FakeTensor)
