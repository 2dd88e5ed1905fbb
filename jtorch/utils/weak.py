"""Weak references to tensors, and dictionaries that do not keep their keys alive (`torch.utils.weak`).  Keys are compared by identity."""
from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import deepcopy
from typing import Any, NoReturn

from jtorch import Tensor

__all__ = ["TensorWeakRef", "WeakIdKeyDictionary", "WeakIdRef", "WeakTensorKeyDictionary"]


class WeakIdRef(weakref.ref):
    """A weak reference that is equal to others of the same object, not of equal ones; its hash stays when the object goes."""
    __slots__ = ("_id",)
    _id: int

    def __new__(cls, key: Any, callback: Callable | None = None) -> WeakIdRef:
        made = super().__new__(cls, key, callback)
        made._id = id(key)
        return made

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, weakref.ref):
            return NotImplemented
        here, there = self(), other()
        return self is other if here is None or there is None else here is there

    __ne__ = object.__ne__


class TensorWeakRef:
    """A weak reference to a tensor: calling it gives the tensor, or None when it is gone.  Raises AssertionError for anything else."""

    def __init__(self, tensor: Tensor) -> None:
        if not isinstance(tensor, Tensor):
            raise AssertionError(f"expected torch.Tensor, got {type(tensor)}.")
        self.ref = weakref.ref(tensor)

    def __call__(self) -> Tensor | None:
        return self.ref()


class WeakIdKeyDictionary(MutableMapping):
    """A dictionary whose entries go when their keys do; keys are compared by identity.

    ref_type  what refers to the keys

    >>> x = torch.ones(2)
    >>> notes = torch.utils.weak.WeakTensorKeyDictionary({x: "ones"})
    >>> notes[x], len(notes)
    ('ones', 1)
    >>> del x
    >>> len(notes)
    0
    """

    def __init__(self, dict: Mapping | None = None, ref_type: type[weakref.ref] = WeakIdRef) -> None:
        self.data: MutableMapping[weakref.ref, Any] = {}
        self.ref_type = ref_type
        me = weakref.ref(self)

        def forget(key: weakref.ref) -> None:
            mapping = me()
            if mapping is not None:
                mapping.data.pop(key, None)
        self._forget = forget
        if dict is not None:
            self.update(dict)

    def _key(self, key: Any) -> weakref.ref:
        return self.ref_type(key)

    def __getitem__(self, key: Any) -> Any:
        return self.data[self._key(key)]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.data[self.ref_type(key, self._forget)] = value

    def __delitem__(self, key: Any) -> None:
        del self.data[self._key(key)]

    def __contains__(self, key: object) -> bool:
        try:
            return self._key(key) in self.data
        except TypeError:                                    # no weak references to such objects
            return False

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        for reference in list(self.data):
            key = reference()
            if key is not None:
                yield key

    keys = __iter__                                          # type: ignore[assignment]

    def items(self) -> Iterator[tuple[Any, Any]]:            # type: ignore[override]
        """Keys that are still there, and their values."""
        for reference, value in list(self.data.items()):
            key = reference()
            if key is not None:
                yield key, value

    def values(self) -> Iterator[Any]:                       # type: ignore[override]
        """The values of keys that are still there."""
        return (value for reference, value in list(self.data.items()) if reference() is not None)

    def keyrefs(self) -> list[weakref.ref]:
        """Weak references to the keys, some of which may be gone."""
        return list(self.data)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a key, or `default`."""
        return self.data.get(self._key(key), default)

    def pop(self, key: Any, *default: Any) -> Any:
        """Take an entry out; returns its value, or `default`."""
        return self.data.pop(self._key(key), *default)

    def popitem(self) -> tuple[Any, Any]:
        """Take the last entry out whose key is still there."""
        while True:
            reference, value = self.data.popitem()
            key = reference()
            if key is not None:
                return key, value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value of a key, which is `default` from now on if it had none."""
        return self.data.setdefault(self.ref_type(key, self._forget), default)

    def copy(self) -> WeakIdKeyDictionary:
        """Another one with the same entries."""
        made = WeakIdKeyDictionary(ref_type=self.ref_type)
        made.update(self)
        return made

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> WeakIdKeyDictionary:
        made = type(self)(ref_type=self.ref_type)
        for key, value in self.items():
            made[key] = deepcopy(value, memo)
        return made

    def update(self, dict: Any = None, **kwargs: Any) -> None:   # type: ignore[override]
        """Take over entries."""
        for key, value in (dict.items() if hasattr(dict, "items") else dict or ()):
            self[key] = value
        if kwargs:
            self.update(kwargs)

    def __or__(self, other: Mapping) -> WeakIdKeyDictionary:
        made = self.copy()
        made.update(other)
        return made

    def __ror__(self, other: Mapping) -> WeakIdKeyDictionary:
        made = type(self)(other, self.ref_type)
        made.update(self)
        return made

    def __ior__(self, other: Mapping) -> WeakIdKeyDictionary:
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {id(k): v for k, v in self.items()} == {id(k): v for k, v in other.items()}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle '{type(self).__name__}': weak references mean nothing elsewhere; save a list of pairs")


WeakTensorKeyDictionary = WeakIdKeyDictionary
