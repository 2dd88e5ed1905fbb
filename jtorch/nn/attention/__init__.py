"""Which kernels attention may use (`torch.nn.attention`).

On a GPU attention in 16 bits is computed by the kernel of cuDNN, on a TPU in bfloat16 by that of Pallas, on a CPU from 512 rows and keys on by tiles, where
any of the fused ones is allowed; else by XLA, which holds all weights.
"""
from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager

from jtorch.backends.cuda import SDP
from jtorch.nn.attention import bias as bias, flex_attention as flex_attention
from jtorch.nn.attention._registry import (activate_flash_attention_impl, current_flash_attention_impl, list_flash_attention_impls,
                                           register_flash_attention_impl, restore_flash_attention_impl)

__all__ = ["SDPBackend", "sdpa_kernel", "WARN_FOR_UNFUSED_KERNELS", "register_flash_attention_impl", "activate_flash_attention_impl",
           "list_flash_attention_impls", "current_flash_attention_impl", "restore_flash_attention_impl"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.Enum):
    """The kernels of `scaled_dot_product_attention`.

    >>> torch.nn.attention.SDPBackend.MATH
    <SDPBackend.MATH: 0>
    """
    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __index__(self) -> int:
        return self.value

    __int__ = __index__


SWITCHES = {"flash": SDPBackend.FLASH_ATTENTION, "mem_efficient": SDPBackend.EFFICIENT_ATTENTION, "math": SDPBackend.MATH,
            "cudnn": SDPBackend.CUDNN_ATTENTION}


@contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict]:
    """Only these kernels for the time of a `with` block or of a decorated function; with `set_priority` the first of them first.

    >>> with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
    ...     torch.backends.cuda.flash_sdp_enabled()
    False
    """
    assert isinstance(backends, list | SDPBackend), ("Backend must be an instance of SDPBackend or a list of SDPBackend instances, "
                                                     f"got {type(backends).__name__}")
    allowed = [backends] if isinstance(backends, SDPBackend) else backends
    before = dict(SDP)
    SDP.update({name: backend in allowed for name, backend in SWITCHES.items()})
    try:
        yield {}
    finally:
        SDP.update(before)
