"""What operator bodies check before they compute: types, dimensions, sizes, with PyTorch's exception classes and texts."""
from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

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


def widened(input: jax.Array) -> jax.Array:
    """Half-precision numbers in float32, in which PyTorch accumulates them too; everything else as it is."""
    return input.astype(jnp.float32) if input.dtype in (jnp.float16, jnp.bfloat16) else input


def plus_bias(product: jax.Array, bias: jax.Array) -> jax.Array:
    """Their sum, in the type of the bias; of 16-bit numbers the gradient of the bias, which it has from many elements, adds up in float32."""
    return (widened(product) + widened(bias)).astype(bias.dtype)
