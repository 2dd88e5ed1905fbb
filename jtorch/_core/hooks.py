"""Handles that take registered hooks away again."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref


class RemovableHandle:
    """Takes one hook out of the dictionary that it was registered in; also a context manager that does so at the end.

    extra_dict  further dictionaries with an entry of the same id
    """
    next_id = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extra = extra_dict if isinstance(extra_dict, list | tuple) else [] if extra_dict is None else [extra_dict]
        self._dicts = [_reference(d) for d in (hooks_dict, *extra)]

    def remove(self) -> None:
        """Take the hook away; further calls do nothing."""
        for reference in self._dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def _reference(hooks: Any) -> Callable[[], Any]:
    try:
        return ref(hooks)                                    # an OrderedDict: the handle does not keep its owner alive
    except TypeError:
        return lambda: hooks


def register(hooks: dict, hook: Callable) -> RemovableHandle:
    """Add a hook; returns its handle."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
