"""Runs the rows of a table in several processes, and writes the table."""
from __future__ import annotations

import argparse
import multiprocessing
import re
import signal
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch
from forms import FAILURES

LIMIT_S = 3600                                                # for one row


@dataclass
class Row:
    """What was found for one name: the number of samples, and what differs by aspect."""
    name: str
    samples: int = 0
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Cause:
    """A difference that stays, and why: regular expressions of the name, the aspect and the text, and how many there are."""
    name: str
    aspect: str
    text: str
    cause: str

    def fits(self, name: str, aspect: str, text: str) -> bool:
        return all(re.search(pattern, x) for pattern, x in ((self.name, name), (self.aspect, aspect), (self.text, text)))


class TooSlow(RuntimeError):
    """A row that takes longer than its time."""


def alarmed(signum: int, frame: FrameType | None) -> None:
    raise TooSlow(f"longer than {LIMIT_S} s")


def work(job: tuple[Callable[..., Row], tuple]) -> Row:
    check, given = job
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, alarmed)
    signal.alarm(LIMIT_S)
    try:
        return check(*given)
    except (TooSlow, *FAILURES) as error:
        return Row(given[0], 0, {"harness": [f"{given[1:]}: {type(error).__name__}: {error}"[:400]]})
    finally:
        signal.alarm(0)


def merged(rows: Iterable[Row]) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        whole = found.setdefault(row.name, Row(row.name))
        whole.samples += row.samples
        for aspect, texts in row.wrong.items():
            whole.wrong[aspect] += texts
    return list(found.values())


def unexplained(row: Row, causes: Iterable[Cause]) -> dict[str, list[str]]:
    """What differs and has no known cause."""
    left = {a: [t for t in texts if not any(c.fits(row.name, a, t) for c in causes)] for a, texts in row.wrong.items()}
    return {a: texts for a, texts in left.items() if texts}


def result(row: Row, causes: Iterable[Cause]) -> str:
    left = unexplained(row, causes)
    known = dict.fromkeys(c.cause for c in causes if any(c.fits(row.name, a, t) for a, texts in row.wrong.items() for t in texts))
    said = [f"**{a}** ({len(texts)}): {texts[0]}" for a, texts in left.items()] + [f"differs: {c}" for c in known]
    return "; ".join(said).replace("|", "\\|").replace("\n", " ") or "pass"


def written(path: Path, head: str, rows: list[Row], names: list[str], causes: Iterable[Cause]) -> None:
    """The table with these rows new, and those of other names as they stand there."""
    old = [line.strip("| \n").split(" | ", 2) for line in path.read_text().splitlines() if line.startswith("| ")] if path.exists() else []
    known = {name: (int(samples), said) for name, samples, said in old[1:]} | {row.name: (row.samples, result(row, causes)) for row in rows}
    lines = [(name, *known[name]) for name in dict.fromkeys(names) if name in known]
    passed, failing = sum(said == "pass" for *_, said in lines), sum("**" in said for *_, said in lines)
    path.write_text("\n".join([
        f"{head}\n", f"{len(lines)} names, {sum(n for _, n, _ in lines)} samples: {passed} pass, {len(lines) - passed - failing} differ for a known cause, "
        f"{failing} fail.\n", "| name | samples | result |", "|---|---|---|", *(f"| {name} | {samples} | {said} |" for name, samples, said in lines)]) + "\n")


def run(head: str, path: Path, check: Callable[..., Row], jobs: list[tuple], causes: Iterable[Cause]) -> None:
    """All jobs, or those whose name (their first argument) is asked for; the table has what was found."""
    parser = argparse.ArgumentParser(description=head)
    parser.add_argument("--names", default="", help="a regular expression of names")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    wanted = [(check, job) for job in jobs if re.search(given.names, job[0])]
    rows: list[Row] = []
    with multiprocessing.get_context("spawn").Pool(given.processes, maxtasksperchild=8) as pool:
        for row in pool.imap(work, wanted):
            rows.append(row)
            for aspect, texts in unexplained(row, causes).items():
                sys.stdout.write("".join(f"{row.name}: {aspect}: {text}\n" for text in texts))
            sys.stdout.flush()
    rows = merged(rows)
    written(path, head, rows, [job[0] for job in jobs], causes)
    sys.exit(any(unexplained(row, causes) for row in rows))
