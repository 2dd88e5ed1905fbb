"""Products of matrices and vectors, and sums over shared indices."""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, SAME, Array, Arrays, Scalar, op
from .arguments import cast, is_bool, unimplemented
from .checks import broadcast_sizes, dimension, scalar_type, sizes, widened
from .nodes import inner as inner_name
from .nodes import product
from .single import apart, multiply_add, unrounded_product

C_TYPES = {"float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "int64": "long int", "int32": "int",
           "int16": "short int", "int8": "signed char", "uint8": "unsigned char", "bool": "bool",
           "complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}
accumulating = partial(op, NONE, inplace=True, fits=("beta", "alpha"), wide=True)


# ---- what fits what

def _c_type(x: Array) -> str:
    return C_TYPES.get(str(x.dtype), str(x.dtype))


def _by(matrix: Array) -> str:
    return "x".join(map(str, matrix.shape))


def _require_matrix(x: Array, name: str) -> None:
    if x.ndim != 2:
        raise RuntimeError(f"{name} must be a matrix")


def _matrix_product(left: Array, right: Array, product: Callable[[Array, Array], Array] = jnp.matmul) -> Array:
    """(n, k) times (k, m)."""
    if left.shape[1] != right.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({_by(left)} and {_by(right)})")
    if left.dtype != right.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {_c_type(left)} != {_c_type(right)}")
    if is_bool(left):
        raise unimplemented("addmm_impl_cpu_", left)
    return product(left, right)


def _matrix_vector(matrix: Array, vector: Array, product: Callable[[Array, Array], Array] = jnp.matmul) -> Array:
    """(n, k) times (k)."""
    if matrix.shape[1] != vector.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({matrix.shape[0]}), mat ({_by(matrix)}), vec ({vector.shape[0]})")
    if matrix.dtype != vector.dtype:
        raise RuntimeError("addmv input tensors must have the same dtype, but got "
                           f"{scalar_type(vector)}, {scalar_type(matrix)}, and {scalar_type(vector)}")
    if is_bool(matrix):
        raise unimplemented("addmv_impl_cpu", matrix)
    return product(matrix, vector)


def _stack_product(left: Array, right: Array, kernel: str = "bmm", product: Callable[[Array, Array], Array] = jnp.matmul) -> Array:
    """(b, n, k) times (b, k, m)."""
    b, _, k = left.shape
    if right.shape[:2] != (b, k):
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] "
                           f"but got: [{right.shape[0]}, {right.shape[1]}].")
    if left.dtype != right.dtype:
        raise RuntimeError(f"expected scalar type {scalar_type(left)} but found {scalar_type(right)}")
    if is_bool(left):
        raise unimplemented(kernel, left)
    return product(left, right)


def _vector_product(input: Array, other: Array) -> Array:
    """(n) times (n)."""
    if input.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors")
    if input.dtype != other.dtype:
        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {scalar_type(input)} and {scalar_type(other)}")
    n, m = input.shape[0], other.shape[0]
    if n != m:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same number of elements, "
                           f"but got {n} and {m} elements respectively")
    if is_bool(input):
        raise unimplemented("dot", input)
    return jnp.matmul(input, other)


# ---- products

@op(NONE, home="torch Tensor linalg", reflected=True, node=product)
def matmul(input: Array, other: Array) -> Array:
    """Matrix product; a vector on the left is a row, on the right a column; leading dimensions broadcast.    (*, n, k), (*, k, m)  ->  (*, n, m)

    >>> torch.tensor([[1, 2], [3, 4]]) @ torch.tensor([1, 1])
    tensor([3, 7])
    """
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D")
    if other.ndim <= 2:
        return _flat_product(input, other)
    left = input if input.ndim > 1 else input[None]
    batch = broadcast_sizes(left.shape[:-2], other.shape[:-2])
    if left.shape[-1] != other.shape[-2]:
        count = math.prod(batch)
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{count}, {left.shape[-1]}] "
                           f"but got: [{count}, {other.shape[-2]}].")
    if input.dtype != other.dtype:
        raise RuntimeError(f"expected scalar type {scalar_type(input)} but found {scalar_type(other)}")
    if is_bool(input):
        raise unimplemented("bmm", input)
    return jnp.matmul(input, other)


