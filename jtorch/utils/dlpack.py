"""Sharing memory with other libraries by DLPack (`torch.utils.dlpack`)."""
from __future__ import annotations

from enum import IntEnum

from .. import from_dlpack, to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(IntEnum):
    """Where an array lives, by DLPack's numbers."""
    kDLCPU, kDLCUDA, kDLCUDAHost = 1, 2, 3
    kDLOpenCL, kDLVulkan, kDLMetal, kDLVPI, kDLROCM, kDLROCMHost, kDLExtDev = 4, 7, 8, 9, 10, 11, 12
    kDLCUDAManaged, kDLOneAPI, kDLWebGPU, kDLHexagon, kDLMAIA = 13, 14, 15, 16, 17
