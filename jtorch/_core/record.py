"""Recording an operation: move the cursor along one edge of the trie; where there is none yet, infer the results and add it."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from operator import call
from typing import Any
from weakref import ref

import numpy as np

from . import config
from .device import CPU, META, device
from .dtype import bool_, complex128, float64, int64
from .graph import DEAD, UNTRACKED, Array, Aval, Const, Edge, Entry, Leaf, Level, Node, Trace, Value, aval, computed, here, pending
from .infer import check_numbers, infer
from .loops import closes
from .pack import Part
from .promote import FLOAT_CATEGORIES, NUMBERS
from .run import Fork, concrete, counters, flush, prune, start_early, user_line
from .transfer import on_device, to_device

TENSORS: set[type] = set()                                   # Tensor and its subclasses; tensor.py adds them
EAGER = config.eager
BIG = 1 << 16                                                # bytes of a large host array
USES = 1, 16                                                 # after so many uses a large host array, and a small one, stays on the device
HISTORY = "history"                                          # marks inputs whose gradient flows on to a finished trace
VARYING: set[tuple[Any, str]] = set()                        # operations, with the user's line, of which some number was seen to vary
NUMBERS_AS = {bool: bool_, int: int64, float: float64, complex: complex128}   # the types of numbers that are inputs


class Immediate:
    """Whether NumPy computes operations right away, where it can, instead of their being recorded: in a forked process, and while samples are fetched.

    compute  what does that; the module `immediate`, which is above this one, puts it here
    """
    on = False
    compute: Callable[[Any, tuple, tuple], Any]


class Few:
    """Whether NumPy computes operations on a few numbers that lie on the host, outside of training steps, which stay one program.

    compute  what does that; the module `few`, which is above this one, puts it here
    """
    on = not EAGER
    compute: Callable[[Any, tuple, tuple], Any]


def _eager_in_child() -> None:
    """A forked process runs each operation at once: samples differ, and a path that never repeats would be inferred anew each time."""
    global EAGER
    EAGER = Immediate.on = True


os.register_at_fork(after_in_child=_eager_in_child)


def record(op: Any, operands: tuple, attrs: tuple = ()) -> Any:
    """Record `op` on tensors, numbers and Nones; returns the result, or the tuple of results, as `Value`s."""
    if Immediate.on and (found := Immediate.compute(op, operands, attrs)) is not None:
        return found
    trace = here.trace
    key: list = [op, trace.mode, attrs]
    for x in operands:
        kind = type(x)
        if kind in TENSORS:
            v = x._value
            if v is None:
                v = x._read()
                if here.trace is not trace:
                    return restart(op, operands, attrs)
                if x._value is None:                         # reading it again would record its view again
                    operands = tuple([v if y is x else y for y in operands])
            if v.trace is not trace:
                if type(v.array) is np.ndarray and Few.on and not trace.node.trains and (few := Few.compute(op, operands, attrs)) is not None:
                    return few
                if bind(trace, v):
                    return restart(op, operands, attrs)      # another device's trace, or the step before this was due to run first
            key.append(v.slot)
        elif kind in NUMBERS:
            key.append((kind, x) if x else (kind, repr(x)))  # 0.0 and -0.0 are equal but not the same
        elif x is None:
            key.append(None)
        else:
            return record(op, _plain(operands), attrs)
    found = tuple(key)
    edge = trace.node.get(found)
    if edge is None:
        edge = miss(trace, op, operands, attrs, found)
        if edge is None:
            return restart(op, operands, attrs)
    return advance(trace, edge) if edge.several else arrive(trace, edge)


# The usual cases of `record` in half its steps: nothing new, nothing to bind

def record_one(op: Any, x: Any, attrs: tuple = ()) -> Any:
    """`record` for one operand."""
    trace = here.trace
    if type(x) in TENSORS and (v := x._value) is not None and v.trace is trace:
        edge = trace.node.get((op, trace.mode, attrs, v.slot))
        if edge is not None and edge.aval is not None:
            return arrive(trace, edge)
    return record(op, (x,), attrs)


def record_two(op: Any, x: Any, y: Any, attrs: tuple = ()) -> Any:
    """`record` for two operands."""
    trace = here.trace
    if type(x) in TENSORS and type(y) in TENSORS and (v := x._value) is not None and v.trace is trace and (w := y._value) is not None and w.trace is trace:
        edge = trace.node.get((op, trace.mode, attrs, v.slot, w.slot))
        if edge is not None and edge.aval is not None:
            return arrive(trace, edge)
    return record(op, (x, y), attrs)


def record_three(op: Any, x: Any, y: Any, z: Any, attrs: tuple = ()) -> Any:
    """`record` for three operands, of which the last may be a number."""
    trace = here.trace
    if (type(x) in TENSORS and type(y) in TENSORS and (u := x._value) is not None and u.trace is trace and (v := y._value) is not None
            and v.trace is trace):
        third: Any = None
        kind = type(z)
        if kind in NUMBERS:
            third = (kind, z) if z else (kind, repr(z))
        elif kind in TENSORS and (w := z._value) is not None and w.trace is trace:
            third = w.slot
        edge = None if third is None else trace.node.get((op, trace.mode, attrs, u.slot, v.slot, third))
        if edge is not None and edge.aval is not None:
            return arrive(trace, edge)
    return record(op, (x, y, z), attrs)


def known_edge(op: Any, tensors: Sequence[Sequence], numbers: Sequence, attrs: tuple) -> tuple[Edge | None, list[Value]]:
    """For some lists of tensors and then some numbers, as in an optimizer's step: the edge, if `record` would only move over one, and the tensors' values.

    The second list may hold slots instead.
    """
    trace = here.trace
    values: list = []
    key: list = [op, trace.mode, attrs]
    for some in tensors:
        if some and some[0].__class__ is int:
            key += some
            continue
        for t in some:
            v = t._value
            if v is None or v.trace is not trace and bind(trace, v):
                return None, values
            values.append(v)
            key.append(v.slot)
    for x in numbers:
        kind = type(x)
        if kind in TENSORS:
            v = x._read_value()
            if v.trace is not trace and bind(trace, v):
                return None, values
            key.append(v.slot)
        else:
            key.append((kind, x) if x else (kind, repr(x)))
    edge = trace.node.get(tuple(key))
    return edge if edge is not None or not op.varies else _past_numbers(trace, key, numbers), values


def _past_numbers(trace: Trace, key: list, numbers: Sequence) -> Edge | None:
    """The edge for `key`, which ends with these numbers, where they are inputs, if there is one.  They become inputs then."""
    node, general, kinds = trace.node, key[:len(key) - len(numbers)], []
    for x, k in zip(numbers, key[len(general):], strict=True):
        if type(k) is tuple:
            edge = node.get(type(x))
            if edge is None:
                return None
            node, k = edge.node, edge.slot
            kinds.append(type(x))
        general.append(k)
    found = node.get((*general, *kinds))
    if found is not None:
        for x in numbers:
            if type(x) in NUMBERS:
                bind_number(trace, x)
    return found


def arrive(trace: Trace, edge: Edge) -> Value:
    """The cursor moves over `edge`: the value of its only result."""
    trace.node = edge.node
    v = Value()                                              # as `pending` does, which would be another call
    v.aval, v.trace, v.slot, v.array, v.origin = edge.aval, trace, edge.slot, None, None
    trace.refs.append(ref(v))
    if EAGER:
        flush(trace, "eager")
    return v


def advance(trace: Trace, edge: Edge) -> tuple[Value, ...]:
    """The cursor moves over `edge`: values for all its results."""
    trace.node = edge.node
    values = tuple([pending(a, trace, s) for s, a in enumerate(edge.entry.outputs, edge.entry.first)])
    trace.refs.extend([ref(v) for v in values])
    if EAGER:
        flush(trace, "eager")
    return values


def _plain(operands: tuple) -> tuple:
    """Operands with NumPy's scalars as Python's.  Raises TypeError for what is neither tensor nor number."""
    def one(x: Any) -> Any:
        if type(x) in TENSORS or type(x) in NUMBERS or x is None:
            return x
        if isinstance(x, np.generic):
            return x.item()
        for kind in (bool, int, float, complex):
            if isinstance(x, kind):
                return kind(x)
        raise TypeError(f"expected a Tensor or a number, got {type(x).__name__}")
    return tuple([one(x) for x in operands])


# Inputs

def bind(trace: Trace, value: Value) -> bool:
    """Make `value` an input of `trace`.  True where recording must start again on another trace instead."""
    if trace.boundary:
        flush(trace, "step")
        return True
    if value.aval.device is not trace.device:
        return True
    if value.array is None:
        if value.trace is trace:
            raise AssertionError("a pending value of this trace is not an input")
        flush(value.trace, "use on another device or thread")
    found: Aval = value.aval
    key: Any = found
    if found.requires_grad:
        if type(value.origin) is Leaf:
            first = trace.leaf_slots.get(value.origin)
            key = found if first is None else (found, first)
        else:
            key = found, HISTORY
    array = value.array
    if type(array) is Part:
        if type(key) is not tuple:
            bind_part(trace, value, array)
            return False
        array = value.array = array.array()
    edge = trace.node.get(key)
    if edge is None:
        edge = _extend(trace, key, found, None, 1)
    if found.requires_grad:
        trace.sources[edge.slot] = value.origin
        if type(value.origin) is Leaf:
            trace.leaf_slots.setdefault(value.origin, edge.slot)
    trace.node = edge.node
    trace.inputs.append(_lasting(value, array, trace.device) if type(array) is np.ndarray else array)
    trace.refs.append(DEAD)
    value.trace, value.slot = trace, edge.slot
    if edge.node.forecast is not None:
        start_early(trace, edge.node.forecast)
    return False


def _lasting(value: Value, array: np.ndarray, where: device) -> Array:
    """What programs take for a host array: the same on the device, once it is used often.  A small one stays on the host too, where views of it are made."""
    if used(value) <= USES[array.nbytes < BIG] or Fork.child:
        return array
    copy = getattr(value, "copy", None)
    if copy is None:
        copy = on_device(array, where)
        if array.nbytes < BIG:
            value.copy = copy
        else:
            value.array = copy
    return copy


def used(value: Value) -> int:
    """How often a host array has been used, with this time."""
    value.uses = uses = getattr(value, "uses", 0) + 1
    return uses


def restart(op: Any, operands: tuple, attrs: tuple) -> Any:
    """Record again, on the trace of the operands' device; zero-dim CPU tensors join the others there."""
    read = tuple([x._read_value() if type(x) in TENSORS else x for x in operands])   # once: reading memory may itself end the trace
    devices = {x.aval.device for x in read if type(x) is Value}
    if len(devices) > 1:
        target = next(d for d in devices if d is not CPU)
        places = [x.aval.device for x in read if type(x) is Value and (x.aval.device is not CPU or x.aval.shape)]
        other = next((d for d in places if d is not places[0]), None)
        if other is not None:
            raise RuntimeError(f"Tensor on device {other} is not on the expected device {places[0]}!" if META in (other, places[0]) else
                               f"Expected all tensors to be on the same device, but found at least two devices, {places[0]} and {other}! "
                               f"(when checking argument for {op.name})")
        read = tuple([moved(x, target) if type(x) is Value else x.to(target) if type(x) in TENSORS else x for x in operands])
        devices = {target}
    if devices and here.trace.device not in devices:
        here.switch(devices.pop())
    return record(op, read, attrs)


