"""Named tuples that operators with several results return (`torch.return_types`)."""
from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

TYPES: dict[str, type] = {}


def named(op: Any) -> Callable | None:
    """The result type of an operator, or None where its results have no names."""
    fields = op.facts.get("returns")
    if not fields:
        return None
    return named_tuple(f"linalg_{op.name}" if "linalg" in op.facts["home"] else op.name, fields)


def named_tuple(name: str, fields: str) -> type:
    """The result type `name` with these fields."""
    if name not in TYPES:
        made = namedtuple(name, fields)
        made.__repr__ = _repr
        made.__module__ = "torch.return_types"
        TYPES[name] = made
    return TYPES[name]


def _repr(self: Any) -> str:
    parts = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"torch.return_types.{type(self).__name__}(\n{parts})"
