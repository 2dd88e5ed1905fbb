"""`torch.Size`: a shape."""
from __future__ import annotations

import math
from collections.abc import Iterable
from operator import index
from typing import Any, SupportsIndex, overload


class Size(tuple[int, ...]):
    """A tensor's shape: a tuple of integers.

    >>> torch.Size([2, 3]).numel()
    6
    """
    __slots__ = ()

    def __new__(cls, sizes: Iterable[int] = ()) -> Size:
        found = []
        for n in sizes:
            try:
                found.append(index(n))
            except TypeError:
                raise TypeError(f"torch.Size() takes an iterable of 'int' (item {len(found)} is '{type(n).__name__}')") from None
        return tuple.__new__(cls, found)

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __add__(self, other: Iterable[int]) -> Size:         # type: ignore[override]  # a tuple takes only tuples
        return Size((*self, *other))

    def __radd__(self, other: Iterable[int]) -> Size:
        return Size((*other, *self))

    def __mul__(self, times: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__

    @overload
    def __getitem__(self, where: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, where: slice) -> Size: ...
    def __getitem__(self, where: Any) -> Any:                # a slice of a Size is a Size
        found = tuple.__getitem__(self, where)
        return Size(found) if isinstance(where, slice) else found

    def __reduce__(self) -> tuple:
        return Size, (tuple(self),)
