"""What operator bodies check before they compute: types, dimensions, sizes, with PyTorch's exception classes and texts."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

SCALAR_TYPES = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long", "uint16": "UInt16",
                "uint32": "UInt32", "uint64": "UInt64", "float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double",
                "complex64": "ComplexFloat", "complex128": "ComplexDouble"}


def scalar_type(input: jax.Array) -> str:
    """The name that PyTorch's messages give an element type, such as `Float`."""
    return SCALAR_TYPES.get(input.dtype.name, input.dtype.name)


def is_floating(input: jax.Array) -> bool:
    """Whether the elements are real floating point numbers."""
    return jnp.issubdtype(input.dtype, jnp.floating)


def require_floating(input: jax.Array, kernel: str) -> None:
    """Raise PyTorch's error for an integer operand of a kernel that has none for integers."""
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        raise NotImplementedError(f'"{kernel}" not implemented for \'{scalar_type(input)}\'')


def sizes(input: jax.Array | Sequence[int]) -> str:
    """`[2, 3]`, the way most messages print sizes."""
    return str([int(size) for size in getattr(input, "shape", input)])


def torch_size(input: jax.Array) -> str:
    """`torch.Size([2, 3])`."""
    return f"torch.Size({sizes(input)})"


def dimension(dim: int, ndim: int) -> int:
    """`dim` counted from the front; a 0-d operand has one dimension here."""
    ndim = max(ndim, 1)
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return dim % ndim


def broadcast_sizes(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """The common shape of two operands."""
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            raise RuntimeError(f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) "
                               f"at non-singleton dimension {max(len(a), len(b)) - back}")
    return np.broadcast_shapes(tuple(a), tuple(b))


def broadcast(*arrays: jax.Array) -> list[jax.Array]:
    """All arrays in their common shape."""
    shape: tuple[int, ...] = ()
    for array in arrays:
        shape = broadcast_sizes(shape, array.shape)
    return [jnp.broadcast_to(array, shape) for array in arrays]


def spread(value: int | Sequence[int], n: int, name: str, function: str) -> tuple[int, ...]:
    """One number per spatial dimension from one number or a sequence of one or `n`."""
    given = (value,) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(given) == 1:
        return given * n
    if len(given) != n:
        raise RuntimeError(f"{function}: {name} must either be a single int, or a tuple of {n} ints")
    return given


def derived(*rules: Callable[..., jax.Array]) -> Callable[[Callable[..., jax.Array]], Callable[..., jax.Array]]:
    """Give a body of arrays PyTorch's derivatives in place of JAX's, for each operand `rule(change, result, *operands)`; what has no rule is a constant.

    The rules are written as PyTorch documents them: from the form follows where they and their own derivatives are infinite or no number.
    """
    def declare(body: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        made = jax.custom_jvp(body)

        def jvp(operands: tuple, changes: tuple) -> tuple[jax.Array, Any]:
            result = made(*operands)
            parts = [rule(t, result, *operands) for rule, t in zip(rules, changes, strict=False) if not isinstance(t, SymbolicZero)]
            return result, jnp.broadcast_to(sum(parts), result.shape) if parts else jnp.zeros_like(result)
        made.defjvp(jvp, symbolic_zeros=True)

        @wraps(body)
        def run(*operands: Any) -> jax.Array:
            return made(*operands)
        return run
    return declare


def magnitude(input: jax.Array) -> jax.Array:
    """The absolute value; its derivative at 0 and nan is 0, where `jnp.abs` has 1 and -1."""
    return _modulus(input) if jnp.issubdtype(input.dtype, jnp.complexfloating) else _size(input)


@derived(lambda t, _, x: t * jnp.where(jnp.isnan(x), 0, jnp.sign(x)))
def _size(x: jax.Array) -> jax.Array:
    return jnp.abs(x)


@jax.custom_jvp
def direction(z: jax.Array) -> jax.Array:
    """The number of size 1 in the direction of a complex number; 0 at 0."""
    size = jnp.abs(z)
    return jnp.where(size == 0, 0, z / jnp.where(size == 0, 1, size))


@jax.custom_jvp
def _modulus(z: jax.Array) -> jax.Array:
    return jnp.abs(z)


@direction.defjvp
def _direction_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    # Without the squares of JAX's own, which vanish for small numbers.
    along, size = direction(*primals), _modulus(*primals)
    change = tangents[0] - along * (along.conj() * tangents[0]).real
    return along, jnp.where(size == 0, 0, change / jnp.where(size == 0, 1, size))


_modulus.defjvps(lambda t, _, z: (direction(z).conj() * t).real)


def widened(input: jax.Array) -> jax.Array:
    """Half-precision numbers in float32, in which PyTorch accumulates them too; everything else as it is."""
    return input.astype(jnp.float32) if input.dtype in (jnp.float16, jnp.bfloat16) else input


def plus_bias(product: jax.Array, bias: jax.Array) -> jax.Array:
    """Their sum; of 16-bit numbers the gradient of the bias, which it has from many elements, adds up in float32."""
    return (widened(product) + widened(bias)).astype(product.dtype)
