"""Microseconds that one recorded operation costs Python, in steady state and without running it; PyTorch's cost of running the same one, to compare.

--profile OPERATION prints where the time goes.
"""
from __future__ import annotations

import argparse
import cProfile
import importlib
import pstats
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from results import circumstances, save

OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "x + y": lambda torch, x, y: x + y,
    "x * 0.5": lambda torch, x, y: x * 0.5,
    "torch.add(x, y, alpha=2)": lambda torch, x, y: torch.add(x, y, alpha=2),
    "torch.relu(x)": lambda torch, x, y: torch.relu(x),
    "x.tanh()": lambda torch, x, y: x.tanh(),
    "torch.softmax(x, dim=-1)": lambda torch, x, y: torch.softmax(x, dim=-1),
    "x.sum(dim=0, keepdim=True)": lambda torch, x, y: x.sum(dim=0, keepdim=True),
    "x @ y": lambda torch, x, y: x @ y,
    "x.t()": lambda torch, x, y: x.t(),
    "x.view(16)": lambda torch, x, y: x.view(16),
    "x[0]": lambda torch, x, y: x[0],
    "x.add_(y)": lambda torch, x, y: x.add_(y),
}


def chain(torch: Any, operation: Callable, x: Any, y: Any, count: int) -> tuple[list, list[float]]:
    """`count` operations, each kept so that dropping it is not counted, and the seconds that each took."""
    made, times = [], [time.perf_counter()]
    for _ in range(count):
        made.append(operation(torch, x, y))
        times.append(time.perf_counter())
    return made, [end - start for start, end in pairwise(times)]


def per_operation(torch: Any, operation: Callable, count: int, repeats: int, place: int = 0) -> float:
    """Median microseconds of one operation; the pending ones run between the measurements, and the first repeats compile.

    Where steps repeat, a program may start while it is recorded: the one operation at which it does pays for the launch, the median does not.
    So many sums as `place` says come first, so that no two operations follow the same path: there a number with another value becomes an input.
    """
    x, y = torch.ones(4, 4), torch.full((4, 4), 0.01)
    found = []
    for _ in range(repeats):
        (x.sum() + y.sum()).item()
        before = [x.sum() for _ in range(place)]
        made, times = chain(torch, operation, x, y, count)
        found.append(statistics.median(times))
        del made, before
        y.sum().item()
    return 1e6 * statistics.median(found[repeats // 4:])


def profile(name: str, count: int) -> None:
    """Where recording one operation spends its time, by function."""
    torch = importlib.import_module("jtorch")
    per_operation(torch, OPERATIONS[name], count, 20)
    x, y = torch.ones(4, 4), torch.ones(4, 4)
    profiler = cProfile.Profile()
    profiler.runcall(chain, torch, OPERATIONS[name], x, y, count)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="operations recorded at a time")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--profile", choices=list(OPERATIONS), metavar="OPERATION")
    args = parser.parse_args()
    if args.profile:
        profile(args.profile, args.count)
        return
    found: dict[str, dict[str, float]] = {}
    for place, (row, operation) in enumerate(OPERATIONS.items()):
        times = {name: per_operation(importlib.import_module(name), operation, args.count, args.repeats, place) for name in ("jtorch", "torch")}
        found[row] = times
        print(f"{row:28} jtorch {times['jtorch']:6.2f} µs   PyTorch {times['torch']:6.2f} µs", flush=True)
    save("recording", {**circumstances("cpu"), "microseconds": found})


if __name__ == "__main__":
    main()
