"""What XLA's compiler for CPUs computes together: of long programs it would make kernels that take minutes to compile.

It compiles a kernel once, however often a program has it, in 20 to 200 ms.  Two habits spoil that.  It computes cheap values anew in every kernel that reads
them: where they follow from one another, as the gradients of a recurrent cell's state do, each kernel repeats the whole chain before it, and is another one
than that of the step before.  And a concatenation that it computes together with nothing is compiled each time it occurs.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun

from .graph import Array

NAMES = frozenset[str]
CHEAP: NAMES = frozenset("""add add_any sub mul neg sign abs max min clamp square select_n and or not xor eq ne lt le gt ge is_finite floor ceil round
    convert_element_type broadcast_in_dim reshape transpose squeeze slice rev pad iota concatenate split dynamic_slice gather copy copy_p reduce_precision
    real imag complex conj shift_left shift_right_logical shift_right_arithmetic""".split())   # computed again for each reader
DEAR: NAMES = frozenset("""div exp exp2 log log1p expm1 tanh logistic sin cos tan asin acos atan sinh cosh asinh acosh atanh sqrt rsqrt cbrt pow integer_pow
    erf erf_inv erfc lgamma digamma rem atan2 reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or""".split())   # once, for several readers
READ_AS_IT_LIES: NAMES = frozenset(["transpose", "reshape", "reduce_sum"])   # with a concatenation these are not computed together
REPEATED = 16                                                # operations that the readers of a value may compute again, before it is kept
JOINED = 4, 1 << 16                                          # the most operands, and elements, of a concatenation that is computed as a choice
_barrier = jax.jit(lax.optimization_barrier)


def apart(x: Array) -> Array:
    """`x`, kept in memory for those who read it: the compiler does not look into a call that must not be inlined."""
    return set_xla_metadata(_barrier(x), inlineable="false")


def bounded(function: Callable[..., list]) -> Callable[..., list]:
    """`function` of arrays as a program whose kernels stay small, and equal where its parts are."""
    def run(*inputs: Array) -> list:
        closed = jax.make_jaxpr(function)(*inputs)
        return jaxpr_as_fun(ClosedJaxpr(_rewritten(closed.jaxpr), closed.consts))(*inputs)
    return run


def _rewritten(jaxpr: Jaxpr) -> Jaxpr:
    kept, alone = set(_repeated(jaxpr)), set(_lone_concatenations(jaxpr))
    equations: list[JaxprEqn] = []
    for place, equation in enumerate(jaxpr.eqns):
        if place in kept:
            made = [Var(v.aval) for v in equation.outvars]
            equations.append(equation.replace(outvars=made))
            for before, after in zip(made, equation.outvars, strict=True):
                equations += _inlined(apart, (), [before], [after], equation)
        elif place in alone:
            equations += _inlined(_chosen, (equation.params["dimension"],), equation.invars, equation.outvars, equation)
        else:
            equations.append(equation)
    return jaxpr.replace(eqns=equations)


def _inlined(function: Callable, given: tuple, operands: list, results: list[Var], like: JaxprEqn) -> Iterator[JaxprEqn]:
    """The equations of `function(*given, *operands)`, from these operands to these results."""
    traced = _traced(function, given, tuple([(v.aval.shape, v.aval.dtype) for v in operands]))
    names: dict = dict(zip(traced.invars, operands, strict=True)) | dict(zip(traced.outvars, results, strict=True))
    for equation in traced.eqns:
        names.update((v, Var(v.aval)) for v in equation.outvars if v not in names)
        yield equation.replace(invars=[v if isinstance(v, Literal) else names[v] for v in equation.invars], outvars=[names[v] for v in equation.outvars],
                               source_info=like.source_info)


@lru_cache(maxsize=1024)
def _traced(function: Callable, given: tuple, kinds: tuple) -> Jaxpr:
    return jax.make_jaxpr(partial(function, *given))(*[jax.ShapeDtypeStruct(*kind) for kind in kinds]).jaxpr


def _repeated(jaxpr: Jaxpr) -> Iterator[int]:
    """Positions of the equations whose results are kept, or their readers would repeat more than REPEATED operations."""
    names = [_primitives(e) for e in jaxpr.eqns]
    readers = Counter(v for e in jaxpr.eqns for v in {v for v in e.invars if not isinstance(v, Literal)})
    in_memory = {v for v in jaxpr.outvars if not isinstance(v, Literal)}        # anyway, as something reads it that is no part of a kernel
    in_memory.update(v for e, of in zip(jaxpr.eqns, names, strict=True) if not of <= CHEAP | DEAR for v in e.invars if not isinstance(v, Literal))
    chains: dict[Var, frozenset[int]] = {}                   # of a value that is not in memory: the equations that each reader repeats
    for place, (equation, of) in enumerate(zip(jaxpr.eqns, names, strict=True)):
        if not of <= CHEAP | DEAR:
            continue
        chain = frozenset([place]).union(*[chains.get(v, ()) for v in equation.invars if not isinstance(v, Literal)])
        read = [v for v in equation.outvars if v not in in_memory and not (readers[v] > 1 and not of <= CHEAP)]
        if any(len(chain) * (readers[v] - 1) > REPEATED for v in read):
            yield place
        else:
            chains.update(dict.fromkeys(read, chain))


def _primitives(equation: JaxprEqn) -> NAMES:
    """The names of the primitives that an equation consists of."""
    inner = next((equation.params[k] for k in ("jaxpr", "call_jaxpr") if k in equation.params), None)
    if inner is None or equation.primitive.name not in ("jit", "closed_call", "custom_jvp_call", "custom_vjp_call"):
        return frozenset([equation.primitive.name])
    return frozenset[str]().union(*map(_primitives, getattr(inner, "jaxpr", inner).eqns))


def _lone_concatenations(jaxpr: Jaxpr) -> Iterator[int]:
    """Positions of the small concatenations that the compiler would compute on their own."""
    together: set[Var] = set()
    for equation in jaxpr.eqns:
        if equation.primitive.name not in READ_AS_IT_LIES and _primitives(equation) <= CHEAP | DEAR:
            together.update(v for v in equation.invars if not isinstance(v, Literal))
    operands, elements = JOINED
    for place, equation in enumerate(jaxpr.eqns):
        whole: Any = equation.outvars[0] if equation.outvars else None
        if equation.primitive.name == "concatenate" and len(equation.invars) <= operands and whole.aval.size <= elements and whole not in together:
            yield place


def _chosen(dimension: int, *arrays: Array) -> Array:
    """The arrays joined along a dimension: each spread to the whole size, and for every place one of them chosen."""
    ends = np.cumsum([x.shape[dimension] for x in arrays]).tolist()
    spread = [lax.pad(x, np.zeros((), x.dtype), [(end - x.shape[d], ends[-1] - end, 0) if d == dimension else (0, 0, 0) for d in range(x.ndim)])
              for x, end in zip(arrays, ends, strict=True)]
    place = lax.broadcasted_iota(np.int32, spread[0].shape, dimension)
    whole = spread.pop()
    for x, end in zip(reversed(spread), reversed(ends[:-1]), strict=True):
        whole = jnp.where(place < end, x, whole)
    return whole
