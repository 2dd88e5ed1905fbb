"""Modules that hold other modules or parameters."""
from __future__ import annotations

import operator
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = ["Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class Container(Module):
    """The parent class of models in very old code: a `Module` whose children are keyword arguments."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        warnings.warn("`nn.Container` is deprecated. All of its functionality is now implemented in `nn.Module`. Subclass that instead.",
                      FutureWarning, stacklevel=2)
        for name, module in kwargs.items():
            self.add_module(name, module)


def _position(module: Module, idx: int) -> int:
    """An index, which may count from the end, as a position."""
    idx, size = operator.index(idx), len(module)
    if not -size <= idx < size:
        raise IndexError(f"index {idx} is out of range")
    return idx % size


def _renumber(module: Module, values: Iterable[Any]) -> None:
    """Give the children new names: their positions."""
    module._modules = {str(place): value for place, value in enumerate(values)}


class Sequential(Module):
    """Modules called one after the other, each with the result of the one before.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> model(torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            entries: Iterable = args[0].items()
        else:
            entries = ((str(place), module) for place, module in enumerate(args))
        for name, module in entries:
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """The result of the last module."""
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, idx: slice | int) -> Any:
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return next(islice(self._modules.values(), _position(self, idx), None))

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, list(self._modules)[_position(self, idx)], module)

    def __delitem__(self, idx: slice | int) -> None:
        names = list(self._modules)
        for name in names[idx] if isinstance(idx, slice) else [names[_position(self, idx)]]:
            delattr(self, name)
        _renumber(self, list(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __add__(self, other: Any) -> Sequential:
        _want_sequential(other)
        return type(self)(*self, *other)

    def __iadd__(self, other: Any) -> Sequential:
        _want_sequential(other)
        return self.extend(list(other))

    def __mul__(self, other: int) -> Sequential:
        _want_factor(self, other)
        return type(self)(*(module for _ in range(other) for module in self))

    def __rmul__(self, other: int) -> Sequential:
        return self.__mul__(other)

    def __imul__(self, other: int) -> Sequential:
        _want_factor(self, other)
        return self.extend([module for _ in range(other - 1) for module in self])

    def append(self, module: Module) -> Sequential:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Sequential:
        """Add a module before a position."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        place = index + len(self) if index < 0 else index
        values = list(self._modules.values())
        _renumber(self, [*values[:place], module, *values[place:]])
        return self

    def extend(self, sequential: Iterable[Module]) -> Sequential:
        """Add modules at the end."""
        for module in sequential:
            self.append(module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove a module and return it."""
        found = self[key]
        del self[key]
        return found


def _want_sequential(other: Any) -> None:
    if not isinstance(other, Sequential):
        raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")


def _want_factor(module: Module, other: Any) -> None:
    if not isinstance(other, int):
        raise TypeError(f"unsupported operand type(s) for *: {type(module)} and {type(other)}")
    if other <= 0:
        raise ValueError(f"Non-positive multiplication factor {other} for {type(module)}")


class ModuleList(Module):
    """A list of modules.

    >>> layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    >>> len(layers), layers[-1]
    (3, Linear(in_features=2, out_features=2, bias=True))
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self += modules

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self._modules.values())[idx])
        return self._modules[str(_position(self, idx))]

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, str(_position(self, idx)), module)

    def __delitem__(self, idx: int | slice) -> None:
        places = range(len(self))[idx] if isinstance(idx, slice) else [_position(self, idx)]
        for place in places:
            delattr(self, str(place))
        _renumber(self, list(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        combined = ModuleList()
        for place, module in enumerate(chain(self, other)):
            combined.add_module(str(place), module)
        return combined

    def insert(self, index: int, module: Module) -> None:
        """Add a module before a position."""
        values = list(self._modules.values())
        values.insert(index, module)
        _renumber(self, values)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove a module and return it."""
        found = self[key]
        del self[key]
        return found

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}")
        for place, module in enumerate(modules, len(self)):
            self.add_module(str(place), module)
        return self

    def __repr__(self) -> str:
        groups: list[tuple[str, list[int]]] = []             # equal neighbours share an entry
        for place, module in enumerate(self):
            text = repr(module)
            if groups and groups[-1][0] == text:
                groups[-1][1].append(place)
            else:
                groups.append((text, [place]))
        lines = [f"({p[0]}-{p[-1]}): {len(p)} x {text}" if len(p) > 1 else f"({p[0]}): {text}" for text, p in groups]
        return f"{self._get_name()}(" + "".join("\n  " + line.replace("\n", "\n  ") for line in lines) + ("\n)" if lines else ")")


class ModuleDict(Module):
    """A dictionary of modules.

    >>> nn.ModuleDict({"relu": nn.ReLU()})["relu"]
    ReLU()
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove a module and return it."""
        return self._modules.pop(key)

    def keys(self) -> Iterable[str]:
        """The keys."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Module]]:
        """The keys and modules."""
        return self._modules.items()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping, or of pairs."""
        for key, module in _pairs(modules, "ModuleDict", "ModuleDict"):
            self[key] = module


def _pairs(given: Any, caller: str, name: str) -> list[tuple[str, Any]]:
    """The entries of a mapping, or of an iterable of pairs."""
    if not isinstance(given, Iterable):
        raise TypeError(f"{caller}.update should be called with an iterable of key/value pairs, but got {type(given).__name__}")
    if isinstance(given, (Mapping, ModuleDict, ParameterDict)):
        unordered = name == "ParameterDict" and isinstance(given, Mapping) and not isinstance(given, OrderedDict)
        return sorted(given.items()) if unordered else list(given.items())
    found = list(given)
    for place, entry in enumerate(found):
        if not isinstance(entry, Iterable):
            raise TypeError(f"{name} update sequence element #{place} should be Iterable; is{type(entry).__name__}")
        if len(entry) != 2:
            raise ValueError(f"{name} update sequence element #{place} has length {len(entry)}; 2 is required")
    return found


def _as_parameter(value: Any) -> Any:
    """A tensor as a parameter; anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _described(name: str, value: Any, kind: str) -> str:
    """A line of the text of a parameter list or dictionary."""
    if not isinstance(value, Tensor):
        return f"({name}): Object of type: {type(value).__name__}"
    where = "" if value.device.type == "cpu" else f" (GPU {value.device.index})"
    tensor = "Parameter" if isinstance(value, Parameter) else "Tensor"
    return f"({name}): {tensor} containing: [{kind} of size {'x'.join(map(str, value.size()))}{where}]"


class ParameterList(Module):
    """A list of parameters; tensors in it become parameters.

    >>> params = nn.ParameterList([torch.zeros(2), torch.zeros(3)])
    >>> [p.numel() for p in params.parameters()]
    [2, 3]
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)([self[place] for place in range(len(self))[idx]])
        return getattr(self, str(_position(self, idx)))

    def __setitem__(self, idx: int, param: Any) -> None:
        setattr(self, str(_position(self, idx)), _as_parameter(param))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[place] for place in range(len(self))])

    def __iadd__(self, parameters: Iterable[Any]) -> ParameterList:
        return self.extend(parameters)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """A line for each entry."""
        lines = ["  " + _described(str(place), value, str(getattr(value, "dtype", ""))) for place, value in enumerate(self)]
        return "\n".join(lines)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dictionary of parameters; tensors in it become parameters.

    >>> nn.ParameterDict({"scale": torch.ones(1)})["scale"]
    Parameter containing:
    tensor([1.], requires_grad=True)
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, _string(key))

    def __setitem__(self, key: str, value: Any) -> None:
        self._keys[_string(key)] = None
        setattr(self, key, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[_string(key)]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._keys))

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __or__(self, other: Any) -> ParameterDict:
        made = self.copy()
        made.update(other)
        return made

    def __ror__(self, other: Any) -> ParameterDict:
        made = other.copy()
        made.update(self)
        return made

    def __ior__(self, other: Any) -> ParameterDict:
        self.update(other)
        return self

    def copy(self) -> ParameterDict:
        """A new dictionary with the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter, made first where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Remove all parameters."""
        for key in list(self):
            del self[key]

    def pop(self, key: str) -> Any:
        """Remove a parameter and return it."""
        found = self[key]
        del self[key]
        return found

    def popitem(self) -> tuple[str, Any]:
        """Remove the last parameter and return it with its key."""
        key, _ = self._keys.popitem()
        self._keys[key] = None
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter, or `default`."""
        return self[key] if key in self else default

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dictionary with one value for all keys."""
        return ParameterDict((key, default) for key in keys)

    def keys(self) -> Iterable[str]:
        """The keys."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The keys and parameters."""
        return ((key, self[key]) for key in self._keys)

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return (self[key] for key in self._keys)

    def update(self, parameters: Any) -> None:
        """Add the parameters of a mapping, or of pairs."""
        for key, value in _pairs(parameters, "ParametersDict", "ParameterDict"):
            self[key] = value

    def extra_repr(self) -> str:
        """A line for each entry."""
        return "\n".join("  " + _described(key, value, torch.typename(value)) for key, value in self.items())

    def __call__(self, input: Any) -> Any:
        raise RuntimeError("ParameterDict should not be called.")


def _string(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"Index given to ParameterDict cannot be used as a key as it is not a string (type is '{type(key).__name__}'). "
                        "Open an issue on github if you need non-string keys.")
    return key
