"""Each example prints with jtorch what it prints with PyTorch: the same words, and numbers that agree to three significant digits.

Real data is used where JTORCH_DATA names a folder that holds it (mnist/, tabular/auto-mpg.data); otherwise what scikit-learn bundles, or a
made-up table.
"""
from __future__ import annotations

import math
import os
import pathlib
import random
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if "argparse" in path.read_text())
TENSORS = sorted(f"tensors/{path.stem}" for path in (EXAMPLES / "tensors").glob("*.py"))
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w])", re.IGNORECASE)
BOOK_LOSSES = "536.1047 8.4361 7.8695 7.1891 6.7062 6.7599 6.3124 6.6864 6.7648 6.2156".split()


def place(text: str) -> float:
    """The value of one unit in the last printed place of a number: 0.01 for "3.14", 1e-7 for "2.5e-06"."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals)


def agree(left: str, right: str) -> bool:
    """Whether two printed numbers are the same to three significant digits, or differ by one unit in the last place that is printed."""
    if not all(re.search("[.e]", text, re.IGNORECASE) for text in (left, right)):
        return left == right
    a, b = float(left), float(right)
    third_digit = 10.0 ** (math.floor(math.log10(max(abs(a), abs(b)))) - 2) if a or b else 0.0
    return abs(a - b) <= 1.001 * max(third_digit, place(left), place(right))


def differences(left: str, right: str) -> list[str]:
    """Lines of two outputs that differ in words or numbers; timings ("steps/s") do not count, nor does how wide a number is printed."""
    ours, theirs = ([line for line in text.splitlines() if "steps/s" not in line] for text in (left, right))
    found = [] if len(ours) == len(theirs) else [f"{len(ours)} lines against {len(theirs)}"]
    for a, b in zip(ours, theirs):
        words = [re.sub(r"\s+", " ", NUMBER.sub(" # ", line)) for line in (a, b)]
        if words[0] != words[1] or not all(map(agree, NUMBER.findall(a), NUMBER.findall(b))):
            found.append(f"jtorch  {a}\nPyTorch {b}")
    return found


def made_up_cars(path: pathlib.Path) -> pathlib.Path:
    """A table in the form of UCI's auto-mpg.data, with a missing value."""
    rng = random.Random(1)
    lines = []
    for row in range(80):
        weight = rng.uniform(1800, 4500)
        horsepower = "?" if row == 7 else f"{weight / 30:.1f}"
        mpg = 50 - weight / 110 + rng.uniform(-2, 2)
        lines.append(f'{mpg:.1f}   {rng.choice((4, 6, 8))}   {weight / 12:.1f}      {horsepower}      {weight:.0f}.      '
                     f'{rng.uniform(9, 20):.1f}   {rng.randint(70, 82)}  {rng.randint(1, 3)}\t"car {row}"')
    path.write_text("\n".join(lines) + "\n")
    return path


def arguments(name: str, folder: pathlib.Path) -> list[str]:
    """What an example is called with besides --quick."""
    source = (EXAMPLES / f"{name}.py").read_text()
    found = ["--out", "written"] if '"--out"' in source else []
    if '"--device"' in source:
        found += ["--device", "cpu"]
    if '"--data"' in source:
        real = pathlib.Path(os.environ.get("JTORCH_DATA", "/nowhere"))
        if name == "fuel_efficiency":
            table = real / "tabular" / "auto-mpg.data"
            found += ["--data", str(table if table.exists() else made_up_cars(folder / "auto-mpg.data"))]
        elif (real / "mnist").exists():
            found += ["--data", str(real / "mnist")]
    return found


def start(command: list[str], folder: pathlib.Path) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(EXAMPLES.parent), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}     # PyTorch's idle threads spin, and two programs share few cores here
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment)


def outputs(name: str, extra: list[str], folder: pathlib.Path) -> tuple[str, str]:
    """What jtorch and PyTorch print, run side by side, each in a folder of its own."""
    pytest.importorskip("torch")
    script = str(EXAMPLES / f"{name}.py")
    processes = []
    for prefix in (["-m", "jtorch"], []):
        own = folder / f"of{len(processes)}"
        own.mkdir()
        processes.append(start([*prefix, script, *extra], own))
    results = []
    for process in processes:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, f"{' '.join(process.args)}\n{out[-2000:]}\n{err[-4000:]}"
        results.append(out)
    return results[0], results[1]


@pytest.mark.parametrize("name", [*NAMES, *TENSORS])
def test_prints_what_pytorch_prints(name: str, tmp_path: pathlib.Path) -> None:
    ours, theirs = outputs(name, ["--quick", *arguments(name, tmp_path)] if name in NAMES else [], tmp_path)
    assert theirs.strip()
    found = differences(ours, theirs)
    assert not found, "\n".join(found[:20])


def test_fuel_efficiency_prints_the_books_losses(tmp_path: pathlib.Path) -> None:
    table = pathlib.Path(os.environ.get("JTORCH_DATA", "/nowhere")) / "tabular" / "auto-mpg.data"
    if not table.exists():
        pytest.skip("needs UCI's auto-mpg.data below JTORCH_DATA")
    process = start(["-m", "jtorch", str(EXAMPLES / "fuel_efficiency.py"), "--data", str(table)], tmp_path)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    losses = re.findall(r"Loss (\S+)", out)
    assert len(losses) == 10 and all(map(agree, losses, BOOK_LOSSES)), losses
    assert agree(re.search(r"Test MAE: (\S+)", out)[1], "2.1211")


def test_quadratic_regression_prints_the_books_numbers(tmp_path: pathlib.Path) -> None:
    process = start(["-m", "jtorch", str(EXAMPLES / "quadratic_regression_autograd.py"), "--out", str(tmp_path)], tmp_path)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert "tensor([[2.9645]], requires_grad=True) tensor([[2.1146]], requires_grad=True)" in out


def test_examples_are_ordinary_pytorch() -> None:
    for path in EXAMPLES.rglob("*.py"):
        imports = re.findall(r"^(?:import|from) .*", path.read_text(), re.MULTILINE)
        assert "import torch" in imports and "jtorch" not in path.read_text(), path


@pytest.mark.parametrize(("left", "right", "same"), [
    ("loss 0.12345", "loss 0.12349", True),
    ("loss 0.1234", "loss 0.1264", False),
    ("loss 1.0", "loss 1", False),
    ("epoch 1  loss 0.5", "epoch 2  loss 0.5", False),
    ("tensor([-0.0000, 10.1])", "tensor([ 0.0000, 10.1])", True),
    ("7 steps/s", "9 steps/s", True),
    ("one", "two", False),
    ("2.5e-06", "2.6e-06", True),
    ("Conv2d(3, 16)", "Conv2d(3, 32)", False),
    ("nan", "0.5", False),
])
def test_differences(left: str, right: str, same: bool) -> None:
    assert (differences(left, right) == []) == same
