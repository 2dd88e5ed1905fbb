"""Peak memory of a training run in a process of its own: the 784-512-512-10 network with jtorch, PyTorch and hand-written JAX.

Each process prints what it held after the imports and at its peak; the difference is what the training needs.
"""
from __future__ import annotations

import argparse
import pathlib
import pickle
import resource
import subprocess
import sys
import tempfile

import cases
from results import circumstances, save

MODULES = {"jtorch": "jtorch", "pytorch": "torch", "jax": "handwritten"}


def resident() -> float:
    """MiB held now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def train(case: str, framework: str, weights: str, steps: int) -> None:
    """Runs in the child: imports the framework, trains, prints what was held before and at the peak."""
    module = __import__(MODULES[framework])
    before = resident()
    if framework == "jax":
        step = module.CASES[case](*pickle.loads(pathlib.Path(weights).read_bytes()))
    else:
        step = cases.CASES[case](module).step
    for _ in range(steps):
        step()
    print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def initial_values(case: str, path: str) -> None:
    """Runs in a child: leaves the PyTorch model's weights and the data, so that the hand-written process need not import PyTorch."""
    made = cases.CASES[case](__import__("torch"))
    weights = {name: value.detach().numpy() for name, value in made.model.state_dict().items()}
    pathlib.Path(path).write_bytes(pickle.dumps((weights, made.data)))


def child(*arguments: str) -> str:
    return subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=list(cases.CASES), default="wide_mlp")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--child", choices=["initial", *MODULES], help=argparse.SUPPRESS)
    parser.add_argument("--weights", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child == "initial":
        initial_values(args.case, args.weights)
    elif args.child:
        train(args.case, args.child, args.weights, args.steps)
    else:
        found = {}
        with tempfile.NamedTemporaryFile() as file:
            shared = "--case", args.case, "--steps", str(args.steps), "--weights", file.name
            child(*shared, "--child", "initial")
            for framework in MODULES:
                before, peak = map(float, child(*shared, "--child", framework).split())
                found[framework] = {"after_import": before, "peak": peak}
                print(f"{framework:8} after import {before:7.1f} MiB   peak {peak:7.1f} MiB   training {peak - before:7.1f} MiB", flush=True)
        save("memory", {**circumstances("cpu"), "case": args.case, "steps": args.steps, "mebibytes": found})


if __name__ == "__main__":
    main()
