"""Platforms that are absent, and the CPU as a device: what they answer and raise on a machine without accelerators, as PyTorch's CPU build does."""
from __future__ import annotations

import re
import subprocess
import sys
import warnings
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.mps.profiler

import jtorch

SETUP = """
import torch
X, M, A, C, R, Y = torch.xpu, torch.mps, torch.accelerator, torch.cpu, torch.cuda.random, torch.cuda.memory
def inside(context, read=lambda: None):
    with context as value:
        return value, read()
"""
CODE = """
X.is_available(), X.device_count(), X.is_initialized(), X.is_bf16_supported(), X.is_tf32_supported(), X.get_arch_list(), X.get_gencode_flags(), X.default_generators
X.manual_seed(3), X.manual_seed_all(3.0), X.seed(), X.seed_all(), X.get_rng_state_all(), X.set_rng_state_all([]), X.set_rng_state(torch.ones(1)), X.empty_cache()
X.memory_allocated(), X.max_memory_allocated(0), X.memory_reserved(), X.max_memory_reserved(), X.memory_stats(), X.memory_stats_as_nested_dict(), X.memory_snapshot()
X.manual_seed("cpu")
X.manual_seed([])
X.is_available(0)
X.init()
X.synchronize()
X.current_device()
X.set_device(0)
X.current_stream()
X.set_stream(None)
X.get_device_name()
X.get_device_properties()
X.get_device_capability()
X.can_device_access_peer(0, 1)
X.get_rng_state()
X.initial_seed()
X.mem_get_info()
X.get_per_process_memory_fraction()
X.set_per_process_memory_fraction(0.5)
X.Stream()
X.Event()
inside(X.device(0))
inside(X.device_of(torch.ones(1)))
inside(X.stream(None)), inside(X.StreamContext(None))
M.is_available(), M.device_count(), M.manual_seed(3)
M.seed()
M.get_rng_state()
M.set_rng_state(torch.ones(1))
M.synchronize()
M.empty_cache()
M.current_allocated_memory()
M.driver_allocated_memory()
M.recommended_max_memory()
M.set_per_process_memory_fraction(1)
M.set_per_process_memory_fraction(3.0)
M.set_per_process_memory_fraction(1.0)
M.Event()
M.compile_shader("")
M.load_metallib(3)
M.load_metallib("x")
M.profiler.start()
M.profiler.stop()
A.is_available(), A.device_count(), A.current_accelerator(), inside(A.device_index(None))
A.synchronize()
A.synchronize("cpu")
A.synchronize("cuda:0")
A.synchronize("xyz")
A.current_device_index()
A.current_device_idx()
A.set_device_index(0)
A.set_device_index(-1)
A.set_device_index("cpu")
A.set_device_index(None)
A.set_device_index(1.0)
A.set_device_idx(0)
inside(A.device_index(0))
A.current_stream()
A.current_stream("cpu")
A.set_stream(torch.Stream())
A.set_stream(3)
A.get_device_capability()
A.get_device_capability("cpu")
A.get_device_capability([])
A.get_memory_info()
A.get_memory_info("cpu")
A.memory_allocated()
A.memory_allocated("cpu")
A.max_memory_allocated()
A.memory_reserved()
A.max_memory_reserved(0)
A.memory_stats()
A.reset_peak_memory_stats()
A.reset_accumulated_memory_stats("cpu")
A.empty_cache()
A.empty_host_cache()
A.Graph()
torch.get_device_module("xpu").is_available(), torch.get_device_module("mps").is_available(), torch.get_device_module("cpu").is_available()
R.manual_seed(1), R.manual_seed_all(1.0), R.seed(), R.seed_all(), R.get_rng_state_all(), R.set_rng_state_all([]), R.manual_seed is torch.cuda.manual_seed
R.manual_seed("cpu")
R.get_rng_state()
R.initial_seed()
Y.memory_stats(), Y.memory_stats_as_nested_dict(), Y.host_memory_stats(), Y.host_memory_stats_as_nested_dict(), Y.memory_allocated(0), Y.max_memory_reserved("cpu")
Y.memory_cached(), Y.max_memory_cached(), torch.cuda.memory_stats_as_nested_dict(), torch.cuda.seed_all()
Y.set_per_process_memory_fraction(0.5)
Y.mem_get_info()
C.is_available(), C.device_count(), C.current_device(), C.Stream().record_event(), C.Stream(1).wait_stream(None), C.Stream(priority=2).wait_event(None)
C.Event().query(), C.Event().record(), C.Event().record(C.Stream()), C.Event().wait(), C.Event().synchronize(), C.current_stream("cpu") is C.current_stream()
(lambda s: (inside(C.stream(s), lambda: C.current_stream() is s), C.current_stream() is s, inside(C.StreamContext(None), lambda: C.current_stream() is s)))(C.Stream())
C.Event(3)
torch.Stream().is_capturing(), torch.Stream().device_type, torch.Stream().stream_id, torch.Event().event_id, torch.Event().device, torch.Generator().device
torch.Stream().native_handle
torch.Event().ipc_handle()
torch.Event.from_ipc_handle("cpu", b"")
torch.Generator().graphsafe_get_state()
torch.Generator().graphsafe_set_state(torch.Generator())
torch.Generator().graphsafe_set_state(3)
torch.Generator().get_offset()
"""


