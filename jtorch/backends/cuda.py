"""Switches of CUDA (`torch.backends.cuda`): kept and reported; how exactly products of float32 are computed is `torch.set_float32_matmul_precision`'s."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._functions import determinism
from .._functions.attention import SDP
from ..cuda import is_available as is_available


def is_built() -> bool:
    """Whether GPUs can be used: whether JAX finds one."""
    return is_available()


class cuBLASModule:
    """The switches of products of matrices."""
    allow_fp16_reduced_precision_reduction = allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False

    @property
    def allow_tf32(self) -> bool:
        """Whether products of float32 may be computed with fewer digits."""
        return determinism.get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        determinism.set_float32_matmul_precision("high" if value else "highest")

    @property
    def fp32_precision(self) -> str:
        """ "tf32" where `allow_tf32`."""
        return "tf32" if self.allow_tf32 else "none"

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        self.allow_tf32 = value == "tf32"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"Unknown attribute {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            raise AttributeError(f"Unknown attribute {name}")
        object.__setattr__(self, name, value)


matmul = cuBLASModule()


def flash_sdp_enabled() -> bool:
    """What `enable_flash_sdp` was given."""
    return SDP["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Set the switch: with any of the fused kernels on, attention in 16 bits on a GPU is computed by that of cuDNN, else by XLA."""
    SDP["flash"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """What `enable_mem_efficient_sdp` was given."""
    return SDP["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Set the switch: with any of the fused kernels on, attention in 16 bits on a GPU is computed by that of cuDNN, else by XLA."""
    SDP["mem_efficient"] = enabled


def math_sdp_enabled() -> bool:
    """What `enable_math_sdp` was given."""
    return SDP["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Set the switch: with any of the fused kernels on, attention in 16 bits on a GPU is computed by that of cuDNN, else by XLA."""
    SDP["math"] = enabled


def cudnn_sdp_enabled() -> bool:
    """What `enable_cudnn_sdp` was given."""
    return SDP["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Set the switch: with any of the fused kernels on, attention in 16 bits on a GPU is computed by that of cuDNN, else by XLA."""
    SDP["cudnn"] = enabled


def is_flash_attention_available() -> bool:
    """Whether PyTorch's own kernel is there: it is not."""
    return False


@contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True) -> Iterator[None]:
    """The switches of attention for the time of a `with` block."""
    before = dict(SDP)
    SDP.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        SDP.update(before)
