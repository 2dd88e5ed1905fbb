"""Whether a graph is being recorded."""
from __future__ import annotations


def get_proxy_mode() -> None:
    """What records a graph: nothing ever does."""
