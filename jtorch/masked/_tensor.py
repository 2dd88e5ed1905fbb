"""Tensors of which a mask says which elements exist."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jtorch as torch
from jtorch import Tensor

from .._core.public import PUBLIC
from .._core.record import TENSORS
from .._core.sparse import Composite
from . import _reductions

TYPES = ("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64")
POINTWISE = frozenset((
    "abs absolute acos arccos acosh arccosh angle asin arcsin asinh arcsinh atan arctan atanh arctanh bitwise_not ceil clamp clip conj_physical cos cosh "
    "deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac lgamma log log10 log1p log2 logit i0 isnan nan_to_num neg negative positive pow rad2deg "
    "reciprocal round rsqrt sigmoid sign sgn signbit sin sinc sinh sqrt square tan tanh trunc "
    "add atan2 arctan2 bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift div divide floor_divide fmod logaddexp logaddexp2 mul "
    "multiply nextafter remainder sub subtract true_divide eq ne not_equal le less_equal ge greater_equal gt greater lt less maximum minimum fmax fmin").split())
REDUCTIONS = frozenset("sum mean amin amax argmin argmax prod all norm var std".split())
JOINS = frozenset("cat concat concatenate stack hstack vstack dstack column_stack where".split())
CONVERSIONS = "to double float half long int short char bool cpu contiguous type_as clone bfloat16".split()
PROTOTYPE = ("The PyTorch API of MaskedTensors is in prototype stage and will change in the near future. Please open a Github issue for features requests "
             "and see our documentation on the torch.masked module for further information about the project.")
WIDTH = 8                                                    # characters of an element that does not exist


class MaskedTensor(Composite):
    """A tensor of data and a mask of the same shape: operations leave out the elements where it is False.    data, mask: (*)

    >>> torch.masked.masked_tensor(torch.tensor([1.0, 2.0]), torch.tensor([True, False])).sum()
    MaskedTensor(  1.0000, True)
    """
    _value = None
    _data: Tensor
    _mask: Tensor

    def __new__(cls, data: Any, mask: Any, requires_grad: bool = False) -> MaskedTensor:
        if not isinstance(data, Tensor) or isinstance(data, MaskedTensor):
            raise TypeError("data must be a Tensor")
        if not isinstance(mask, Tensor) or isinstance(mask, MaskedTensor):
            raise TypeError("mask must be a Tensor")
        warnings.warn(PROTOTYPE, UserWarning, stacklevel=2)
        if mask.dtype is not torch.bool:
            raise TypeError("mask must have dtype bool.")
        if data.dtype.name not in TYPES:
            raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
        if data.shape != mask.shape:
            raise ValueError("data.size() must equal mask.size()")
        return _masked(data.requires_grad_() if requires_grad else data, mask)

    def _read_value(self) -> Any:
        return self._data._read_value()

    @property
    def _leaf(self) -> Any:
        return self._data._leaf

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, masked too."""
        found = self._data.grad
        return None if found is None else _masked(found, self._mask)

    def requires_grad_(self, requires_grad: bool = True) -> MaskedTensor:
        """Let operations on it be recorded for gradients, or not; returns the tensor itself."""
        self._data.requires_grad_(requires_grad)
        return self

    def stride(self, dim: int | None = None) -> Any:
        """How many elements apart neighbours lie in memory, for each dimension."""
        return self._data.stride(dim)

    def is_contiguous(self, memory_format: Any = torch.contiguous_format) -> bool:
        """Whether the data lie in order."""
        return self._data.is_contiguous()

    def get_data(self) -> Tensor:
        """The data, also where the mask is False; gradients flow only where it is True."""
        return torch.where(self._mask, self._data, self._data.detach()) if self._data.requires_grad else self._data

    def get_mask(self) -> Tensor:
        """Where the elements exist."""
        return self._mask

    def to_tensor(self, value: Any) -> Tensor:
        """The data, with `value` where the mask is False."""
        return self._data.masked_fill(~self._mask, value)

    def is_sparse_coo(self) -> bool:
        """Always False."""
        return False

    def is_sparse_csr(self) -> bool:
        """Always False."""
        return False

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.numel() == 1 and not self._mask.item():
            raise ValueError("__torch_dispatch__, aten._local_scalar_dense: expected a mask tensor")
        return self._data.item()

    def tolist(self) -> Any:
        """Not for tensors with holes."""
        raise RuntimeError(".tolist() is not supported for tensor subclasses, got MaskedTensor")

    def numpy(self, *, force: bool = False) -> Any:
        """Not for tensors with holes."""
        raise RuntimeError(".numpy() is not supported for tensor subclasses.")

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        data, mask = self._data.detach().tolist(), self._mask.tolist()
        if not self.dim():
            return f"MaskedTensor({_element(data) if mask else '--'}, {mask})"
        shown = [_element(x) for x in self._data.detach().reshape(-1).tolist()]
        return f"MaskedTensor(\n{_rows(data, mask, '  ', max([WIDTH, *map(len, shown)]))}\n)"

    __str__ = __repr__
    __hash__ = Tensor.__hash__

    # Operations

    def _view(self, op: Any, numbers: tuple, attrs: tuple, seen: Any = None) -> MaskedTensor:
        return _masked(self._data._view(op, numbers, attrs), self._mask._view(op, numbers, attrs))

    def _share(self) -> Any:
        raise RuntimeError("Cannot access the storage of a MaskedTensor: it has two; see get_data() and get_mask()")

    def _host(self) -> Any:
        raise RuntimeError("Cannot access the values of a MaskedTensor: see get_data() and to_tensor()")

    def _elsewhere(self, name: str, given: dict[str, Any], out: Any = None) -> Any:
        first, *rest = given.items()
        if out is not None or name not in JOINS | REDUCTIONS | POINTWISE and name.rstrip("_") not in POINTWISE:
            raise refusal(name)
        if name in REDUCTIONS:
            return _reduced(name, first[1], dict(rest))
        if name in JOINS:
            return _joined(name, (), given)
        return _pointwise(name, first[1], dict(rest))

    def _form(self, name: str) -> Callable:
        if name not in JOINS:
            raise refusal(name)
        return lambda *args, **kwargs: _joined(name, args, kwargs)

    def _write(self, value: Any, name: str = "in-place operation") -> Any:
        raise refusal(name)

    def copy_(self, src: Tensor, non_blocking: bool = False) -> MaskedTensor:
        """Take over the elements of another tensor; the mask stays."""
        self._data.copy_(_parts(src, "_data"))
        return self


