"""Types for annotations (`torch.types`)."""
from __future__ import annotations

import os
from typing import IO

import jtorch as torch

Number = int | float | bool
Device = torch.device | str | int | None
FileLike = str | os.PathLike[str] | IO[bytes]
Storage = torch.UntypedStorage | torch.TypedStorage
