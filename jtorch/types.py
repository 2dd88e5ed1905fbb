"""Types for annotations (`torch.types`)."""
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO

import jtorch as torch

Number = int | float | bool
Device = torch.device | str | int | None
FileLike = str | os.PathLike[str] | IO[bytes]
Storage = torch.UntypedStorage | torch.TypedStorage

# names that libraries import, which hide those of Python's own types in PyTorch's classes
_int, _float, _bool, _str, _bytes, _complex = int, float, bool, str, bytes, complex
_Number = int, float, bool
_device, _dtype, _layout = torch.device, torch.dtype, torch.layout
_size = torch.Size | list[int] | tuple[int, ...]
_symsize = torch.Size | Sequence[int]
_TensorOrTensors = torch.Tensor | Sequence[torch.Tensor]
_TensorOrOptionalTensors = torch.Tensor | Sequence[torch.Tensor | None]
_TensorOrTensorsOrGradEdge = _TensorOrTensors | torch.autograd.GradientEdge | Sequence[torch.autograd.GradientEdge]
