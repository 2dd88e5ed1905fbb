"""The package torchinfo, unchanged: the same summary as with PyTorch."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import torch
from torch import nn
from torchinfo import summary

net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 15 * 15, 10))
print(summary(net, (2, 3, 32, 32), col_names=("input_size", "output_size", "num_params", "kernel_size", "mult_adds", "trainable")))
print(summary(nn.LSTM(4, 6, 2, batch_first=True), (2, 5, 4)))
print(summary(nn.Embedding(10, 4), (2, 5), dtypes=[torch.long], depth=1, verbose=0))
"""


def test_summaries(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ours, theirs = (subprocess.run([sys.executable, *module, program], capture_output=True, text=True, check=True).stdout for module in (["-m", "jtorch"], []))
    assert ours == theirs and "Total params" in ours
