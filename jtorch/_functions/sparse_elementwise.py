"""Sparse tensors element by element: functions that take zero to zero, sums, and products."""
from __future__ import annotations

from typing import Any

import numpy as np

from .._core.op import REGISTRY
from .._core.promote import result_type
from .._core.sparse import COO, NAMES, STRIDED, SparseTensor, host, on, refusal, sparse, sparse_form, stored, tracked, written
from .._core.tensor import Tensor
from .sparse_convert import compressed
from .sparse_values import coalesced, coo, densified, indices_of, keys, pick, summed, values_of, with_values

ZERO_TO_ZERO = ("abs absolute neg negative sqrt sin sinh tan tanh asin arcsin asinh arcsinh atan arctan atanh arctanh expm1 log1p erf erfinv floor ceil "
                "round trunc fix frac sign sgn relu square isnan isinf isposinf isneginf signbit nan_to_num rad2deg deg2rad conj conj_physical angle").split()
LINEAR = "neg", "negative", "conj", "conj_physical"          # equal indices may stay apart


def result_dtype(*operands: Any) -> Any:
    """The type of an operation on tensors and numbers."""
    return result_type([(x.dtype, x.dim()) if isinstance(x, Tensor) else x.__class__ for x in operands])


def node(name: str) -> str:
    """The name of an operation's `grad_fn`."""
    return "".join(part.title() for part in name.split("_")) + "Backward0"


def _unary(name: str) -> None:
    canonical = REGISTRY[name][0].name if name in REGISTRY else name

    def function(input: SparseTensor, **options: Any) -> SparseTensor:
        of = input if name in LINEAR or input.layout is not COO else coalesced(input)
        return with_values(of, getattr(values_of(of), name)(**options), node(canonical))
    def in_place(input: SparseTensor, **options: Any) -> SparseTensor:
        if input.layout is COO and not input._coalesced and name not in LINEAR:
            raise RuntimeError(f"{canonical}_ requires coalesced input")
        return written(input, function(input, **options))
    sparse_form(name)(function)
    sparse_form(name + "_")(in_place)


for _name in ZERO_TO_ZERO:
    _unary(_name)


@sparse_form()
def pow(input: Any, exponent: Any) -> SparseTensor:
    """A power with a number as exponent."""
    if not isinstance(input, SparseTensor) or isinstance(exponent, Tensor) and exponent.dim():
        raise refusal("pow.Scalar", stored([input, exponent]))
    if exponent == 0:
        raise RuntimeError("pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense")
    of = coalesced(input) if input.layout is COO else input
    return with_values(of, values_of(of) ** exponent, node("pow"))


@sparse_form()
def float_power(input: SparseTensor, exponent: Any) -> SparseTensor:
    """A power in double precision."""
    return pow(input.double(), exponent)


# Sums

@sparse_form()
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """The sum of two sparse tensors, or of a dense and a sparse one."""
    return _sum(input, other, alpha, "add")