def _flat_product(input: Array, other: Array) -> Array:
    """A product whose right side is one matrix or vector: the left's leading dimensions become rows, which XLA multiplies faster than a stack."""
    if input.ndim == 1 and other.ndim == 1:
        return _vector_product(input, other)
    rows = input.reshape(math.prod(input.shape[:-1]), input.shape[-1])
    product = _matrix_vector(rows, other) if other.ndim == 1 else _matrix_product(rows, other)
    return product.reshape(input.shape[:-1] + other.shape[1:])


@op(NONE)
def mm(input: Array, mat2: Array) -> Array:
    """Product of two matrices.    input: (n, k), mat2: (k, m)  ->  (n, m)

    >>> torch.mm(torch.tensor([[1, 2]]), torch.tensor([[3], [4]]))
    tensor([[11]])
    """
    _require_matrix(input, "self")
    _require_matrix(mat2, "mat2")
    return _matrix_product(input, mat2)


@op(NONE)
def bmm(input: Array, mat2: Array) -> Array:
    """Products of the matrices of two stacks.    input: (b, n, k), mat2: (b, k, m)  ->  (b, n, m)"""
    for name, stack in (("batch1", input), ("batch2", mat2)):
        if stack.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    return _stack_product(input, mat2)


@op(NONE)
def mv(input: Array, vec: Array) -> Array:
    """Product of a matrix and a vector.    input: (n, k), vec: (k)  ->  (n)"""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    return _matrix_vector(input, vec)


@op(NONE)
def dot(input: Array, tensor: Array) -> Array:
    """Sum of the products of two vectors' elements.    input, tensor: (n)  ->  ()

    >>> torch.dot(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor(11)
    """
    return _vector_product(input, tensor)


@op(NONE)
def vdot(input: Array, other: Array) -> Array:
    """`dot` of the complex conjugate of `input` with `other`.    input, other: (n)  ->  ()"""
    return _vector_product(jnp.conj(input), other)


@op(NONE, node=inner_name, out="cast")
def inner(input: Array, other: Array) -> Array:
    """Sum of products over the last dimension of both.    input: (*, k), other: (+, k)  ->  (*, +)"""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes {sizes(input)} and {sizes(other)}")
    return tensordot(input, other, ((-1,), (-1,)))


# ---- products added to something

def _sum(input: Array, beta: Scalar, product: Array, alpha: Scalar, factor: Array) -> Array:
    """`beta * input + alpha * product`, in the type of the product's `factor`; with a `beta` of 0 a nan in `input` does not count."""
    ahead = product.ndim - input.ndim
    for d, (n, m) in enumerate(zip(input.shape, product.shape[ahead:], strict=True)) if ahead >= 0 else ():
        if n not in (1, m):
            raise RuntimeError(f"The expanded size of the tensor ({m}) must match the existing size ({n}) at non-singleton dimension {d + ahead}.  "
                               f"Target sizes: {sizes(product)}.  Tensor sizes: {sizes(input)}")
    if input.dtype != factor.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {scalar_type(input)} and {scalar_type(factor)}")
    added = widened(input)
    beta = cast(beta, added)
    return (jnp.where(beta == 0, 0, beta * added) + cast(alpha, product) * product).astype(input.dtype)


def _multiple(number: Scalar, x: Array) -> Array:
    """Their product, rounded; of 0 it is 0 whatever x is."""
    number = cast(number, x)
    return apart(jnp.where(number == 0, 0, number * x))