TENSORS.discard(MaskedTensor)                                # nothing is recorded on one


def _masked(data: Tensor, mask: Tensor) -> MaskedTensor:
    made = object.__new__(MaskedTensor)
    made._data, made._mask = data, mask
    return made


def refusal(name: str) -> TypeError:
    """The error of an operation that has no masked form."""
    return TypeError(f"Multiple dispatch failed for 'torch._ops.aten.{name}.default'; all __torch_dispatch__ handlers returned NotImplemented:\n\n"
                     f"  - tensor subclass <class 'torch.masked.maskedtensor.core.MaskedTensor'>\n\nFor more information, try re-running with "
                     "TORCH_LOGS=not_implemented")


def _parts(x: Any, part: str) -> Any:
    """The data or the masks in the place of masked tensors."""
    if isinstance(x, MaskedTensor):
        return getattr(x, part)
    if isinstance(x, list | tuple):
        return type(x)([_parts(item, part) for item in x])
    return torch.ones_like(x, dtype=torch.bool) if part == "_mask" and isinstance(x, Tensor) else x


def _pointwise(name: str, first: Any, rest: dict[str, Any]) -> MaskedTensor:
    mask, *others = [x._mask for x in (first, *rest.values()) if isinstance(x, MaskedTensor)]
    if not all(other is mask or torch.equal(other, mask) for other in others):
        raise ValueError("Input masks must match. If you need support for this, please open an issue on Github.")
    data = _parts(first, "_data") if isinstance(first, Tensor) else torch.full((), first, device=mask.device)
    made = getattr(data, name)(**{n: _parts(x, "_data") for n, x in rest.items()})
    return first if made is data and isinstance(first, MaskedTensor) else _masked(made, mask.expand(made.shape))


