"""Being torch: `python -m jtorch SCRIPT`, `install_as_torch`, and what is missing."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torch import optim
print(torch.__name__, nn is torch.nn, F.relu(torch.tensor([-1.0, 2.0])), sys.argv[1:])
try:
    import torch.no_such_part
except ModuleNotFoundError as error:
    print(error)
try:
    torch.no_such_function
except AttributeError as error:
    print(error)
import typing
print(len(typing.get_type_hints(nn.Linear)) > 5, len([typing.get_type_hints(kind) for kind in (torch.Tensor, torch.dtype, torch.device)]))
"""
EXPECTED = """torch True tensor([0., 2.]) ['a', '--b']
No module named 'torch.no_such_part': it is missing in jtorch, which stands for torch here
module 'torch' has no attribute 'no_such_function' in jtorch
True 3
"""


def run(*args: str, cwd: Path) -> str:
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, cwd=cwd, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_script(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(SCRIPT)
    assert run("-m", "jtorch", "program.py", "a", "--b", cwd=tmp_path) == EXPECTED


def test_module(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(SCRIPT)
    assert run("-m", "jtorch", "-m", "program", "a", "--b", cwd=tmp_path) == EXPECTED


def test_install_as_torch(tmp_path: Path) -> None:
    text = "import jtorch; jtorch.install_as_torch(); import torch.nn; from torch.optim import SGD; print(torch.nn.Linear(1, 2), SGD.__name__)"
    assert run("-c", text, cwd=tmp_path) == "Linear(in_features=1, out_features=2, bias=True) SGD\n"


def test_classes_call_themselves_torch(tmp_path: Path) -> None:
    """Programs print `type(x)`."""
    script = tmp_path / "types_of.py"
    code = ("import torch\nfrom torch import nn\nx = torch.ones(2)\n"
            "print(type(x), type(nn.Linear(1, 1)), type(x.dtype), type(torch.optim.SGD([x], 1.0)), torch.Generator, torch.Size)\n")
    script.write_text(code)
    printed = subprocess.run([sys.executable, "-m", "jtorch", str(script)], capture_output=True, text=True, check=True).stdout
    assert printed == ("<class 'torch.Tensor'> <class 'torch.nn.modules.linear.Linear'> <class 'torch.dtype'> <class 'torch.optim.sgd.SGD'> "
                       "<class 'torch._C.Generator'> <class 'torch.Size'>\n")
