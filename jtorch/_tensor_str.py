"""The text of tensors by the names of PyTorch's own module, for libraries whose classes print as tensors do."""
from __future__ import annotations

from collections.abc import Sequence

from . import Tensor
from ._core import printing

PRINT_OPTS = printing._options


def _tensor_str(self: Tensor, indent: int) -> str:
    """The elements; other lines than the first are indented."""
    return printing._elements(self.detach().resolve_conj()._host(), self.dtype, indent)


def _add_suffixes(tensor_str: str, suffixes: Sequence[str], indent: int, force_newline: bool) -> str:
    """What follows the elements, on a new line where the last has no room for it."""
    return printing.ended(tensor_str, suffixes, indent, force_newline)


def _str_intern(inp: Tensor, *, tensor_contents: str | None = None) -> str:
    """The whole text."""
    return inp.__repr__(tensor_contents=tensor_contents)    # type: ignore[call-arg]  # it is put there later
