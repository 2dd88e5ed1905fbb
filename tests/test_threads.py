"""Programs with several threads give what they give in PyTorch.

Each runs in a process of its own, whose threads take turns as often as Python can make them: from the second thread on, steps hold a lock.
"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BEGIN = """
import queue, sys, threading
import {library} as torch
nn = torch.nn
sys.setswitchinterval(1e-5)
def run(*functions):
    failed = []
    def safely(function):
        try:
            function()
        except BaseException as error:
            failed.append(repr(error))
    threads = [threading.Thread(target=safely, args=(f,), daemon=True) for f in functions]
    for t in threads: t.start()
    for t in threads: t.join(120)
    print(failed, [t.is_alive() for t in threads])
"""
PROGRAMS = {
    "one makes what another reads": """
line, found = queue.Queue(5), []
def make():
    x = torch.arange(6.0)
    for i in range(100):
        x = x * 1.0 + 1
        line.put(x * 2)
        y = x + 3
    line.put(None)
def read():
    while (x := line.get()) is not None: found.append((x + 1).sum().item())
run(make, read)
print(found)
""",
    "a model for all": """
torch.manual_seed(0)
model, inputs, found = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)), torch.randn(10, 4, 8), []
def infer():
    for x in inputs:
        with torch.no_grad(): found.append(round(model(x).sum().item(), 4))
run(infer, infer, infer)
print(sorted(found))
""",
    "a model for each": """
losses = {}
def train(seed):
    def program():
        g = torch.Generator().manual_seed(seed)
        w = torch.randn(8, 3, generator=g).requires_grad_()
        optimizer, x = torch.optim.Adam([w], lr=0.05), torch.randn(32, 8, generator=g)
        y = x @ torch.randn(8, 3, generator=g)
        for _ in range(60):
            optimizer.zero_grad()
            loss = ((x @ w - y) ** 2).mean()
            loss.backward()
            optimizer.step()
        losses[seed] = f"{loss.item():.3e}"
    return program
run(*[train(seed) for seed in range(4)])
print(sorted(losses.items()))
""",
    "one model, trained by all": """
w, goal = torch.zeros(8, 1, requires_grad=True), torch.ones(8, 1)
def train():
    g = torch.Generator().manual_seed(1)
    for _ in range(60):
        x = torch.randn(16, 8, generator=g)
        grad, = torch.autograd.grad(((x @ w - x @ goal) ** 2).mean(), w)
        with torch.no_grad(): w.sub_(0.05 * grad)
run(train, train, train)
print((w - goal).abs().max().item() < 0.2)
""",
    "rows of one tensor": """
rows = torch.zeros(4, 20)
def fill(k):
    def program():
        for i in range(20): rows[k, i] = float(k * 100 + i)
    return program
run(*[fill(k) for k in range(4)])
print(rows.tolist())
""",
    "the state of each thread": """
seen = []
def other():
    seen.append((torch.is_grad_enabled(), (torch.ones(1, requires_grad=True) * 2).requires_grad))
x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    run(other, other)
    print((x * 2).requires_grad)
print(seen, (x * 2).requires_grad)
""",
    "random numbers": """
def draw():
    for _ in range(50): torch.randn(7), torch.randperm(5), torch.rand(3)
torch.manual_seed(3)
run(draw, draw)
print(torch.get_rng_state().shape)
""",
    "where an error is": """
x = torch.ones(2)
def wrong():
    (x + 1) @ torch.ones(3)
def right():
    for _ in range(20): (x * 2).sum().item()
run(wrong, right)
print((x + 1).tolist())
"""}


def told(library: str, program: str) -> str:
    done = subprocess.run([sys.executable, "-c", BEGIN.format(library=library) + program], capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_in_pytorch(name: str) -> None:
    assert told("jtorch", PROGRAMS[name]) == told("torch", PROGRAMS[name])
