"""The profiler: tables as PyTorch prints them for the same events, schedules, what a trace holds, and that nothing is left of it afterwards."""
from __future__ import annotations

import glob
import gzip
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.autograd.profiler_util as their_util

import jtorch
import jtorch.autograd.profiler_util as our_util
from jtorch._core.run import watching

TABLES = """
L.table()
L.table(sort_by="cpu_time_total", row_limit=2)
L.table(sort_by="self_cpu_time_total", row_limit=0)
L.table(row_limit=-1, max_shapes_column_width=12, max_src_column_width=4, header="title")
L.table(top_level_events_only=True)
L.table(top_level_events_only=True, header="title", max_name_column_width=20)
L.table(sort_by="count", time_unit="s")
L.table(time_unit="ms")
L.table(max_src_column_width=10)
L.table(sort_by="nothing")
L.key_averages().table()
L.key_averages().table(top_level_events_only=True)
L.key_averages(group_by_input_shapes=True).table(sort_by="cpu_time")
L.key_averages(group_by_stack_n=1).table()
L.key_averages(True, 5)
L.key_averages().total_average()
L.total_average(), L.self_cpu_time_total
L.export_stacks(path, "self_cpu_time_total"), open(path).read()
L.export_stacks(path, "nothing")
[repr(event) for event in L], [repr(event) for event in L.key_averages(True)]
[event.cpu_parent and event.cpu_parent.name for event in L]
U.EventList([]).table(), U.EventList([])
U.EventList([U.FunctionEvent(0, "z", 1, 0, 0, stack=[])]).table(header="title")
torch.profiler.schedule(wait=-1, warmup=0, active=1)
torch.profiler.schedule(wait=1, warmup=0, active=0)
[torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=2)(k).name for k in range(16)]
[torch.profiler.schedule(wait=2, warmup=1, active=1)(k).name for k in range(9)]
[torch.profiler.schedule(wait=2, warmup=1, active=1, skip_first=1, skip_first_wait=1)(k).name for k in range(9)]
torch.profiler.profile(activities=[])
torch.profiler.profile(activities=["cpu"])
torch.profiler.profile().key_averages()
torch.profiler.profile().events()
torch.profiler.profile().export_chrome_trace("x")
torch.profiler.profile().export_stacks("x")
torch.profiler.profile().stop()
torch.profiler.profile().step()
torch.profiler.record_function("a").__exit__(None, None, None)
torch.profiler.record_function("a")(lambda: 3)()
torch.autograd.profiler.profile().key_averages(), torch.autograd.profiler.profile().table()
str(torch.autograd.profiler.profile()), torch.autograd.profiler.profile(enabled=False).__enter__()
torch.autograd.profiler.emit_nvtx().__enter__()
[a.name for a in torch.profiler.supported_activities()]
[a.name for a in torch.profiler.ProfilerAction]
"""


def events(util: ModuleType) -> list:
    made = [(0, "outer", 0, 2500000, [[2, 3]], ["a.py(3): f", "b.py(4): g"], 2048), (1, "aten::mm", 10, 1510.5, [[2, 3], [3, 4]], [], -3 << 20),
            (2, "aten::mm", 1600, 1700, [[2, 3], [3, 5]], [], 0), (3, "x" * 70, 1800, 1801, [], [], 0), (4, "s", 2500000, 2500001, [], [], 0),
            (5, "q" * 55, 7, 8, [], [], 1 << 30)]
    found = util.EventList([util.FunctionEvent(k, name, 1, a, b, input_shapes=shapes, stack=stack, cpu_memory_usage=size)
                            for k, name, a, b, shapes, stack, size in made], use_device=None, profile_memory=True)
    found._build_tree()
    return found


def outcome(module: ModuleType, util: ModuleType, code: str, path: Path) -> str:
    try:
        return str(eval(code, {"torch": module, "U": util, "L": events(util), "path": str(path)}))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.filterwarnings("ignore:Profiler won't be using warmup")
@pytest.mark.parametrize("code", TABLES.strip().split("\n"))
def test_as_in_pytorch(code: str, tmp_path: Path) -> None:
    assert outcome(jtorch, our_util, code, tmp_path / "ours") == outcome(torch, their_util, code, tmp_path / "theirs")


def train(module: ModuleType) -> None:
    net = module.nn.Sequential(module.nn.Linear(20, 30), module.nn.ReLU(), module.nn.Linear(30, 1))
    optimizer = module.optim.SGD(net.parameters(), lr=0.1)
    net(module.ones(4, 20)).sum().backward()
    optimizer.step()
    net[0].weight.sum().item()


COMMON = ["aten::linear", "aten::relu", "aten::sum", "SumBackward0", "ReluBackward0", "AddmmBackward0", "Optimizer.step#SGD.step", "mine"]


def counts(module: ModuleType) -> dict[str, int]:
    with module.profiler.profile(activities=[module.profiler.ProfilerActivity.CPU]) as prof, module.profiler.record_function("mine"):
        train(module)
    return {event.key: event.count for event in prof.key_averages()}


def test_counts() -> None:
    """Operations, gradients and ranges are counted as PyTorch counts them; gradients of PyTorch's are beneath nodes, and it sums inside the backward pass too."""
    ours, theirs = counts(jtorch), counts(torch)
    assert [ours[name] for name in COMMON if name != "aten::sum"] == [theirs[name] for name in COMMON if name != "aten::sum"]
    assert ours["aten::sum"] == 2 and ours["jtorch::run (item)"] == 1


