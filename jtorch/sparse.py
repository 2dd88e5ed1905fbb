"""Sparse tensors (`torch.sparse`)."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jtorch as torch

from ._core.public import PUBLIC
from ._functions.sparse_create import Invariants

globals().update(PUBLIC["sparse"])


class LegacyType:
    """An old type of sparse tensors such as `torch.sparse.FloatTensor`: a function that makes one, and a class to ask `isinstance` for."""

    def __init__(self, name: str, kind: torch.dtype) -> None:
        self.__name__, self.dtype = name, kind

    def __call__(self, *args: Any, device: Any = None) -> torch.Tensor:
        if len(args) in (2, 3) and all(isinstance(a, torch.Tensor) for a in args[:2]):
            return torch.sparse_coo_tensor(*args, device=device, check_invariants=False)
        if len(args) == 1 and isinstance(args[0], torch.Size):
            args = tuple(args[0])
        elif len(args) == 1 and isinstance(args[0], list | tuple):
            raise TypeError("torch.sparse.SparseTensor(sequence) only accepts sizes.  Please use torch.sparse_coo_tensor() or construct a strided tensor "
                            "and convert it to sparse via to_sparse.")
        if not all(isinstance(a, int) for a in args):
            raise TypeError(f"new() received an invalid combination of arguments - got ({', '.join(type(a).__name__ for a in args)})")
        return torch.sparse_coo_tensor(args or (0,), dtype=self.dtype, device=device)

    def __instancecheck__(self, other: Any) -> bool:
        return isinstance(other, torch.Tensor) and other.layout is torch.sparse_coo and other.dtype is self.dtype

    def __repr__(self) -> str:
        return f"<class 'torch.sparse.{self.__name__}'>"


_TITLES = {"Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16, "Byte": torch.uint8, "Char": torch.int8,
           "Short": torch.int16, "Int": torch.int32, "Long": torch.int64}
globals().update({f"{title}Tensor": LegacyType(f"{title}Tensor", kind) for title, kind in _TITLES.items()})


class check_sparse_tensor_invariants:
    """Whether the invariants of sparse tensors are checked where they are made: a context manager, a decorator, and `enable`/`disable`.

    >>> with torch.sparse.check_sparse_tensor_invariants():
    ...     torch.sparse.check_sparse_tensor_invariants.is_enabled()
    True
    """

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.saved_state: bool | None = None

    @staticmethod
    def is_enabled() -> bool:
        """Whether they are checked."""
        return Invariants.checked

    @staticmethod
    def enable() -> None:
        """Check them from now on."""
        Invariants.checked = True

    @staticmethod
    def disable() -> None:
        """Check them no more."""
        Invariants.checked = False

    def __enter__(self) -> None:
        if self.saved_state is not None:
            raise RuntimeError("This context manager instance is already activated. Use a different context manager instance for context nesting.")
        self.saved_state, Invariants.checked = Invariants.checked, self.state

    def __exit__(self, *error: object) -> None:
        Invariants.checked, self.saved_state = bool(self.saved_state), None

    def __call__(self, mth: Callable) -> Callable:
        """The function, with the checks on (or off) while it runs."""
        @functools.wraps(mth)
        def run(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return mth(*args, **kwargs)
        return run


def spdiags(diagonals: torch.Tensor, offsets: torch.Tensor, shape: tuple[int, int], layout: Any = None) -> torch.Tensor:
    """A sparse matrix whose diagonals at `offsets` are the rows of `diagonals`.    diagonals: (k, n), offsets: (k)  ->  shape

    >>> torch.sparse.spdiags(torch.ones(1, 3), torch.tensor([1]), (3, 3)).to_dense()
    tensor([[0., 1., 0.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    diagonals, offsets = diagonals.reshape(-1, diagonals.shape[-1]), offsets.reshape(-1)
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if layout not in (None, torch.sparse_coo, torch.sparse_csc, torch.sparse_csr):
        raise RuntimeError("Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got " + str(layout))
    if offsets.shape[0] != diagonals.shape[0]:
        raise RuntimeError(f"Number of diagonals ({diagonals.shape[0]}) does not match the number of offsets ({offsets.shape[0]})")
    known = offsets.tolist()
    if len(set(known)) < len(known):
        raise RuntimeError("Offset tensor contains duplicate values")
    rows, columns, places = [], [], []
    for k, offset in enumerate(known):
        for column in range(max(0, offset), min(diagonals.shape[1], shape[1], shape[0] + offset)):
            rows.append(column - offset)
            columns.append(column)
            places.append(k * diagonals.shape[1] + column)
    values = diagonals.reshape(-1).index_select(0, torch.tensor(places, dtype=torch.int64))
    made = torch.sparse_coo_tensor(torch.tensor([rows, columns], dtype=torch.int64), values, shape)
    return made if layout in (None, torch.sparse_coo) else made.to_sparse(layout=layout)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.sparse' has no attribute '{name}' in jtorch")


def as_sparse_gradcheck(gradcheck: Callable) -> Callable:
    """`gradcheck`, or a partial form of it, for functions of sparse tensors and with sparse results.

    With `masked=True` it varies the specified elements alone, else all of them: what is not specified counts as a zero that could change.

    >>> gradcheck = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
    >>> x = torch.tensor([[0, 1], [2, 3]], dtype=torch.float64).to_sparse_coo().requires_grad_(True)
    >>> gradcheck(lambda x: x.to_sparse_csr(), x)
    True
    """
    def gradcheck_with_sparse_support(func: Callable, inputs: Any, **kwargs: Any) -> bool:
        masked = kwargs.pop("masked", False)
        given = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
        parts = [_by_values(x, masked) for x in given]

        def of_values(*values: Any) -> Any:
            results = func(*(make(v) for (_, make), v in zip(parts, values, strict=True)))
            dense = [r.to_dense(masked_grad=masked) if isinstance(r, torch.Tensor) and r.layout is not torch.strided else r
                     for r in (results if isinstance(results, list | tuple) else (results,))]
            return tuple(dense) if isinstance(results, list | tuple) else dense[0]
        return gradcheck(of_values, tuple(values for values, _ in parts), **kwargs)
    return gradcheck_with_sparse_support


def _by_values(x: Any, masked: bool) -> tuple[Any, Callable]:
    """The elements of a sparse tensor that requires grad as a strided one, and what makes the sparse tensor of them; anything else as it is."""
    if not isinstance(x, torch.Tensor) or x.layout is torch.strided or not x.requires_grad:
        return x, lambda same: same
    pattern = x.detach().coalesce() if x.layout is torch.sparse_coo else x.detach()
    if not masked:
        pattern = _filled(pattern)
    return pattern.values().clone().requires_grad_(), lambda values: _with_values(pattern, values)


def _filled(x: torch.Tensor) -> torch.Tensor:
    """The same sparse tensor with all elements specified."""
    dense, values = x.to_dense(), x.values()
    places = torch.arange(1, dense.numel() + 1).reshape(dense.shape)   # from 1: none of them is left out as a zero
    if x.layout is torch.sparse_coo:
        found = places.to_sparse(x.sparse_dim()).coalesce()
    else:
        blocks = values.shape[-2 - x.dense_dim():][:2] if x.layout in (torch.sparse_bsr, torch.sparse_bsc) else None
        found = places.to_sparse(layout=x.layout, blocksize=blocks, dense_dim=x.dense_dim())
    return _with_values(found, dense.reshape(-1)[found.values() - 1])


def _with_values(pattern: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The sparse tensor that has these values where `pattern` specifies elements."""
    if pattern.layout is torch.sparse_coo:
        return torch.sparse_coo_tensor(pattern.indices(), values, pattern.shape, is_coalesced=True)
    by_row = pattern.layout in (torch.sparse_csr, torch.sparse_bsr)
    starts, places = (pattern.crow_indices(), pattern.col_indices()) if by_row else (pattern.ccol_indices(), pattern.row_indices())
    return torch.sparse_compressed_tensor(starts, places, values, pattern.shape, layout=pattern.layout)
