"""Looking into the engine: what it compiled, ran and waited for."""
from __future__ import annotations

from ._core.run import Counters
from ._core.run import counters as _counters


def counters() -> Counters:
    """The engine's counters: `compiles, launches, flushes, misses` and the `causes` of the flushes; `reset()` sets them to zero.

    Of the launches, `early` ones began before their step was recorded to the end; `wasted` ones began so and were not needed.  `repeated` counts the
    calls of compiled functions (`torch.compile`) that ran no Python code, `once` what NumPy ran since it was not expected to come again.

    >>> jtorch.debug.counters().compiles >= 0
    True
    """
    return _counters
