"""Shuffling channels between groups."""
from __future__ import annotations

from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.module import Module

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """Spread the channels of each group over all groups (Zhang et al. 2017, arXiv:1707.01083).    input: (N, C, *)  ->  (N, C, *)"""
    __constants__ = ["groups"]

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """The input with its channels in another order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return f"groups={self.groups}"
