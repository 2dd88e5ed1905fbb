"""How many floating point operations the matrix products and convolutions of recorded operations take, forward and backward.

Convolutions are counted from their shapes.  Of other operations that PyTorch makes of matrix products, the program in JAX is looked at: it names each product,
also those inside loops and those of its gradient.  What PyTorch does without such a product (a matrix times a vector, decompositions) counts nothing.
"""
from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jax

from . import run
from .graph import Const, Entry, Node, Trace, here
from .lower import evaluate
from .op import Op
from .plan import Backward, Plan
from .walk import VJP

CONVOLUTIONS = {f"conv{kind}{n}d": bool(kind) for kind in ("", "_transpose") for n in (1, 2, 3)}      # whether transposed
# What PyTorch makes of matrix products, and the position of a bias with which the forward products are called addmm
PRODUCTS: dict[str, int | None] = {
    **dict.fromkeys(("mm", "bmm", "matmul", "einsum", "tensordot", "inner", "multi_dot", "chain_matmul", "matrix_power", "cov", "corrcoef", "baddbmm",
                     "scaled_dot_product_attention_apply")),
    "addmm": 0, "linear": 2, "multi_head_attention_apply": 4,
    "lstm_apply": 5, "rnn_apply": 4, "lstm_cell": 5, "gru_cell": 4, "rnn_tanh_cell": 4, "rnn_relu_cell": 4}
WITHOUT_VECTORS = frozenset(("matmul", "tensordot", "inner", "cov", "corrcoef"))   # where a product with a vector is none for PyTorch
Count = Counter[str]                                         # by the name of PyTorch's operator


class Recorded:
    """The operations that this thread records after `start`: `take` gives those since the last time."""

    def __init__(self) -> None:
        self.found: list[Entry] = []
        self.marks: dict[Trace, Node] = {}
        self.thread = 0

    def start(self) -> None:
        """Begin."""
        self.marks = {trace: trace.node for trace in here.traces.values()}
        self.thread = threading.get_ident()
        run.leaving.append(self._leave)

    def stop(self) -> None:
        """End."""
        run.leaving.remove(self._leave)

    def take(self) -> list[Entry]:
        """What came since the last time."""
        for trace in list(here.traces.values()):
            self._read(trace)
        found, self.found = self.found, []
        return found

    def _leave(self, trace: Trace) -> None:
        """A trace is about to run; it records nothing more."""
        if trace in self.marks or threading.get_ident() == self.thread:
            self._read(trace)
            self.marks.pop(trace, None)

    def _read(self, trace: Trace) -> None:
        node, before, new = trace.node, self.marks.get(trace), []
        while node is not before and node.parent is not None:
            if node.edge.entry is not None:
                new.append(node.edge.entry)
            node = node.parent
        self.found += new[::-1]
        self.marks[trace] = trace.node


def work(entry: Entry) -> Iterator[tuple[Entry, bool, Count]]:
    """The operations whose results or (True) gradients a recorded entry computes, with what they take."""
    if isinstance(entry.op, Backward):
        yield from _steps(entry.op.plan)
    elif entry.op is VJP:
        of, present, wanted = entry.attrs
        yield of, True, backward(of, wanted, tuple([k for k, there in enumerate(present) if there]))
    elif isinstance(entry.op, Op):
        yield entry, False, forward(entry)


def _steps(plan: Plan) -> Iterator[tuple[Entry, bool, Count]]:
    """The gradients of a pass that go on to a leaf or a target, from the results that gradients come from."""
    reached = {q for step in plan.steps for p in plan.passes(step) for q in (p, plan.wires.get(p))}.union(plan.roots)
    for step in plan.steps:
        entry = plan.entry(step)
        given = tuple([k for k, a in enumerate(entry.outputs) if a.requires_grad and (step[0], entry.first + k) in reached])
        yield entry, True, backward(entry, plan.wanted[step], given)


@lru_cache(1024)
def forward(entry: Entry) -> Count:
    """What the operation takes."""
    name = entry.op.name
    if name in CONVOLUTIONS:
        return Count(convolution=_convolution(entry))
    if name not in PRODUCTS:
        return Count()
    bias = PRODUCTS[name]
    one = "mm" if bias is None or entry.inputs[bias] is None else "addmm"
    return _named(_dots(entry), "bmm" if name == "einsum" else one, "baddbmm" if name == "baddbmm" else "bmm")


@lru_cache(1024)
def backward(entry: Entry, wanted: tuple[int, ...], given: tuple[int, ...]) -> Count:
    """What the gradients of the operands at the positions `wanted` take, from those of the results at the positions `given`."""
    name = entry.op.name
    if name in CONVOLUTIONS:
        once, (source, weight) = _convolution(entry), entry.inputs[:2]
        channels = entry.outputs[0].shape if CONVOLUTIONS[name] else source.shape
        groups = channels[1 - len(weight.shape)] // weight.shape[1]     # PyTorch counts a weight's gradient as if there were one group
        return Count(convolution_backward=once * (0 in wanted) + once * groups * (1 in wanted))
    innermost = entry
    while innermost.op is VJP:
        innermost = innermost.attrs[0]
    if innermost.op.name not in PRODUCTS and innermost.op.name not in CONVOLUTIONS:
        return Count()
    if not wanted or not given:
        return Count()
    both, alone = _dots(entry, wanted, given), _dots(entry, (), given)
    return _named(both - alone, "bmm" if name == "einsum" else "mm", "bmm")


