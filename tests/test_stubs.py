"""The type stubs: fresh, complete, and right about an ordinary program."""
from __future__ import annotations

import ast
import importlib
import pickle
import runpy
import subprocess
import sys
from inspect import isroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mypy import api

import jtorch

HERE = Path(__file__).parent
PACKAGE = Path(jtorch.__file__).parent
DOORS = "", "fft", "linalg", "nn.functional", "sparse", "special"
PROGRAM = HERE / "typed_program.py"


def module_of(package: ModuleType, place: str) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.{place}" if place else package.__name__)


def stub_of(place: str) -> Path:
    return PACKAGE / f"{place.replace('.', '/')}.pyi" if place else PACKAGE / "__init__.pyi"


def defined(body: list[ast.stmt]) -> set[str]:
    """The names that a stub, or a class in one, defines for others."""
    found = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(t.id for t in node.targets)
        elif isinstance(node, ast.ImportFrom):
            found.update(a.asname for a in node.names if a.asname == a.name)
    return found


def test_fresh() -> None:
    """What the generator writes now is what stands there.  It reads the package as an import leaves it: other tests may have added to it here."""
    code = f"import pickle, runpy, sys; sys.stdout.buffer.write(pickle.dumps(runpy.run_path({str(HERE.parent / 'tools' / 'stubs.py')!r})['stubs']()))"
    stubs = pickle.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert set(stubs) == set(PACKAGE.rglob("*.pyi"))
    old = [path.name for path, text in stubs.items() if path.read_text() != text]
    assert not old, f"{old}: run `make stubs`"


@pytest.mark.parametrize("place", DOORS)
def test_names(place: str) -> None:
    """Every function, and every other name that PyTorch has too, is in the stub, and every name in the stub exists."""
    names, ours, theirs = defined(ast.parse(stub_of(place).read_text()).body), module_of(jtorch, place), module_of(torch, place)
    assert not {name for name in names if not hasattr(ours, name)}
    public = {name: getattr(ours, name) for name in {*dir(ours), *dir(theirs)} if hasattr(ours, name) and not name.startswith("__")}
    imported = {name for name, value in public.items() if isinstance(value, ModuleType) and name not in getattr(ours, "LATER", ()) or value is Any
                or getattr(value, "__module__", "") == "jtorch._core.public"}
    assert {name for name, value in public.items() if isroutine(value) or hasattr(theirs, name)} - imported <= names


def test_tensor() -> None:
    """The same for Tensor's attributes, of which the others stand in its own class."""
    tree = next(n for n in ast.parse((PACKAGE / "_core" / "tensor.py").read_text()).body if isinstance(n, ast.ClassDef) and n.name == "Tensor")
    written = defined(tree.body)
    generated = defined(ast.parse((PACKAGE / "_core" / "generated.pyi").read_text()).body[-1].body)
    assert not {name for name in generated if not hasattr(jtorch.Tensor, name)}
    assert not generated & written
    theirs = {name for name in dir(torch.Tensor) if not hasattr(object, name)} - {"__annotations__", "__weakref__"}
    assert {name for name in theirs if hasattr(jtorch.Tensor, name)} <= generated | written


def test_types(tmp_path: Path) -> None:
    """A strict type checker agrees with every `assert_type`, and refuses what it must."""
    told, failed, status = api.run(["--strict", "--config-file=", "--follow-imports=silent", "--ignore-missing-imports", f"--cache-dir={tmp_path}", str(PROGRAM)])
    assert status == 0, told + failed


def test_program_runs() -> None:
    """The program that the type checker sees is right at run time too."""
    runpy.run_path(str(PROGRAM), run_name="__main__")
