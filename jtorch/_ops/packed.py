"""Packed sequences as padded tables and back."""
from __future__ import annotations

from .._core.op import NONE, Array, op


@op(NONE, home="", inplace=False, out=False)
def unpacked(data: Array, index: Array) -> Array:
    """The rows of `data` as a table; where a sequence has ended, any row.    data: (S, F), index: (T, N)  ->  (T, N, F)"""
    return data[index]


@op(NONE, home="", inplace=False, out=False)
def packed(table: Array, places: Array) -> Array:
    """The rows of a table that belong to sequences.    table: (T, N, F), places: (S) in the flattened (T, N)  ->  (S, F)"""
    return table.reshape(-1, table.shape[-1])[places]
