"""Running what was recorded with NumPy instead of XLA, for forked processes: a loader's workers, in which XLA's threads are missing.

Tracing needs no threads, so each operation's body is traced once to JAX's primitives, and these are carried out by the rules of `primitives`.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np

from . import factors, lower, windows  # noqa: F401  (the first and the last declare rules)
from .device import CPU
from .graph import Const, Edge, Entry
from .primitives import bound, is_exact

KEPT = 4096                                                  # traced operations that are remembered
NESTED = ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "custom_jvp_call", "custom_vjp_call")


class Refused(RuntimeError):
    """NumPy cannot do it."""


def refused(what: object, because: str) -> Refused:
    """The error for what cannot run here."""
    return Refused(f"a forked process (such as a DataLoader worker) cannot compute {what}: XLA's threads do not survive the fork, and {because}. "
                        "Compute it in the main process, or start workers with multiprocessing_context='spawn'")


def run(path: list[Edge], inputs: Sequence, live: Iterable[int], device: object) -> dict[int, np.ndarray]:
    """The arrays of the slots `live`, and of what they need, from those of the inputs of a path."""
    if device is not CPU:
        raise refused(f"with tensors on {device}", "that device is out of reach")
    inputs = [x if isinstance(x, int | float | complex) else np.asarray(x) for x in inputs]
    needed = _needed(path, live)
    with np.errstate(all="ignore"):
        if any(isinstance(path[i].entry.op, lower.Special) or path[i].entry.lifted for i in needed):
            return _run_whole(path, inputs)
        env: dict[int, Any] = {}
        source = iter(inputs)
        for i, edge in enumerate(path):
            if edge.entry is None and edge.layout is None:
                env[edge.slot] = next(source)
            elif edge.entry is None:
                env.update(enumerate(edge.layout.split(next(source)), edge.slot))
            elif i in needed:
                env.update(enumerate(evaluate(edge.entry, env), edge.entry.first))
    return env


def _run_whole(path: list[Edge], inputs: Sequence) -> dict[int, np.ndarray]:
    """All slots of a path with gradients: they flow back through its operations, so that it is traced as one, each time."""
    slots = list(lower.avals_of(path))
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(lower.replay(path, slots))(*inputs)
    return dict(zip(slots, Program(closed.jaxpr, closed.consts, "gradients", True)(inputs), strict=True))


def _needed(path: Sequence[Edge], live: Iterable[int]) -> set[int]:
    """The positions of the entries that must run: a failure of what nobody looks at any more does no harm."""
    wanted, found = set(live), set()
    for i in range(len(path) - 1, -1, -1):
        entry = path[i].entry
        if entry is not None and not wanted.isdisjoint(range(entry.first, entry.first + len(entry.outputs))):
            found.add(i)
            wanted.update(ref for ref in entry.operands if ref.__class__ is int)
    return found


def evaluate(entry: Entry, env: dict[int, Any]) -> Sequence[np.ndarray]:
    """The results of `entry`."""
    given = [env[ref] for ref in entry.operands if ref.__class__ is int]
    arrays = iter(given)
    program = traced(entry.op, entry.attrs, entry.casts, tuple([_kind(ref, arrays) for ref in entry.operands]))
    return program(given)


def _kind(ref: Any, arrays: Any) -> Any:
    """What of an operand the traced operation depends on: a constant, the class of a number, or a shape and type."""
    if ref is None:
        return None
    if ref.__class__ is Const:
        return Fixed(type(ref.number), repr(ref.number), ref.number)
    x = next(arrays)
    return (x.shape, x.dtype) if x.__class__ is np.ndarray else type(x)


class Fixed(NamedTuple):
    """A constant of a traced operation; the text tells 0.0 from -0.0."""
    kind: type
    text: str
    number: complex


@lru_cache(KEPT)
def traced(op: Any, attrs: tuple, casts: tuple, kinds: tuple) -> Program:
    """One recorded operation for operands of these kinds."""
    entry = Entry(op, attrs, (), casts, (), (), 0)

    def body(*given: Any) -> tuple:
        source = iter(given)
        return lower.evaluate(entry, [None if k is None else k.number if k.__class__ is Fixed else next(source) for k in kinds])

    examples = [k(0) if isinstance(k, type) else jax.ShapeDtypeStruct(*k) for k in kinds if k is not None and k.__class__ is not Fixed]
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(body)(*examples)
    return Program(closed.jaxpr, closed.consts, getattr(op, "name", op), True)


class Program:
    """The equations of a jaxpr as calls of NumPy: what to call, the places of its operands, the places and types of its results."""

    def __init__(self, jaxpr: Any, constants: Sequence, name: object, ordered: bool = False) -> None:
        self.places: dict[Any, int] = {}
        self.start: list = []
        self.ordered = ordered                               # whether results are laid out in the order of their dimensions
        self.exact = True                                    # whether only one answer is right, so that NumPy's, XLA's and PyTorch's are the same
        for v, value in zip(jaxpr.constvars, constants, strict=True):
            self.start[self._place(v)] = np.asarray(value)
        self.inputs = [(self._place(v), v.aval.dtype) for v in jaxpr.invars]
        self.steps: list = []
        self._add(jaxpr.eqns, name)
        self.outputs = [self._place(v) for v in jaxpr.outvars]
        self.single = self._single() if ordered and len(self.steps) == 1 else None
        del self.places

    def _add(self, equations: Sequence, name: object) -> None:
        for equation in equations:
            same = _times_one(equation)
            if same is not None:
                self.places[equation.outvars[0]] = self._place(same)
                continue
            inner = _called(equation)
            if inner is not None:                            # its steps become steps of this program
                jaxpr, constants = inner
                for v, value in zip(jaxpr.constvars, constants, strict=True):
                    self.places[v] = self._constant(np.asarray(value))
                self.places.update(zip(jaxpr.invars, [self._place(v) for v in equation.invars], strict=True))
                for v in (v for e in jaxpr.eqns for v in e.outvars):
                    self.places.pop(v, None)                 # of an earlier call of the same
                self._add(jaxpr.eqns, name)
                self.places.update(zip(equation.outvars, [self._place(v) for v in jaxpr.outvars], strict=True))
                continue
            self.exact = self.exact and is_exact(equation)
            sources = [self._place(v) for v in equation.invars]
            call, several = _call(equation, name), equation.primitive.multiple_results
            self.steps.append((call, sources, several, [(self._place(v), v.aval.dtype) for v in equation.outvars]))

    def _constant(self, value: np.ndarray) -> int:
        self.start.append(value)
        return len(self.start) - 1

    def _single(self) -> tuple | None:
        """Of a program of one step with one result: what to call, the number or the constant of each operand, the result's type."""
        call, sources, several, targets = self.steps[0]
        if several or self.outputs != [targets[0][0]]:
            return None
        number = {place: k for k, (place, _) in enumerate(self.inputs)}
        return call, [(number.get(place), self.start[place]) for place in sources], targets[0][1]

    def _place(self, variable: Any) -> int:
        if hasattr(variable, "val"):
            return self._constant(np.asarray(variable.val, variable.aval.dtype))
        place = self.places.setdefault(variable, len(self.start))
        if place == len(self.start):
            self.start.append(None)
        return place

    def __call__(self, given: Sequence) -> list[np.ndarray]:
        order = "C" if self.ordered else None
        arrays = [x if x.__class__ is np.ndarray and x.flags.c_contiguous else np.asarray(x, dtype, order)    # before a conversion to a wider type, say
                  for (_, dtype), x in zip(self.inputs, given, strict=True)]
        if self.single is not None:
            call, operands, dtype = self.single
            return [np.asarray(call(*[constant if k is None else arrays[k] for k, constant in operands]), dtype, "C")]
        env = self.start.copy()
        for (place, _), x in zip(self.inputs, arrays, strict=True):
            env[place] = x
        for call, sources, several, targets in self.steps:
            results = call(*[env[k] for k in sources])
            for (place, dtype), x in zip(targets, results if several else (results,), strict=True):
                env[place] = x if x.__class__ is np.ndarray and x.dtype == dtype else np.asarray(x).astype(dtype)
        return [np.asarray(env[k], order="C") if self.ordered else env[k] for k in self.outputs]


