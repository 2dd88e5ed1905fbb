"""Steps per second of each case with jtorch, eager PyTorch and a hand-written jax.jit step, in alternating rounds of one process.

Prints a table and appends JSON lines to benchmarks/results/NAME.jsonl.
"""
from __future__ import annotations

import argparse
import importlib
import math
import statistics
import sys
import time
from collections.abc import Callable

import jax

import cases
import handwritten
from results import circumstances, save

MODULES = {"jtorch": "jtorch", "pytorch": "torch"}


def session(case: str, framework: str, device: str) -> Callable[[], float]:
    """The step function of a case in one framework, set up from the same initial values."""
    if framework in MODULES:
        return cases.CASES[case](importlib.import_module(MODULES[framework]), device).step
    made = cases.CASES[case](importlib.import_module("torch"))
    weights = {name: value.detach().numpy() for name, value in made.model.state_dict().items()}
    return handwritten.CASES[case](weights, made.data)


def check(case: str, steps: dict[str, Callable[[], float]]) -> None:
    """The first losses agree, so that all frameworks do the same work; a shuffling loader's order is its framework's own in hand-written JAX."""
    losses = {name: [step() for _ in range(3)] for name, step in steps.items() if not (case == "xor_loader" and name == "jax")}
    first = next(iter(losses.values()))
    for name, found in losses.items():
        assert all(math.isclose(a, b, rel_tol=2e-3) for a, b in zip(first, found)), f"{case}: {losses}"
        print(f"{case:12} {name:8} first losses " + " ".join(f"{loss:.5f}" for loss in found), file=sys.stderr)


def rate(step: Callable[[], float], seconds: float) -> float:
    """Steps per second, counted for about `seconds`."""
    count, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        step()
        count += 1
    return count / passed


def measure(case: str, frameworks: list[str], device: str, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rates by framework and round; each framework takes its turn in every round."""
    steps = {name: session(case, name, device) for name in frameworks}
    check(case, steps)
    for step in steps.values():
        rate(step, seconds / 2)
    found: dict[str, list[float]] = {name: [] for name in frameworks}
    for turn in range(rounds):
        for name in frameworks[turn % len(frameworks):] + frameworks[:turn % len(frameworks)]:
            found[name].append(rate(steps[name], seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=list(cases.CASES), default=list(cases.CASES))
    parser.add_argument("--frameworks", nargs="+", choices=[*MODULES, "jax"], default=[*MODULES, "jax"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each framework's turn in a round")
    parser.add_argument("--name", default=None, help="of the results file; the device by default")
    args = parser.parse_args()
    if args.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    about = circumstances(args.device)
    print(f"{'case':12}" + "".join(f"{name:>12}" for name in args.frameworks) + "   steps/s" + "   jtorch/pytorch   jtorch/jax")
    for case in args.cases:
        found = measure(case, args.frameworks, args.device, args.rounds, args.seconds)
        median = {name: statistics.median(values) for name, values in found.items()}
        ratios = {other: median["jtorch"] / median[other] for other in ("pytorch", "jax") if other in median and "jtorch" in median}
        print(f"{case:12}" + "".join(f"{value:12.1f}" for value in median.values()) + " " * 10
              + "".join(f"{f'{ratio:.2f}':>{width}}" for ratio, width in zip(ratios.values(), (17, 13))), flush=True)
        rounds = {name: [round(value, 2) for value in values] for name, values in found.items()}
        save(args.name or args.device, {**about, "case": case, "steps_per_second": median, "ratios": ratios, "rounds": rounds})


if __name__ == "__main__":

    main()
