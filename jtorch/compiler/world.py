"""What a call depends on beside its arguments: the globals, closures, modules and other objects that its code reaches, and whether they are as they were."""
from __future__ import annotations

import argparse
import sys
import types
from collections import deque
from collections.abc import Collection, Iterable
from functools import partial
from operator import is_
from typing import Any

import numpy as np

import jtorch as torch

from ..nn.modules.module import HOOK_DICTIONARIES
from ..nn.modules.registry import NAMES, Changes
from .observer import FOREIGN

MOST = 20_000                                                # objects: what reaches more is not watched
SIMPLE = (bool, int, float, complex, str, bytes, type(None), range, slice, torch.Size)
SEQUENCES = (list, tuple, set, frozenset, deque)
NAMESPACES = (types.SimpleNamespace, argparse.Namespace)
OWN = {*NAMES, *HOOK_DICTIONARIES, "_non_persistent_buffers_set"}   # of a module: the first are attributes too, and what comes to the others is counted
ABSENT: Any = object()


def is_own(kind: type | types.ModuleType) -> bool:
    """Whether a class or a module is the user's: neither Python's nor jtorch's."""
    top = (kind.__module__ if isinstance(kind, type) else kind.__name__).split(".")[0]
    return top not in (*FOREIGN, "builtins", "torch") and top not in sys.stdlib_module_names or top == "__main__"


def contents(container: Any) -> Collection:
    """What an object holds that other code can change."""
    if isinstance(container, dict):
        return [*container, *container.values()]
    if isinstance(container, SEQUENCES):
        return container
    if isinstance(container, types.FunctionType):
        cells = [cell_contents(cell) for cell in container.__closure__ or ()]
        return [*cells, *(container.__defaults__ or ()), *(container.__kwdefaults__ or {}).values()]
    if isinstance(container, World):
        return container.values()
    return vars(container).values()                          # of a module, of another object, of a class


def cell_contents(cell: Any) -> Any:
    """What a closure's variable holds."""
    try:
        return cell.cell_contents
    except ValueError:                                       # it has no value yet
        return ABSENT


class State:
    """How a world is at one time.

    holds    containers with what they hold, and `empty` those that hold nothing
    modules  modules with their attributes, and `hooks` those of their dictionaries that are empty, as of so many `changes` to any module
    tensors  all tensors in it
    refused  why it cannot be watched
    first    the earliest state that was equal to this one
    """
    first: State

    def __init__(self, world: World) -> None:
        self.holds: list[tuple[Any, list]] = []
        self.modules: list[tuple[torch.nn.Module, list]] = []
        self.hooks: list = []
        self.changes = Changes.count
        self.empty: list = []
        self.tensors: list[torch.Tensor] = []
        self.codes: set[types.CodeType] = set()
        self.refused: str | None = None
        self.fingerprint: list = []
        self.seen: set[int] = set()
        work: deque[Any] = deque([world])
        while work and self.refused is None:
            work.extend(self._see(work.popleft()))
            if len(self.seen) > MOST:
                self.refused = "it reaches too many objects"

    def _see(self, x: Any) -> Iterable:
        """Note an object; returns what it holds, the first time."""
        if isinstance(x, SIMPLE):
            self.fingerprint.append((type(x), repr(x)))
            return ()
        self.fingerprint.append(id(x))
        if id(x) in self.seen:
            return ()
        self.seen.add(id(x))
        if isinstance(x, torch.Tensor):
            self.tensors.append(x)
        elif isinstance(x, np.ndarray):
            self.refused = "it reaches a NumPy array"
        elif isinstance(x, types.MethodType):
            return x.__self__, x.__func__
        elif isinstance(x, partial):
            return x.func, x.args, x.keywords
        elif isinstance(x, (dict, types.FunctionType, torch.nn.Module, World, *SEQUENCES, *NAMESPACES)) or is_own(x if isinstance(x, type) else type(x)):
            return self._hold(x)
        return ()

    def _hold(self, x: Any) -> Iterable:
        if isinstance(x, types.FunctionType):
            self.codes.add(x.__code__)
        elif not isinstance(x, (dict, World, *SEQUENCES)) and not hasattr(x, "__dict__"):
            return ()
        held = [*contents(x)]
        if isinstance(x, torch.nn.Module):
            self.modules.append((x, held))
            self.hooks += [value for name, value in vars(x).items() if name in OWN and not value and name not in NAMES]
            held = [value for name, value in vars(x).items() if name not in OWN or name not in NAMES and value]
        elif held:
            self.holds.append((x, held))
        elif isinstance(x, dict | list | set | deque):
            self.empty.append(x)
        kind = type(x)
        return (*held, *[k for k in kind.__mro__ if is_own(k)]) if is_own(kind) else held

    def stands(self) -> bool:
        """Whether everything still is what it was."""
        if any(self.empty) or not all(map(is_held, self.holds)):
            return False
        if self.changes != Changes.count:
            if any(self.hooks) or not all(map(is_held, self.modules)):
                return False
            self.changes = Changes.count
        return True


def is_held(pair: tuple[Any, list]) -> bool:
    """Whether a container holds what it held."""
    now = contents(pair[0])
    return len(now) == len(pair[1]) and all(map(is_, now, pair[1]))


class World:
    """Everything that observed code reaches, and the states that it was seen in."""

    def __init__(self, *roots: Any) -> None:
        self.roots: list[Any] = [*roots]
        self.names: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}
        self.codes: set[types.CodeType] = set()
        self.states: dict[tuple, State] = {}
        self.latest: State | None = None

    def values(self) -> list:
        """The roots, and what the names stand for."""
        return [*self.roots, *[scope.get(name, ABSENT) for scope, name in self.names.values()]]

    def grow(self, codes: dict[types.CodeType, dict[str, Any]], objects: Iterable[Any]) -> bool:
        """Take in what this code and these objects reach.  Whether that is new."""
        before = len(self.names), len(self.roots), len(self.codes)
        self.codes.update(codes)
        for code, scope in codes.items():
            for name in code.co_names:
                self._name(scope, name, code)
        self.roots += [x for x in objects if not any(x is root for root in self.roots)]
        if before == (len(self.names), len(self.roots), len(self.codes)):
            return False
        self.latest = None
        return True

    def _name(self, scope: dict[str, Any], name: str, code: types.CodeType) -> None:
        found = scope.get(name, ABSENT)
        if found is not ABSENT and (id(scope), name) not in self.names:
            self.names[id(scope), name] = scope, name
            if isinstance(found, types.ModuleType) and is_own(found):
                for attribute in code.co_names:
                    self._name(vars(found), attribute, code)

    def state(self) -> State:
        """How everything is now: the same object where it was like that before."""
        if self.latest is None or not self.latest.stands():
            made = State(self)
            closing = [c for c in self.codes if {*c.co_freevars} - {"__class__"} and c not in made.codes and not self._is_nested(c)]
            if closing and made.refused is None:
                made.refused = f"it closes over variables of {closing[0].co_name}() that cannot be watched"
            made.first = self.states.setdefault(tuple(made.fingerprint), made)
            self.latest = made
        return self.latest.first

    def _is_nested(self, code: types.CodeType) -> bool:
        """Whether other observed code makes the function: what that closes over are the other's own variables."""
        return any(code in other.co_consts for other in self.codes)
