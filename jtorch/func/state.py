"""Functions on modules as functions of their parameters (`torch.func`)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.utils import stateless

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(module: torch.nn.Module, parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]], args: Any = None,
                    kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True, strict: bool = False) -> Any:
    """Call a module with the given tensors, by dotted name, in place of its own parameters and buffers.

    parameter_and_buffer_dicts  one dictionary, or several without common names
    args                        the arguments, as a tuple, or the only one
    tie_weights                 a tensor stands for all that share its name's parameter
    strict                      all parameters and buffers must be given, and nothing else

    >>> torch.func.functional_call(nn.Linear(1, 1), {"weight": torch.ones(1, 1), "bias": torch.ones(1)}, torch.ones(1))
    tensor([2.])
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        return stateless.functional_call(module, parameter_and_buffer_dicts, args, kwargs, tie_weights=tie_weights, strict=strict)
    if not isinstance(parameter_and_buffer_dicts, Sequence):
        raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(parameter_and_buffer_dicts)}")
    if not all(isinstance(d, dict) for d in parameter_and_buffer_dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [name for d in parameter_and_buffer_dicts for name in d]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    merged = {name: value for d in parameter_and_buffer_dicts for name, value in d.items()}
    return stateless.functional_call(module, merged, args, kwargs, tie_weights=tie_weights, strict=strict)


def stack_module_state(models: Sequence[torch.nn.Module] | torch.nn.ModuleList) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of equal modules, stacked along a new first dimension, by name."""
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if not all(type(model) is type(models[0]) for model in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    states: list[list[dict[str, Tensor]]] = [[dict(model.named_parameters()) for model in models], [dict(model.named_buffers()) for model in models]]
    parameters, buffers = ({name: _stacked([state[name] for state in same]) for name in same[0]} for same in states)
    return parameters, buffers


def _stacked(tensors: list[Tensor]) -> Tensor:
    if len({t.requires_grad for t in tensors}) > 1:
        raise RuntimeError("Expected parameters from different models to have the same requires_grad state.")
    return torch.stack(tensors).detach().requires_grad_(tensors[0].requires_grad)


def replace_all_batch_norm_modules_(root: torch.nn.Module) -> torch.nn.Module:
    """Let the batch normalisations in `root` keep no running statistics, so that they work inside `vmap`; returns `root`."""
    for module in root.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