def moved(value: Value, where: device) -> Value:
    """A value without gradient history, on a device."""
    of = value.aval
    return value if of.device is where else computed(aval(of.shape, of.dtype, where), to_device(concrete(value, "use on another device"), where))


def bind_part(trace: Trace, value: Value, part: Part) -> None:
    """Make a value that lies in a pack an input: the first from a pack brings all of it."""
    pack = part.pack
    first = trace.packs.get(pack)
    if first is None:
        edge = trace.node.get(pack.layout)
        if edge is None:
            edge = _extend(trace, pack.layout, None, None, len(pack.layout.avals))
            edge.layout = pack.layout
        trace.node = edge.node
        trace.inputs.append(pack.array)
        trace.refs.extend([DEAD] * len(pack.layout.avals))
        first = trace.packs[pack] = edge.slot
        if edge.node.forecast is not None:
            start_early(trace, edge.node.forecast)
        sources, leaf_slots = trace.sources, trace.leaf_slots
        for v, slot in zip(map(call, pack.members), range(first, trace.node.slots), strict=False):
            if v is not None and v.trace is not trace:
                if v.aval.requires_grad:
                    origin = v.origin
                    if origin in leaf_slots:
                        continue
                    sources[slot] = origin
                    leaf_slots[origin] = slot
                v.trace = trace
                v.slot = slot
    if value.trace is not trace:
        value.trace, value.slot = trace, first + part.index
        if value.aval.requires_grad:
            trace.sources[value.slot] = value.origin
            trace.leaf_slots.setdefault(value.origin, value.slot)