def outcome(module: ModuleType, code: str) -> tuple:
    scope: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        exec(SETUP.replace("import torch", f"import {module.__name__} as torch, {module.__name__}.cuda.random, {module.__name__}.cuda.memory"), scope)
        del found[:]
        try:
            shown = str(eval(code, scope))
        except Exception as error:
            shown = type(error).__name__, _same_words(str(error).splitlines()[0])
    return shown, [(w.category.__name__, str(w.message)) for w in found]


def _same_words(message: str) -> str:
    """An error's text, without what jtorch adds and without what Python and pybind say of arguments."""
    message = message.split(": JAX finds no GPU")[0]
    return "" if re.search(r"argument|Tried to instantiate dummy|torch\.xpu\.|ipc is not|unhashable|ArgumentError", message) else message


@pytest.mark.parametrize("code", CODE.strip().split("\n"))
def test_as_in_pytorch(code: str) -> None:
    ours, theirs = outcome(jtorch, code), outcome(torch, code)
    assert ours == theirs and theirs[0][0] not in ("NameError", "SyntaxError")


def test_processor() -> None:
    ours, theirs = jtorch.cpu.get_capabilities(), torch.cpu.get_capabilities()
    assert ours["architecture"] == theirs["architecture"]
    assert {k: v for k, v in ours.items() if isinstance(v, bool)} == {k: theirs[k] for k, v in ours.items() if isinstance(v, bool)}
    with pytest.raises(TypeError):
        ours["avx2"] = True


ACCELERATED = """
import jtorch as torch
A = torch.accelerator
assert A.is_available() and A.current_device_index() == 0 and A.current_stream().device == torch.device("cuda:0")
with A.device_index(0):
    A.set_stream(A.current_stream())
A.synchronize(), A.synchronize("cuda"), A.empty_cache(), A.set_device_index(0), A.set_device_index("cuda:0")
assert A.memory_allocated() == torch.cuda.memory_allocated() and A.memory_stats(0) == torch.cuda.memory_stats(0)
assert A.get_memory_info() == torch.cuda.mem_get_info() and torch.float32 in A.get_device_capability("cuda:0")["supported_dtypes"]
for call, error in ((lambda: A.synchronize("xpu"), ValueError), (lambda: A.synchronize("cpu"), RuntimeError), (lambda: A.set_device_index("cuda"), ValueError),
                    (A.reset_peak_memory_stats, RuntimeError), (A.Graph, RuntimeError), (torch.cuda.memory_snapshot, RuntimeError)):
    try:
        call()
    except error:
        continue
    raise AssertionError(error)
"""


def test_with_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX's CPU stands for a GPU here."""
    monkeypatch.setenv("JTORCH_ACCELERATOR", "cpu")
    done = subprocess.run([sys.executable, "-c", ACCELERATED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
