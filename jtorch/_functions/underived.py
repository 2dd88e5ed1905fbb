"""Results that require grad and have no derivative: a gradient that arrives there raises."""
from __future__ import annotations

from typing import NoReturn

from .._core import gradgraph
from .._core.graph import here
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops import underived as ops


def underived(made: Tensor, source: Tensor, error: Exception) -> Tensor:
    """`made`, requiring grad if `source` does, so that a gradient that arrives here is told that there is no derivative."""
    if not (source.requires_grad and here.mode.grad):
        return made
    made = wrap(record(ops.underived.op, (made, source)))

    def stop(grad: Tensor) -> NoReturn:
        raise error
    gradgraph.add_hook(made, stop)
    return made