def _times_one(equation: Any) -> Any:
    """The operand that the result is equal to, of a multiplication by the constant 1; None for any other equation."""
    if equation.primitive.name != "mul":
        return None
    out = equation.outvars[0].aval
    for x, y in (equation.invars, equation.invars[::-1]):
        if hasattr(y, "val") and np.ndim(y.val) == 0 and y.val == 1 and x.aval.shape == out.shape and x.aval.dtype == out.dtype:
            return x
    return None


def _called(equation: Any) -> tuple[Any, Sequence] | None:
    """The jaxpr that an equation just calls, and its constants."""
    if equation.primitive.name not in NESTED:
        return None
    params = equation.params
    found = params.get("jaxpr", params.get("call_jaxpr", params.get("fun_jaxpr")))
    return (found.jaxpr, found.consts) if hasattr(found, "consts") else (found, ())


def _call(equation: Any, name: object) -> Callable:
    """The NumPy function of an equation."""
    primitive, params = equation.primitive.name, equation.params
    if primitive == "cond":
        return partial(_cond, [_inner(b, name) for b in params["branches"]])
    if primitive == "while":
        return partial(_while, _inner(params["cond_jaxpr"], name), _inner(params["body_jaxpr"], name), params["cond_nconsts"], params["body_nconsts"])
    if primitive == "scan":
        outs = [v.aval for v in equation.outvars[params["num_carry"]:]]
        return partial(_scan, _inner(params["jaxpr"], name), params["num_consts"], params["num_carry"], params["length"], params["reverse"], outs)
    if primitive == "custom_linear_solve":
        skipped, width = sum(params["const_lengths"][:2]), params["const_lengths"].solve
        return partial(_solve, _inner(params["jaxprs"].solve, name), slice(skipped, skipped + width), sum(params["const_lengths"]))
    if primitive == "platform_index":
        choice = next(k for k, names in enumerate(params["platforms"]) if names is None or "cpu" in names)
        return lambda: np.int32(choice)
    call = bound(primitive, params, equation.outvars[0].aval)
    if call is None:
        raise refused(name, f"NumPy has nothing for JAX's '{primitive}'")
    return call


