"""The order of a tensor's elements in memory, as its strides tell it.  XLA chooses its own: only the strides are kept."""
from __future__ import annotations

from collections.abc import Sequence

from .._core import layout
from .._core.format import FORMATS, memory_format
from .._core.public import public
from .._core.tensor import Tensor

PRESERVE, CONTIGUOUS = FORMATS["preserve_format"], FORMATS["contiguous_format"]
RANKS = {FORMATS["channels_last"]: 4, FORMATS["channels_last_3d"]: 5}


def in_format(made: Tensor, wanted: memory_format | None, like: Tensor | None = None) -> Tensor:
    """`made`, which is new, with the strides of a memory format; without one with those of `like`.  Raises RuntimeError where the format takes other ranks."""
    if wanted is PRESERVE and like is None:
        raise RuntimeError("unsupported memory format Preserve")
    if wanted in (None, PRESERVE):
        return made if like is None else layout.lay(made, strides_of(like))
    return made if wanted is CONTIGUOUS else layout.lay(made, _strides_in(wanted, made.shape))


def strides_of(like: Tensor, wanted: memory_format | None = None) -> tuple[int, ...]:
    """The strides of a new tensor of the size of `like`."""
    if wanted not in (None, PRESERVE):
        return layout.contiguous(like.shape) if wanted is CONTIGUOUS else _strides_in(wanted, like.shape)
    of = like._aval
    return layout.contiguous(of.shape) if like._in_order or 0 in of.shape or of.levels else layout.preserved(like)


def _strides_in(wanted: memory_format, shape: Sequence[int]) -> tuple[int, ...]:
    if len(shape) != RANKS[wanted]:
        raise RuntimeError(f"required rank {RANKS[wanted]} tensor to use {repr(wanted).removeprefix('torch.')} format")
    return layout.channels_last(shape)


@public("Tensor")
def is_contiguous(self: Tensor, memory_format: memory_format = CONTIGUOUS) -> bool:
    """Whether the elements lie in order in memory, or in the order of a memory format."""
    if memory_format not in RANKS:
        return layout.is_contiguous(self)
    return self.dim() == RANKS[memory_format] and layout.same(self.shape, layout.of(self)[0], layout.channels_last(self.shape))