def bind_array(trace: Trace, array: Array, of: Aval) -> int:
    """Make a bare array an input; returns its slot."""
    edge = trace.node.get(of.plain) or _extend(trace, of.plain, of.plain, None, 1)
    trace.node = edge.node
    trace.inputs.append(array.array() if type(array) is Part else array)
    trace.refs.append(DEAD)
    if edge.node.forecast is not None:
        start_early(trace, edge.node.forecast)
    return edge.slot


def bind_number(trace: Trace, number: complex) -> int:
    """Make a Python number an input; returns its slot."""
    kind = type(number)
    edge = trace.node.get(kind)
    if edge is None:
        edge = _extend(trace, kind, _number_aval(number, trace), None, 1)
    trace.node = edge.node
    trace.inputs.append(number)
    trace.refs.append(DEAD)
    if edge.node.forecast is not None:
        start_early(trace, edge.node.forecast)
    return edge.slot


# Misses

def _extend(trace: Trace, key: Any, of: Aval | None, entry: Entry | None, width: int) -> Edge:
    counters.misses += 1
    if Node.total > config.trie_size:
        prune()
    return trace.node.extend(key, of, entry, width, user_line())


def miss(trace: Trace, op: Any, operands: tuple, attrs: tuple, key: tuple) -> Edge | None:
    """The edge for an operation that the cursor's node does not know yet.  None where recording must start again."""
    if trace.boundary or trace.node.length >= config.trace_length:
        flush(trace, "step" if trace.boundary else "length")
        return None
    node = trace.node
    node.loops = node.loops or closes(node, op, attrs)
    if node.loops:
        flush(trace, "loop")
        return None
    fixed = getattr(op, "fixed", ())
    if fixed and any(type(k) is tuple and k[1] in fixed for k in key[3:]):
        return _add(trace, op, operands, attrs, key, tuple([Const(x) if type(k) is tuple else k for k, x in zip(key[3:], operands, strict=True)]))
    if any(type(k) is tuple for k in key[3:]):
        general = (*key[:3], *[k[0] if type(k) is tuple else k for k in key[3:]])
        if node.varying is None:
            node.varying = set()
        if general not in node.varying and (getattr(op, "varies", False) or (op, user_line()) in VARYING):
            node.varying.add(general)                        # known to vary, elsewhere in the program or before the first step
        if general in node.varying:                          # another number at the same place: from now on it is an input
            slots = [bind_number(trace, x) if type(k) is tuple else k for k, x in zip(key[3:], operands, strict=True)]
            key = (*key[:3], *slots, *[type(x) for x in operands if type(x) in NUMBERS])
            edge = trace.node.get(key)
            if edge is not None:
                check_numbers(op, operands, edge.entry.outputs[0].dtype)
                return edge
            VARYING.add((op, user_line()))
            return _add(trace, op, operands, attrs, key, tuple(slots))
        refs = tuple([Const(x) if type(k) is tuple else k for k, x in zip(key[3:], operands, strict=True)])
        edge = _add(trace, op, operands, attrs, key, refs)
        node.varying.add(general)
        return edge
    return _add(trace, op, operands, attrs, key, key[3:])