def _inner(jaxpr: Any, name: object) -> Program:
    return Program(jaxpr.jaxpr, jaxpr.consts, name) if hasattr(jaxpr, "consts") else Program(jaxpr, (), name)


def _cond(branches: Sequence[Program], which: np.ndarray, *operands: np.ndarray) -> list:
    return branches[min(max(int(which), 0), len(branches) - 1)](operands)


def _solve(solver: Program, constants: slice, width: int, *operands: np.ndarray) -> list:
    return solver([*operands[constants], *operands[width:]])


def _while(test: Program, body: Program, test_width: int, body_width: int, *operands: np.ndarray) -> list:
    for_test, for_body = operands[:test_width], operands[test_width:test_width + body_width]
    carry = list(operands[test_width + body_width:])
    while test([*for_test, *carry])[0]:
        carry = body([*for_body, *carry])
    return carry


def _scan(body: Program, constants: int, width: int, length: int, reverse: bool, outs: Sequence, *operands: np.ndarray) -> list:
    fixed, carry, rows = operands[:constants], list(operands[constants:constants + width]), operands[constants + width:]
    stacks = [np.empty(out.shape, out.dtype) for out in outs]
    for k in reversed(range(length)) if reverse else range(length):
        results = body([*fixed, *carry, *[np.asarray(x[k]) for x in rows]])
        carry = results[:width]
        for stack, row in zip(stacks, results[width:], strict=True):
            stack[k] = row
    return [*carry, *stacks]
