"""The times that a statement took, and what they say."""
from __future__ import annotations

import dataclasses
import math
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

CLEAR, GROSS = 0.1, 0.25                                     # spreads, relative to the median, from which a measurement is doubted
LEAST = 4                                                    # measurements for quartiles to mean something
RESOLUTION = 2.5e-8                                          # seconds: errors below are the clock's
MOST_DIGITS = 4
NORMAL_90 = 1.645                                            # standard errors that hold 90 % of a normal distribution
UNITS = {"ns": ("nanosecond", 1e-9), "us": ("microsecond", 1e-6), "ms": ("millisecond", 1e-3), "s": ("second", 1.0)}


def select_unit(t: float) -> tuple[str, float]:
    """The unit for a time, and its length in seconds."""
    unit = {-3: "ns", -2: "us", -1: "ms"}.get(math.floor(math.log10(t) / 3) if t > 0 else 0, "s")
    return unit, UNITS[unit][1]


def unit_to_english(u: str) -> str:
    """A unit's name."""
    return UNITS[u][0]


def trim_sigfig(x: float, n: int) -> float:
    """A number with `n` significant digits."""
    if x == 0:
        return x
    scale = 10 ** (math.ceil(math.log10(abs(x))) - n)
    return float(np.round(np.float32(x / scale)) * np.float32(scale))          # of 32 bits, as PyTorch rounds: its tables show the last digit


def ordered_unique(elements: Iterable) -> list:
    """The elements without repetitions."""
    return list(dict.fromkeys(elements))


@dataclasses.dataclass(init=True, repr=False, eq=True, frozen=True)
class TaskSpec:
    """What was timed."""
    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """What a report calls it."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        return self.stmt if "\n" not in self.stmt else "stmt:" + (f" ({self.sub_label})" if self.sub_label else "") + f"\n{textwrap.indent(self.stmt, '  ')}"

    def setup_str(self) -> str:
        """The preparation, where there is some."""
        if self.setup == "pass" or not self.setup:
            return ""
        return f"setup:\n{textwrap.indent(self.setup, '  ')}" if "\n" in self.setup else f"setup: {self.setup}"

    def summarize(self) -> str:
        """What a report begins with."""
        parts = [self.title, self.description or "", self.setup_str()]
        return "\n".join([f"{p}\n" if "\n" in p else p for p in parts if p])


class Measurement:
    """The times of some runs.

    number_per_run  how often the statement was executed in each
    raw_times       the seconds that each took
    """

    def __init__(self, number_per_run: int, raw_times: list[float], task_spec: TaskSpec, metadata: dict[Any, Any] | None = None) -> None:
        self.number_per_run, self.raw_times, self.task_spec, self.metadata = number_per_run, raw_times, task_spec, metadata
        self.times = [t / number_per_run for t in raw_times]

    def __getattr__(self, name: str) -> Any:
        if name != "task_spec" and hasattr(self.task_spec, name):
            return getattr(self.task_spec, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measurement) and self._facts() == other._facts()

    __hash__ = None                                          # type: ignore[assignment]

    def _facts(self) -> tuple:
        return self.number_per_run, self.raw_times, self.task_spec, self.metadata

    def _quantile(self, q: float) -> float:
        return float(np.quantile(np.asarray(self.times), q))

    @property
    def median(self) -> float:
        """The time in the middle."""
        return self._quantile(0.5)

    @property
    def mean(self) -> float:
        """The average time."""
        return float(np.mean(self.times))

    @property
    def iqr(self) -> float:
        """How far the quartiles are apart."""
        return self._quantile(0.75) - self._quantile(0.25)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median mean something: from the error of the middle half, taken as normally distributed."""
        ordered = np.sort(np.asarray(self.times, np.float32))
        middle = ordered[len(ordered) // 4:math.ceil(3 * len(ordered) / 4)]
        error = max(NORMAL_90 * float(np.std(middle)) / math.sqrt(len(middle)), RESOLUTION)
        return min(max(math.floor(-math.log10(error / self.median)), 1), MOST_DIGITS) if self.median > 0 else 1

    @property
    def has_warnings(self) -> bool:
        """Whether the times are far apart."""
        return bool(self._warning())

    def meets_confidence(self, threshold: float = CLEAR) -> bool:
        """Whether the quartiles are closer than this part of the median."""
        return self.iqr / self.median < threshold

    @property
    def title(self) -> str:
        """What a report calls it."""
        return self.task_spec.title

    @property
    def as_row_name(self) -> str:
        """What a table calls it."""
        return self.sub_label or self.stmt or "[Unknown]"

    def _warning(self) -> str:
        spread = self.iqr / self.median if self.median else 0.0
        if spread < CLEAR:
            return ""
        return (f"  WARNING: Interquartile range is {spread * 100:.1f}% of the median measurement.\n           "
                + ("This suggests significant environmental influence." if spread >= GROSS else "This could indicate system fluctuation."))

    def __repr__(self) -> str:
        count = len(self.times)
        unit, length = select_unit(self.median)
        threads = f"{self.num_threads} thread{'s' if self.num_threads > 1 else ''}"
        parts = [object.__repr__(self), self.task_spec.summarize()]
        if count == 1:
            parts += [f"  {self.median / length:.2f} {unit}", f"  1 measurement, {self.number_per_run} runs , {threads}"]
        else:
            parts.append(f"  Median: {self.median / length:.2f} {unit}")
            if count >= LEAST:
                parts.append(f"  IQR:    {self.iqr / length:.2f} {unit} ({self._quantile(0.25) / length:.2f} to {self._quantile(0.75) / length:.2f})")
            parts.append(f"  {count} measurements, {self.number_per_run} runs per measurement, {threads}")
        return "\n".join([*parts, *filter(None, [self._warning()])])

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same together, as times of single executions and without what `metadata` told."""
        groups: dict[TaskSpec, list[Measurement]] = defaultdict(list)
        for m in measurements:
            groups[m.task_spec].append(m)
        return [Measurement(1, [t for m in some for t in m.times], spec) for spec, some in groups.items()]
