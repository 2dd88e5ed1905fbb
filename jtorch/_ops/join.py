"""Putting tensors together and copying parts of them around: joining, repeating, flipping, triangles, diagonals, grids."""
from __future__ import annotations

import itertools
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import block_diag as jax_block_diag

from .._core.op import NONE, SAME, Array, Arrays, Dims, Shape, op
from .arguments import dimensions, is_bool
from .checks import dimension, sizes
from .strides import turned

joins = partial(op, SAME, home="torch", inplace=False, overlap="none", strides="fresh")
grids = partial(op, NONE, home="torch", inplace=False, out=False)


# ---- joining

@joins(aliases=("concat", "concatenate"))
def cat(tensors: Arrays, dim: int = 0) -> Array:
    """Tensors joined along `dim`.    (..., n, ...), (..., m, ...)  ->  (..., n + m, ...)

    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for position, tensor in enumerate(tensors):
        if tensor.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {position}) cannot be concatenated")
    kept = [(position, x) for position, x in enumerate(tensors) if x.shape != (0,)]     # PyTorch lets an empty vector join anything
    if not kept:
        dimension(dim, 1)
        return tensors[0]
    first = kept[0][1]
    axis = dimension(dim, first.ndim)
    for position, x in kept[1:]:
        _require_joinable(first, x, axis, position)
    return jnp.concatenate([x for _, x in kept], axis)


def _require_joinable(first: Array, other: Array, axis: int, position: int) -> None:
    if first.ndim != other.ndim:
        raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {other.ndim}")
    for d, (n, m) in enumerate(zip(first.shape, other.shape)):
        if n != m and d != axis:
            raise RuntimeError(f"Sizes of tensors must match except in dimension {axis}. "
                               f"Expected size {n} but got size {m} for tensor number {position} in the list.")


def _require_tensors(tensors: Arrays, name: str) -> None:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


@joins()
def stack(tensors: Arrays, dim: int = 0) -> Array:
    """Tensors of one size joined along a new dimension `dim`.    (*), ...  ->  (*) with `dim` inserted

    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    _require_tensors(tensors, "stack")
    axis = dimension(dim, tensors[0].ndim + 1)
    for position, tensor in enumerate(tensors):
        if tensor.shape != tensors[0].shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {sizes(tensors[0])} at entry 0 "
                               f"and {sizes(tensor)} at entry {position}")
    return jnp.stack(tensors, axis)


@joins(node="CatBackward0")
def hstack(tensors: Arrays) -> Array:
    """Tensors side by side: joined along dimension 1, vectors along 0.    (n, a), (n, b)  ->  (n, a + b)"""
    _require_tensors(tensors, "hstack")
    tensors = [jnp.atleast_1d(x) for x in tensors]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@joins(aliases=("row_stack",), node="CatBackward0")
def vstack(tensors: Arrays) -> Array:
    """Tensors on top of each other: joined along dimension 0, a vector being a row.    (a, n), (b, n)  ->  (a + b, n)"""
    _require_tensors(tensors, "vstack")
    return cat([jnp.atleast_2d(x) for x in tensors], 0)


@joins(node="CatBackward0")
def dstack(tensors: Arrays) -> Array:
    """Tensors behind each other: joined along dimension 2.    (n, m), (n, m)  ->  (n, m, 2)"""
    _require_tensors(tensors, "dstack")
    return cat([jnp.atleast_3d(x) for x in tensors], 2)


@joins(node="CatBackward0")
def column_stack(tensors: Arrays) -> Array:
    """Tensors side by side, a vector being a column.    (n), (n, a)  ->  (n, 1 + a)"""
    _require_tensors(tensors, "column_stack")
    return hstack([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors])


@joins(out=False, spread=True)
def block_diag(tensors: Arrays) -> Array:
    """Matrices along the diagonal of a matrix of zeros; `block_diag(*tensors)`.    (a, b), (c, d)  ->  (a + c, b + d)"""
    for position, tensor in enumerate(tensors):
        if tensor.ndim > 2:
            raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                               f"Input {position} has {tensor.ndim} dimensions")
    return jax_block_diag(*tensors)


