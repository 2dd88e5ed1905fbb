"""Names of types that TorchScript knows (`torch.jit.annotations`)."""
from __future__ import annotations

from typing import Any


class BroadcastingList:
    """A list of so many elements, or one element that stands for all of them: `BroadcastingList2[int]`."""

    def __getitem__(self, types: Any) -> None:
        """Only TorchScript would look at it."""


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = BroadcastingList()
