"""`torch.onnx` as far as programs ask whether they are being exported: files in ONNX's format are not written."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["export", "is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """Whether a module is being exported: never."""
    return False


def export(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise: ONNX's operators are not written here."""
    raise NotImplementedError("torch.onnx.export: jtorch writes no ONNX files; torch.jit.save writes a traced module as an XLA program, and torch.save "
                              "its weights, which PyTorch reads and exports")
