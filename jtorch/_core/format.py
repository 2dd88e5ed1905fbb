"""The names that PyTorch gives to the order of elements in memory and to ways of storing them."""
from __future__ import annotations


class memory_format:
    """An order of the elements in memory: `torch.contiguous_format`, `torch.channels_last`, …  XLA chooses its own; the names are kept."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class layout(memory_format):
    """How a tensor is stored: `torch.strided`, `torch.sparse_coo`, …"""


FORMATS = {name: memory_format(name) for name in ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")}
FORMATS["legacy_contiguous_format"] = FORMATS["contiguous_format"]
LAYOUTS = {name: layout(name) for name in ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged")}
