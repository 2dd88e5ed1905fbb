"""Affine maps: `linear`, `bilinear`."""
from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, Array, op
from . import nodes
from .checks import plus_bias, scalar_type, sizes, widened
from .single import unrounded_product

NARROW = 1 << 12                                             # elements up to which a result of few features is turned for the gradient


def _check_linear(input: Array, weight: Array, bias: Array | None) -> None:
    if weight.ndim not in (1, 2):
        raise RuntimeError(f"linear(): weight must be a 1D or 2D tensor, but got {weight.ndim}D")
    rows = input.size // max(input.shape[-1], 1) if input.ndim else 1
    if input.ndim == 0 or input.shape[-1] != weight.shape[-1]:
        right = f"{weight.shape[-1]}x{weight.shape[0]}" if weight.ndim == 2 else f"{weight.shape[0]}"
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{input.shape[-1] if input.ndim else 0} and {right})")
    if input.dtype != weight.dtype:
        if input.ndim == 2 and bias is not None:
            raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {scalar_type(input)} and {scalar_type(weight)}")
        raise RuntimeError("expected m1 and m2 to have the same dtype, but got: "
                           f"{scalar_type(input).lower()} != {scalar_type(weight).lower()}")
    if bias is None:
        return
    if bias.dtype != input.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {scalar_type(bias)} and {scalar_type(weight)}")
    if bias.ndim and bias.shape[-1] not in (1, weight.shape[0]):
        raise RuntimeError(f"The expanded size of the tensor ({weight.shape[0]}) must match the existing size ({bias.shape[-1]}) at non-singleton "
                           f"dimension 1.  Target sizes: [{rows}, {weight.shape[0]}].  Tensor sizes: {sizes(bias)}")


@jax.custom_vjp
def _narrowing(rows: Array, weight: Array) -> Array:
    """`rows @ weight.T` to few features.  XLA's product of two matrices along their rows wakes more threads than so little work is worth, for the
    weight's gradient; of the turned gradient it is the usual product."""
    return rows @ weight.T


def _narrowing_forward(rows: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    return rows @ weight.T, (rows, weight)


def _narrowing_backward(kept: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    rows, weight = kept
    return gradient @ weight, lax.optimization_barrier(gradient.T) @ rows    # or XLA would turn it within the product


_narrowing.defvjp(_narrowing_forward, _narrowing_backward)


def _is_narrow(rows: Array, weight: Array) -> bool:
    return rows.ndim == weight.ndim == 2 and 4 * weight.shape[0] <= weight.shape[1] and rows.shape[0] * weight.shape[0] <= NARROW


@op(NONE, home="nn.functional", inplace=False, node=nodes.linear)
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """`input @ weight.T + bias`.    input: (*, in), weight: (out, in) or (in), bias: (out) or ()  ->  (*, out) or (*)

    >>> nn.functional.linear(torch.ones(1, 2), torch.tensor([[1.0, 2.0]]))
    tensor([[3.]])
    """
    _check_linear(input, weight, bias)
    rows = input.reshape(-1, input.shape[-1]) if input.ndim > 2 else input    # XLA on the CPU multiplies matrices much faster than stacks
    if bias is None or widened(rows) is rows:
        product = _narrowing(rows, weight) if _is_narrow(rows, weight) else rows @ weight.T
    else:
        product = unrounded_product(rows, weight.T)
    product = product if bias is None else plus_bias(product, bias)
    return product.reshape(*input.shape[:-1], *weight.shape[:-1])


@op(NONE, home="torch nn.functional", inplace=False, out=False, node="ViewBackward0")
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """`input1 @ weight[k] @ input2 + bias[k]` for each k.    input1: (*, m), input2: (*, n), weight: (out, m, n)  ->  (*, out)"""
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got {sizes(input1)} and {sizes(input2)}")
    for name, operand, size in (("input1", input1, weight.shape[1]), ("input2", input2, weight.shape[2])):
        if operand.shape[-1] != size:
            raise RuntimeError(f"bilinear(): {name} size does not match weight size: got {operand.shape[-1]} but expected {size}")
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}")
    out, m, n = weight.shape
    left, right = input1.reshape(-1, m), input2.reshape(-1, n)
    forms = jnp.moveaxis((left @ jnp.moveaxis(weight, 1, 0).reshape(m, out * n)).reshape(-1, out, n), 1, 0)
    product = (widened(forms) * widened(right)).sum(-1).T.astype(left.dtype)
    product = product if bias is None else plus_bias(product, bias)
    return product.reshape(*input1.shape[:-1], out)
