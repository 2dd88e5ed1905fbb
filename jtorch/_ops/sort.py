"""Sorting."""
from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, Array, op
from .arguments import is_bool, is_complex, is_inexact, takes_zero_dim
from .checks import dimension


def _order(input: Array, axis: int, descending: bool) -> Array:
    """The indices that sort `input` stably; nan counts as the largest element."""
    if is_complex(input):
        raise RuntimeError(" Sort does not support complex dtypes on CPU")
    keys = lax.stop_gradient(input)
    if not descending:
        return jnp.argsort(keys, axis, stable=True)
    backwards = jnp.argsort(jnp.flip(keys, axis), axis, stable=True)    # ascending from the back, read backwards, keeps equals in order
    return input.shape[axis] - 1 - jnp.flip(backwards, axis)


@op(NONE, returns="values indices", node=lambda entry: f"SortBackward{int(entry.attrs[2])}", saves="nothing", overlap="whole", strides="like")
@takes_zero_dim
def sort(input: Array, dim: int = -1, descending: bool = False, *, stable: bool = False) -> tuple[Array, Array]:
    """The elements in order along `dim`, and the indices they come from; equal ones keep their order.    input: (*)  ->  (*), (*)

    >>> torch.sort(torch.tensor([3, 1, 2]), descending=True).values
    tensor([3, 2, 1])
    """
    axis = dimension(dim, input.ndim)
    order = _order(input, axis, descending).astype(jnp.int64)
    return jnp.take_along_axis(input, order, axis), order


@op(NONE, differentiable=False, strides="like")
@takes_zero_dim
def argsort(input: Array, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Array:
    """The indices that sort `input` along `dim`.    input: (*)  ->  (*), int64

    >>> torch.argsort(torch.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    return _order(input, dimension(dim, input.ndim), descending).astype(jnp.int64)


@op(NONE, node="SortBackward0", saves="nothing", overlap="whole", strides="like")
@takes_zero_dim
def msort(input: Array) -> Array:
    """The elements in ascending order along the first dimension.    input: (*)  ->  (*)"""
    return jnp.take_along_axis(input, _order(input, 0, False), 0)


def _rising_key(input: Array, largest: bool) -> Array:
    """A key whose largest elements are those that topk asks for."""
    key = lax.stop_gradient(input)
    if is_bool(key):
        key = key.astype(jnp.int8)
    if largest:
        return key
    return jnp.where(jnp.isnan(key), -jnp.inf, -key) if is_inexact(key) else ~key       # ~ reverses the order of integers and cannot overflow


@op(NONE, returns="values indices", saves="nothing")
@takes_zero_dim
def topk(input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Array, Array]:
    """The `k` largest (or smallest) elements along `dim` in order, and their indices.    input: (..., n, ...)  ->  (..., k, ...), twice

    >>> torch.topk(torch.tensor([1.0, 4.0, 3.0]), 2)
    torch.return_types.topk(
    values=tensor([4., 3.]),
    indices=tensor([1, 2]))
    """
    axis = dimension(dim, input.ndim)
    if not 0 <= k <= input.shape[axis]:
        raise RuntimeError("selected index k out of range")
    indices = lax.top_k(jnp.moveaxis(_rising_key(input, largest), axis, -1), k)[1]
    indices = jnp.moveaxis(indices, -1, axis).astype(jnp.int64)
    return jnp.take_along_axis(input, indices, axis), indices