@sparse_form()
def add_(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """The sum, in place: of a dense tensor only the rows that are stored change."""
    if not isinstance(input, SparseTensor) and other.layout is COO and other.sparse_dim() == 1 and input.shape == other.shape:
        return input.index_add_(0, other._indices()[0], (values_of(other) * alpha).to(input.dtype))
    return written(input, _sum(input, other, alpha, "add"))


@sparse_form("sub", "subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """The difference of two sparse tensors, or of a dense and a sparse one."""
    for x in (input, other):
        if isinstance(x, SparseTensor) and x.layout is not COO:
            raise RuntimeError(f"unsupported tensor layout: {NAMES[x.layout]}")
    return _sum(input, other, -alpha, "sub")


def _sum(input: Any, other: Any, alpha: Any, name: str) -> Tensor:
    if not isinstance(input, Tensor) or not isinstance(other, Tensor) or other.layout is STRIDED and input.layout is COO:
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if STRIDED in (input.layout, other.layout):
        if input.shape != other.shape:
            raise RuntimeError(f"add: expected 'self' and 'other' to have same size, but self has size {list(input.shape)} while other has size "
                               f"{list(other.shape)} (FYI: dense-sparse addition does not currently support broadcasting)")
        dense, more = ((densified(x) if isinstance(x, SparseTensor) else x) for x in (input, other))
        return dense.add(more, alpha=alpha) if name == "add" else dense.sub(more, alpha=-alpha)
    if input.shape != other.shape:
        raise RuntimeError(f"add: expected sizes of 'self' and 'other' to match, but {list(input.shape)} != {list(other.shape)}")
    kind, common = input.layout, result_dtype(input, other)
    made = _together(coo(input.detach().to(common)), coo(other.detach().to(common)), alpha)
    made = made if kind is COO else compressed(made, kind, _block(input), input.dense_dim())
    return tracked(node(name), [input, other], made, lambda grad: [grad.to(input.dtype), (grad * alpha).to(other.dtype)])


def _block(of: SparseTensor) -> tuple[int, int] | None:
    return tuple(of._vals.shape[of._parts[1].dim():][:2]) if "bs" in str(of.layout) else None


def _together(a: SparseTensor, b: SparseTensor, alpha: Any) -> SparseTensor:
    """a + alpha · b in coordinates."""
    scaled = b._vals if alpha.__class__ is int and alpha == 1 else b._vals * alpha
    first, second = a._parts[0], b._parts[0]
    if first is second or first.is_set_to(second):
        return a._holding(a._vals + scaled)
    both = a._vals.new_zeros((a._nnz() + b._nnz(), *a._vals.shape[1:]))
    places = np.arange(both.shape[0])
    both = both.index_copy(0, on(a.device, places[:a._nnz()])[0], a._vals).index_copy(0, on(a.device, places[a._nnz():])[0], scaled)
    where = np.concatenate([host(first), host(second)], 1)
    if any((np.diff(keys(x)) <= 0).any() for x in (a, b) if not x._coalesced):
        return sparse(COO, on(a.device, where), both, a.shape)
    _, index, place = np.unique(np.concatenate([keys(a), keys(b)]), return_index=True, return_inverse=True)
    return sparse(COO, on(a.device, where[:, index]), summed(both, place, index.size), a.shape, a._coalesced and b._coalesced)


# Products

@sparse_form("mul", "multiply")
def mul(input: Any, other: Any) -> SparseTensor:
    """The product with a number or a tensor: only where both are stored is it not zero."""
    if not isinstance(input, SparseTensor):
        input, other = other, input
    if not isinstance(other, Tensor) or not other.dim():
        return with_values(input, values_of(input) * (other.to_dense() if stored([other]) else other), node("mul"))
    if isinstance(other, SparseTensor):
        return _product(input, other)
    return with_values(input, values_of(input) * pick(other if other.shape == input.shape else other.expand(input.shape), input), node("mul"))


def _product(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    if a.shape != b.shape:
        raise RuntimeError(f"mul: expected 'self' and 'other' to have same sizes, but {list(a.shape)} != {list(b.shape)}" if len(a.shape) == len(b.shape) else
                           "mul operands have incompatible sizes")
    there = np.isin(keys(a), keys(b))
    if not there.all():
        a = _only(a, there)
    return with_values(a, values_of(a) * pick(b, a), node("mul"))


def _only(of: SparseTensor, there: np.ndarray) -> SparseTensor:
    """The chosen ones of the stored elements."""
    chosen, kind = np.flatnonzero(there), of.layout
    of = coo(of)
    made = sparse(COO, on(of.device, indices_of(of)[:, chosen]), of._vals.detach().index_select(0, *on(of.device, chosen)), of.shape, of._coalesced)
    made = tracked("MulBackward0", [of], made, lambda grad: [grad])
    return made if kind is COO else compressed(made, kind, None, None)


@sparse_form("div", "divide", "true_divide")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
    """The quotient with a number."""
    if not isinstance(input, Tensor):
        raise refusal("reciprocal", other)
    if isinstance(other, Tensor) and (other.dim() or isinstance(other, SparseTensor)):
        raise RuntimeError(f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {list(other.shape)} for divisor)")
    if input.layout is not COO:
        raise RuntimeError(f"unsupported tensor layout: {NAMES[input.layout]}")
    of = coalesced(input) if rounding_mode else input
    return with_values(of, values_of(of).div(other, rounding_mode=rounding_mode), node("div"))


@sparse_form()
def floor_divide(input: SparseTensor, other: Any) -> SparseTensor:
    """The quotient with a number, rounded down."""
    return div(input, other, rounding_mode="floor")


@sparse_form("any")
def any_of(input: SparseTensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element is not zero."""
    return values_of(input).any()
