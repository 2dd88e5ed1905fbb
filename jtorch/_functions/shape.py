"""Shapes: views where the memory allows, copies where it does not."""
from __future__ import annotations

from collections.abc import Sequence
import math
from operator import index
from typing import Any

import numpy as np

from .._core import layout, misfit
from .._core.derive import sizes
from .._core.dtype import INTEGRAL, dtype
from .._core.format import memory_format
from .._core.indexing import FULL, check_dimension
from .._core.public import public
from .._core.infer import check_broadcast
from .._core.record import record
from .._core.run import warn_once
from .._core.size import Size
from .._core.storage import CUTS, Step, copied, detach
from .._core.tensor import Tensor, wrap
from .._ops.views import basic_index, bits, expanded, imaginary_part, infer_size, real_part, reshaped, strided
from .order import CONTIGUOUS, in_format, is_contiguous

VIEW, COPY = reshaped.op, copied.op


@public("Tensor")
def view(self: Tensor, *shape: int | Sequence[int] | dtype, dtype: dtype | None = None, size: Sequence[int] | None = None) -> Tensor:
    """The same memory in another shape, or as another type of the same size.

    >>> torch.arange(6).view(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    if size is not None:
        shape = (size,)
    if not shape and dtype is None:
        raise TypeError("view() received an invalid combination of arguments - got (), but expected one of:\n * (torch.dtype dtype)\n * (tuple of ints size)")
    if dtype is None and len(shape) == 1 and not isinstance(shape[0], int | tuple | list | Tensor) and hasattr(shape[0], "numpy"):
        dtype = shape[0]
    if dtype is not None:
        return _as_type(self, dtype)
    wanted = infer_size(sizes(shape), self.numel())
    if not self._in_order and not layout.viewable(self, wanted):
        raise RuntimeError("view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). "
                           "Use .reshape(...) instead.")
    return self._view(VIEW, (), (wanted,))


def _as_type(self: Tensor, kind: dtype) -> Tensor:
    if kind.itemsize == self.dtype.itemsize:
        return self._view(bits.op, (), (kind,))
    array = self.contiguous()._host()
    return self.new_tensor(array.view(kind.numpy), dtype=kind)


@public("torch Tensor")
def reshape(input: Tensor, *shape: int | Sequence[int], **named: Any) -> Tensor:
    """The same elements in another shape: a view where possible, otherwise a copy."""
    if named:
        shape = misfit.only_spread("reshape", "shape", shape, named)
    wanted = infer_size(sizes(shape), input.numel())
    if input._in_order or layout.viewable(input, wanted):
        return input._view(VIEW, (), (wanted,))
    return wrap(record(VIEW, (input,), (wanted,)))


@public("Tensor")
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """The same memory in the shape of `other`."""
    return view(self, other.shape)


@public("Tensor")
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of `other`."""
    return reshape(self, other.shape)


@public("torch Tensor")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """`input` with the dimensions from `start_dim` to `end_dim` made one."""
    shape = input.shape
    a, b = check_dimension(start_dim, len(shape)), check_dimension(end_dim, len(shape))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b and shape:
        return input
    return reshape(input, (*shape[:a], math.prod(shape[a:b + 1]), *shape[b + 1:]))


@public("torch Tensor")
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """`input` with one dimension split into several."""
    d = check_dimension(dim, input.dim())
    if not input.dim():
        raise RuntimeError("unflatten got an unexpected error:")
    if math.prod(n for n in sizes if n != -1) == 0 or input.shape[d] % math.prod(n for n in sizes if n != -1) or \
            -1 not in sizes and math.prod(sizes) != input.shape[d]:
        raise RuntimeError(f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} ({input.shape[d]}) in the input tensor")
    return reshape(input, (*input.shape[:d], *infer_size(tuple(sizes), input.shape[d]), *input.shape[d + 1:]))


@public("torch Tensor")
def ravel(input: Tensor) -> Tensor:
    """`input` as a vector."""
    return reshape(contiguous(input), -1)


