"""Timing statements (`torch.utils.benchmark`)."""
from typing import NoReturn

from .compare import Colorize, Compare
from .fuzzer import FuzzedParameter, FuzzedTensor, Fuzzer, ParameterAlias
from .measurement import Measurement, TaskSpec, ordered_unique, select_unit, trim_sigfig, unit_to_english
from .timer import Language, Timer, set_torch_threads, timer

__all__ = ["Colorize", "Compare", "FuzzedParameter", "FuzzedTensor", "Fuzzer", "Language", "Measurement", "ParameterAlias", "TaskSpec", "Timer", "ordered_unique", "select_unit", "set_torch_threads", "timer", "trim_sigfig", "unit_to_english"]
CALLGRIND = "CallgrindStats", "CopyIfCallgrind", "FunctionCount", "FunctionCounts"


def __getattr__(name: str) -> NoReturn:
    if name in CALLGRIND:
        raise AttributeError(f"torch.utils.benchmark.{name} counts instructions of PyTorch's own kernels under Valgrind, which jtorch has none of: "
                             "time with Timer.blocked_autorange()")
    if name == "FuzzedSparseTensor":
        raise AttributeError("torch.utils.benchmark.FuzzedSparseTensor is not in jtorch: give FuzzedTensor a tensor_constructor that makes sparse tensors")
    raise AttributeError(f"module 'torch.utils.benchmark' has no attribute '{name}'")
