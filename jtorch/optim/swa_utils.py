"""Averages of a model's weights over training (`torch.optim.swa_utils`)."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import jtorch as torch
from jtorch import nn

from .._core.update import run_pending
from .lr_scheduler.scheduler import LRScheduler, per_group
from .optimizer import Optimizer

__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn", "update_bn"]


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """For `multi_avg_fn`: exponential moving averages.  a ← a + (1 - decay) (p - a)"""
    one = get_ema_avg_fn(decay)

    @torch.no_grad()
    def ema_update(ema_param_list: Any, current_param_list: Any, _: Any) -> None:
        smooth = is_smooth(ema_param_list[0])
        for average, current in paired(ema_param_list, current_param_list):
            if smooth:
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(one(average, current, _))
    return ema_update


def get_swa_multi_avg_fn() -> Callable:
    """For `multi_avg_fn`: equal averages.  a ← a + (p - a) / (n + 1)"""
    @torch.no_grad()
    def swa_update(averaged_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        smooth = is_smooth(averaged_param_list[0])
        for average, current in paired(averaged_param_list, current_param_list):
            if smooth:
                average.lerp_(current, 1 / (num_averaged + 1))
            else:
                average.addcdiv_(current - average, num_averaged + 1)
    return swa_update


def is_smooth(tensor: torch.Tensor) -> bool:
    """Whether it holds real or complex numbers, not integers."""
    return torch.is_floating_point(tensor) or torch.is_complex(tensor)


def paired(averages: Sequence[torch.Tensor], currents: Sequence[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Each average with what is to be added to it."""
    if len(averages) != len(currents):
        raise RuntimeError(f"Tensor lists must have the same number of tensors, got {len(averages)} and {len(currents)}")
    return list(zip(averages, currents, strict=True))


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """For `avg_fn`: an exponential moving average.  a ← decay a + (1 - decay) p"""
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    @torch.no_grad()
    def ema_update(ema_param: torch.Tensor, current_param: torch.Tensor, num_averaged: Any) -> torch.Tensor:
        return decay * ema_param + (1 - decay) * current_param
    return ema_update


def get_swa_avg_fn() -> Callable:
    """For `avg_fn`: an equal average.  a ← a + (p - a) / (n + 1)"""
    @torch.no_grad()
    def swa_update(averaged_param: torch.Tensor, current_param: torch.Tensor, num_averaged: Any) -> torch.Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)
    return swa_update


class AveragedModel(nn.Module):
    """A copy of a model, whose parameters are averages of the model's (Izmailov et al. 2018, arXiv:1803.05407).

    device        where it lives (None: where the model is)
    avg_fn        (average, current, how many before) -> new average; by default the equal average
    multi_avg_fn  the same for lists of tensors, in place
    use_buffers   average the buffers too, instead of taking over the model's

    >>> model = nn.Linear(1, 1)
    >>> average = torch.optim.swa_utils.AveragedModel(model)
    >>> average.update_parameters(model)
    >>> average.n_averaged
    tensor(1)
    """

    def __init__(self, model: nn.Module, device: Any = None, avg_fn: Callable | None = None, multi_avg_fn: Callable | None = None,
                 use_buffers: bool = False) -> None:
        super().__init__()
        assert avg_fn is None or multi_avg_fn is None, "Only one of avg_fn and multi_avg_fn should be provided"
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", torch.tensor(0, dtype=torch.long, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Add the model's parameters to the averages."""
        averages, currents = (list(chain(m.parameters(), m.buffers()) if self.use_buffers else m.parameters()) for m in (self.module, model))
        pairs = [(a, c.detach().to(a.device)) for a, c in zip(averages, currents, strict=False)]
        if self.n_averaged == 0:
            for average, current in pairs:
                average.copy_(current)
        elif self.multi_avg_fn is not None:
            groups: dict[tuple, list] = {}
            for average, current in pairs:
                groups.setdefault((average.device, average.dtype), []).append((average.detach(), current))
            for (device, _), group in groups.items():
                self.multi_avg_fn([a for a, _ in group], [c for _, c in group], self.n_averaged.to(device))
        else:
            mean = self.avg_fn or get_swa_avg_fn()
            for average, current in pairs:
                average.copy_(mean(average.detach(), current, self.n_averaged.to(average.device)))
        if not self.use_buffers:
            for average, current in zip(self.module.buffers(), model.buffers(), strict=False):
                average.copy_(current.detach().to(average.device))
        self.n_averaged += 1
        run_pending()


@torch.no_grad()
def update_bn(loader: Iterable, model: nn.Module, device: Any = None) -> None:
    """Compute the statistics of all batch normalisations anew, from one pass of the model over the data.

    loader  gives batches, or lists and tuples that begin with one
    """
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momenta = {norm: norm.momentum for norm in norms}
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None                                 # an equal average over all batches
    for batch in loader:
        if isinstance(batch, list | tuple):
            batch = batch[0]
        if device is not None:
            batch = batch.to(device)
        model(batch)
    for norm, momentum in momenta.items():
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """lr goes to `swa_lr` in `anneal_epochs` steps and stays there (Izmailov et al. 2018, arXiv:1803.05407).

    swa_lr  one or a list by group;  anneal_strategy  "cos" or "linear"
    """

    def __init__(self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos", last_epoch: int = -1) -> None:
        for lr, group in zip(per_group(optimizer, "swa_lr", swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """How far the rates have come at the share t of the time."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[Any]:
        """The learning rates for the next step, by group."""
        self._check_within_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        now, before = (self.anneal_func(max(0, min(1, s / max(1, self.anneal_epochs)))) for s in (step, step - 1))
        found = []
        for group in self.optimizer.param_groups:            # the rate that annealing began with follows from the last one
            target = group["swa_lr"]
            first = target if before == 1 else (group["lr"] - before * target) / (1 - before)
            found.append(target * now + first * (1 - now))
        return found
