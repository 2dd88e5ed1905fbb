"""`torch.onnx` as far as programs and libraries prepare for an export: files in ONNX's format are not written."""
from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from types import ModuleType
from typing import Any, NoReturn

__all__ = ["OnnxExporterError", "TensorProtoDataType", "export", "is_in_onnx_export", "register_custom_op_symbolic", "unregister_custom_op_symbolic"]

symbolics: dict[tuple[str, int], Callable] = {}              # what libraries say about their own operators; nobody asks for it


class OnnxExporterError(RuntimeError):
    """Something is wrong with an export, or with what is to be exported."""


class TensorProtoDataType(IntEnum):
    """ONNX's numbers of types."""
    UNDEFINED, FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64, COMPLEX64, COMPLEX128, BFLOAT16 = range(17)


def is_in_onnx_export() -> bool:
    """Whether a module is being exported: never."""
    return False


def export(*args: Any, **kwargs: Any) -> NoReturn:
    """Raise: ONNX's operators are not written here."""
    raise NotImplementedError("torch.onnx.export: jtorch writes no ONNX files; torch.jit.save writes a traced module as an XLA program, and torch.save "
                              "its weights, which PyTorch reads and exports")


def register_custom_op_symbolic(symbolic_name: str, symbolic_fn: Callable, opset_version: int) -> None:
    """Say how an operator of one's own is exported, for libraries that do so when they are imported.  Raises OnnxExporterError for a name without a namespace."""
    if not re.fullmatch(r"[a-zA-Z0-9_]+::[a-zA-Z0-9_.]+", symbolic_name):
        raise OnnxExporterError(f"Failed to register operator {symbolic_name}. The symbolic name must match the format domain::name, and should start with a letter and "
                                "contain only alphanumerical characters")
    symbolics[symbolic_name, opset_version] = symbolic_fn


def unregister_custom_op_symbolic(symbolic_name: str, opset_version: int) -> None:
    """Take that back."""
    symbolics.pop((symbolic_name, opset_version), None)


class Opset(ModuleType):
    """The functions by which PyTorch writes its operators for one version of ONNX: each says that nothing is written."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("__"):
            raise AttributeError(name)
        return export


def __getattr__(name: str) -> Opset:
    if re.fullmatch(r"symbolic_opset[0-9]+", name):
        return Opset(f"torch.onnx.{name}")
    raise AttributeError(f"module 'torch.onnx' has no attribute '{name}' in jtorch")
