"""The package safetensors, unchanged, on jtorch: what either framework wrote, both read; and the addresses in memory that it reads from."""
from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch as pytorch

import jtorch

PROGRAM = '''
import os, sys
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, load_model, save, save_file, save_model

own, other = sys.argv[1:]
base = torch.arange(6.0)
tensors = {"matrix": base.reshape(2, 3) * 2, "empty": torch.empty(0, 3), "scalar": torch.tensor(2.5), "flags": torch.tensor([True, False]),
           **{name: torch.arange(3).to(getattr(torch, name)) for name in ("bfloat16", "float16", "float64", "int8", "int64", "uint8")}}
tensors["matrix"].add_(1)
if not os.path.exists(own):
    save_file(tensors, own, metadata={"format": "pt"})
for path in own, other:
    if os.path.exists(path):
        for name, x in sorted(load_file(path).items()):
            print(name, x, x.dtype, x.shape, torch.equal(x, tensors[name]))
        with safe_open(path, framework="pt", device="cpu") as file:
            print(file.metadata(), file.get_tensor("matrix"), file.get_slice("matrix")[:, 1:], file.get_slice("matrix").get_shape())
print(load(save(tensors))["matrix"])
model, again = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
save_model(model, own + ".model")
print(load_model(again, own + ".model"), torch.equal(model.weight, again.weight))
for bad in {"a": base, "b": base.view(-1)}, {"a": base.view(2, 3).t()}:
    try:
        save_file(bad, own + ".bad")
    except (RuntimeError, ValueError) as error:
        print(type(error).__name__, error)
'''


def printed(folder: Path, name: str, *command: str, other: str) -> str:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    ran = subprocess.run([sys.executable, *command, str(program), str(folder / name), str(folder / other)], capture_output=True, text=True,
                         env={**os.environ, "PYTHONHASHSEED": "0"})
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_files_both_ways(tmp_path: Path) -> None:
    printed(tmp_path, "theirs", other="ours")
    ours = printed(tmp_path, "ours", "-m", "jtorch", other="theirs")
    assert ours == printed(tmp_path, "theirs", other="ours")
    assert not any(line.endswith(" False") for line in ours.splitlines())
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("lib", [jtorch, pytorch], ids=["jtorch", "pytorch"])
def test_addresses(lib) -> None:
    """What lies at the address of a tensor is what it holds; memory keeps its address, and views of it know theirs."""
    x = lib.arange(6.0).mul_(2)
    start = x.data_ptr()

    def there(t, count: int) -> list[float]:
        return np.ctypeslib.as_array(ctypes.cast(t.data_ptr(), ctypes.POINTER(ctypes.c_float)), (count,)).tolist()
    assert there(x, 6) == x.tolist() and there(x[2:], 4) == x[2:].tolist()
    x.add_(1)
    assert x.data_ptr() == start == x.view(2, 3).t().data_ptr() == x.untyped_storage().data_ptr() and there(x, 6) == x.tolist()
    assert lib.empty(0).data_ptr() == 0 == lib.empty(2, device="meta").data_ptr()
    image = lib.arange(8.0).reshape(1, 2, 2, 2).contiguous(memory_format=lib.channels_last)
    assert there(image, 8) == [0, 4, 1, 5, 2, 6, 3, 7]
    array = np.ones(3, np.float32)
    assert lib.from_numpy(array).data_ptr() == array.ctypes.data


@pytest.mark.parametrize("lib", [jtorch, pytorch], ids=["jtorch", "pytorch"])
def test_mapped_files(lib, tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(10)))
    found = lib.UntypedStorage.from_file(str(path), False, 8)
    assert found.nbytes() == 8 and lib.asarray(found[2:4], dtype=lib.uint8).tolist() == [2, 3]
    shared = lib.asarray(lib.UntypedStorage.from_file(str(path), True, 12), dtype=lib.uint8)
    shared[0] = 9
    assert path.read_bytes()[0] == 9 and len(path.read_bytes()) == 12
    for name, size in (path, 20), (tmp_path / "absent", 2):
        with pytest.raises(RuntimeError, match="smaller than the required mapping size <20>" if name is path else "unable to open file .*No such file"):
            lib.UntypedStorage.from_file(str(name), False, size)
