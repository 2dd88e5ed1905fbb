"""Discrete Fourier transforms (`torch.fft`)."""
from __future__ import annotations

from ._core import derive
from ._core.public import PUBLIC

globals().update(derive.functions("fft"))
globals().update(PUBLIC["fft"])
