"""A module's parameters, buffers or children: a dictionary whose entries are attributes of the module."""
from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex

ABSENT: Any = object()
NAMES = "_parameters", "_buffers", "_modules"                # where a module keeps its registries


class Changes:
    """How often an attribute, a parameter, a buffer, a child or a hook of any module was set or removed."""
    count = 0


class Registry(dict):
    """Entries by name, each also kept in the `__dict__` of the module that owns the registry.

    So `module.weight` is an ordinary attribute, which Python finds about ten times faster than through `Module.__getattr__`, while code that
    writes to `module._parameters` directly still changes the attribute. An attribute or a class member that has the name already is left alone.
    There is more than one owner after `copy.copy(module)`, which shares its registries with the original.
    """
    __slots__ = ("owners",)

    def __init__(self, owner: Any, entries: Mapping[str, Any] | None = None) -> None:
        super().__init__(entries or {})
        self.owners: list[weakref.ref] = []                  # not strong references: a module must be freed as soon as nobody holds it
        self.join(owner)

    def join(self, owner: Any) -> None:
        """Make the entries attributes of one more module."""
        self.owners = [ref for ref in self.owners if ref() not in (None, owner)] + [weakref.ref(owner)]
        for name, value in self.items():
            _show(owner, name, ABSENT, value)

    def leave(self, owner: Any) -> None:
        """The entries are no attributes of the module any more."""
        self.owners = [ref for ref in self.owners if ref() not in (None, owner)]
        for name, value in self.items():
            _hide(owner, name, value)

    def __setitem__(self, name: str, value: Any) -> None:
        before = self.get(name, ABSENT)
        super().__setitem__(name, value)
        for ref in self.owners:
            if (owner := ref()) is not None:
                _show(owner, name, before, value)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str, *default: Any) -> Any:
        """Remove an entry and return it."""
        value = super().pop(name, *default)
        for ref in self.owners:
            if (owner := ref()) is not None:
                _hide(owner, name, value)
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last entry and return it."""
        if not self:
            return super().popitem()
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        """Remove all entries."""
        for name in list(self):
            self.pop(name)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The entry, made first where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, entries: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), **more: Any) -> None:
        """Set several entries."""
        for name, value in dict(entries, **more).items():
            self[name] = value

    def __ior__(self, entries: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Registry:
        self.update(entries)
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple:
        return dict, (dict(self),)                           # a deep copy belongs to no module until one adopts it


def _show(owner: Any, name: str, before: Any, value: Any) -> None:
    """Make an entry an attribute, unless that would hide another attribute."""
    Changes.count += 1
    own = owner.__dict__
    held = own.get(name, ABSENT)
    if held is ABSENT:
        if not hasattr(type(owner), name):
            own[name] = value
    elif held is before or held is value:
        own[name] = value


def _hide(owner: Any, name: str, value: Any) -> None:
    """Undo `_show`."""
    Changes.count += 1
    if owner.__dict__.get(name, ABSENT) is value:
        del owner.__dict__[name]


def adopt(module: Any, where: str, entries: Mapping[str, Any]) -> None:
    """Make `entries` the module's registry of one kind."""
    own = module.__dict__
    if isinstance(own.get(where), Registry) and own[where] is not entries:
        own[where].leave(module)
    if isinstance(entries, Registry):
        own[where] = entries
        entries.join(module)
    else:
        own[where] = Registry(module, entries)
