"""The shape of the code: imports point one way, parts stay small (design 3, conventions)."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "jtorch"
FILES = sorted(ROOT.rglob("*.py"))
LAYERS = {"_core": 1, "_ops": 2, "_functions": 3, "autograd": 4, "__init__": 5}   # anything else is above all of these
WITH_JAX = ("_core", "_ops", "interop", "cuda")
FORBIDDEN_NAMES = {"helpers.py", "common.py", "base.py", "misc.py"}
CATCH_ALL = {"jtorch/autograd/grad_mode.py": "any error thrown into a decorated generator goes on into it",
             "jtorch/_core/run.py": "whatever a program fails with, the values that do not depend on it are still computed",
             "jtorch/_core/lower.py": "the same",
             "jtorch/_core/anomaly.py": "any error of the backward pass is noted beside the forward call and goes on",
             "jtorch/nn/modules/hooks.py": "hooks with always_call run after any error of the forward call, which goes on",
             "jtorch/multiprocessing/spawn.py": "any error of user code in a process travels to the parent process",
             "jtorch/nn/modules/state.py": "load_state_dict names any error of copying one tensor, with the others, in its own",
             "jtorch/futures.py": "any error of a callback goes to who waits for what it gives",
             "jtorch/utils/data/_utils/worker.py": "any error of user code in a worker travels to the parent process"}
PYTORCH_NAMES = {"jtorch/nn/modules/utils.py", "jtorch/distributions/utils.py", "jtorch/_dynamo/utils.py"}   # public paths of PyTorch's


def module(path: Path) -> str:
    return path.relative_to(ROOT.parent).as_posix()


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path, tree: ast.AST) -> set[str]:
    """The top-level parts of jtorch that a file imports, and `jax`."""
    found = set()
    here = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[:len(here) - node.level + 1]
            names = [(*base, *(node.module or "").split("."))] if node.module else [(*base, a.name) for a in node.names]
            found.update(n[0] for n in names if n)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found.update(a.name.split(".")[0] for a in node.names)
    return found


@pytest.mark.parametrize("path", FILES, ids=module)
def test_file(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    own = LAYERS.get(part(path), 9)
    above = {p for p in imported(path, tree) if LAYERS.get(p, 0) > own}
    assert not above, f"imports upwards: {above}"
    if part(path) not in WITH_JAX:
        assert "jax" not in imported(path, tree)
    assert "torch" not in imported(path, tree), "imports PyTorch"
    assert text.count("\n") <= 500
    assert path.name not in FORBIDDEN_NAMES and (path.name != "utils.py" or module(path) in PYTORCH_NAMES)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long"
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.level or isinstance(inner, ast.Import) and any(
                        a.name.startswith("jtorch") for a in inner.names):
                    raise AssertionError(f"{node.name} imports jtorch inside")
        if isinstance(node, ast.ClassDef):
            assert node.end_lineno - node.lineno < 450, f"{node.name} is too long"
        if isinstance(node, ast.ExceptHandler) and module(path) not in CATCH_ALL:
            assert node.type is not None and ast.unparse(node.type) not in ("Exception", "BaseException"), "a blanket except"


def test_environment_is_read_in_one_place() -> None:
    readers = [module(p) for p in FILES if "os.environ" in p.read_text()]
    assert readers == ["jtorch/_core/config.py"]
