"""Switches, versions, timers, processes, and `torch.cuda` where there is no GPU: as PyTorch answers on such a machine."""
from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from types import ModuleType

import pytest
import torch
import torch.utils.benchmark
import torch.utils.collect_env

import jtorch
import jtorch.utils.benchmark
import jtorch.utils.collect_env

SETUP = """
B, C, M, V = torch.backends, torch.cuda, torch.multiprocessing, torch.utils.benchmark
def inside(context, read):
    with context:
        return read()
def timed(number, times, **more):
    return V.Measurement(number, times, V.TaskSpec(**{"stmt": "x + 1", "setup": "pass", "num_threads": 1, **more}))
"""
CODE = """
torch.distributed.is_torchelastic_launched(), torch.distributed.is_nccl_available()
C.is_available(), C.device_count(), C.is_initialized(), C.get_arch_list(), C.get_gencode_flags(), C.is_bf16_supported(), C.is_tf32_supported()
C.memory_allocated(), C.max_memory_allocated(), C.memory_reserved(), C.max_memory_reserved(), C.memory_cached(), C.memory_stats(), C.empty_cache()
C.manual_seed(0), C.manual_seed_all(0), C.seed(), C.get_rng_state_all(), C.set_rng_state_all([])
C.get_device_properties(0)
C.get_device_name()
C.get_device_capability()
C.current_device()
C.synchronize()
C.mem_get_info()
C.initial_seed()
C.get_rng_state()
C.init()
C.ipc_collect()
C.can_device_access_peer(0, 1)
C.FloatTensor, C.memory.empty_cache()
B.cudnn.enabled, B.cudnn.benchmark, B.cudnn.deterministic, B.cudnn.allow_tf32, B.cudnn.benchmark_limit, B.cudnn.is_available(), B.cudnn.version()
inside(B.cudnn.flags(enabled=False, deterministic=True), lambda: (B.cudnn.enabled, B.cudnn.deterministic, B.cudnn.benchmark)), B.cudnn.enabled
setattr(B.cudnn, "benchmark", True), B.cudnn.benchmark, B.cudnn.set_flags(None, False), B.cudnn.benchmark
B.cuda.is_built(), B.cuda.matmul.allow_tf32, B.cuda.matmul.allow_fp16_reduced_precision_reduction, B.cuda.matmul.allow_bf16_reduced_precision_reduction
setattr(B.cuda.matmul, "allow_tf32", True), B.cuda.matmul.allow_tf32, torch.get_float32_matmul_precision(), torch.set_float32_matmul_precision("highest"), B.cuda.matmul.allow_tf32
B.cuda.matmul.nothing
setattr(B.cuda.matmul, "nothing", 1)
B.cuda.flash_sdp_enabled(), B.cuda.enable_flash_sdp(False), B.cuda.flash_sdp_enabled(), B.cuda.enable_flash_sdp(True), B.cuda.math_sdp_enabled(), B.cuda.cudnn_sdp_enabled()
B.mkldnn.enabled, B.mkldnn.set_flags(False), B.mkldnn.enabled, B.mkldnn.set_flags(True), inside(B.mkldnn.flags(enabled=False), lambda: B.mkldnn.enabled)
B.opt_einsum.is_available(), B.opt_einsum.enabled, B.opt_einsum.strategy, inside(B.opt_einsum.flags(strategy="greedy"), lambda: B.opt_einsum.strategy), B.opt_einsum.strategy
B.mha.get_fastpath_enabled(), B.mha.set_fastpath_enabled(False), B.mha.get_fastpath_enabled(), B.mha.set_fastpath_enabled(True)
B.mps.is_available(), B.mps.is_built(), B.cpu.get_cpu_capability()
B.mkl.VERBOSE_ON, B.mkldnn.VERBOSE_ON_CREATION, inside(B.mkl.verbose(0), lambda: 1)
torch.version.cuda, torch.version.hip, torch.version.debug, torch.version.xpu, torch.version.__version__ == torch.__version__
torch.__version__ > (1, 2), torch.__version__ > "1.10", torch.__version__ < "2.14", torch.__version__ >= "2.13.0rc1", torch.__version__ >= (2, 13), torch.__version__ != "2.1"
torch.__version__.split("+")[0], torch.__version__.startswith("2."), hash(torch.__version__) != 0, torch.__version__ == 3
torch.__config__.show().splitlines()[0], torch.__config__.parallel_info().splitlines()[0]
torch.get_default_device(), torch.set_default_device("meta"), torch.ones(1).device, torch.set_default_device(None), torch.ones(1).device
inside(torch.device("meta"), lambda: torch.zeros(2).device), torch.zeros(1).device
M.get_sharing_strategy(), M.set_sharing_strategy("file_system"), M.get_sharing_strategy(), M.set_sharing_strategy("file_descriptor"), sorted(M.get_all_sharing_strategies())
issubclass(M.ProcessRaisedException, Exception), M.ProcessExitedException("a", 1, 2, 3).exit_code, M.get_start_method(), M.cpu_count() > 0
timed(1000, [0.001])
timed(10, [0.001, 0.0012, 0.0011, 0.002]), timed(10, [0.001, 0.0012, 0.0011, 0.002]).has_warnings
timed(1, [1e-3, 1.01e-3, 1.02e-3] * 5, label="L", sub_label="S", description="D", num_threads=2)
timed(1, [2.5] * 6, setup="import a")
timed(1, [1e-3, 1.3e-3, 2e-3] * 5, stmt="a\\nb"), timed(1, [1, 1.15, 1.3, 1.1] * 5)
[(m.median, round(m.iqr, 9), m.times[:2], m.meets_confidence(), m.title, m.as_row_name) for m in (timed(7, [3e-9, 1]), timed(1, [1, 100, 1, 5], stmt="a\\nb"))]
V.Measurement.merge([timed(1, [1]), timed(1, [2]), timed(1, [2], label="L")])
V.Timer("x + 1", globals={"x": 1}).timeit(100).number_per_run, len(V.Timer("x + 1", "x = 1", label="L").blocked_autorange(min_run_time=0.001).times) >= 1
V.Timer("x +")
V.Timer("x").timeit(1)
V.Timer(lambda: 1)
V.Timer("x", language="z")
torch.compiler.list_backends(), torch.compiler.is_compiling(), torch.compiler.assume_constant_result(timed) is timed
torch.compile(len, backend="nothing")
torch.compile(len, dynamic=3)
torch.compile(len, mode="nothing")
torch.compile(len, mode="default", options={})
torch.compile(3)
torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)), torch.compiler.disable(len)([1])
torch.compiler.allow_in_graph(3)
V.select_unit(1e-5), V.unit_to_english("us"), V.trim_sigfig(123456, 3), V.ordered_unique([3, 1, 3])
"""


