"""Operators by namespace and name (`torch.ops`): `aten` are the functions of `torch` itself, the others were made by `torch.library`.

>>> torch.ops.aten.add(torch.ones(2), 1)
tensor([2., 2.])
"""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, NoReturn

import jtorch as torch
from jtorch import nn

ANY = "CompositeImplicitAutograd"                            # the kernel for every device
FIRST = "Autograd"                                           # the kernel that goes before all others
INNER = re.compile(r"_[a-z]|(index|slice|sym_\w+|alias|copy|convolution_backward)$")    # names that only PyTorch's own compiler calls, and libraries look up


AROUND: list[Callable] = []                                  # who watches the calls of operators: called with the operator, what runs it, and its arguments
KERNELS: defaultdict[str, dict[str, Callable]] = defaultdict(dict)    # by the operator's name with namespace; some are there before the operator is


class Operator:
    """An operator: what it is called with, and its kernels by type of device."""

    def __init__(self, name: str, schema: str = "") -> None:
        self.namespace, self.name = name.split("::")
        self.schema = schema
        self.kernels = KERNELS[name]
        self.fake: Callable | None = None
        self.rules: Callable | None = None                   # what runs it so that its gradient and its rule for batches are known

    def kernel(self, args: tuple, kwargs: dict[str, Any]) -> Callable:
        """The kernel for the device of the first tensor.  Raises NotImplementedError where there is none."""
        kind = next((x.device.type for x in _tensors([args, kwargs])), "cpu")
        cast = self.kernels.get(f"autocast {kind}")
        if cast is not None and torch.is_autocast_enabled(kind):
            return cast
        found = (self.fake if kind == "meta" else self.kernels.get(FIRST)) or self.kernels.get(kind) or self.kernels.get(ANY)
        if found is None:
            raise NotImplementedError(f"Could not run '{self.namespace}::{self.name}' with arguments from the '{kind.upper() if kind != 'meta' else 'Meta'}' "
                                      f"backend. '{self.namespace}::{self.name}' is only available for these backends: {sorted(self.kernels)}.")
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return (self.rules or self.run)(*args, **kwargs)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the kernel gives."""
        kernel = self.kernel(args, kwargs)
        if not AROUND:
            return kernel(*args, **kwargs)
        return reduce(lambda run, around: lambda: around(self, run, args, kwargs), AROUND, lambda: kernel(*args, **kwargs))()


DEFINED: dict[str, Operator] = {}                            # all that was made, by name with namespace


def _tensors(x: Any) -> Iterator[torch.Tensor]:
    if isinstance(x, torch.Tensor):
        yield x
    elif isinstance(x, list | tuple | dict):
        for item in x.values() if isinstance(x, dict) else x:
            yield from _tensors(item)


class OpOverload:
    """One signature of an operator; here it takes what the operator takes."""

    def __init__(self, packet: OpOverloadPacket, overload: str) -> None:
        self.overloadpacket, self._overloadname = packet, overload
        self.namespace, self.__name__ = packet.namespace, f"{packet.__name__}.{overload}"

    @property
    def _schema(self) -> str:
        return self.overloadpacket._schema

    def name(self) -> str:
        """The operator's name with its namespace, and the overload's unless it is the default."""
        return f"{self.namespace}::{self.overloadpacket.__name__}{'' if self._overloadname == 'default' else '.' + self._overloadname}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.overloadpacket(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self.namespace}.{self.overloadpacket.__name__}', overload='{self._overloadname}')>"

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"


class OpOverloadPacket:
    """All signatures of an operator."""

    def __init__(self, namespace: str, name: str, call: Callable, schema: str = "") -> None:
        self.namespace, self.__name__, self._call, self._schema = namespace, name, call, schema
        self._made: dict[str, OpOverload] = {}

    def __getattr__(self, overload: str) -> OpOverload:
        if overload.startswith("__"):
            raise AttributeError(overload)
        if overload[:1] == "_" or self.namespace != "aten" and overload != "default":
            raise AttributeError(f"The underlying op of '{self}' has no overload name '{overload}'")
        return self._made.setdefault(overload, OpOverload(self, overload))

    def overloads(self) -> list[str]:
        """The names of the signatures that were asked for."""
        return list(dict.fromkeys([*self._made, "default"]))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"


class Namespace:
    """The operators of one library."""

    def __init__(self, name: str) -> None:
        self._name, self._packets = name, dict[str, OpOverloadPacket]()

    def _put(self, operator: Callable, name: str, schema: str) -> None:
        """Let `name` be this operator."""
        self._packets[name] = OpOverloadPacket(self._name, name, operator, schema)

    def __getattr__(self, name: str) -> OpOverloadPacket:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._packets:
            function = _public(name) if self._name == "aten" else None
            if function is None:
                raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{name}'")
            self._packets[name] = OpOverloadPacket(self._name, name, function)
        return self._packets[name]

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self._name}' from 'torch.ops'>"


def _public(name: str) -> Callable | None:
    """The function, or the method, with an operator's name."""
    for home in (torch, nn.functional, torch.special, torch.Tensor):
        if not name.startswith("_") and callable(found := getattr(home, name, None)):
            return found
    for prefix, home in (("linalg_", torch.linalg), ("fft_", torch.fft), ("special_", torch.special)):
        if name.startswith(prefix) and (found := getattr(home, name.removeprefix(prefix), None)) is not None:
            return found
    return _inner(name) if INNER.match(name) else None


def _inner(name: str) -> Callable:
    def absent(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"torch.ops.aten.{name} is called by PyTorch's own compiler only; it is not there in jtorch. Call the public function")
    return absent


namespaces: dict[str, Namespace] = {}


def namespace(name: str) -> Namespace:
    """The operators of the library `name`."""
    return namespaces.setdefault(name, Namespace(name))


def load_library(path: str) -> NoReturn:
    """Raise: a compiled library of PyTorch operators needs PyTorch."""
    raise OSError(f"Could not load this library: {path}: compiled PyTorch operators cannot run in jtorch; make them with torch.library.custom_op")


def __getattr__(name: str) -> Namespace:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.ops' has no attribute '{name}'")
    return namespace(name)
