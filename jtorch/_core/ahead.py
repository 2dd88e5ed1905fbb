"""Starting a program before its step is recorded to the end.

What a training step reads is the batch, and what the step before it left: parameters and an optimizer's states.  Where steps repeat, the program can start
as soon as the batch is there, and runs while Python still records the rest of the step.  When the step is complete, the results are taken if it is this
program and these very inputs; else they are dropped, and what was recorded runs as ever.  Nothing is lost then but the time: a program that takes over its
inputs' memory does not start early.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import call, is_
from typing import Any, NamedTuple
from weakref import ref

from .graph import Array, Node, here

PATIENCE = 4, 1 << 12                                        # how many runs to wait before looking for the pattern: at first, and at most


class Forecast:
    """Where a program's next inputs will come from, as its last runs show.

    place     the point of the path from which the inputs are known, where the program can start; None while there is no pattern
    where     for each input after it, the position among the last run's results and the constant inputs, or from the end of the thread's new host values
    results   weak references to the last run's results
    constant  to the inputs that are always the same
    probe     an earlier point, where the last new input may exist already, though no operation has used it: labels, before the loss; its position is sought
    """
    __slots__ = ("program", "place", "where", "results", "constant", "before", "runs", "wait", "probe", "probed", "bold", "seen")

    def __init__(self, program: Any) -> None:
        self.program, self.wait, self.runs, self.bold = program, PATIENCE[0], 0, True
        self.place: Node | None = None
        self.probe: Node | None = None
        self.probed: tuple[int, int, list] = (0, 0, [])
        self.where: list[int] = []
        self.results: list[Callable] = []
        self.constant: list[Callable] = []
        self.before: list[Callable] = []                     # the inputs of the run before
        self.seen: list[Callable] = []

    def note(self, node: Node, inputs: Sequence[Array], arrays: Sequence[Array]) -> None:
        """The program ran, at the end of `node`'s path."""
        if self.place is None:
            self.runs += 1
            if self.runs == self.wait:
                self.before = [_weak(x) for x in inputs]
            elif self.runs > self.wait:
                self._learn(node, inputs)
        elif self.probe is not None:
            self._advance(inputs)
        self.results = list(map(ref, arrays))

    def _learn(self, node: Node, inputs: Sequence[Array]) -> None:
        """Find the place after the last new input, and the probe after the one before that."""
        self.runs, self.constant = 0, []
        made = {id(array): k for k, r in enumerate(self.results) if (array := r()) is not None}
        sources: list[int | None] = []
        for x, before in zip(inputs, self.before, strict=True):
            known = made.get(id(x))
            if known is None and before() is x:
                known = len(self.results) + len(self.constant)
                self.constant.append(_weak(x))
            sources.append(known)
        places = [edge.node for edge in node.path() if edge.entry is None]
        first, last = ([0, 0] + [k for k, known in enumerate(sources) if known is None])[-2:]
        self._start_at(places[last], sources[last + 1:])
        if self.bold and first + 1 < last:
            self.probe, self.probed = places[first + 1], (first + 2, last, sources)
            self.probe.forecast = self

    def _start_at(self, place: Node, sources: list) -> None:
        self.place, self.where, self.probe = place, sources, None
        place.forecast = self

    def _advance(self, inputs: Sequence[Array]) -> None:
        """Start at the probe from now on, if the last new input was there."""
        start, last, sources = self.probed
        for k, r in enumerate(reversed(self.seen), 1):
            value = r()
            if value is not None and value.array is inputs[last]:
                assert self.place is not None and self.probe is not None
                self.place.forecast = None
                self._start_at(self.probe, [*sources[start:last], -k, *sources[last + 1:]])
                return
        self._forget(self.probe)
        self.probe, self.bold = None, False

    def complete(self, place: Node, begun: list[Array]) -> list[Array] | None:
        """At `place`: all inputs of the next run, whose first are these; None where one of the others is gone."""
        if place is self.probe:
            self.seen = list(here.recent)
            return None
        pool = [*map(call, self.results), *map(call, self.constant)]
        recent = here.recent
        rest = [pool[k] if k >= 0 else _array(recent[k]) if -k <= len(recent) else None for k in self.where]
        return None if any([x is None for x in rest]) else begun + rest

    def missed(self) -> None:
        """The step went another way: look for a pattern later, less often, and less boldly."""
        self._forget(self.place)
        self._forget(self.probe)
        self.place, self.probe, self.bold, self.runs, self.wait = None, None, False, 0, min(4 * self.wait, PATIENCE[1])

    def _forget(self, place: Node | None) -> None:
        if place is not None and place.forecast is self:
            place.forecast = None


class Early(NamedTuple):
    """A program that started ahead, with what it was given and its results."""
    forecast: Forecast
    inputs: list[Array]
    arrays: list[Array]

    def fits(self, program: Any, inputs: list[Array]) -> bool:
        """Whether it is the program that is to run, on the inputs that it is to run on."""
        return self.forecast.program is program and len(inputs) == len(self.inputs) and all(map(is_, inputs, self.inputs))


def _weak(x: Any) -> Callable:
    return (lambda: x) if isinstance(x, int | float | complex) else ref(x)


def _array(r: Callable) -> Any:
    value = r()
    return None if value is None else value.array
