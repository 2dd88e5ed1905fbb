"""A timer for statements, which waits for what they record to have run."""
from __future__ import annotations

import textwrap
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, NoReturn

import numpy as np

import jtorch as torch

from .measurement import Measurement, TaskSpec


class Language(Enum):
    """The language of a statement: Python's only is run."""
    PYTHON, CPP = 0, 1


def timer() -> float:
    """The time in seconds, after everything recorded has run."""
    torch.cpu.synchronize()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """`torch.get_num_threads()` is `n` inside; XLA decides by itself how many it uses."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Timer:
    """Times a statement.

    stmt, setup         the statement, and what is executed once before
    globals             the variables that they see
    label, sub_label, description, env  what tables call it
    num_threads         how many threads PyTorch would use: XLA decides by itself

    >>> torch.utils.benchmark.Timer("x + 1", globals={"x": 1}).timeit(100).number_per_run
    100
    """

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable[[], float] = timer,
                 globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None, description: str | None = None,
                 env: str | None = None, num_threads: int = 1, language: Language | str = Language.PYTHON) -> None:
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if language not in (Language.PYTHON, "py", "python", Language.CPP, "cpp", "c++"):
            raise ValueError(f"Invalid language `{language}`.")
        if language in (Language.CPP, "cpp", "c++"):
            raise RuntimeError("jtorch times Python statements: it has no C++ for others to call")
        if global_setup:
            raise ValueError("global_setup is C++, most likely you wanted to put this code in setup.")
        stmt, setup = textwrap.dedent(stmt).strip(), textwrap.dedent(setup).strip()
        names = dict(globals or {})
        names.setdefault("torch", torch)
        self._timer = timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=names)
        self._task_spec = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._task_spec)

    def _time(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number: int = 1000000) -> Measurement:
        """The time of `number` executions, after a few to warm up."""
        self._time(max(number // 100, 2))
        return self._measured(number, [self._time(number)])

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """Not offered, as in PyTorch: see `blocked_autorange`.  Raises."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Callable[[int, float], Any] | None = None) -> None:
        """Not offered, as in PyTorch: see `blocked_autorange`.  Raises."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block(self, least: float) -> int:
        """How many executions make the timer's own cost negligible, and take `least` seconds."""
        overhead = float(np.median([self._time(0) for _ in range(5)]))
        number = 1
        while True:
            took = self._time(number)
            if overhead / took <= 1e-4 and took >= least / 1000 or took > least:
                return number
            number *= 10

    def blocked_autorange(self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2) -> Measurement:
        """The times of blocks of as many executions as it takes to measure well, for at least `min_run_time` seconds."""
        number = self._block(min_run_time)
        times: list[float] = []
        while len(times) < 3 or sum(times) < min_run_time:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def adaptive_autorange(self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
                           callback: Callable[[int, float], Any] | None = None) -> Measurement:
        """The times of blocks until the quartiles are within `threshold` of the median, or `max_run_time` is over."""
        number = self._block(0.05)
        times: list[float] = []
        while sum(times) < max_run_time:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
            if len(times) > 4 and sum(times) > min_run_time and self._measured(number, times).meets_confidence(threshold):
                break
        return self._measured(number, times)

    def collect_callgrind(self, number: int = 100, *, repeats: int | None = None, collect_baseline: bool = True, retain_out_file: bool = False) -> NoReturn:
        """Not offered: raises NotImplementedError."""
        raise NotImplementedError("Timer.collect_callgrind counts instructions of PyTorch's own kernels under Valgrind, which jtorch has none of: "
                                  "time with Timer.blocked_autorange()")