@public("Tensor")
def expand(self: Tensor, *size: int | Sequence[int], implicit: bool = False, **named: Any) -> Tensor:
    """`input` with dimensions of size 1 repeated, without copying.  `implicit` is for PyTorch's compilers."""
    if named:
        size = misfit.only_spread("expand", "size", size, named)
    return self._view(expanded.op, (), (sizes(size),))


@public("Tensor")
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """Repeated to the shape of `other`, without copying."""
    return expand(self, other.shape)


@public("torch Tensor")
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """`input` repeated to the given shape, without copying."""
    if isinstance(size, int):
        raise TypeError("broadcast_to(): argument 'size' (position 2) must be tuple of ints, not int")
    return expand(input, size)


@public("torch")
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All tensors in their common shape."""
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors
    shape: tuple = ()
    for k, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise misfit.wrong_element(tensor, k)
        check_broadcast(shape, tensor.shape)
        shape = np.broadcast_shapes(shape, tensor.shape)
    return tuple([expand(t, shape) for t in tensors])


@public("torch")
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid, as views of the vectors; "xy" swaps the first two dimensions.    (n), (m)  ->  (n, m), (n, m)

    >>> torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4]), indexing="ij")
    (tensor([[1, 1],
            [2, 2]]), tensor([[3, 4],
            [3, 4]]))
    """
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for k, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise misfit.wrong_element(tensor, k)
        if tensor.dtype is not tensors[0].dtype or tensor.device is not tensors[0].device:
            raise RuntimeError(f"meshgrid expects all tensors to have the same {'device' if tensor.dtype is tensors[0].dtype else 'dtype'}")
        if tensor.dim() > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got:  {list(tensor.shape)}")
    if indexing is None:
        warn_once("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    places = list(range(len(tensors)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    grid = [tensors[k].numel() for k in places]
    return tuple([expand(reshape(t, [n if k == place else 1 for k, n in enumerate(grid)]), grid) for t, place in zip(tensors, places, strict=True)])


@public("torch")
def broadcast_shapes(*shapes: Any) -> Size:
    """The common shape."""
    shapes = [(s,) if isinstance(s, int) else s if isinstance(s, Size) else tuple(s) for s in shapes]
    common: list[int] = []
    for position, shape in enumerate(shapes):
        common = [1] * (len(shape) - len(common)) + common
        for k in range(1, len(shape) + 1):
            if shape[-k] != 1:
                if common[-k] not in (1, shape[-k]):
                    raise RuntimeError(f"Attempting to broadcast a dimension of length {shape[-k]} at -{k}! Mismatching argument at index {position} had "
                                       f"{shape}; but expected shape should be broadcastable to {common}")
                common[-k] = shape[-k]
    return Size(common)


@public("torch Tensor", aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """`input` with some dimensions moved, the others in their order."""
    given = {"source": source if isinstance(source, int) else list(source), "destination": destination if isinstance(destination, int) else list(destination)}
    source = [check_dimension(d, input.dim()) for d in ((source,) if isinstance(source, int) else source)]
    destination = [check_dimension(d, input.dim()) for d in ((destination,) if isinstance(destination, int) else destination)]
    for name, dims in (("source", source), ("destination", destination)):
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({given[name]})")
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source} dims) should contain the same number of dims as destination "
                           f"({destination} dims)")
    order = [d for d in range(input.dim()) if d not in source]
    for at, d in sorted(zip(destination, source, strict=True)):
        order.insert(at, d)
    return input.permute(order if input.dim() else ())


# Parts

def piece(input: Tensor, dim: int, item: tuple, start: int) -> Tensor:
    """One integer or slice position of a dimension, as a view."""
    spec = tuple([item if d == dim else FULL for d in range(len(input.shape))])
    return input._view(basic_index.op, (start,), (1, spec))


