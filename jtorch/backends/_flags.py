"""Switches that are set together, and for the time of a `with` block."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def setter(place: dict[str, Any], names: tuple[str, ...]) -> Callable[..., tuple]:
    """A function that sets some of the switches `names` in a module's dictionary and returns what all were; None leaves one as it is."""
    def set_flags(*values: Any, **named: Any) -> tuple:
        given = {**dict(zip(("_" + n for n in names), values, strict=False)), **named}
        unknown = next((n for n in given if n.removeprefix("_") not in names), None)
        if unknown is not None or len(values) > len(names):
            raise TypeError(f"set_flags() got an unexpected keyword argument '{unknown}'")
        before = tuple([place[n] for n in names])
        place.update({n.removeprefix("_"): v for n, v in given.items() if v is not None})
        return before
    return set_flags


@contextmanager
def held(place: dict[str, Any], **values: Any) -> Iterator[None]:
    """The switches have these values inside; None leaves one as it is."""
    before = {n: place[n] for n in values}
    place.update({n: v for n, v in values.items() if v is not None})
    try:
        yield
    finally:
        place.update(before)
