"""Several modules at once, each in a thread of its own."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import jtorch as torch
from jtorch.nn.modules.module import Module
from jtorch.nn.parallel.scatter_gather import Target

__all__ = ["parallel_apply"]


def parallel_apply(modules: Sequence[Module], inputs: Sequence, kwargs_tup: Sequence[dict[str, Any]] | None = None,
                   devices: Sequence[Target | None] | None = None) -> list:
    """What each module gives for its inputs; `devices` says where the inputs are and need not be given.

    inputs      for each module a tuple of positional arguments, or a single one
    kwargs_tup  for each module its named arguments

    An error in one of them is raised here.  Raises ValueError where the numbers differ.

    >>> nn.parallel.parallel_apply([nn.ReLU(), nn.Tanh()], [torch.tensor(-1.0), torch.tensor(0.0)])
    [tensor(0.), tensor(0.)]
    """
    named = [{} for _ in modules] if kwargs_tup is None else kwargs_tup
    if not len(modules) == len(inputs) == len(named) == len(modules if devices is None else devices):
        raise ValueError(f"parallel_apply: {len(modules)} modules, {len(inputs)} inputs, {len(named)} named arguments: these numbers must be the same")
    grad, autocast = torch.is_grad_enabled(), [(kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)) for kind in ("cpu", "cuda")]

    def run(module: Module, given: Any, keywords: dict[str, Any]) -> Any:
        with ExitStack() as stack:
            stack.enter_context(torch.set_grad_enabled(grad))
            for kind, dtype, enabled in autocast:
                if enabled:
                    stack.enter_context(torch.autocast(kind, dtype))
            return module(*(given if isinstance(given, list | tuple) else (given,)), **keywords)
    with ThreadPoolExecutor(max(len(modules), 1)) as pool:
        return list(pool.map(run, modules, inputs, named))
