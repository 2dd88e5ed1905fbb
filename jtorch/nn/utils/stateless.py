"""Calling a module with other parameters and buffers than its own."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jtorch import Tensor
from jtorch.nn.modules.module import Module

__all__ = ["functional_call"]


def _tied_names(module: Module) -> dict[str, list[str]]:
    """Each name of a parameter or buffer, with all names of the same tensor."""
    groups: dict[int, list[str]] = {}
    for named in (module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False)):
        for name, tensor in named:
            groups.setdefault(id(tensor), []).append(name)
    return {name: group for group in groups.values() for name in group}


def _with_tied(tied: Mapping[str, list[str]], given: dict[str, Any]) -> dict[str, Any]:
    """`given`, with each tensor under all names of the one that it stands for."""
    every = dict(given)
    for name, value in given.items():
        group = tied.get(name, ())
        if len({id(given[other]) for other in group if other in given}) > 1:
            raise ValueError(f"functional_call got multiple values for keys {sorted(n for n in group if n in given)}, which are tied. "
                             "Consider using tie_weights=False")
        for other in group:
            every.setdefault(other, value)
    return every


def _holder(module: Module, name: str) -> tuple[Module, str]:
    """The submodule that has a tensor of this dotted name, and its name there."""
    *path, last = name.split(".")
    if not last:
        raise KeyError('tensor name can\'t be empty string ""')
    for step in path:
        if not hasattr(module, step):
            raise AttributeError(f"{type(module).__name__} has no attribute `{step}`")
        module = getattr(module, step)
        if not isinstance(module, Module):
            raise AttributeError(f"`{step}` is not an nn.Module")
    return module, last


def _exchange(module: Module, name: str, value: Any) -> Any:
    """Put a tensor in the place of another; returns that one."""
    for entries in (module._parameters, module._buffers):
        if name in entries:
            before, entries[name] = entries[name], value
            return before
    before = getattr(module, name)
    if not isinstance(before, Tensor):
        raise TypeError(f"attribute `{name}`: {before} is not an instance of torch.Tensor")
    setattr(module, name, value)
    return before


@contextmanager
def _reparametrized(module: Module, given: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    """The module has the given tensors inside; those that it replaces by others then are noted in `given`."""
    tied = _tied_names(module)
    every = _with_tied(tied, given) if tie_weights else dict(given)
    if strict:
        _check_names(module, set(tied), set(every))
    before: list[tuple[Module, str, str, Any]] = []
    try:
        for name, value in every.items():
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"{value} is not an instance of torch.Tensor")
            owner, last = _holder(module, name)
            if hasattr(owner, last):                         # other names mean nothing to the module
                before.append((owner, last, name, _exchange(owner, last, value)))
        yield
    finally:
        for owner, last, name, value in reversed(before):
            now = _exchange(owner, last, value)
            if name in given:
                given[name] = now


def _check_names(module: Module, known: set[str], given: set[str]) -> None:
    errors = [f"{kind} key(s): {', '.join(map(repr, sorted(names)))}."
              for kind, names in (("Unexpected", given - known), ("Missing", known - given)) if names]
    if errors:
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(errors))


def functional_call(module: Module, parameters_and_buffers: dict[str, Tensor], args: Any = None, kwargs: dict[str, Any] | None = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """Call a module with the given tensors, by dotted name, in place of its own parameters and buffers.

    args         the arguments, as a tuple, or the only one
    tie_weights  a tensor stands for all that share its name's parameter
    strict       all parameters and buffers must be given, and nothing else

    >>> torch.func.functional_call(nn.Linear(1, 1), {"weight": torch.ones(1, 1), "bias": torch.ones(1)}, torch.ones(1))
    tensor([2.])
    """
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with _reparametrized(module, parameters_and_buffers, tie_weights, strict):
        return module(*arguments, **({} if kwargs is None else kwargs))
