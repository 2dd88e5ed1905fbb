"""How results lie in memory where a routine that PyTorch calls leaves them in another order.  Each rule takes the new tensors and the call's arguments."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from .._core.layout import columns, contiguous, in_memory, lay, lay_in, of, ordered, preserved
from .._core.op import Array, op, view
from .._core.record import record
from .._core.tensor import wrap


def columns_where_left(made: Any, *given: Any) -> Any:
    """X of `A X = B`; that of `X A = B` is found transposed, and turned back."""
    left = next(x for x in given if isinstance(x, bool))
    return columns(made, *given) if left else made


def columns_of_inverse(made: Any, input: Any, n: int) -> Any:
    """A power of a matrix: the first negative one is LAPACK's."""
    return columns(made, input) if n == -1 else made


def first_columns(made: tuple, *given: Any) -> tuple:
    """U, S and V, which is LAPACK's Vᴴ turned back."""
    columns(made[0], *given)
    return made


@op(home="", inplace=False, out=False, strides="fresh")
def lengthened(input: Array, dim: int, count: int) -> Array:
    """`input` with `count` more zeros at the end of `dim`."""
    return jnp.pad(input, [(0, count if d == dim else 0) for d in range(input.ndim)])


@view(home="", put=lambda base, new, dim, count: lengthened(new, dim, base.shape[dim] - count))
def cut_short(input: Array, dim: int, count: int) -> Array:
    """The first `count` places along `dim`, what `lengthened` was made of."""
    return input[(slice(None),) * dim + (slice(count),)]


lengthened.op.hidden = cut_short.op.hidden = True            # in the gradient graph the routine itself is seen


def first_rows(made: Any, A: Any, B: Any, *given: Any) -> Any:
    """X of the least `|A X - B|`, which LAPACK leaves in the first rows of B."""
    (m, n), shape = A.shape[-2:], made[0].shape
    if m <= n or made[0]._value.aval.levels or 0 in shape:
        return columns(made, A, B)
    dim = len(shape) - 2 + (len(B.shape) < len(A.shape))
    buffer = wrap(record(lengthened.op, (made[0],), (dim, m - n)))
    whole = buffer if len(B.shape) < len(A.shape) else columns(buffer, A)
    return whole._view(cut_short.op, (), (dim, n)), *made[1:]


def inverted(made: Any, A: Any, ind: int = 2) -> Any:
    """A matrix of LAPACK seen as a tensor whose first dimensions number its rows."""
    shape = made._value.aval.shape
    if made._value.aval.levels or 0 in shape:
        return made
    rows, across = shape[:len(shape) - ind], shape[len(shape) - ind:]
    return lay(made, (*contiguous(rows), *[s * rows.numel() for s in contiguous(across)]))


def turned(made: Any, input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """A copy as the input lies in memory; by an odd number of quarters two dimensions are exchanged."""
    if k % 4 == 0 or made._value.aval.levels:
        return made
    a, b = (d % len(input.shape) for d in dims)
    exchanged = {a: b, b: a} if k % 2 else {}
    lay_in(made, [exchanged.get(d, d) for d in in_memory(preserved(input))])
    return made


# Fourier transforms: the dimensions that are transformed come last, both groups in the order of their strides

def transformed(made: Any, input: Any, n: Any = None, dim: Any = -1, norm: str | None = None) -> Any:
    """All dimensions in one pass."""
    return _passes(made, input, [_axes(input, n, dim)])


def transformed_to_real(made: Any, input: Any, n: Any = None, dim: Any = -1, norm: str | None = None) -> Any:
    """The last dimension after the others."""
    *rest, last = _axes(input, n, dim)
    return _passes(made, input, [rest, [last]] if rest else [[last]])


def transformed_from_real(made: Any, input: Any, n: Any = None, dim: Any = -1, norm: str | None = None) -> Any:
    """The last dimension before the others."""
    *rest, last = _axes(input, n, dim)
    return _passes(made, input, [[last], rest] if rest else [[last]])


def _axes(input: Any, n: Any, dim: Any) -> list[int]:
    rank = len(input.shape)
    if dim is None:
        dim = range(0 if n is None else rank - (1 if isinstance(n, int) else len(n)), rank)
    return [d % rank for d in ((dim,) if isinstance(dim, int) else dim)]


def _passes(made: Any, input: Any, passes: list[list[int]]) -> Any:
    shape = made._value.aval.shape
    if made._value.aval.levels or 0 in shape:
        return made
    strides = of(input)[0]
    for axes in passes:
        order = sorted(range(len(shape)), key=lambda d: (d in axes, -strides[d]))
        strides = ordered(shape, order)
    return lay(made, strides)
