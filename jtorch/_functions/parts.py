"""Parts of tensors: further ways to split, to raise the number of dimensions, and to write a part into a copy."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core import layout, misfit
from .._core.derive import into, sizes
from .._core.device import META, Where
from .._core.dtype import FLOATING, INTEGRAL, bool_
from .._core.format import layout as Layout
from .._core.format import memory_format
from .._core.indexing import check_dimension
from .._core.public import PUBLIC, public
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops.elementary import conjugate
from .._ops.join import stack
from .._ops.pad import pad as padded
from .create import finish
from .options import creating
from .shape import as_strided, chunk, clone, contiguous, expand, reshape, select, split, tensor_split, unbind, view


# ---- splitting

def _split_along(name: str, least: int, dim: Callable[[Tensor], int]) -> None:
    @public(name=name)
    def along(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.dim() < least:
            raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.dim()} dimensions!")
        d = dim(input)
        if not isinstance(indices_or_sections, int | list | tuple):
            raise TypeError(f"{name}() received an invalid combination of arguments - got (Tensor, {type(indices_or_sections).__name__}), but expected one "
                            "of:\n * (Tensor input, int sections)\n * (Tensor input, tuple of ints indices)\n")
        if isinstance(indices_or_sections, int) and (not indices_or_sections or input.shape[d] % indices_or_sections):
            raise RuntimeError(f"torch.{name} attempted to split along dimension {d}, but the size of the dimension {input.shape[d]} is not "
                               f"divisible by the split_size {indices_or_sections}!")
        return tensor_split(input, indices_or_sections, d)
    along.__name__ = along.__qualname__ = name
    along.__doc__ = f"`tensor_split` along dimension {dim.__doc__}, in parts of equal size."


def _columns(input: Tensor) -> int:
    """1 (0 for a vector)"""
    return int(input.dim() > 1)


def _rows(input: Tensor) -> int:
    """0"""
    return 0


def _depth(input: Tensor) -> int:
    """2"""
    return 2


_split_along("hsplit", 1, _columns)
_split_along("vsplit", 2, _rows)
_split_along("dsplit", 3, _depth)


@public(aliases=("unsafe_split_with_sizes",))
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of a dimension, of the given sizes."""
    return split(input, tuple(split_sizes), dim)


public(name="unsafe_split")(split)
public(name="unsafe_chunk")(chunk)


# ---- more dimensions

def _at_least(name: str, raised: Callable[[Tensor], Tensor]) -> None:
    @public("torch", name=name)
    def at_least(*tensors: Any) -> Any:
        several = len(tensors) != 1 or isinstance(tensors[0], list | tuple)
        given = tensors[0] if several and len(tensors) == 1 else tensors
        found = tuple([raised(t) for t in given])
        return found if several else found[0]
    at_least.__name__ = at_least.__qualname__ = name
    at_least.__doc__ = f"Tensors as views with at least {name[-2]} dimension(s)."


def _to_volume(input: Tensor) -> Tensor:
    if input.dim() < 2:
        return input.unsqueeze(0).unsqueeze(2) if input.dim() else reshape(input, (1, 1, 1))
    return input.unsqueeze(-1) if input.dim() == 2 else input


_at_least("atleast_1d", lambda input: input if input.dim() else reshape(input, (1,)))
_at_least("atleast_2d", lambda input: input if input.dim() > 1 else input.unsqueeze(0) if input.dim() else reshape(input, (1, 1)))
_at_least("atleast_3d", _to_volume)


@public("Tensor")
def sum_to_size(self: Tensor, *size: int | Sequence[int]) -> Tensor:
    """The sum over the dimensions that broadcasting from `size` to this shape would repeat."""
    wanted = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    ahead = self.dim() - len(wanted)
    if ahead < 0 or any(n not in (1, m) for n, m in zip(wanted, self.shape[ahead:], strict=True)):
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(self.shape)}}}.")
    dims = [*range(ahead), *[ahead + k for k, n in enumerate(wanted) if n != self.shape[ahead + k]]]
    if not dims:
        return self if wanted or self.dtype.category > INTEGRAL else self.sum()   # to no dimensions it is a sum, which makes integers wide
    return view(self.sum(dims, keepdim=True), tuple(wanted))


# ---- writing a part into a copy

