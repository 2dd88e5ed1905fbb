"""The calls of a compiled function: each is recorded as usual the first time, and repeated at once where nothing that it depends on is different."""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import jtorch as torch

from .._core import config
from .._core.graph import Node, here
from .._core.run import EAGER, Fork, counters, flush, watching
from .._core.shortcut import MISSED, Capture, Shortcut, Unrepeatable
from .._functions.create import Defaults
from .observer import Observer
from .world import SIMPLE, State, World

TRIES = 16                                                   # watched calls since one was repeated, after which calls are no longer watched
CHANGES = "it changes an object that it reaches"
MOST = 256                                                   # shortcuts of one function


class Calls:
    """One compiled function, with what its calls depend on.

    all    every compiled function there is
    eager  whether all run as usual, for as long as `set_stance` says so
    """
    all: WeakSet[Calls] = WeakSet()
    eager = EAGER

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.forget()
        Calls.all.add(self)

    def forget(self) -> None:
        """Begin anew."""
        self.world, self.tries = World(self.function), 0
        self.shortcuts: dict[tuple, tuple[Node, Shortcut]] = {}   # with the nodes, so that their identities in the keys stay theirs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.tries > TRIES or Calls.eager or here.active or here.capture is not None or watching or Fork.child or sys.getprofile() is not None:
            return self.function(*args, **kwargs)
        if here.trace.boundary:
            flush(here.trace, "step")
        tensors: list[torch.Tensor] = []
        objects: list = []
        state, given = self.world.state(), _key((args, kwargs), tensors, objects)
        found = self.shortcuts.get((id(here.trace.node), here.mode, Defaults.device, state, given))
        if found is not None:
            result = found[1].go([*tensors, *state.tensors])
            if result is not MISSED:
                counters.repeated += 1
                self.tries = 0
                return result
        if len(self.shortcuts) == MOST:
            return self.function(*args, **kwargs)
        return self._watched(args, kwargs, state, given, tensors, objects)

    def _watched(self, args: tuple, kwargs: dict[str, Any], state: State, given: tuple, tensors: list, objects: list) -> Any:
        """The call as usual, while it is watched; the next one may be repeated."""
        key = here.mode, Defaults.device, state, given
        random = torch.get_rng_state()
        tensors = [*tensors, *state.tensors]
        with Capture(tensors) as capture, Observer() as observer:
            result = self.function(*args, **kwargs)
        self.tries += 1
        if self.world.grow(observer.codes, objects) and observer.refused is None:
            return result                                    # from now on it is known what to look at
        changed = self.world.state() is not state or _key((args, kwargs), [], []) != given
        try:
            reason = observer.refused or state.refused or (CHANGES if changed else None) or _unexplained(random, capture)
            if reason is not None:
                raise Unrepeatable(reason)
            self.shortcuts[id(capture.start), *key] = capture.start, Shortcut(capture, tensors, result)
        except Unrepeatable as error:
            if "recompiles" in config.log:
                sys.stderr.write(f"jtorch: {self.function!r} is recorded at each call: {error}\n")
        return result


def _key(x: Any, tensors: list, objects: list) -> Any:
    """Arguments as something hashable; what is not a value of its own is collected."""
    if isinstance(x, torch.Tensor):
        tensors.append(x)
        plain = x._storage is None and x._seen_from is None and x._in_order
        return x._aval, type(x), None if plain else (x.stride(), x.storage_offset())
    if isinstance(x, SIMPLE):
        return type(x), repr(x)
    if type(x) in (list, tuple):
        return type(x), tuple([_key(item, tensors, objects) for item in x])
    if type(x) is dict:
        return dict, tuple([(_key(name, tensors, objects), _key(item, tensors, objects)) for name, item in x.items()])
    objects.append(x)
    return id(x)


def _unexplained(before: torch.Tensor, capture: Capture) -> str | None:
    """Whether random numbers were drawn that a repetition would not draw."""
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    for _, draw in capture.draws:
        draw()
    again = torch.get_rng_state()
    torch.set_rng_state(after)
    if again.numpy().tobytes() == after.numpy().tobytes():
        return None
    return "it draws random numbers in place, or sets the generator's state"
