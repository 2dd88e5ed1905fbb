"""Losses that call a function of the user's or look at their arguments in Python, and the forms of losses that live in `torch`."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._core import derive
from .._core.op import Op
from .._core.public import public
from .._core.size import Size
from .._core.record import note_check, record, seen
from .._core.tensor import Tensor, from_array, wrap
from .._ops import classify, loss
from .._ops.ctc import ctc_loss as ctc_loss_apply
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
    found = wrap(record(clamp_min.op, (margin + near - far, 0.0)))
    return found.mean() if reduction == "mean" else found.sum() if reduction == "sum" else found


# Connectionist temporal classification

Lengths = Tensor | Sequence[int]


def _lengths(given: Lengths, name: str, like: Tensor) -> tuple[Tensor, np.ndarray | None]:
    """Lengths as a tensor, and on the host where they are there."""
    if isinstance(given, Tensor):
        if given.dtype.is_floating_point:
            raise RuntimeError(f"{name} must be integral")
        array = seen(given)
        return given, array if isinstance(array, np.ndarray) else None
    array = np.asarray(given, np.int64)
    return from_array(array, like.device), array


def _check_lengths(log_probs: Size, targets: Size, times: Any, labels: Any) -> None:
    during, most = "(while checking arguments for ctc_loss_allocate_outputs)", log_probs[0]
    for length in times.flat if isinstance(times, np.ndarray) else ():
        if not 0 <= length <= most:
            bound = "least 0" if length < 0 else f"most {most}"
            raise RuntimeError(f"Expected input_lengths to have value at {bound}, but got value {length} {during}")
    if not isinstance(labels, np.ndarray) or not labels.size:
        return
    if len(targets) == 2 and labels.max() > targets[1]:
        raise RuntimeError(f"Expected tensor to have size at least {labels.max()} at dimension 1, but got size {targets[1]} for argument #2 "
                           f"'targets' {during}")
    if len(targets) == 1 and len(log_probs) == 3 and labels.sum() != targets[0]:
        raise RuntimeError(f"Expected tensor to have size {labels.sum()} at dimension 0, but got size {targets[0]} for argument #2 "
                           f"'targets' {during}")


@public("nn.functional")
def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, blank: int = 0, reduction: str = "mean",
             zero_infinity: bool = False) -> Tensor:
    """Connectionist temporal classification loss (Graves et al. 2006, doi:10.1145/1143844.1143891).

    log_probs: (T, N, C) or (T, C), targets: (N, S), (S) or concatenated, lengths: (N)  ->  (), or (N) without reduction.
    The mean is over the batch, after each loss is divided by its target's length.
    """
    check_reduction(reduction)
    kinds = {type(lengths) for lengths in (input_lengths, target_lengths)}
    if int in kinds or Tensor in kinds and len(kinds) > 1:
        given = ", ".join(type(x).__name__ for x in (log_probs, targets, input_lengths, target_lengths))
        raise TypeError(f"ctc_loss() received an invalid combination of arguments - got ({given}, int, int, bool)")
    times, known_times = _lengths(input_lengths, "input_lengths", log_probs)
    labels, known_labels = _lengths(target_lengths, "target_lengths", log_probs)
    value = record(ctc_loss_apply.op, (log_probs, targets, times, labels), (blank, reduction, zero_infinity))
    check = partial(_check_lengths, log_probs.shape, targets.shape)
    check(known_times, known_labels)
    note_check(check, (times, labels))
    return wrap(value)


# The forms that live in `torch`: the reduction is a number there, and there is none unless it is given

REDUCTIONS = ("none", "mean", "sum")
REQUIRED = object()


def _plain(op: Op, **parameters: Any) -> None:
    """Make the `torch` form public: these parameters, of which the keyword-only ones come after `reduction`."""
    full, names, name = derive.function(op), list(parameters), op.name

    def plain(*args: Any, **kwargs: Any) -> Tensor:
        given = {**parameters, **dict(zip(names, args, strict=False)), **kwargs}
        missing = [repr(n) for n in names if given[n] is REQUIRED]
        if missing:
            raise TypeError(f"{name}() missing {len(missing)} required positional argument: {', '.join(missing)}".replace("'", '"'))
        if not isinstance(given["reduction"], int):
            raise TypeError(f"{name}(): argument 'reduction' must be int, not {type(given['reduction']).__name__}")
        found = full(**{**given, "reduction": "none"})
        return found.mean() if given["reduction"] == 1 else found.sum() if given["reduction"] == 2 else found
    plain.__name__, plain.__doc__ = name, op.body.__doc__
    public("torch", name=name)(plain)


def _required(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, REQUIRED)


_plain(loss.hinge_embedding_loss.op, **_required("input", "target"), margin=1.0, reduction=0)
_plain(loss.cosine_embedding_loss.op, **_required("input1", "input2", "target"), margin=0.0, reduction=0)
_plain(loss.margin_ranking_loss.op, **_required("input1", "input2", "target"), margin=0.0, reduction=0)
_plain(loss.triplet_margin_loss.op, **_required("anchor", "positive", "negative"), margin=1.0, p=2, eps=1e-6, swap=False, reduction=0)
_plain(loss.poisson_nll_loss.op, **_required("input", "target", "log_input", "full", "eps", "reduction"))
_plain(loss.kl_div.op, **_required("input", "target"), reduction=0, log_target=False)
_plain(classify.binary_cross_entropy_with_logits.op, **_required("input", "target"), weight=None, pos_weight=None, reduction=0)


@public("torch", name="ctc_loss")
def plain_ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, blank: int = 0, reduction: int = 0,
                   zero_infinity: bool = False) -> Tensor:
    """`nn.functional.ctc_loss` with a number for the reduction."""
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, REDUCTIONS[reduction], zero_infinity)
