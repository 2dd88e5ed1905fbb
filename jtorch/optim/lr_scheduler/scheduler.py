"""What all learning rate schedulers share."""
from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch

from ..optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use `scheduler.step()` to step the "
    "scheduler. During the deprecation, if epoch is different from None, the closed form is used instead of the new chainable form, where available. "
    "Please open an issue if you are unable to replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose.")
SEE = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
OVERRIDDEN = ("Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure to call "
              f"`optimizer.step()` before `lr_scheduler.step()`. {SEE}")
TOO_EARLY = ("Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call them in the opposite "
             "order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in PyTorch skipping the first value of the "
             f"learning rate schedule. {SEE}")
NOT_INITIAL = ("param '{name}' is not specified in param_groups[{k}] when resuming scheduler with last_epoch >= 0.\nThis typically happens when:\n"
               "1. You're trying to resume training from a checkpoint but haven't properly loaded the optimizer state\n"
               "2. You're using last_epoch >= 0 for a fresh training run (not recommended)")


class LRScheduler:
    """Base class of all schedulers: `step()` sets the learning rate of each parameter group to what `get_lr()` gives.

    optimizer   whose learning rates it sets; each group remembers its first as "initial_lr"
    last_epoch  how many times it has stepped; -1: begin
    """
    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for k, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(NOT_INITIAL.format(name="initial_lr", k=k))
        self.base_lrs: list[Any] = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        optimizer._step_when_scheduled, optimizer._scheduled = optimizer.__dict__.get("step"), True
        self._initial_step()

    def _initial_step(self) -> None:
        """The step that sets the first learning rates."""
        self._step_count, self._is_initial = 0, True
        self.step()
        self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All that it holds but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The learning rates that it set last, by group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The learning rates for the step `last_epoch`, by group."""
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Set the next learning rates; with `epoch` (deprecated) those of that step."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        if self.optimizer.__dict__.get("step") is not self.optimizer.__dict__.get("_step_when_scheduled"):
            warnings.warn(OVERRIDDEN, UserWarning, stacklevel=3)
        elif not self.optimizer._opt_called:
            warnings.warn(TOO_EARLY, UserWarning, stacklevel=3)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next step, or in closed form, where there is one, those of the step `epoch`."""
        self._get_lr_called_within_step = True
        try:
            self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
            closed = getattr(self, "_get_closed_form_lr", None) if epoch is not None else None
            values = self.get_lr() if closed is None else closed()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)

    def _set(self, values: Sequence[Any]) -> None:
        """Make these the learning rates of the groups."""
        groups = self.optimizer.param_groups
        for group, value in zip(groups, values, strict=False):
            set_option(group, "lr", value)
        self._last_lr: list[Any] = [copied(group["lr"]) for group in groups]

    def _check_within_step(self) -> None:
        """Say that `get_lr` is not for users: outside a step it gives the rates of one more step."""
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", UserWarning, stacklevel=3)


class FactorScheduler(LRScheduler):
    """A scheduler that computes each group's learning rate from its last one."""

    def get_lr(self) -> list[Any]:
        """The learning rates for the step `last_epoch`, by group."""
        self._check_within_step()
        return [self.following(group["lr"], base) for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=False)]

    def following(self, lr: Any, base: Any) -> Any:
        """The learning rate that follows `lr` in a group that began with `base`."""
        raise NotImplementedError


def copied(value: Any) -> Any:
    """A number as it is; of a tensor a copy, since the scheduler writes into it."""
    return value.clone() if isinstance(value, torch.Tensor) else value


def set_option(group: dict[str, Any], name: str, value: Any) -> None:
    """Set a group's option; a tensor keeps its identity."""
    if isinstance(group[name], torch.Tensor):
        with torch.no_grad():
            group[name].fill_(value)
    else:
        group[name] = value


def per_group(optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """`value` for each group: the same for all, or a list with one for each."""
    count = len(optimizer.param_groups)
    if isinstance(value, list | tuple):
        if len(value) != count:
            raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, param_groups has {count}.")
        return list(value)
    return [value] * count


def saved_function(function: Callable) -> dict[str, Any] | None:
    """What a state dict keeps of a function: the attributes of a callable object, nothing of a plain function."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()
