"""Recorded paths and compiled programs are bounded: the least recently used go, and what they gave stays right."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc, sys
import jtorch as torch
from jtorch._core import config, run
from jtorch._core.graph import Node
config.programs, config.trie_size = 30, 2000
def maps():
    gc.collect()
    return sum(1 for _ in open("/proc/self/maps")) if sys.platform == "linux" else 0
w = torch.ones(3, requires_grad=True)
optimizer, step = torch.optim.SGD([w], 0.1), torch.compile(lambda x: (x * 2).sum())
wrong, seen = 0, []
for n in range(1, 161):
    x = torch.ones(n, 2)
    wrong += (x * 2 + 1).sum().item() != 6 * n
    wrong += step(x).item() != 4 * n
    optimizer.zero_grad()
    (w ** 2).sum().backward()
    optimizer.step()
    seen.append((maps(), run.Program.total, Node.total))
print(wrong, round(w[0].item(), 6) == round(0.8 ** 160, 6), max(s[1] for s in seen) <= 31, max(s[2] for s in seen) <= 2100)
print(seen[-1][0] < seen[60][0] + 400)
config.trie_size = 60
for n in range(1, 40):
    wrong += (torch.ones(n, 3).exp() * 0 + 1).sum().item() != 3 * n
print(wrong, Node.total < 200)
config.programs, config.trie_size, run.LOOK = 10000, 100000, 10
run.MAPPED = (maps() + 300) / int(open("/proc/sys/vm/max_map_count").read()) if sys.platform == "linux" else 1
most = 0
for n in range(1, 121):
    wrong += (torch.ones(n, 4).sin() * 0 + 1).sum().item() != 4 * n
    most = max(most, run.Program.total)
print(wrong, sys.platform != "linux" or most < 110)
"""


def test_what_is_kept_is_bounded() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "True", "True", "True", "True", "0", "True", "0", "True"]