@public()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with `src` at one position of a dimension."""
    made = clone(input)
    part = select(made, dim, index)
    if part.shape != src.shape:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}")
    part.copy_(src)
    return made


@public()
def slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1, *,
                  out: Tensor | None = None) -> Tensor:
    """A copy of `input` with `src` in a slice of a dimension."""
    made = clone(input)
    part = made[(slice(None),) * check_dimension(dim, input.dim()) + (slice(start, end, step),)]
    if part.shape != src.shape:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}")
    part.copy_(src)
    return into(out, made)


@public()
def as_strided_scatter(input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """A copy of `input` with `src` where `as_strided` looks."""
    made = clone(input)
    as_strided(made, size, stride, storage_offset).copy_(src)
    return made


@public("Tensor")
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Set the main diagonal to a number; of a tall matrix, if `wrap`, again after each `columns + 1` rows."""
    if self.dim() < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.dim() > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    height, width = self.shape[:2]
    step = sum(layout.contiguous(self.shape))
    count = min(height, width)
    if wrap and self.dim() == 2 and height > width + 1:
        count = -(-self.numel() // (width + 1))
    flat = np.zeros(self.numel(), bool)
    flat[:count * step:step] = True
    return self.masked_fill_(finish(flat.reshape(self.shape), self.device, False), fill_value)


@public()
def as_strided_(self: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """Look at the memory with other sizes and strides from now on."""
    return self._become(as_strided(self, size, stride, storage_offset))


@public("Tensor")
def resize_(self: Tensor, *size: int | Sequence[int], memory_format: memory_format | None = None, **named: Any) -> Tensor:
    """Take another shape, in place.  Memory that is no longer seen stays, and comes back where the tensor grows again."""
    if named:
        size = misfit.only_spread("resize_", "size", size, named)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    shape, at = sizes(size), self.storage_offset()
    if shape == self.shape or self.device is META:
        return self if shape == self.shape else self._resize(shape)
    held = self.untyped_storage().nbytes() // self.dtype.itemsize - at
    if math.prod(shape) <= held:
        return as_strided_(self, shape, layout.contiguous(shape), at)
    return as_strided_(self, (held,), (1,), at)._resize(shape)


@public()
def resize_as_(self: Tensor, tensor: Tensor, memory_format: memory_format | None = None) -> Tensor:
    """Take the shape of another tensor, in place."""
    return resize_(self, tensor.shape)


@public("Tensor")
@creating("empty_strided")
def new_empty_strided(self: Tensor, size: Sequence[int], stride: Sequence[int], *, dtype: Any = None, layout: Layout | None = None,
                      device: Where = None, pin_memory: bool = False,
                      requires_grad: bool = False) -> Tensor:
    """A tensor of the same type and device with the given strides."""
    return PUBLIC["torch"]["empty_strided"](size, stride, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


@public("torch")
@creating("as_strided")
def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], *, dtype: Any = None, layout: Layout | None = None, device: Where = None,
                   requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor whose dimensions lie in memory in the given order."""
    if len(size) != len(physical_layout):
        raise RuntimeError("Number of dimensions in size does not match the length of the physical_layout; i.e. "
                           f"len(size) = {len(size)} is not equal to len(physical_layout) = {len(physical_layout)}")
    for k, d in enumerate(physical_layout):
        if not 0 <= d < len(size):
            raise RuntimeError(f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d} at index {k}).  NB: negative dims not "
                               "currently supported; file an issue if you want it.")
    if len(set(physical_layout)) < len(physical_layout):
        raise RuntimeError("Duplicate dim not allowed")
    inside = PUBLIC["torch"]["empty"]([size[d] for d in physical_layout], dtype=dtype, device=device)
    return inside.permute(tuple(np.argsort(physical_layout).tolist())).requires_grad_(requires_grad)


# ---- copies of views

def copying(name: str, function: Callable) -> None:
    """Make `name_copy` public, a copy of what the view `function` gives."""
    @public("torch", name=f"{name}_copy")
    def copy(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        if not isinstance(made, tuple):
            return into(out, contiguous(clone(made)))
        if name == "split" and out is not None and any(o.shape != m.shape for o, m in zip(out, made, strict=True)):
            raise RuntimeError("split_copy(): expected tensors of the results' sizes as out=")
        return tuple([into(None if out is None else out[k], contiguous(clone(m))) for k, m in enumerate(made)])
    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"A copy of what `{name}` shows."


def _method(name: str) -> Callable:
    return lambda input, *args, **kwargs: getattr(input, name)(*args, **kwargs)


for _function in (select, split, expand, view, unbind, split_with_sizes, as_strided):
    copying(_function.__name__, _function)
for _name in ("permute", "transpose", "t", "unsqueeze", "diagonal", "unfold", "alias", "squeeze"):
    copying(_name, _method(_name) if _name != "alias" else lambda input: input)


# ---- conjugates

@public()
def conj(input: Tensor) -> Tensor:
    """The conjugate of each element; a real tensor itself."""
    return layout.arrange(wrap(record(conjugate.op, (input,))), (input,)) if input.is_complex() else input


@public()
def adjoint(input: Tensor) -> Tensor:
    """The conjugate transpose of the last two dimensions."""
    if input.dim() < 2:
        raise RuntimeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.dim()}-D tensor.")
    return conj(input.transpose(-2, -1))


@public("linalg", name="diagonal")
def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonal of each matrix, as a view."""
    return A.diagonal(offset, dim1, dim2)


@public("torch")
def constant_pad_nd(input: Tensor, pad: Any, value: complex = 0) -> Tensor:
    """`input` made longer at its ends: `nn.functional.pad` with a constant."""
    return wrap(record(padded.op, (input, value), (tuple(pad), "constant")))


@public("Tensor", name="__reversed__")
def backwards(self: Tensor) -> Tensor:
    """The first dimension in the opposite order."""
    return self.flip((0,)) if self.dim() else self


public("torch", name="detach")(Tensor.detach)
public("torch", name="detach_")(Tensor.detach_)


# ---- positions

@public("torch")
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Positions in a flattened tensor as positions in each dimension of `shape`."""
    if not isinstance(indices, Tensor):
        raise TypeError(f"Expected 'indices' to be a tensor, but got {type(indices)}")
    if indices.dtype.category >= FLOATING or indices.dtype is bool_:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    found = []
    for n in reversed(sizes):
        found.append(indices % n)
        indices = indices.div(n, rounding_mode="floor")
    return unbind(wrap(record(stack.op, tuple(found[::-1]), (len(found), -1))), -1) if found else ()   # rows of one matrix of positions
