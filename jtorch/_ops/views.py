"""Operators whose result shares its input's memory.  The bodies work on NumPy arrays (host values, strides) and on JAX arrays alike."""
from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.op import Array, Scalars, Shape, view
from .._core import indexing
from .checks import dimension, scalar_type


def infer_size(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """`shape` with its -1 filled in for `count` elements."""
    unknown = [i for i, n in enumerate(shape) if n == -1]
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)} at index {shape.index(min(shape))} of shape {list(shape)}")
    known = math.prod(n for n in shape if n != -1)
    if unknown:
        if known == 0 and count == 0:
            raise RuntimeError(f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 can be any "
                               "value and is ambiguous")
        if known and count % known == 0:
            return tuple(count // known if n == -1 else n for n in shape)
    elif known == count:
        return tuple(shape)
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")


@view(home="", put=lambda base, new, size: new.reshape(base.shape), in_order=True, node="ViewBackward0")
def reshaped(input: Array, size: Shape) -> Array:
    return input.reshape(size)


@view(put=lambda base, new, dim0, dim1: new.swapaxes(dim0, dim1) if base.ndim else new, aliases=("swapaxes", "swapdims"), inplace=True)
def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """`input` with two dimensions exchanged.    input: (*)  ->  (*)

    >>> torch.zeros(2, 3).transpose(0, 1).shape
    torch.Size([3, 2])
    """
    a, b = dimension(dim0, input.ndim), dimension(dim1, input.ndim)
    return input.swapaxes(a, b) if input.ndim else input[...]


@view(put=lambda base, new: new.T, inplace=True)
def t(input: Array) -> Array:
    """The transpose of a matrix; a vector as it is.    input: (n, m)  ->  (m, n)"""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input.T


@view(put=lambda base, new, dims: new.transpose(tuple(np.argsort([d % max(base.ndim, 1) for d in dims]))))
def permute(input: Array, dims: Shape) -> Array:
    """`input` with its dimensions in the order `dims`."""
    if len(dims) != input.ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions "
                           f"i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}")
    order = tuple(dimension(d, input.ndim) for d in dims)
    if len(set(order)) < len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return input.transpose(order)


@view(put=lambda base, new, dim: new.reshape(base.shape), inplace=True, in_order=True)
def unsqueeze(input: Array, dim: int) -> Array:
    """`input` with a dimension of size 1 inserted at `dim`."""
    at = dimension(dim, input.ndim + 1)
    return input[(slice(None),) * at + (None,)]


@view(name="squeeze", put=lambda base, new: new.reshape(base.shape), inplace=True, in_order=True)
def squeeze_all(input: Array) -> Array:
    """`input` without its dimensions of size 1."""
    return input.squeeze()


@view(name="squeeze", put=lambda base, new, dim: new.reshape(base.shape), inplace=True, in_order=True,
      node=lambda entry: f"SqueezeBackward{1 if isinstance(entry.attrs[0], int) else 2}")
def squeeze(input: Array, dim: Any) -> Array:
    """`input` without the given dimensions, where they have size 1."""
    chosen = {dimension(d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim)}
    return input.squeeze(tuple(d for d in chosen if input.ndim and input.shape[d] == 1))