@accumulating()
def addmm(input: Array, mat1: Array, mat2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * mat1 @ mat2`.    input: (n, m), mat1: (n, k), mat2: (k, m)  ->  (n, m)"""
    for name, matrix in (("mat1", mat1), ("mat2", mat2)):
        if matrix.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {matrix.ndim}-D tensor")
    return _sum(input, beta, _matrix_product(mat1, mat2, unrounded_product), alpha, mat1)


@accumulating(wide=False)
def addmv(input: Array, mat: Array, vec: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * mat @ vec`.    input: (n), mat: (n, k), vec: (k)  ->  (n)"""
    if mat.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    if widened(input) is not input:                                     # PyTorch rounds both numbers here, and the vector that it adds to
        input, beta, alpha = _multiple(beta, input), 1, cast(alpha, input)
    return _sum(input, beta, _matrix_vector(mat, vec, unrounded_product), alpha, mat)


@op(SAME, inplace=True, out="cast", overlap="whole", numbers=False, strides="fresh")
def addr(input: Array, vec1: Array, vec2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * outer(vec1, vec2)`.    input: (n, m), vec1: (n), vec2: (m)  ->  (n, m)"""
    for name, vector in (("vec1", vec1), ("vec2", vec2)):
        if vector.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {vector.ndim}-D")
    if input.dtype == jnp.bool_:
        return input & (jnp.asarray(beta) != 0) | vec1[:, None] & vec2 & (jnp.asarray(alpha) != 0)
    if widened(input) is not input:                                     # PyTorch rounds each product
        input, vec1, beta, alpha = _multiple(beta, input), _multiple(alpha, vec1), 1, 1
    return _sum(input, beta, apart(vec1[:, None] * vec2), alpha, vec1)


@accumulating()
def baddbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * bmm(batch1, batch2)`.    input: (b, n, m), batch1: (b, n, k), batch2: (b, k, m)  ->  (b, n, m)"""
    return _sum(input, beta, _stacks(batch1, batch2), alpha, batch1)


@accumulating()
def addbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * bmm(batch1, batch2).sum(0)`.    input: (n, m), batch1: (b, n, k), batch2: (b, k, m)  ->  (n, m)"""
    products = _stacks(batch1, batch2)
    if widened(batch1) is batch1 or not len(products):
        return _sum(input, beta, jnp.sum(products, 0, dtype=batch1.dtype), alpha, batch1)
    first = _sum(input, beta, products[0], alpha, batch1)                # PyTorch adds one product after the other, and rounds each time
    return lax.scan(lambda total, product: (_sum(total, 1, product, alpha, batch1), None), first, products[1:])[0]


def _stacks(batch1: Array, batch2: Array) -> Array:
    for name, stack in (("batch1", batch1), ("batch2", batch2)):
        if stack.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    return _stack_product(batch1, batch2, "baddbmm", unrounded_product)


# ---- several matrices

@op(NONE, home="linalg", node="ViewBackward0")
def multi_dot(tensors: Arrays) -> Array:
    """Product of several matrices in the cheapest order; the first and the last may be vectors.    (n, k), (k, m), ...  ->  (n, ...)"""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for position, (left, right) in enumerate(pairwise(tensors)):
        if left.shape[-1] != right.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {position} and {position + 1} with shapes {sizes(left)} and {sizes(right)} "
                               "cannot be multiplied")
    return jnp.linalg.multi_dot(tensors)


@op(NONE, home="torch", spread=True)
def chain_matmul(matrices: Arrays) -> Array:
    """Product of several matrices in the cheapest order; `chain_matmul(*matrices)`.    (n, k), (k, m), ...  ->  (n, ...)"""
    for matrix in matrices:
        if matrix.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {matrix.ndim}, expected 2 instead.")
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


# ---- sums over shared indices

@op(NONE, home="torch", node="ViewBackward0")
def tensordot(a: Array, b: Array, dims: int | tuple[tuple[int, ...], tuple[int, ...]] = 2) -> Array:
    """Sum of products over `dims`: the last of `a` with the first of `b`, or the two lists.    a: (*, k), b: (k, +)  ->  (*, +)"""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        over_a, over_b = tuple(range(-dims, 0)), tuple(range(dims))
    else:
        over_a, over_b = dims
    if len(over_a) != len(over_b):
        raise RuntimeError("both dimension lists should have same length")
    for i, j in zip(over_a, over_b):
        if a.shape[i] == 1:                                  # the sum over the other's dimension is a product with its sum
            b = jnp.sum(b, j, keepdims=True)
        elif b.shape[j] == 1:
            a = jnp.sum(a, i, keepdims=True)
        if a.shape[i] != b.shape[j]:
            raise RuntimeError(f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and "
                               f"second has size {b.shape[j]} in dim {j}")
    if a.dtype != b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    return jnp.tensordot(a, b, ([dimension(d, a.ndim) for d in over_a], [dimension(d, b.ndim) for d in over_b]))


@op(NONE, home="torch", out=False, spread=True, node="ViewBackward0")
def einsum(equation: str, operands: Arrays) -> Array:
    """Sum of products in Einstein's notation; `einsum(equation, *operands)`.

    >>> torch.einsum("ij,j->i", torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    terms, output = _parsed(equation, operands)
    extents: dict[str, int] = {}
    for position, (term, operand) in enumerate(zip(terms, operands)):
        for letter, n in zip(*_without_ellipsis(term, operand)):
            seen = extents.setdefault(letter, n)
            if seen == 1:
                extents[letter] = n
            elif n not in (1, seen):
                raise RuntimeError(f"einsum(): subscript {letter} has size {n} for operand {position} which does not broadcast "
                                   f"with previously seen size {seen}")
    narrowed = [_without_ones(term, operand, extents) for term, operand in zip(terms, operands)]
    return jnp.einsum(",".join(term for term, _ in narrowed) + "->" + output, *(operand for _, operand in narrowed))


def _parsed(equation: str, operands: Arrays) -> tuple[list[str], str]:
    """The subscripts of each operand and of the result."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(f"einsum(): {'fewer' if len(operands) < len(terms) else 'more'} operands were provided than specified in the equation")
    for position, (term, operand) in enumerate(zip(terms, operands)):
        count = len(term.replace("...", ""))
        if "..." not in term and count != operand.ndim or count > operand.ndim:
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({count}) does not match the number of dimensions "
                               f"({operand.ndim}) for operand {position} and no ellipsis was given")
        if operand.dtype != operands[0].dtype:
            raise RuntimeError(f"expected scalar type {scalar_type(operands[0])} but found {scalar_type(operand)}")
    if not arrow:
        letters = [x for x in left if x not in ",."]
        output = "..." * ("..." in left) + "".join(sorted(x for x in letters if letters.count(x) == 1))
    for letter in output.replace("...", ""):
        if output.count(letter) > 1:
            raise RuntimeError(f"einsum(): output subscript {letter} appears more than once in the output")
        if letter not in left:
            raise RuntimeError(f"einsum(): output subscript {letter} does not appear in the equation for any input operand")
    return terms, output


def _without_ellipsis(term: str, operand: Array) -> tuple[str, list[int]]:
    """The named subscripts of an operand and their sizes."""
    before, _, after = term.partition("...")
    return before + after, list(operand.shape[:len(before)] + operand.shape[operand.ndim - len(after):])


def _without_ones(term: str, operand: Array, extents: dict[str, int]) -> tuple[str, Array]:
    """An operand without the dimensions of size 1 that PyTorch broadcasts and JAX would not."""
    before, dots, after = term.partition("...")
    named = [(d, x) for d, x in enumerate(before)] + [(operand.ndim - len(after) + d, x) for d, x in enumerate(after)]
    axes = {d for d, x in named if operand.shape[d] == 1 and extents[x] != 1}
    kept = ["".join(x for d, x in named if d not in axes and (d < len(before)) == first) for first in (True, False)]
    return kept[0] + dots + kept[1], jnp.squeeze(operand, tuple(axes))


@op(NONE, out=False)
def trace(input: Array) -> Array:
    """Sum of the diagonal of a matrix.    input: (n, m)  ->  ()"""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return jnp.trace(input, dtype=jnp.int64 if jnp.issubdtype(input.dtype, jnp.integer) or is_bool(input) else input.dtype)


@op(NONE, node="LinalgCrossBackward0", overlap="whole", strides="fresh")
def cross(input: Array, other: Array, dim: int | None = None) -> Array:
    """Vector product in three dimensions, along `dim` or the first dimension of size 3.    input, other: (*, 3, *)  ->  (*, 3, *)"""
    if dim is None:
        threes = [d for d, n in enumerate(input.shape) if n == 3]
        if not threes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = threes[0]
    return linalg_cross(input, other, dim=dim)


@op(SAME, name="cross", home="linalg", inplace=False, node="LinalgCrossBackward0", numbers=False, strides="fresh")
def linalg_cross(input: Array, other: Array, *, dim: int = -1) -> Array:
    """Vector product in three dimensions, along `dim`.    input, other: (*, 3, *)  ->  (*, 3, *)"""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    axis = dimension(dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and {other.shape[axis]}")
    first, second = (lambda x: jnp.roll(x, -1, axis)), (lambda x: jnp.roll(x, -2, axis))
    return multiply_add(-(second(input) * first(other)), first(input), second(other))


@op(SAME, home="linalg", inplace=False, node="SumBackward1", overlap="any", numbers=False, strides="fresh")
def vecdot(x: Array, y: Array, *, dim: int = -1) -> Array:
    """Sum of the products of the elements of `x` (conjugated) and `y` along `dim`.    x, y: (*)  ->  (*) without `dim`"""
    return jnp.sum(widened(apart(jnp.conj(x) * y)), dim, dtype=widened(x).dtype).astype(x.dtype)
