"""What is left to say of the options that all functions share that make tensors: `layout`, of which most know one, and `pin_memory`."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from .._core import misfit
from .._core.format import layout
from .._core.run import ACCELERATED
from .._core.sparse import BLOCKS, COO, NAMES, STRIDED, refused

F = TypeVar("F", bound=Callable[..., Any])
NOT_PINNED = "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is available on this system."


def creating(kernel: str | None, flat: bool = False) -> Callable[[F], F]:
    """A function that makes strided tensors, which need not look at its options `layout` and `pin_memory`.

    Raises for other layouts what PyTorch does when its `kernel` meets them (None: the function knows layouts; "": it has none for sparse tensors),
    `flat` where the result is a vector or begins as one; and RuntimeError for pinned memory without an accelerator, TypeError for wrong classes.
    """
    def declare(function: F) -> F:
        parameters = list(signature(function).parameters.values())
        pins = any(p.name == "pin_memory" for p in parameters)
        spread = next((k for k, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL), None)

        @wraps(function)
        def make(*args: Any, **options: Any) -> Any:
            if spread is not None and parameters[spread].name in options:
                args = (*args[:spread], *misfit.spread_by_name(function.__name__, parameters[spread].name, args[spread:], options))
            if "requires_grad" in options:
                check_switch(function.__name__, "requires_grad", options["requires_grad"])
                if options["requires_grad"] is None:         # the default
                    del options["requires_grad"]
            if pins and "pin_memory" in options:
                check_pinned(function.__name__, options["pin_memory"])
            if options.get("layout") is not None:
                _check_layout(function.__name__, options["layout"], kernel, flat)
            return function(*args, **options)
        return cast(F, make)
    return declare


def check_switch(name: str, option: str, value: Any, optional: bool = True) -> None:
    """Raise TypeError where an option is something else than True or False, or None if that stands for the default."""
    if value.__class__ is not bool and not (optional and value is None):
        raise misfit.wrong_class(name, option, None, "bool", value)


def check_pinned(name: str, pin_memory: Any) -> None:
    """Raise where memory cannot be page-locked as asked for."""
    check_switch(name, "pin_memory", pin_memory)
    if pin_memory and not ACCELERATED:
        raise RuntimeError(NOT_PINNED)


def _check_layout(name: str, wanted: Any, kernel: str | None, flat: bool) -> None:
    if not isinstance(wanted, layout):
        raise misfit.wrong_class(name, "layout", None, "torch.layout", wanted)
    if wanted is STRIDED or kernel is None:
        return
    if wanted is not COO and flat:
        raise RuntimeError("torch.empty: Only batched sparse compressed (non-block) tensors are supported, but got size [0]")
    if not kernel:
        raise RuntimeError(f"{name}(...) is not implemented for sparse layout")
    if wanted in BLOCKS and not kernel.startswith("empty_strided"):
        raise RuntimeError(f"empty_sparse_compressed expected sparse compressed (non-block) tensor layout but got {NAMES[wanted]}")
    raise refused(kernel, wanted, "cpu")