def _joined(name: str, args: tuple, named: dict[str, Any]) -> MaskedTensor:
    function, chosen = getattr(torch, name), args[:1] if name == "where" else ()   # `where` chooses with a plain tensor
    made = [function(*chosen, *[_parts(x, part) for x in args[len(chosen):]], **{n: _parts(x, part) for n, x in named.items()})
            for part in ("_data", "_mask")]
    return _masked(*made)


def _reduced(name: str, tensor: MaskedTensor, options: dict[str, Any]) -> MaskedTensor:
    keepdim, dim = options.get("keepdim", False), options.pop("dim", None)
    if name == "all":
        found = (tensor._data.bool() | ~tensor._mask).all(*(() if dim is None else (dim, keepdim)))
    else:
        if name == "norm":
            options["ord"] = options.pop("p", 2.0)
        found = getattr(_reductions, name)(tensor, dim=dim, **options)
    return _masked(found, tensor._mask.any(*(() if dim in (None, ()) else (dim, keepdim))).reshape(found.shape))


def _converted(name: str) -> Callable:
    def convert(self: MaskedTensor, *args: Any, **kwargs: Any) -> MaskedTensor:
        data = getattr(self._data, name)(*args, **kwargs)
        if data.dtype.name not in TYPES:
            raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
        return _masked(data, self._mask.to(data.device))
    convert.__name__, convert.__doc__ = name, getattr(Tensor, name).__doc__
    return convert


def _guarded(name: str, method: Callable) -> Callable:
    """A method of Tensor that is written by hand: it works where all that it does is to look at the tensor through views."""
    def call(self: MaskedTensor, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except (TypeError, AttributeError) as error:
            raise refusal(name) from error
    call.__name__, call.__doc__ = name, method.__doc__
    return call


for _name, _method in PUBLIC["Tensor"].items():
    if _name not in MaskedTensor.__dict__ and callable(_method):
        setattr(MaskedTensor, _name, _guarded(_name, _method))
for _name in CONVERSIONS:
    setattr(MaskedTensor, _name, _converted(_name))


# Text

def _element(x: Any) -> str:
    return f"{x:{WIDTH}.4f}" if isinstance(x, float) else str(x)


def _rows(data: list, mask: list, indent: str, width: int) -> str:
    if not data or not isinstance(data[0], list):
        return f"{indent}[{', '.join(_element(x) if kept else '--'.rjust(width) for x, kept in zip(data, mask, strict=True))}]"
    inner = ",\n".join(_rows(d, m, indent + "  ", width) for d, m in zip(data, mask, strict=True))
    return f"{indent}[\n{inner}\n{indent}]"


# Making them

def masked_tensor(data: Tensor, mask: Tensor, requires_grad: bool = False) -> MaskedTensor:
    """A masked tensor with copies of `data`, a leaf, and `mask`.    data, mask: (*)

    >>> torch.masked.masked_tensor(torch.tensor([1.0, 2.0]), torch.tensor([True, False]))
    MaskedTensor(
      [  1.0000,       --]
    )
    """
    data, mask = (x.detach().clone() if isinstance(x, Tensor) and not isinstance(x, MaskedTensor) else x for x in (data, mask))
    return MaskedTensor(data, mask, requires_grad)


def as_masked_tensor(data: Tensor, mask: Tensor) -> MaskedTensor:
    """A masked tensor on `data`, through which gradients flow to it.    data, mask: (*)"""
    return MaskedTensor(data, mask)


def is_masked_tensor(obj: Any, /) -> bool:
    """Whether `obj` is a masked tensor."""
    return isinstance(obj, MaskedTensor)
