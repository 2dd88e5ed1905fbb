"""TorchScript's interface (`torch.jit`).  Programs run compiled anyway, so scripted and traced functions and modules run their Python code, recorded as ever.

What traces hold goes into files as XLA programs (`save`, `load`); PyTorch's own TorchScript files can't be read.
"""
from __future__ import annotations

from typing import Final

from ._archive import load, save
from .annotations import BroadcastingList as _BroadcastingList  # noqa: F401  (the module takes the place of the feature of the same name)
from ._marks import (_overload as _overload, _overload_method as _overload_method, Attribute, Error, Future, TracerWarning, TracingCheckError, annotate, enable_onednn_fusion, export, fork, fuser, ignore, interface,
                     is_scripting, is_tracing, isinstance, onednn_fusion_enabled, optimized_execution, script_if_tracing, script_method, set_fusion_strategy,
                     strict_fusion, unused, wait)
from ._marks import script_if_tracing as _script_if_tracing  # noqa: F401
from ._modules import RecursiveScriptModule, ScriptFunction, ScriptModule, freeze, optimize_for_inference, run_frozen_optimizations, script
from ._tracing import TopLevelTracedModule, trace, trace_module

__all__ = ["Attribute", "Error", "Final", "Future", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "TopLevelTracedModule", "TracerWarning", "TracingCheckError",
           "annotate", "enable_onednn_fusion", "export", "fork", "freeze", "fuser", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load",
           "onednn_fusion_enabled", "optimize_for_inference", "optimized_execution", "run_frozen_optimizations", "save", "script", "script_if_tracing",
           "script_method", "set_fusion_strategy", "strict_fusion", "trace", "trace_module", "unused", "wait"]
