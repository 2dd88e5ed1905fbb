"""Which part of the wide tables runs by default, and what is known not to pass yet."""
from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

# Of these files every so-many-th test runs by default, so that a run fits the time of CI; `--wide` (make conformance) runs all.
STRIDES = {"test_ops.py": 5, "test_nodes.py": 4, "test_nn_bodies.py": 8, "test_nn_modules.py": 8, "test_functional.py": 5, "test_optim.py": 4,
           "test_schedulers.py": 3, "test_views.py": 3, "test_conformance.py": 5, "test_conformance_modules.py": 6, "test_indexing.py": 3, "test_errors.py": 2}
KNOWN = Path(__file__).parent / "known_failures.txt"         # one test a line; what stands there may fail until it is mended


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--wide", action="store_true", help="run the wide tables whole")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = set(KNOWN.read_text().splitlines())
    seen: dict[str, int] = defaultdict(int)
    kept, dropped = [], []
    for item in items:
        name = item.path.name
        stride = 1 if config.getoption("--wide") or len(config.args) == 1 and "::" in config.args[0] else STRIDES.get(name, 1)
        (dropped if seen[name] % stride else kept).append(item)
        seen[name] += 1
        if item.nodeid in known:
            item.add_marker(pytest.mark.xfail(strict=False, reason="known not to pass yet"))
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)