# ---- repeating

@op(NONE, home="Tensor", out=False)
def repeat(input: Array, repeats: Shape) -> Array:
    """Copies of `input` side by side, `repeats[d]` along dimension d.    input: (*)  ->  (*)

    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if len(repeats) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    wanted = [n * r for n, r in zip((1,) * (len(repeats) - input.ndim) + input.shape, repeats)]
    for size in wanted:
        if size < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {size}: {wanted}")
    return jnp.tile(input, repeats)


@op(NONE, out=False, node="RepeatBackward0")
def tile(input: Array, dims: Shape) -> Array:
    """Copies of `input` side by side; `dims` is filled up with ones in front.    input: (*)  ->  (*)"""
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


@op(NONE, out=False, node="ViewBackward0")
def repeat_interleave(input: Array, repeats: int, dim: int | None = None, *, output_size: int | None = None) -> Array:
    """Each element along `dim` repeated `repeats` times in a row; without `dim` of the flattened input.    input: (*)  ->  (*)

    >>> torch.repeat_interleave(torch.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    flat = input.reshape(-1) if dim is None or input.ndim == 0 else input
    return jnp.repeat(flat, repeats, dimension(dim or 0, flat.ndim))


@op(NONE, name="repeat_interleave", out=False, node="IndexSelectBackward0")
def repeat_interleave_each(input: Array, repeats: Array, dim: int | None = None, *, output_size: int) -> Array:
    """Each element along `dim` repeated as often as `repeats` says, `output_size` in all.    input: (*), repeats: (n) or (1)  ->  (*)"""
    flat = input.reshape(-1) if dim is None or input.ndim == 0 else input
    axis = dimension(dim or 0, flat.ndim)
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.size not in (1, flat.shape[axis]):
        raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.size} "
                           f"and input.size({axis}) = {flat.shape[axis]}")
    return jnp.repeat(flat, jnp.broadcast_to(repeats, flat.shape[axis]), axis, total_repeat_length=output_size)


# ---- turning

@op(NONE, out=False, strides="like")
def flip(input: Array, dims: Shape) -> Array:
    """The order of the elements reversed along `dims`.    input: (*)  ->  (*)

    >>> torch.flip(torch.tensor([1, 2, 3]), (0,))
    tensor([3, 2, 1])
    """
    return jnp.flip(input, dimensions(dims, input.ndim)) if dims else input


@op(NONE, out=False, node="FlipBackward0", strides="like")
def fliplr(input: Array) -> Array:
    """Columns in reversed order.    input: (n, m, *)  ->  (n, m, *)"""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return jnp.flip(input, 1)


@op(NONE, out=False, node="FlipBackward0", strides="like")
def flipud(input: Array) -> Array:
    """Rows in reversed order.    input: (n, *)  ->  (n, *)"""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return jnp.flip(input, 0)


@op(NONE, out=False, strides="channels")
def roll(input: Array, shifts: Dims, dims: Dims = None) -> Array:
    """Elements moved `shifts` places along `dims`, round the end; without `dims` of the flattened input.    input: (*)  ->  (*)

    >>> torch.roll(torch.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if not shifts:
        raise RuntimeError("`shifts` required")
    along = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if along and not input.ndim:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    if not along and len(shifts) == 1:
        return jnp.roll(input, shifts[0])
    if len(shifts) != len(along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(along)}")
    return jnp.roll(input, shifts, tuple(dimension(d, input.ndim) for d in along)) if input.ndim else input


@op(NONE, out=False, strides=turned)
def rot90(input: Array, k: int = 1, dims: tuple[int, int] = (0, 1)) -> Array:
    """The plane `dims` turned by `k` quarters.    input: (*)  ->  (*)"""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    first, second = (dimension(d, input.ndim) for d in dims)
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return jnp.rot90(input, k, (first, second))


# ---- triangles and diagonals

@op(NONE, inplace=True)
def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangle of matrices, zeros above `diagonal`.    input: (*, n, m)  ->  (*, n, m)

    >>> torch.tril(torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    return jnp.tril(input, diagonal)


@op(NONE, inplace=True)
def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangle of matrices, zeros below `diagonal`.    input: (*, n, m)  ->  (*, n, m)"""
    if input.ndim < 2:
        raise RuntimeError("triu: input tensor must have at least 2 dimensions")
    return jnp.triu(input, diagonal)


