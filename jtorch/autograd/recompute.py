"""Results that forget how they were computed, and compute it again when a gradient asks for it (checkpointing)."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .._core import backward as engine
from .._core.gradgraph import GradNode, attach
from .._core.graph import Aval, Entry, Leaf, Trace, Value, computed, here
from .._core.lower import differentiable
from .._core.plan import ADD, TWICE, locate, route_to
from .._core.record import record
from .._core.run import concrete
from .._core.storage import WITH_DATA
from .._core.tensor import Tensor, wrap
from .._core.walk import needs_python, value_at, walk
from .._functions.draw import default_for, restore, states
from .._ops.barrier import held

__all__ = ["CheckpointError", "FEWER", "Mark", "default_for", "forget", "hold", "place_of", "restore", "states", "with_data"]

Place = Leaf | tuple[Trace, int]
FEWER = ("torch.utils.checkpoint: A different number of tensors was saved during the original forward and recomputation.\n"
         "Number of tensors saved during forward: {first}\nNumber of tensors saved during recomputation: {second}.")


class CheckpointError(RuntimeError):
    """Computing again gave something else."""


def hold(tensors: Sequence[Tensor], until: Sequence[Tensor]) -> list[Tensor]:
    """The same tensors, for computing with them again: the compiler does so only when `until` is known, and not instead of the first time."""
    if not tensors:
        return []
    values = record(held.op, (*tensors, *until), (len(tensors), len(until)))
    return [wrap(v) for v in (values if type(values) is tuple else (values,))]


def with_data(made: Tensor, data: Tensor) -> Tensor:
    """A tensor with other data, and the history of `made`, which need not be computed then."""
    return wrap(record(WITH_DATA, (made, data)))


def place_of(tensor: Tensor) -> Place | None:
    """Where the gradient of a tensor flows to; None where none does."""
    return locate(tensor._read_value()) if tensor.requires_grad else None


class Mark:
    """A point in the program."""

    def __init__(self) -> None:
        self._slots = {t: t.node.slots for t in here.traces.values()}
        self._last = max((t.serial for t in self._slots), default=-1)

    def before(self, trace: Trace, slot: int) -> bool:
        """Whether a slot was recorded before this point."""
        return slot < self.slots(trace)

    def slots(self, trace: Trace) -> int:
        """How many slots a trace had at this point."""
        return self._slots.get(trace, 0 if trace.serial > self._last else trace.node.slots)


class Region:
    """What was recorded since a point, and the places where gradients leave it."""

    def __init__(self, begun: Mark, given: Sequence[Tensor]) -> None:
        self.begun = begun
        self.known = {place: x._read_value() for x in given if type(place := place_of(x)) is tuple}
        self.made: dict[Trace, dict[int, Entry]] = {}
        self.entries: set[Entry] = set()
        self.inputs: dict[Place, Value] = {}

    def maker(self, trace: Trace, slot: int) -> Entry:
        """The operation that made a slot."""
        if trace not in self.made:
            found: dict[int, Entry] = {}
            node, stop = trace.node, self.begun.slots(trace)
            while node.parent is not None and node.slots > stop:
                entry = node.edge.entry if node.edge is not None else None
                if entry is not None:
                    found.update(dict.fromkeys(range(entry.first, entry.first + len(entry.outputs)), entry))
                node = node.parent
            self.made[trace] = found
        return self.made[trace][slot]

    def name(self, trace: Trace, slot: int) -> str:
        """The name of the node that made a slot."""
        return GradNode().at(trace, 0, self.maker(trace, slot)).name()

    def search(self, places: Sequence[tuple[Trace, int]]) -> None:
        """Find the inputs that the gradients of `places` flow to."""
        work, seen = list(places), set(places)
        while work:
            trace, slot = work.pop()
            entry = self.maker(trace, slot)
            self.entries.add(entry)
            for k in differentiable(entry):
                operand = entry.operands[k]
                place = trace.sources.get(operand, (trace, operand))
                if place in seen:
                    continue
                seen.add(place)
                if type(place) is tuple and not self.begun.before(*place):
                    work.append(place)
                    continue
                self.inputs[place] = self.known.get(place) or _value(trace, operand, place, entry.inputs[k])


def _value(trace: Trace, slot: int, place: Place, of: Aval) -> Value:
    """A value at an input of a region.  Its place is what matters: where nothing else holds it any more, any elements do."""
    if not trace.done:
        return value_at(trace, slot, of)
    owner = place.owner() if type(place) is Leaf else None
    return owner._read_value() if owner is not None else computed(of, np.broadcast_to(np.zeros((), of.dtype.numpy), of.shape), place)


class CheckpointBackward(GradNode):
    """The node of a checkpoint: its gradient computes the results again.

    again   makes the results anew, for given gradients: with the places of the inputs that it replaced, and the replacements
    """

    def __init__(self, region: Region, again: Callable[[list[Tensor]], tuple[list[Tensor], list[tuple[Place, Tensor]]]]) -> None:
        self._places, self._count = list(region.inputs), len(region.entries)
        self._again: Callable | None = again

    def let_go(self) -> None:
        """Forget the function: the graph may not be gone through again."""
        self._again = None

    def pull_back(self, trace: Trace, position: int, entry: Entry, grads: list[Value | None]) -> list[Value | None]:
        """The gradients of the inputs, from those of the results."""
        if self._again is None:
            raise RuntimeError(TWICE)
        self.at(trace, position, entry)
        create_graph = here.mode.grad
        outputs, replaced = self._again([wrap(g) for g in grads if g is not None])
        pairs = [(o, wrap(g)) for o, g in zip(outputs, grads, strict=True) if g is not None and o.requires_grad]
        targets = self._places + [locate(t._read_value()) for _, t in replaced]
        found, steps = _partial(pairs, targets, create_graph)
        if steps < self._count and len(pairs) == len(outputs):
            raise CheckpointError(FEWER.format(first=self._count, second=steps))
        count = len(self._places)
        sums = dict(zip(self._places, found[:count], strict=True))
        for (place, _), g in zip(replaced, found[count:], strict=True):
            if place in sums and g is not None:
                before = sums[place]
                sums[place] = g if before is None else record(ADD, (before, g))
        return list(sums.values())


def _partial(pairs: list[tuple[Tensor, Tensor]], targets: list[Place], create_graph: bool) -> tuple[list[Value | None], int]:
    """The partial derivatives by the targets, not through one of them to another; and through how many operations they came."""
    if not pairs:
        return [None] * len(targets), 0
    places, starts = engine._starts([o for o, _ in pairs], [g for _, g in pairs])
    route = route_to(places, targets, cut=True)
    number = {t: k for k, t in enumerate(route.traces)}
    if create_graph or needs_python(route):
        found: dict = {}
        found.update(walk(route, starts, create_graph, create_graph, found.__setitem__))
    else:
        results = engine._record(route, starts, [None] * len(route.leaves), False)
        found = dict(zip([*route.leaves, *route.plan.targets], results, strict=True))
    return [found.get(t if isinstance(t, Leaf) else (number.get(t[0], -1), t[1])) for t in targets], len(route.plan.steps)


def forget(outputs: Sequence[Tensor], given: Sequence[Tensor], begun: Mark,
           again: Callable[[list[Tensor], list[int]], tuple[list[Tensor], list[tuple[Place, Tensor]]]]) -> list[Tensor]:
    """The tensors, computed from what was `given` since `begun`, with a history that is computed again when it is needed.

    again  makes them anew from the gradients of those among them that have a history, and their positions
    """
    chosen = {k: place for k, o in enumerate(outputs) if type(place := place_of(o)) is tuple and not begun.before(*place)}
    if not chosen:
        return list(outputs)
    region = Region(begun, given)
    region.search(list(chosen.values()))
    positions, inputs = list(chosen), list(region.inputs.values())
    node = CheckpointBackward(region, lambda grads: again(grads, positions))
    name = region.name(*chosen[positions[0]])
    node.__class__ = _classes.get(name) or _classes.setdefault(name, type(name, (CheckpointBackward,), {}))
    values = iter(attach(node, inputs, [_plain(outputs[k]._read_value()) for k in positions]))
    return [wrap(next(values)) if k in chosen else o for k, o in enumerate(outputs)]


def _plain(value: Value) -> Value:
    plain = computed(value.aval.plain, value.array if value.array is not None or not value.trace.done else concrete(value, "checkpoint"))
    plain.trace, plain.slot = value.trace, value.slot
    return plain


_classes: dict[str, type] = {}