def _convolution(entry: Entry) -> int:
    """Twice the products of numbers that a convolution takes: each weight meets each position of the result, or where it is transposed of the input."""
    given, weight = (a.shape for a in entry.inputs[:2])
    space = (given if CONVOLUTIONS[entry.op.name] else entry.outputs[0].shape)[2 - len(weight):]
    batch = given[0] if len(given) == len(weight) else 1
    return 2 * batch * math.prod(weight) * math.prod(space) * math.prod(level.size for level in entry.lifted)


def _named(dots: Counter[bool], one: str, several: str) -> Count:
    """By name what was counted by whether a product is of batches."""
    found = Count()
    for batched, flops in dots.items():
        found[several if batched else one] += flops
    return found


def _dots(entry: Entry, wanted: tuple[int, ...] = (), given: tuple[int, ...] = ()) -> Counter[bool]:
    """What the products of an operation take (for the results `given` only), with those of the gradients from there to its operands `wanted`.

    By whether they are of batches.
    """
    places = [k for k, a in enumerate(entry.inputs) if a is not None]
    shapes = [jax.ShapeDtypeStruct(entry.inputs[k].full, entry.inputs[k].dtype.numpy) for k in places]
    grads = [jax.ShapeDtypeStruct(entry.outputs[k].full, entry.outputs[k].dtype.numpy) for k in given]

    def results(operands: dict[int, Any], *arrays: Any) -> tuple:
        known = operands | dict(zip(wanted, arrays, strict=False))
        return evaluate(entry, [known.get(k, r.number if r.__class__ is Const else None) for k, r in enumerate(entry.operands)])

    def program(arrays: list, cotangents: list) -> Any:
        operands = dict(zip(places, arrays, strict=True))
        if not wanted:
            outs = results(operands)
            return [outs[k] for k in given] or outs
        outs, pull = jax.vjp(lambda *chosen: [results(operands, *chosen)[k] for k in given], *[operands[k] for k in wanted])
        return outs, pull(cotangents)

    with jax.enable_x64(True):
        jaxpr = jax.make_jaxpr(program)(shapes, grads).jaxpr
    one_by_two = [len(a.shape) for a in entry.inputs if a is not None] == [1, 2]
    return _dots_in(jaxpr, entry.op.name not in WITHOUT_VECTORS or one_by_two, entry.op.name != "einsum")


def _dots_in(jaxpr: Any, vectors: bool, outer: bool) -> Counter[bool]:
    """What the products in a program take, by whether they are of batches; without `vectors` only those of two matrices, without `outer` only those that sum."""
    found: Counter[bool] = Counter()
    for equation in _used(jaxpr):
        name, params = equation.primitive.name, equation.params
        if name == "dot_general":
            (contracted, _), (batch, _) = params["dimension_numbers"]
            left, right = (v.aval.shape for v in equation.invars)
            own = len(batch) + len(contracted)
            if (vectors or len(left) > own and len(right) > own) and (contracted or outer and vectors):
                found[bool(batch)] += 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[k] for k in contracted)
        elif name == "conv_general_dilated":
            found[False] += _convolved(equation)
        else:
            inner = [_dots_in(part, vectors, outer) for value in params.values() for part in _programs(value)]
            chosen = [max(inner, key=Counter.total)] if name == "cond" and inner else inner
            for counts in chosen:
                for batched, flops in counts.items():
                    found[batched] += flops * (params["length"] if name == "scan" else 1)
    return found


def _used(jaxpr: Any) -> list:
    """The equations whose results are used: a gradient rule may give more than is asked for."""
    live, found = {v for v in jaxpr.outvars if not hasattr(v, "val")}, []
    for equation in reversed(jaxpr.eqns):
        if not live.isdisjoint(equation.outvars):
            live.update(v for v in equation.invars if not hasattr(v, "val"))
            found.append(equation)
    return found[::-1]


def _programs(value: Any) -> list:
    """The programs in a parameter of an equation."""
    several = value if isinstance(value, tuple | list) else (value,)
    return [inner for v in several if hasattr(inner := getattr(v, "jaxpr", v), "eqns")]


def _convolved(equation: Any) -> int:
    """What a convolution inside another operation takes; one whose input is spread out by its positions, as the gradient of a strided one."""
    numbers, spread = equation.params["dimension_numbers"], any(d > 1 for d in equation.params["lhs_dilation"])
    side, spec = (equation.invars[0], numbers.lhs_spec) if spread else (equation.outvars[0], numbers.out_spec)
    return 2 * math.prod(equation.invars[1].aval.shape) * math.prod(side.aval.shape[k] for k in (spec[0], *spec[2:]))