@op(NONE, node=lambda entry: "DiagEmbedBackward0" if len(entry.inputs[0].shape) == 1 else "DiagonalBackward0_copy", saves="nothing")
def diag(input: Array, diagonal: int = 0) -> Array:
    """A vector as the diagonal of a matrix, or the diagonal of a matrix.    input: (n) or (n, m)  ->  (n, n) or (min(n, m))"""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return jnp.diag(input, diagonal)


@op(NONE, out=False, node="DiagEmbedBackward0")
def diagflat(input: Array, offset: int = 0) -> Array:
    """The elements of `input` as the diagonal of a matrix.    input: (*)  ->  (n, n)"""
    return jnp.diag(input.reshape(-1), offset)


@op(NONE, out=False)
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """Vectors along the last dimension as diagonals of matrices that lie in `dim1` and `dim2`.    input: (*, n)  ->  (*, n, n)"""
    first, second = (dimension(d, input.ndim + 1) for d in (dim1, dim2))
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    size = input.shape[-1] + abs(offset)
    place = np.arange(input.shape[-1])
    square = jnp.zeros((*input.shape[:-1], size, size), input.dtype).at[..., place + max(-offset, 0), place + max(offset, 0)].set(input)
    return jnp.moveaxis(square, (-2, -1), (first, second))


@op(NONE, out=False)
def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """`input` with `src` on its diagonal.    input: (*, n, m), src: (*, min(n, m))  ->  (*, n, m)"""
    moved = jnp.moveaxis(input, (dimension(dim1, input.ndim), dimension(dim2, input.ndim)), (-2, -1))
    rows, columns = np.nonzero(np.eye(moved.shape[-2], moved.shape[-1], k=offset, dtype=bool))
    return jnp.moveaxis(moved.at[..., rows, columns].set(src), (-2, -1), (dimension(dim1, input.ndim), dimension(dim2, input.ndim)))


# ---- products of places: outer products, grids, combinations

@op(SAME, inplace=False, aliases=("ger",), node="MulBackward0", numbers=False, strides="fresh")
def outer(input: Array, vec2: Array) -> Array:
    """The product of every element of one vector with every element of another.    input: (n), vec2: (m)  ->  (n, m)"""
    for name, vector in (("self", input), ("vec2", vec2)):
        if vector.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {vector.ndim}-D")
    return input[:, None] * vec2[None, :]


@op(SAME, inplace=False, node="UnsafeViewBackward0", numbers=False, strides="fresh")
def kron(input: Array, other: Array) -> Array:
    """Kronecker product.    input: (n, m), other: (p, q)  ->  (n p, m q)"""
    return jnp.kron(input.astype(jnp.int8), other.astype(jnp.int8)).astype(jnp.bool_) if is_bool(input) else jnp.kron(input, other)


@grids(spread=True)
def cartesian_prod(tensors: Arrays) -> Array:
    """All ways to choose one element from each vector; `cartesian_prod(*tensors)`.    (n), (m)  ->  (n m, 2)"""
    for tensor in tensors:
        if tensor.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {sizes(tensor)}")
    if len(tensors) == 1:
        return tensors[0]
    return jnp.stack([x.reshape(-1) for x in jnp.meshgrid(*tensors, indexing="ij")], 1)


@grids(node="StackBackward0")
def combinations(input: Array, r: int = 2, with_replacement: bool = False) -> Array:
    """All ways to choose `r` elements of a vector.    input: (n)  ->  (number of ways, r)

    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {sizes(input)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    return input[places]