def test_times_and_trace(tmp_path: Path) -> None:
    x = jtorch.rand(300, 300)
    with jtorch.profiler.profile(record_shapes=True, profile_memory=True, with_stack=True) as prof, jtorch.profiler.record_function("mine"):
        (x @ x).sum().item()
    assert not watching
    mm = next(e for e in prof.key_averages(group_by_input_shape=True, group_by_stack_n=1) if e.key == "aten::matmul")
    assert mm.cpu_time_total > 0 and mm.input_shapes == [[300, 300], [300, 300]] and re.search(r"test_profiler\.py:\d+", mm.stack[0])
    whole = next(e for e in prof.events() if e.name == "mine")
    assert whole.cpu_memory_usage >= 4 and mm.cpu_time_total < whole.cpu_time_total
    assert prof.events().self_cpu_time_total == pytest.approx(whole.cpu_time_total, rel=0.2)
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    found = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert {"mine", "aten::matmul", "aten::sum", "jtorch::program"} <= {e["name"] for e in found} and all(e["dur"] >= 0 for e in found)
    with pytest.raises(RuntimeError, match="Trace is already saved"):
        prof.export_chrome_trace(str(tmp_path / "again.json"))


def test_results_that_are_thrown_away() -> None:
    """As in the recipe that everybody starts from: the model is called in a range, and nobody looks at what it gives."""
    net, x = jtorch.nn.Sequential(jtorch.nn.Linear(20, 30), jtorch.nn.ReLU(), jtorch.nn.Linear(30, 2)), jtorch.ones(5, 20)
    with jtorch.profiler.profile() as prof:
        with jtorch.profiler.record_function("inference"):
            net(x)
        net(x).softmax(1)
    found = {e.key: e for e in prof.key_averages()}
    assert found["aten::linear"].count == 4 and found["aten::relu"].count == 2 and found["aten::softmax"].count == 1
    parents = [e.cpu_parent for e in prof.events() if e.name == "aten::relu"]
    while parents[0].cpu_parent is not None:
        parents[0] = parents[0].cpu_parent
    assert parents[0].name == "inference"


COUNTED = """
mm(o(10, 20), o(20, 30))
bmm(o(2, 3, 4), o(2, 4, 5))
addmm(o(3, 5), o(3, 4), o(4, 5))
baddbmm(o(2, 3, 5), o(2, 3, 4), o(2, 4, 5))
matmul(o(4, 3, 4), o(4, 5))
matmul(o(6, 300, 40), o(6, 40, 500))
nn.functional.linear(o(7, 3), o(5, 3), o(5))
nn.functional.conv2d(o(2, 4, 8, 8), o(4, 2, 3, 3), groups=2, stride=2, padding=1)
mul(o(4, 4), o(4, 1))
add(o(4), o(1))
exp(o(4))
"""


@pytest.mark.parametrize("code", COUNTED.strip().split("\n"))
def test_floating_point_operations(code: str) -> None:
    def counted(module: ModuleType) -> tuple:
        with module.profiler.profile(activities=[module.profiler.ProfilerActivity.CPU], with_flops=True) as prof:
            eval(f"torch.{code}", {"torch": module, "o": module.ones})
        averages = prof.key_averages()
        column = re.search(r"Total \w*FLOPs", averages.table())
        return sum(e.flops for e in averages), column and column[0], re.findall(r"(\d+\.\d{3})  $", averages.table(), re.MULTILINE)
    assert counted(jtorch) == counted(torch)


def steps(module: ModuleType) -> list:
    seen: list = []
    plan = module.profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    with module.profiler.profile(schedule=plan, on_trace_ready=lambda p: seen.append((p.step_num, {e.key: e.count for e in p.key_averages()}["ProfilerStep*"]))) as p:
        for _ in range(9):
            (module.ones(2) + 1).sum().item()
            p.step()
    return [*seen, p.step_num, p.current_action.name]


def test_schedule() -> None:
    assert steps(jtorch) == steps(torch)


@pytest.mark.parametrize("zipped", [False, True])
def test_tensorboard(tmp_path: Path, zipped: bool) -> None:
    with jtorch.profiler.profile(on_trace_ready=jtorch.profiler.tensorboard_trace_handler(str(tmp_path), "worker", use_gzip=zipped)):
        jtorch.ones(2).exp().sum().item()
    path, = glob.glob(str(tmp_path / "worker.*.pt.trace.json*"))
    text = gzip.open(path).read() if zipped else Path(path).read_bytes()
    assert path.endswith("json.gz" if zipped else "json") and any(e["name"] == "aten::exp" for e in json.loads(text)["traceEvents"])


def test_same_values() -> None:
    """Profiling changes no result, in a step that repeats and after it."""
    def run(profiled: bool) -> list:
        jtorch.manual_seed(0)
        w = jtorch.rand(5, requires_grad=True)
        optimizer, losses = jtorch.optim.SGD([w], lr=0.1), []
        for k in range(12):
            with jtorch.profiler.profile() if profiled and k in (3, 9) else jtorch.enable_grad():
                optimizer.zero_grad()
                loss = (w ** 2).sum()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        return losses
    assert run(True) == run(False)
