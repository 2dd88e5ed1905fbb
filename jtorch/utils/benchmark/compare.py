"""Tables of measurements (`torch.utils.benchmark.Compare`)."""
from __future__ import annotations

import enum
import math
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from .measurement import UNITS, Measurement, ordered_unique, select_unit, trim_sigfig

BEST, GOOD, PLAIN, BAD, VERY_BAD = "\033[92m\033[1m", "\033[34m\033[1m", "", "\033[2m\033[91m", "\033[31m\033[1m"
CALM = "\033[0m\033[0m"
CLOSE = 1e-7                                                 # seconds that no timer tells apart
NO_FLAG = " " * 7                                            # stands beside numbers without a flag in a column that has some
FLAGS = "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.\n"


class Colorize(enum.Enum):
    """Among which cells a table compares times: none, those of a column, those of a row."""
    NONE, COLUMNWISE, ROWWISE = "none", "columnwise", "rowwise"


class _Row(NamedTuple):
    num_threads: int
    env: str | None
    name: str


Cells = dict[tuple[_Row, str], Measurement]


def _shade(time: float, best: float) -> str:
    """The colour of a time beside the best one."""
    if time <= max(best * 1.01, best + CLOSE):
        return BEST
    if time <= best * 1.1:
        return GOOD
    return PLAIN if time < best * 2 else BAD if time < best * 5 else VERY_BAD


def _magnitude(x: float) -> int:
    """How many digits stand before the point."""
    return math.ceil(math.log10(x)) if x > 0 else 0


class _Table:
    """The measurements of one label: their descriptions are columns, their threads, environments and names rows."""

    def __init__(self, measurements: list[Measurement], colorize: Colorize, trim: bool, flags: bool) -> None:
        self.label = measurements[0].label
        self.colorize, self.trim, self.flags = colorize, trim, flags
        self.flagged = flags and any(m.has_warnings for m in measurements)
        self.unit, self.length = select_unit(min(m.median for m in measurements))
        self.cells: Cells = {(_Row(m.num_threads, m.env, m.as_row_name), m.description): m for m in measurements}
        self.columns = ordered_unique(m.description for m in measurements)
        if None in self.columns:
            raise TypeError("Compare needs a description of every measurement, which names its column: Timer(…, description=…)")
        self.several = len({row.env for row, _ in self.cells}) > 1
        self.rows = sorted(ordered_unique(row for row, _ in self.cells), key=lambda row: (row.num_threads, row.env or ""))

    def _texts(self, column: str) -> dict[_Row, str]:
        """A column's numbers."""
        found = {row: self.cells[row, column] for row in self.rows if (row, column) in self.cells}
        times = {row: m.median / self.length for row, m in found.items()}
        before, digits = _magnitude(max(times.values())), 1
        if self.trim:
            digits = max(min(m.significant_figures - _magnitude(times[row]) for row, m in found.items()), 0)
            times = {row: trim_sigfig(times[row], m.significant_figures) for row, m in found.items()}
        width = before + digits + (digits > 0)
        texts = {row: f"{time:>{width}.{digits}f}" for row, time in times.items()}
        if not self.flags or not any(m.has_warnings for m in found.values()):
            return texts
        return {row: text + (f" (! {found[row].iqr / found[row].median * 100:.0f}%)" if found[row].has_warnings else NO_FLAG) for row, text in texts.items()}

    def _best(self, row: _Row, column: str) -> float:
        """The time that a cell is compared with."""
        if self.colorize is Colorize.ROWWISE:
            return min(m.median for (r, _), m in self.cells.items() if r == row)
        return min(m.median for (r, c), m in self.cells.items() if c == column and r.num_threads == row.num_threads)

    def _painted(self, text: str, row: _Row, column: str) -> str:
        found = self.cells.get((row, column))
        if self.colorize is Colorize.NONE or found is None:
            return text
        shade = _shade(found.median, self._best(row, column))
        return f"{shade}{text}{CALM}" if shade else text

    def _heads(self) -> dict[_Row, str]:
        """What the rows begin with: the environment where there are several, once for its rows of as many threads, and the name."""
        shown, before = {}, None
        for row in self.rows:
            shown[row] = f"({row.env})" if self.several and row.env and row[:2] != before else ""
            before = row[:2]
        widest, longest = max(map(len, shown.values())), max(len(row.name) for row in self.rows)
        return {row: f"  {env:<{widest}}  {row.name:<{longest}}" if self.several else f"      {row.name:<{longest}}" for row, env in shown.items()}

    def render(self) -> str:
        """The table as a text."""
        heads, texts = self._heads(), {column: self._texts(column) for column in self.columns}
        widths = {column: max(len(column), *map(len, texts[column].values())) for column in self.columns}
        head_width = len(heads[self.rows[0]])
        top = "  |  ".join([" " * head_width, *[column.center(widths[column]) for column in self.columns]])
        lines, threads = [f"[{f' {self.label or str()} '.center(len(top) - 2, '-')}]", top], None
        for row in self.rows:
            if row.num_threads != threads:
                threads = row.num_threads
                lines.append(f"{threads} threads: ".ljust(len(top), "-"))
            numbers = [self._painted(texts[c].get(row, "").center(widths[c]), row, c) for c in self.columns]
            lines.append("  |  ".join([heads[row], *numbers]))
        return "\n".join([*lines, "", f"Times are in {UNITS[self.unit][0]}s ({self.unit}).", FLAGS if self.flagged else ""])


class Compare:
    """Measurements as tables: one for each label, where descriptions are columns and sub-labels are rows.

    >>> spec = torch.utils.benchmark.TaskSpec("x + 1", "pass", label="Sums", description="eager")
    >>> torch.utils.benchmark.Compare([torch.utils.benchmark.Measurement(1, [0.002], spec)]).print()
    [------- Sums ------]
                 |  eager
    1 threads: ----------
          x + 1  |   2.0
    <BLANKLINE>
    Times are in milliseconds (ms).
    <BLANKLINE>
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = self._flags = False
        self._colorize = Colorize.NONE
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements.  Raises ValueError for anything else."""
        new = list(results)
        for result in new:
            if not isinstance(result, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)} instead.")
        self._results += new

    def trim_significant_figures(self) -> None:
        """Show only the digits that mean something."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colour good and bad times of a column, or of a row."""
        self._colorize = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self) -> None:
        """Mark times that are far apart."""
        self._flags = True

    def __str__(self) -> str:
        groups: dict[str | None, list[Measurement]] = defaultdict(list)
        for m in Measurement.merge(self._results):
            groups[m.label].append(m)
        return "\n".join([_Table(group, self._colorize, self._trim, self._flags).render() for group in groups.values()])

    def print(self) -> None:
        """Print the tables."""
        sys.stdout.write(f"{self}\n")
