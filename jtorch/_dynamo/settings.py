"""PyTorch's settings of its compiler: programs may set and read them; XLA needs none of them."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Settings:
    """Names with values.  What was never set is False."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return False

    @contextmanager
    def patch(self, *given: Any, **changes: Any) -> Iterator[None]:
        """Other values within a `with` block or a decorated function: a name and a value, a dictionary, or keywords."""
        changes |= given[0] if given and isinstance(given[0], dict) else dict([given]) if given else {}
        before = dict(vars(self))
        vars(self).update(changes)
        try:
            yield
        finally:
            vars(self).clear()
            vars(self).update(before)


config = Settings()