def _add(trace: Trace, op: Any, operands: tuple, attrs: tuple, key: tuple, refs: tuple) -> Edge:
    avals = tuple([x._read_value().aval if type(x) in TENSORS else None for x in operands])
    kinds = [type(x) if type(x) in NUMBERS else a for x, a in zip(operands, avals, strict=True)]
    casts, results = infer(op, kinds, operands, attrs, here.mode)
    flows = here.mode.grad and op.differentiable and any(a is not None and a.requires_grad for a in avals)
    smooth = range(len(results)) if op.differentiable is True else op.differentiable or ()
    lifted = _lifted(avals) if here.mode.levels else ()
    batches = tuple([n for n in lifted if not n.dual])
    tracks = UNTRACKED.union(*[a.tracks for a in avals if a is not None]) if flows else UNTRACKED
    outputs = tuple([aval(shape, t, trace.device, tracks, lifted) if t.category in FLOAT_CATEGORIES and k in smooth else
                     aval(shape, t, trace.device, UNTRACKED, batches) for k, (shape, t) in enumerate(results)])
    if hasattr(op, "label"):
        outputs = op.label(outputs, avals, attrs)
    inputs = tuple([_number_aval(x, trace) if a is None and r.__class__ is int else a if a is None or flows else a.plain
                    for a, x, r in zip(avals, operands, refs, strict=True)])
    entry = Entry(op, attrs, refs, casts, inputs, outputs, trace.node.slots)
    entry.numbers = frozenset(k for k, kind in enumerate(kinds) if isinstance(kind, type))
    entry.lifted = lifted
    return _extend(trace, key, outputs[0] if len(outputs) == 1 else None, entry, len(outputs))


