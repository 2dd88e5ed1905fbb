"""What tensor operators share about their arguments: types, dimensions, zero-dim inputs, and gradients carried past a value."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import jax
import jax.numpy as jnp
import numpy as np

from .._core.op import Array, Dims, Scalar
from .checks import dimension, scalar_type, widened


def is_inexact(x: Array) -> bool:
    """Whether `x` is floating point or complex."""
    return jnp.issubdtype(x.dtype, jnp.inexact)


def is_complex(x: Array) -> bool:
    """Whether `x` is complex."""
    return jnp.issubdtype(x.dtype, jnp.complexfloating)


def is_bool(x: Array) -> bool:
    """Whether `x` holds booleans."""
    return x.dtype == jnp.bool_


def unimplemented(kernel: str, x: Array) -> NotImplementedError:
    """PyTorch's error for an operand type that its kernel does not take."""
    return NotImplementedError(f'"{kernel}" not implemented for \'{scalar_type(x)}\'')


def require_inexact(x: Array, name: str) -> None:
    """Raise unless `x`, the operand of the linear algebra function `name`, is floating point or complex."""
    if not is_inexact(x):
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {scalar_type(x)}")


def require_matrices(A: Array, name: str) -> None:
    """Raise unless `A`, the operand of the linear algebra function `name`, holds floating point or complex matrices."""
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    require_inexact(A, name)


def transposed(A: Array) -> Array:
    """The conjugate transpose of matrices."""
    return jnp.conj(jnp.swapaxes(A, -1, -2))


def require_index(x: Array, message: str) -> None:
    """Raise `message` unless `x` can be an index: of type int32 or int64."""
    if x.dtype not in (jnp.int32, jnp.int64):
        raise RuntimeError(message)


def cast(value: Scalar | Array, like: Array) -> Array:
    """A number or an array in the type of `like`."""
    return jnp.asarray(np.asarray(value) if isinstance(value, int) else value).astype(like.dtype)   # NumPy takes integers of 64 bits without sign, too


def plus_at(input: Array, places: object, source: Array) -> Array:
    """`input` with `source` added at these places, what is outside dropped; the sum of booleans is whether any is true."""
    if is_bool(input):
        return input.astype(jnp.int32).at[places].add(source.astype(jnp.int32), mode="drop") > 0
    return widened(input).at[places].add(widened(source), mode="drop").astype(input.dtype)


def dimensions(dim: Dims, ndim: int) -> tuple[int, ...]:
    """The dimensions that a reduction runs over, counted from the front; None and the empty tuple mean all of them."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    found = tuple(dimension(d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    for d in found:
        if found.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return found if ndim else ()


def takes_zero_dim(body: Callable) -> Callable:
    """Let a body that works along a dimension take a zero-dim `input`: it sees a vector of one element, and its results lose that dimension."""
    @wraps(body)
    def lifted(input: Array, *args: object, **kwargs: object) -> Array | tuple[Array, ...]:
        if input.ndim:
            return body(input, *args, **kwargs)
        return jax.tree.map(lambda x: x.reshape(()), body(input.reshape(1), *args, **kwargs))
    return lifted


@jax.custom_jvp
def gradient_only(x: Array, where: Array) -> Array:
    """Zeros whose derivative with respect to `x` is 1 at the elements `where`: added to a result, they carry a gradient and leave the value alone."""
    return jnp.zeros_like(x)


gradient_only.defjvp(lambda primals, tangents: (jnp.zeros_like(primals[0]), jnp.where(primals[1], tangents[0], 0)))
