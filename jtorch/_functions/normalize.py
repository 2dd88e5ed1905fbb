"""Normalisation that keeps running statistics: they are updated in place, outside autograd."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._core import layout
from .._core.derive import into
from .._core.dtype import FLOATING
from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, from_array, wrap
from .._ops.batchnorm import running_update
from .._ops.normalize import batch_norm_eval, batch_norm_train, instance_norm_train

FUNCTIONAL = "nn.functional"
BATCHED = ("Batch norm got a batched tensor as input while the running_mean or running_var, which will be updated in place, were not batched.\nIf you are "
           "using a module and do not need eval mode, please set `track_running_stats` to be False.If you are using a prebuilt module and do not need eval "
           "mode, please see the functorch website for resources on how to patch your module to work with vmap")


def _check_momentum(momentum: float, name: str) -> None:
    if momentum is None:
        raise TypeError(f"{name}(): argument 'momentum' (position 7) must be float, not NoneType")


def _follow(running_mean: Tensor, running_var: Tensor, found: tuple, momentum: float) -> None:
    """Move the running statistics towards those that were found."""
    if any(not n.dual and n not in s._aval.levels for x in found for n in x._read_value().aval.levels for s in (running_mean, running_var)):
        raise RuntimeError(BATCHED)
    mean, var = record(running_update.op, (running_mean, running_var, *found, momentum))
    running_mean._write(mean, "running_mean")
    running_var._write(var, "running_var")


def _check_types(input: Tensor, running_mean: Tensor) -> None:
    if running_mean.dtype.itemsize < input.dtype.itemsize and input.dtype.category == FLOATING:
        raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")


def _both_or_none(mean: Tensor | None, var: Tensor | None) -> None:
    if (mean is None) != (var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")


@public(FUNCTIONAL)
def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None, bias: Tensor | None = None,
               training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """`input` normalised per channel, by the batch's statistics or the running ones (Ioffe & Szegedy 2015, arXiv:1502.03167).

    input: (N, C, *), running_mean, running_var, weight, bias: (C)  ->  (N, C, *)
    """
    if momentum is None:
        _check_momentum(momentum, "batch_norm")
    if input.dim() == 1 and not input.numel():
        return input.clone()
    if not training:
        if eps < 0:
            raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
        if running_mean is None or running_var is None:
            raise RuntimeError(f"running_{'mean' if running_mean is None else 'var'} must be defined in evaluation mode")
        _check_types(input, running_mean)
        return layout.channels_as(wrap(record(batch_norm_eval.op, (input, running_mean, running_var, weight, bias), (eps,))), (input,))
    for name, values in (("running_mean", running_mean), ("running_var", running_var)):
        if values is not None and input.dim() > 1 and values.numel() != input.shape[1]:
            raise RuntimeError(f"{name} should contain {input.shape[1]} elements not {values.numel()}")
    result, *found = record(batch_norm_train.op, (input, weight, bias), (eps,))
    if eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    _both_or_none(running_mean, running_var)
    if running_mean is not None and 0 not in input.shape:
        _check_types(input, running_mean)
        _follow(running_mean, running_var, found, momentum)
    return layout.channels_as(wrap(result), (input,))


@public(FUNCTIONAL)
def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None,
                  bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:
    """`input` normalised per sample and channel (Ulyanov et al. 2016, arXiv:1607.08022).

    input: (N, C, *), running_mean, running_var, weight, bias: (C)  ->  (N, C, *)
    """
    if momentum is None:
        _check_momentum(momentum, "instance_norm")
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
        return wrap(record(batch_norm_eval.op, (input, running_mean, running_var, weight, bias), (eps,)))
    result, *found = record(instance_norm_train.op, (input, weight, bias), (eps,))
    _both_or_none(running_mean, running_var)
    if running_mean is not None and 0 not in input.shape:
        _follow(running_mean, running_var, found, momentum)
    return wrap(result)


# The forms that live in `torch`

@public("torch", name="batch_norm")
def plain_batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
                     training: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tensor:
    """`nn.functional.batch_norm` with its arguments in another order."""
    return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@public("torch", name="instance_norm")
def plain_instance_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
                        use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tensor:
    """`nn.functional.instance_norm` with its arguments in another order."""
    return instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


@public("torch")
def native_batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
                      training: bool, momentum: float, eps: float, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
    """Batch normalisation, the batch's mean and 1 / standard deviation (both empty where not `training`).    input: (N, C, *)"""
    made: tuple[Tensor, ...] = (batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps),)
    if training:
        seen = input.detach().transpose(0, 1).flatten(1)
        made += seen.mean(1), (seen.var(1, unbiased=False) + eps).rsqrt()
    else:
        made += tuple([from_array(np.zeros(0, input.dtype.numpy), input.device) for _ in range(2)])
    return made if out is None else tuple([into(o, m) for o, m in zip(out, made, strict=True)])