def outcome(module: ModuleType, code: str) -> str:
    scope = {"torch": module}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(SETUP, scope)
        try:
            return re.sub(r"<[\w.]+ object at 0x\w+>", "<>", str(eval(code, scope)))
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0].split(': JAX finds no GPU')[0]}"


@pytest.mark.parametrize("code", [c for c in CODE.strip().split("\n")])
def test_as_in_pytorch(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)


def test_report() -> None:
    text = jtorch.utils.collect_env.get_pretty_env_info()
    theirs = torch.utils.collect_env.pretty_str.__module__ and "PyTorch version:"
    assert text.startswith(theirs) and "[pip3] jax==" in text and "Is CUDA available: False" in text


SPAWNING = '''
import sys
import torch
import torch.multiprocessing as mp

def work(i, queue, x):
    assert "jtorch" in torch.__file__
    queue.put((i, x * i))

def fail(i):
    if i == 1:
        raise ValueError("a mistake of %d" % i)

def leave(i):
    sys.exit(7)

if __name__ == "__main__":
    queue = mp.get_context("spawn").Queue()
    context = mp.spawn(work, (queue, torch.ones(2)), nprocs=2, join=False)
    print(sorted((i, x.tolist()) for i, x in (queue.get(), queue.get())))
    while not context.join():
        pass
    try:
        mp.spawn(fail, nprocs=2)
    except mp.ProcessRaisedException as error:
        print(error.error_index, str(error).strip().splitlines()[0], str(error).strip().splitlines()[-1])
    try:
        mp.start_processes(leave, nprocs=1, start_method="fork")
    except mp.ProcessExitedException as error:
        print(error, error.exit_code)
'''


def test_spawn(tmp_path) -> None:
    """Spawned processes of a program that jtorch runs have jtorch as torch too."""
    path = tmp_path / "program.py"
    path.write_text(SPAWNING)
    done = subprocess.run([sys.executable, "-m", "jtorch", str(path)], capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.stdout.splitlines() == ["[(0, [0.0, 0.0]), (1, [1.0, 1.0])]", "1 -- Process 1 terminated with the following error: ValueError: a mistake of 1",
                                        "process 0 terminated with exit code 7 7"], done.stderr
