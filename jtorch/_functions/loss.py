"""Losses that call a function of the user's, with tensors."""
from __future__ import annotations

from collections.abc import Callable

from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops.distance import pairwise_distance
from .._ops.loss import check_reduction
from .._ops.pointwise import clamp_min, minimum

Distance = Callable[[Tensor, Tensor], Tensor]


def _euclidean(a: Tensor, b: Tensor) -> Tensor:
    return wrap(record(pairwise_distance.op, (a, b), (2.0, 1e-6, False)))


@public("nn.functional")
def triplet_margin_with_distance_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, distance_function: Distance | None = None,
                                      margin: float = 1.0, swap: bool = False, reduction: str = "mean") -> Tensor:
    """`max(0, d(anchor, positive) - d(anchor, negative) + margin)` with any distance d (Balntas et al. 2016).    each: (N, *)  ->  () or (N)"""
    check_reduction(reduction)
    distance = _euclidean if distance_function is None else distance_function
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    dims = anchor.dim(), positive.dim(), negative.dim()
    if len(set(dims)) > 1:
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
                           f"anchor {dims[0]}D, positive {dims[1]}D, and negative {dims[2]}D inputs")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = wrap(record(minimum.op, (far, distance(positive, negative))))
    loss = wrap(record(clamp_min.op, (margin + near - far, 0.0)))
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss
