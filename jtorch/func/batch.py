"""`vmap`: a function of one element as a function of a batch."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch._core import levels
from jtorch._core.graph import Guard
from jtorch._core.tensor import wrap

from .tree import Spec, flatten, spread

RANDOMNESS = "error", "different", "same"
Dims = int | tuple | None


def vmap(func: Callable, in_dims: int | tuple = 0, out_dims: Dims = 0, randomness: str = "error", *, chunk_size: int | None = None) -> Callable:
    """`func`, which is written for one element, as a function of batches: what it does is done for all elements in one operation.

    in_dims     the dimension of each input that is the batch's; None for inputs that are the same for all elements
    out_dims    where the batch's dimension is to be in the results
    randomness  "error" to refuse random numbers inside, "different" or "same" ones for each element
    chunk_size  how many elements at once; all by default

    >>> torch.vmap(torch.dot)(torch.ones(2, 3), torch.ones(2, 3))
    tensor([3., 3.])
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def inside(*args: Any, **kwargs: Any) -> Any:
        call = Call(func, in_dims, out_dims, randomness, args)
        if chunk_size is None or call.size <= chunk_size:
            return call.run(call.leaves, call.size, kwargs)
        return call.run_in_chunks(chunk_size, kwargs)
    return inside


class Call:
    """One call of a vmapped function.

    leaves, spec  the arguments;  dims  the batch's dimension of each, or None;  size  of the batch
    """

    def __init__(self, func: Callable, in_dims: Any, out_dims: Any, randomness: str, args: tuple) -> None:
        self.func, self.name, self.randomness, self.out_dims = func, getattr(func, "__name__", repr(func)), randomness, out_dims
        if not isinstance(in_dims, int | tuple):
            raise ValueError(f"vmap({self.name}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a (potentially nested) tuple matching the "
                             f"structure of inputs, got: {type(in_dims)}.")
        if not args:
            raise ValueError(f"vmap({self.name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no "
                             "inputs. The latter is unsupported.")
        self.leaves, self.spec = flatten(args)
        dims = spread(in_dims, self.spec)
        if dims is None:
            raise ValueError(f"vmap({self.name}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the structure of `inputs`. in_dims has "
                             f"structure {flatten(in_dims)[1]} but inputs has structure {self.spec}.")
        self.dims = [self._checked(x, d, in_dims) for x, d in zip(self.leaves, dims, strict=True)]
        sizes = [x.shape[d] for x, d in zip(self.leaves, self.dims, strict=True) if d is not None]
        if not sizes:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        if len(set(sizes)) > 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped dimension")
        self.size = sizes[0]

    def _checked(self, x: Any, dim: Any, in_dims: Any) -> int | None:
        where = f"vmap({self.name}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for"
        if not isinstance(dim, int | None):
            raise ValueError(f"{where} an input but in_dim must be either an integer dimension or None.")
        if dim is None:
            return None
        if not isinstance(x, Tensor):
            raise ValueError(f"{where} an input but the input is of type {type(x)}. We cannot vmap over non-Tensor arguments, please use None as the "
                             "respective in_dim")
        if not -x.dim() <= dim < x.dim():
            raise ValueError(f"{where} some input, but that input is a Tensor of dimensionality {x.dim()} so expected in_dim to satisfy "
                             f"-{x.dim()} <= in_dim < {x.dim()}.")
        return dim % x.dim()

    def run(self, leaves: Sequence, size: int, kwargs: dict) -> Any:
        """The results for these leaves, of which those with a batch dimension have `size` there."""
        outs, spec, dims = self.results(leaves, size, kwargs)
        return spec.unflatten(outs)

    def results(self, leaves: Sequence, size: int, kwargs: dict) -> tuple[list, Spec, list]:
        """The leaves of the results, their structure, and where the batch's dimension is in each."""
        guard = Guard("vmap", size, self.randomness)
        with levels.working(guard):
            entered = [x if d is None else wrap(levels.enter(x, d, guard.level)) for x, d in zip(leaves, self.dims, strict=True)]
            before: list[Any] = [x if d is None else x._read_value() for x, d in zip(entered, self.dims, strict=True)]
            outs, spec = flatten(self.func(*self.spec.unflatten(entered), **kwargs))
            dims = self._out_dims(spec)
            left = [self._left(x, d, guard) for x, d in zip(outs, dims, strict=True)]
            after: list[Any] = [x if d is None else x._read_value() for x, d in zip(entered, self.dims, strict=True)]
            written = [(x, levels.leave(v, d, guard.level))
                       for x, d, v, old in zip(leaves, self.dims, after, before, strict=True)
                       if v is not old and d is not None]
        for tensor, value in written:                        # what was done in place was done to the inputs
            tensor._write(value)
        return left, spec, dims

    def _out_dims(self, spec: Spec) -> list:
        dims = spread(self.out_dims, spec)
        if any(not isinstance(d, int | None) for d in flatten(self.out_dims)[0]):
            raise ValueError(f"vmap({self.name}, ..., out_dims={self.out_dims}): `out_dims` must be an int, None or a python collection of ints representing "
                             "where in the outputs the vmapped dimension should appear.")
        if dims is None and spec.is_leaf() and isinstance(self.out_dims, tuple) and len(self.out_dims) == 1:
            return list(self.out_dims)
        if dims is None:
            raise ValueError(f"vmap({self.name}, ..., out_dims={self.out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`. "
                             f"out_dims has structure {flatten(self.out_dims)[1]} but outputs has structure {spec}.")
        return dims

    def _left(self, x: Any, dim: int | None, guard: Guard) -> Any:
        """One result outside."""
        if dim is None:
            if isinstance(x, Tensor) and guard.level in x._aval.levels:
                raise ValueError(f"vmap({self.name}, ...): `{self.name}` can not return a BatchedTensor when out_dim is None")
            return x
        if not isinstance(x, Tensor):
            raise ValueError(f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type {type(x)}. Did you mean to set out_dims= to None for "
                             "output?")
        if not -x.dim() - 1 <= dim <= x.dim():
            raise IndexError(f"Dimension out of range (expected to be in range of [{-x.dim() - 1}, {x.dim()}], but got {dim})")
        return wrap(levels.leave(x._read_value(), dim, guard.level))

    def run_in_chunks(self, chunk: int, kwargs: dict) -> Any:
        """The results of `chunk` elements at a time, joined."""
        dims: list = []
        parts, spec = [], None
        state = torch.get_rng_state() if self.randomness == "same" else None
        splits = [None if d is None else x.split(chunk, d) for x, d in zip(self.leaves, self.dims, strict=True)]
        for k in range(-(-self.size // chunk)):
            if state is not None:
                torch.set_rng_state(state)
            leaves = [x if s is None else s[k] for x, s in zip(self.leaves, splits, strict=True)]
            outs, spec, dims = self.results(leaves, min(chunk, self.size - k * chunk), kwargs)
            parts.append(outs)
        assert spec is not None
        return spec.unflatten([same[0] if d is None else torch.cat(same, d) for same, d in zip(zip(*parts, strict=True), dims, strict=True)])
