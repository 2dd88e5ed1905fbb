"""The order of a tensor's elements in memory, as its strides tell it.  XLA chooses its own: only the strides are kept."""
from __future__ import annotations

from .._core import layout
from .._core.format import FORMATS, memory_format
from .._core.public import public
from .._core.tensor import Tensor

PRESERVE, CONTIGUOUS = FORMATS["preserve_format"], FORMATS["contiguous_format"]
RANKS = {FORMATS["channels_last"]: 4, FORMATS["channels_last_3d"]: 5}


def in_format(made: Tensor, wanted: memory_format | None, like: Tensor | None = None) -> Tensor:
    """`made`, which is new, with the strides of a memory format; without one with those of `like`.  Raises RuntimeError where the format takes other ranks."""
    if wanted is None or wanted is PRESERVE:
        if like is None or 0 in made.shape or like._step is None and like._seen_from is None or like._aval.levels:
            return made
        strides = layout.preserved(like)
    elif wanted is CONTIGUOUS:
        return made
    else:
        if made.dim() != RANKS[wanted]:
            raise RuntimeError(f"required rank {RANKS[wanted]} tensor to use {repr(wanted).removeprefix('torch.')} format")
        strides = layout.channels_last(made.shape)
    if strides != layout.contiguous(made.shape):
        made._share().strides = strides
    return made


@public("Tensor")
def is_contiguous(self: Tensor, memory_format: memory_format = CONTIGUOUS) -> bool:
    """Whether the elements lie in order in memory, or in the order of a memory format."""
    if memory_format not in RANKS:
        return layout.is_contiguous(self)
    expected, given = layout.channels_last(self.shape), layout.of(self)[0]
    return self.dim() == RANKS[memory_format] and all(a == b or n == 1 for a, b, n in zip(given, expected, self.shape, strict=True))