@public("torch Tensor")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The part of `input` at one position of a dimension, which disappears."""
    if not input.dim():
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = check_dimension(dim, input.dim())
    size, at = input.shape[d], int(index)
    if not -size <= at < size:
        raise IndexError(f"select(): index {at} out of range for tensor of size {list(input.shape)} at dimension {d}")
    return piece(input, d, ("int",), at % size)


@public("torch Tensor")
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` positions of a dimension from `start`."""
    if not input.dim():
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = check_dimension(dim, input.dim())
    if isinstance(start, Tensor) and (start.dim() or start.dtype.category != INTEGRAL):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start = int(start)
    size = input.shape[d]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return piece(input, d, ("slice", length, 1), start)


@public("torch Tensor")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All positions of a dimension as separate tensors."""
    if not input.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    d = check_dimension(dim, input.dim())
    return tuple([piece(input, d, ("int",), i) for i in range(input.shape[d])])


@public("torch Tensor")
def split(tensor: Tensor, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None) -> tuple[Tensor, ...]:
    """Parts of a dimension: of equal size (the last may be smaller), or of the sizes in a list."""
    wanted = split_size if split_size_or_sections is None else split_size_or_sections
    wanted = int(wanted) if isinstance(wanted, Tensor | np.integer) else wanted
    if not tensor.dim():
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = check_dimension(dim, tensor.dim())
    size = tensor.shape[d]
    if isinstance(wanted, int):
        if wanted < 0 or not wanted and size:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={wanted}" if wanted < 0 else
                               f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
        wanted = [min(wanted, size - i) for i in range(0, size, wanted)] if size else [0]
    elif any(n < 0 for n in wanted):
        raise RuntimeError(f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={list(wanted)}")
    elif sum(wanted) != size:
        raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {dim}), but got "
                           f"split_sizes={list(wanted)}")
    parts, start = [], 0
    for n in wanted:
        parts.append(piece(tensor, d, ("slice", n, 1), start))
        start += n
    return tuple(parts)


@public("torch Tensor")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """A dimension in at most `chunks` parts of equal size, the last maybe smaller."""
    if not input.dim():
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    chunks = index(chunks)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[check_dimension(dim, input.dim())]
    return split(input, max(1, -(-size // chunks)), dim)


@public("torch Tensor")
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """A dimension in so many parts, or cut at the given positions."""
    d = check_dimension(dim, input.dim())
    size = input.shape[d]
    if isinstance(indices_or_sections, Tensor) and not indices_or_sections.dim():
        indices_or_sections = indices_or_sections.item()
    if isinstance(indices_or_sections, int):
        n = indices_or_sections
        if n <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {n}")
        lengths = [size // n + (i < size % n) for i in range(n)]
        return split(input, lengths, d)
    cuts = [0, *[min(max(c + size if c < 0 else c, 0), size) for c in map(int, indices_or_sections)], size]
    return tuple([narrow(input, d, a, max(b - a, 0)) for a, b in zip(cuts[:-1], cuts[1:], strict=True)])


@public("torch Tensor")
def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """A view of the memory with the given sizes, strides and offset."""
    strides, own = layout.of(input)
    offset = own if storage_offset is None else storage_offset
    size, stride = tuple(size), tuple(stride)
    storage = input._share()
    need = 1 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    have = storage.value.aval.shape.numel() if storage.buffer is None else storage.buffer.size
    if need > have:
        raise RuntimeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {input.dtype.itemsize} requiring "
                           f"a storage size of {need * input.dtype.itemsize} are out of bounds for storage of size {have * input.dtype.itemsize}")
    if own <= offset and need <= own + input.numel() and layout.same(input.shape, strides, layout.contiguous(input.shape)):
        return input._view(strided.op, (), (size, stride, offset - own))    # all of it is part of `input`, which may be a leaf
    base = whole(input)
    if storage.strides is not None and base._step.op is None:
        base = base.permute(layout.in_memory(storage.strides))
    return base._view(strided.op, (), (size, stride, offset))


def whole(input: Tensor) -> Tensor:
    """A tensor on all of the memory that `input` sees."""
    storage, step = input._share(), input._step
    if layout.covers(step, storage):
        return input
    behind = False                                           # whether no gradient flows from here to the memory
    while not layout.covers(step, storage):
        step, behind = step.parent, behind or step.op in CUTS
    if behind:
        step = Step(step, detach.op, (), (), None, input._step.versions)
    base = object.__new__(Tensor)
    base._value = None
    storage.join(base, step)
    base._leaf = step.leaf
    return base


# Copies

@public("torch Tensor")
def clone(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """A copy, through which gradients flow."""
    if not isinstance(input, Tensor):
        raise misfit.wrong_class("clone", "input", 1, "Tensor", input)
    check_format("clone", memory_format)
    return in_format(wrap(record(COPY, (input,))), memory_format, input)


def check_format(name: str, given: Any) -> None:
    """Raise where a `memory_format` is none."""
    if given is not None and not isinstance(given, memory_format):
        raise misfit.wrong_class(name, "memory_format", None, "torch.memory_format", given)


@public("Tensor")
def contiguous(self: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """The tensor itself if its elements lie in order in memory, otherwise a copy."""
    check_format("contiguous", memory_format)
    wanted = CONTIGUOUS if memory_format is None else memory_format
    return self if is_contiguous(self, wanted) else clone(self, memory_format=wanted)


@public("torch")
def detach_copy(input: Tensor) -> Tensor:
    """A copy without gradient history."""
    return wrap(record(detach.op, (input,)))


@public("torch")
def real(input: Tensor) -> Tensor:
    """The real part, as a view; a real tensor itself."""
    return input._view(real_part.op, (), ()) if input.is_complex() else input


@public("torch")
def imag(input: Tensor) -> Tensor:
    """The imaginary part, as a view."""
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return input._view(imaginary_part.op, (), ())


# Attributes

def _transposed(name: str, doc: str, swap: Any) -> None:
    setattr(Tensor, name, property(swap, doc=doc))


def _reversed(self: Tensor) -> Tensor:
    return self.permute(tuple(range(self.dim() - 1, -1, -1)))


def _matrices(self: Tensor, name: str = "mT") -> Tensor:
    if self.dim() == 1:
        raise RuntimeError(f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return self.transpose(-2, -1) if self.dim() else self


def _conjugates(self: Tensor) -> Tensor:
    turned = _matrices(self, "mH")
    return turned.conj() if self.is_complex() else turned


def _conjugate(self: Tensor) -> Tensor:
    if self.dim() not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.dim()}-D tensor."
                           f"{' For batches of matrices, consider using tensor.mH' if self.dim() > 2 else ''}")
    return _reversed(self).conj() if self.is_complex() else _reversed(self)


_transposed("T", "The tensor with its dimensions reversed, as a view.", _reversed)
_transposed("mT", "The tensor with its last two dimensions exchanged, as a view.", _matrices)
_transposed("H", "The conjugate transpose of a matrix.", _conjugate)
_transposed("mH", "The conjugate transpose of the last two dimensions.", _conjugates)
setattr(Tensor, "real", property(lambda self: real(self), lambda self, value: real(self).copy_(value), doc="The real part, as a view."))
setattr(Tensor, "imag", property(lambda self: imag(self), lambda self, value: imag(self).copy_(value), doc="The imaginary part, as a view."))
setattr(Tensor, "is_cuda", property(lambda self: self.device.type == "cuda", doc="Whether it is on a GPU."))
setattr(Tensor, "is_cpu", property(lambda self: self.device.type == "cpu", doc="Whether it is on the CPU."))
setattr(Tensor, "is_meta", property(lambda self: self.device.type == "meta", doc="Whether it has no data."))
setattr(Tensor, "itemsize", property(lambda self: self.dtype.itemsize, doc="The bytes of one element."))
setattr(Tensor, "nbytes", property(lambda self: self.dtype.itemsize * self.numel(), doc="The bytes of all elements."))
setattr(Tensor, "name", property(lambda self: self._name, doc="None."))
for _elsewhere in ("xpu", "ipu", "mtia", "maia", "vulkan"):
    setattr(Tensor, f"is_{_elsewhere}", False)
