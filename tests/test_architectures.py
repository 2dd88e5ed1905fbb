"""Networks written the ordinary way train as in PyTorch: the same losses from the same seed, and nothing is compiled once the first steps are done."""
from __future__ import annotations

import builtins
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import jtorch
from jtorch import debug

FOLDER = Path(__file__).parent.parent / "examples" / "architectures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
STEPS, WARM = 20, 6                                          # steps in all, and those until all programs exist
DIGITS = 1e-4                                                # relative: four digits


def loaded(name: str, package: ModuleType) -> dict[str, Any]:
    """The names of an example, for which `torch` is `package`."""
    def find(module: str, *args: Any) -> ModuleType:
        if module.split(".")[0] != "torch":
            return builtins.__import__(module, *args)
        found = importlib.import_module(package.__name__ + module.removeprefix("torch"))
        return found if len(args) > 2 and args[2] else package
    path = FOLDER / f"{name}.py"
    scope: dict[str, Any] = {"__name__": name, "__file__": str(path), "__builtins__": {**vars(builtins), "__import__": find}}
    exec(compile(path.read_text(), path, "exec"), scope)
    return scope


@pytest.mark.parametrize("name", NAMES)
def test_trains_as_in_pytorch(name: str) -> None:
    """Each loss of 20 steps agrees to four digits; the steps after the first ones compile nothing."""
    theirs = list(loaded(name, torch)["train"](STEPS))
    ours, compiled = [], []
    for loss in loaded(name, jtorch)["train"](STEPS):
        ours.append(loss)
        compiled.append(debug.counters().compiles)
    assert len(theirs) == STEPS and theirs[0] != theirs[-1]
    assert ours == pytest.approx(theirs, rel=DIGITS)
    assert compiled[WARM] == compiled[-1], compiled
