"""What a user waits for: the import, and whole examples from start to end, with jtorch's first and second run against PyTorch.

The first run starts with an empty cache of compiled programs, the second finds what the first left.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from results import circumstances, save

ROOT = pathlib.Path(__file__).parent.parent


def seconds(command: list[str], cache: str) -> float:
    """Wall time of a Python process."""
    environment = {**os.environ, "JTORCH_CACHE": cache, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, cwd=cache, env=environment)
    return time.perf_counter() - start


def imports(rounds: int) -> dict[str, float]:
    """Median seconds of a process that only imports, the bare interpreter's taken off; in alternation."""
    found: dict[str, list[float]] = {"pass": [], "import jtorch": [], "import torch": []}
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(rounds + 1):
            for code, times in found.items():
                times.append(seconds(["-c", code], cache))
    median = {code: statistics.median(times[1:]) for code, times in found.items()}
    return {code.split()[1]: median[code] - median["pass"] for code in ("import jtorch", "import torch")}


def example(script: str, arguments: list[str], rounds: int) -> dict[str, float]:
    """Median seconds of a whole script: jtorch's first and second run, and PyTorch."""
    command = [str(ROOT / "examples" / script), *arguments]
    found: dict[str, list[float]] = {"jtorch first": [], "jtorch second": [], "torch": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            found["jtorch first"].append(seconds(["-m", "jtorch", *command], cache))
            found["jtorch second"].append(seconds(["-m", "jtorch", *command], cache))
            found["torch"].append(seconds(command, cache))
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("JTORCH_DATA"), help="folder that holds tabular/auto-mpg.data")
    args = parser.parse_args()
    about = circumstances("cpu")
    found = {"import": imports(3 * args.rounds), "xor": example("xor.py", [], args.rounds)}
    for name in ("gpt", "lstm_language_model", "resnet", "seq2seq_attention"):       # 20 steps each: what is waited for is the compiler
        found[name] = example(f"architectures/{name}.py", [], args.rounds)
    if args.data:
        found["fuel_efficiency"] = example("fuel_efficiency.py", ["--data", str(args.data.resolve() / "tabular" / "auto-mpg.data")], args.rounds)
    for name, times in found.items():
        print(f"{name:16}", "  ".join(f"{who} {value:.2f} s ({value / times['torch']:.2f})" for who, value in times.items()))
    save("startup", {**about, "seconds": found})


if __name__ == "__main__":
    main()
