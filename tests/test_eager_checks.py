"""Run at once, values that were computed are looked at too: wrong indices and weights raise as in PyTorch."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import jtorch as torch
x, far = torch.ones(2, 2), torch.tensor([[0, 1], [1, 0]]) * 1 + 5
def told(f):
    try:
        print(f())
    except (RuntimeError, IndexError) as error:
        print(type(error).__name__, error)
told(lambda: x.gather(1, far))
told(lambda: x.scatter(0, far, x * 2))
told(lambda: x.index_select(0, far[0]))
told(lambda: torch.cov(x, fweights=far[0] - 9))
told(lambda: x.gather(1, far - 5))
"""


def test_as_in_pytorch() -> None:
    environment = {**os.environ, "JTORCH_EAGER": "1"}
    said = [subprocess.run([sys.executable, "-c", PROGRAM.replace("jtorch as torch", f"{library} as torch")], capture_output=True, text=True, check=True,
                           cwd=Path(__file__).parent.parent, env=environment).stdout for library in ("jtorch", "torch")]
    assert said[0] == said[1] and said[0].count("Error") == 4
