"""Anomaly detection: name the forward call whose gradient fails or is not a number."""
from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .gradgraph import edges, named_node
from .graph import Entry, Trace, Value
from .lower import differentiable
from .promote import FLOAT_CATEGORIES
from .transfer import to_host


class Anomaly:
    """Whether to look, and whether NaN counts."""
    enabled, check_nan = False, True

    @staticmethod
    @contextmanager
    def watching(trace: Trace, position: int, entry: Entry) -> Iterator[None]:
        """Warn with the place of the forward call where something inside fails."""
        try:
            yield
        except Exception:
            name, where = named_node(trace, position, entry).name(), trace.node.path()[position].where
            file, _, line = where.rpartition(":")
            warnings.warn(f"Error detected in {name}. Traceback of forward call that caused the error:\n  File \"{file}\", line {line}\n", stacklevel=2)
            raise

    @staticmethod
    def check(trace: Trace, position: int, entry: Entry, passed: Sequence[Value | None]) -> None:
        """Raise where a gradient is not a number."""
        if not Anomaly.check_nan:
            return
        for n, grad in zip(differentiable(entry), passed, strict=True):
            if grad is not None and grad.aval.dtype.category in FLOAT_CATEGORIES and np.isnan(to_host(grad, "anomaly detection")).any():
                name = named_node(trace, position, entry).name()
                raise RuntimeError(f"Function '{name}' returned nan values in its {edges(entry).index(n)}th output.")
