"""What makes an index of a number read from a batch, inside `vmap`."""
from __future__ import annotations


class TransformGetItemToIndex:
    """A `with` block in which `x[i]` takes a batched `i`: it always does."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass
