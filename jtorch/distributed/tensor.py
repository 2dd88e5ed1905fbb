"""Tensors spread over processes, of which there are none."""
from __future__ import annotations

from typing import Any

from .. import Tensor
from .._C import _disabled_torch_function_impl

__all__ = ["DTensor"]


class DTensor(Tensor):
    """The class that libraries ask for with `isinstance`."""
    __torch_function__ = _disabled_torch_function_impl

    def __new__(cls, *args: Any, **kwargs: Any) -> DTensor:
        raise RuntimeError("DTensor: there are no process groups in jtorch; JAX's sharding (`jax.sharding`) spreads arrays over devices")