@view(home="", overlaps=True, node="ExpandBackward0")
def expanded(input: Array, size: Shape) -> Array:
    ahead = len(size) - input.ndim
    if ahead < 0:
        raise RuntimeError(f"expand(torch.{scalar_type(input)}Tensor{{{list(input.shape)}}}, size={list(size)}): the number of sizes provided ({len(size)}) "
                           f"must be greater or equal to the number of dimensions in the tensor ({input.ndim})")
    full: list[int] = []
    for i, n in reversed(list(enumerate(size))):
        have = input.shape[i - ahead] if i >= ahead else None
        if n == -1 and have is None:
            raise RuntimeError(f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {i}")
        if have not in (None, 1, n) and n != -1:
            raise RuntimeError(f"The expanded size of the tensor ({n}) must match the existing size ({have}) at non-singleton dimension {i}.  "
                               f"Target sizes: {list(size)}.  Tensor sizes: {list(input.shape)}")
        full.insert(0, have if n == -1 else n)
    if isinstance(input, np.ndarray):                        # NumPy's own result could never be written to
        return np.lib.stride_tricks.as_strided(input, full, np.broadcast_to(input, full).strides, writeable=input.flags.writeable)
    return jnp.broadcast_to(input, full)


FULL = ("full",)
Spec = tuple[tuple, ...]


def _last_step(entry: Any) -> str:
    """PyTorch records the parts of an index one by one: its name is that of the last."""
    last = [i[0] for i in entry.attrs[1] if i[0] != "full"][-1:]
    return {"int": "SelectBackward0", "new": "UnsqueezeBackward0", "slice": "SliceBackward0"}[last[0]] if last else "AliasBackward0"


@view(home="", put=lambda base, new, spec, starts: write_slices(base, new, spec, *starts), node=_last_step)
def basic_index(input: Array, spec: Any, starts: Scalars) -> Array:
    """Indexing by integers, slices and None.

    spec    for each dimension of the input ("full",), ("int",) or ("slice", size, step), and ("new",) where the result gets one
    starts  the first position of each integer and slice
    """
    return read_slices(input, spec, *starts)


indexing.Views.basic = basic_index.op


def read_slices(input: Array, spec: Spec, *starts: Any) -> Array:
    """The part of `input` that `spec` and `starts` describe."""
    if all(isinstance(s, int) for s in starts):
        return input[indexing.literal_index(spec, starts)]
    return _drop(_window(input, spec, starts), spec)


def _window(input: Array, spec: Spec, starts: tuple) -> Array:
    """The smallest box around the chosen part, integers kept as dimensions of size 1, then thinned out by the steps."""
    corner, extent, steps = _box(input, spec, starts)
    box = lax.dynamic_slice(input, corner, extent)
    return box[tuple(slice(None, None, s) for s in steps)] if any(s != 1 for s in steps) else box


def _box(input: Array, spec: Spec, starts: tuple) -> tuple[list, list[int], list[int]]:
    start, corner, extent, steps = iter(starts), [], [], []
    for size, item in zip(input.shape, [i for i in spec if i[0] != "new"], strict=True):
        corner.append(jnp.asarray(0 if item[0] == "full" else next(start), jnp.int64))
        extent.append(size if item[0] == "full" else 1 if item[0] == "int" else (item[1] - 1) * item[2] + 1 if item[1] else 0)
        steps.append(item[2] if item[0] == "slice" else 1)
    return corner, extent, steps


def _drop(window: Array, spec: Spec) -> Array:
    return window[tuple(0 if i[0] == "int" else None if i[0] == "new" else slice(None) for i in spec)]


def write_slices(base: Array, new: Array, spec: Spec, *starts: Any) -> Array:
    """`base` with `new` written where `spec` and `starts` look."""
    if all(isinstance(s, int) for s in starts):
        return base.at[indexing.literal_index(spec, starts)].set(new)
    corner, extent, steps = _box(base, spec, starts)
    box = lax.dynamic_slice(base, corner, extent)
    where = tuple(0 if i[0] == "int" else None if i[0] == "new" else slice(None, None, i[2] if i[0] == "slice" else 1) for i in spec)
    return lax.dynamic_update_slice(base, box.at[where].set(new), corner)


@view()
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The diagonal of each matrix in the dimensions `dim1` and `dim2`, as the last dimension."""
    a, b = dimension(dim1, input.ndim), dimension(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    seen = input.diagonal(offset, a, b)
    if isinstance(seen, np.ndarray):
        seen.flags.writeable = input.flags.writeable
    return seen


@view(home="Tensor", overlaps=True)
def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    """All windows of `size` along a dimension, `step` apart, as a new last dimension."""
    d = dimension % max(input.ndim, 1)
    if size > 1 and not input.ndim:
        raise RuntimeError(f"maximum size for tensor at dimension 0 is 1 but size is {size}")
    if not input.ndim:
        return input[None][:size]
    if size > input.shape[d]:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {input.shape[d]} but size is {size}")
    count = (input.shape[d] - size) // step + 1
    if isinstance(input, np.ndarray):
        windows = np.lib.stride_tricks.sliding_window_view(input, size, axis=d, writeable=input.flags.writeable)
        return windows[(slice(None),) * d + (slice(None, None, step),)]
    where = np.arange(count)[:, None] * step + np.arange(size)
    return jnp.moveaxis(jnp.take(input, where, axis=d), d + 1, -1)


@view(home="", overlaps=True, node="AsStridedBackward0")
def strided(input: Array, size: Shape, stride: Shape, storage_offset: int) -> Array:
    if isinstance(input, np.ndarray):                        # the whole memory: its elements lie in order
        base, step = input.reshape(-1), input.itemsize
        return np.lib.stride_tricks.as_strided(base[storage_offset:], size, [s * step for s in stride], writeable=input.flags.writeable)
    positions = np.full(size, storage_offset, np.int64)
    for d, (n, s) in enumerate(zip(size, stride, strict=True)):
        positions += (np.arange(n) * s).reshape((-1,) + (1,) * (len(size) - d - 1))
    return input.reshape(-1)[positions]


@view(home="", put=lambda base, new: lax.complex(new, base.imag), node="SelectBackward0")
def real_part(input: Array) -> Array:
    return input.real


@view(home="", put=lambda base, new: lax.complex(base.real, new), node="SelectBackward0")
def imaginary_part(input: Array) -> Array:
    return input.imag


@view(home="torch", put=lambda base, new: lax.complex(new[..., 0], new[..., 1]))
def view_as_real(input: Array) -> Array:
    """A complex tensor as a real one, with a last dimension of size 2.    input: (*)  ->  (*, 2)"""
    if not jnp.issubdtype(input.dtype, jnp.complexfloating):
        raise RuntimeError("view_as_real is only supported for complex tensors")
    if isinstance(input, np.ndarray):
        return input[..., None].view(input.real.dtype)
    return jnp.stack([input.real, input.imag], -1)


@view(home="torch", put=lambda base, new: jnp.stack([new.real, new.imag], -1))
def view_as_complex(input: Array) -> Array:
    """A real tensor whose last dimension has size 2 as a complex one.    input: (*, 2)  ->  (*)"""
    if input.shape[-1:] != (2,):
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if isinstance(input, np.ndarray):
        return input.view(np.result_type(input.dtype, np.complex64))[..., 0]
    return lax.complex(input[..., 0], input[..., 1])


@view(home="", put=lambda base, new, dtype: lax.bitcast_convert_type(new, base.dtype).reshape(base.shape))
def bits(input: Array, dtype: Any) -> Array:
    """The same memory read as another type of the same size."""
    return input.view(dtype.numpy) if isinstance(input, np.ndarray) else lax.bitcast_convert_type(input, dtype.numpy)

