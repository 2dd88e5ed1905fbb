"""Discrete Fourier transforms (`torch.fft`)."""
from __future__ import annotations

from ._core import derive
from ._core.public import PUBLIC, living_in

globals().update(living_in(__name__, derive.functions("fft") | PUBLIC["fft"]))
