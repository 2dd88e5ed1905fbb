"""Questions about the compiler that libraries ask (`torch._dynamo.utils`)."""
from __future__ import annotations

import jtorch as torch


def is_compile_supported(device_type: str) -> bool:
    """Whether `torch.compile` works on a type of device."""
    return device_type == "cpu" or device_type == "cuda" and torch.cuda.is_available()