def _lifted(avals: Iterable[Aval | None]) -> tuple[Level, ...]:
    """The levels at work that some operand belongs to."""
    found = {n for a in avals if a is not None for n in a.levels}
    return tuple([n for n in here.mode.levels if n in found])


def _number_aval(number: complex, trace: Trace) -> Aval:
    return aval((), NUMBERS_AS[type(number)], trace.device)


def at_hand(value: Value) -> bool:
    """Whether looking at the elements runs nothing.  What is used often was looked at often; run at once, every operation's result is there."""
    return type(value.array) is np.ndarray and not hasattr(value, "copy") or EAGER and value.array is not None and value.aval.device is CPU


def seen(x: Any) -> Any:
    """The values of a tensor as a NumPy array where looking at them runs nothing, else its aval.  What is no tensor, as it is."""
    if type(x) not in TENSORS:
        return x
    value = x._read_value()
    return value.aval if not at_hand(value) else value.array if type(value.array) is np.ndarray else np.asarray(concrete(value, "check"))


def check_values(check: Callable, *operands: Any) -> None:
    """Call `check` with what is `seen` of the operands."""
    check(*map(seen, operands))
    note_check(check, operands)


def note_check(check: Callable, operands: Sequence) -> None:
    """Where a call is watched: this check belongs to it."""
    if here.capture is not None:
        here.capture.checks.append((check, operands))
