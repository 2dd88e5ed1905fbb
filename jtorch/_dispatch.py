"""The names by which PyTorch's dispatcher tells its kernels apart, as far as libraries use them: for kernels see `torch.library`."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum

import jtorch as torch

NAMES = ("Undefined CPU CUDA XPU MPS XLA Meta BackendSelect Python Functionalize Autograd AutogradCPU AutogradCUDA AutogradXPU AutogradMeta "
         "AutocastCPU AutocastCUDA AutocastXPU AutocastMPS CompositeImplicitAutograd CompositeExplicitAutograd").split()
DispatchKey = Enum("DispatchKey", {name: name for name in NAMES})     # type: ignore[misc]  # the names are the values


class DispatchKeySet:
    """Some of the keys.

    >>> keys = torch._C.DispatchKeySet
    >>> (keys(torch._C.DispatchKey.CPU) | keys(torch._C.DispatchKey.CUDA)).has(torch._C.DispatchKey.CUDA)
    True
    """

    def __init__(self, keys: Enum | Iterable[Enum] = ()) -> None:
        self._keys = frozenset([keys] if isinstance(keys, Enum) else keys)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(self._keys | other._keys)

    def __and__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(self._keys & other._keys)

    def __sub__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(self._keys - other._keys)

    def __iter__(self) -> Iterator[Enum]:
        return iter(sorted(self._keys, key=lambda k: NAMES.index(k.name)))

    def has(self, key: Enum) -> bool:
        """Whether the key is one of them."""
        return key in self._keys

    def add(self, key: Enum) -> DispatchKeySet:
        """These and the key."""
        return self | DispatchKeySet(key)

    def remove(self, key: Enum) -> DispatchKeySet:
        """These without the key."""
        return self - DispatchKeySet(key)

    def __repr__(self) -> str:
        return f"DispatchKeySet({', '.join(k.name for k in self)})"


@contextmanager
def _ExcludeDispatchKeyGuard(keys: DispatchKeySet) -> Iterator[None]:
    """A part of the program in which the kernels of these keys are passed over: with those of autocast it is off.  Other keys have nothing to pass over here."""
    with ExitStack() as stack:
        for key in keys:
            if key.name.startswith("Autocast") and torch.amp.is_autocast_available(device := key.name.removeprefix("Autocast").lower()):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield
