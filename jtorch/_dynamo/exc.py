"""Errors of PyTorch's compiler, for those who catch them."""
from __future__ import annotations


class TorchDynamoException(RuntimeError):
    """Any of them."""


class Unsupported(TorchDynamoException):
    """Something that could not be compiled."""


class BackendCompilerFailed(TorchDynamoException):
    """The compiler failed."""


class TensorifyScalarRestartAnalysis(TorchDynamoException):
    """The compiler begins again."""
