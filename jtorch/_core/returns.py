"""Tuples with named fields that operators with several results return (`torch.return_types`)."""
from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from .graph import here

TYPES: dict[str, type] = {}


class Results(tuple):
    """A tuple whose elements are attributes too; made from one sequence, unlike a `namedtuple`."""
    __slots__ = ()
    n_unnamed_fields = n_fields = n_sequence_fields = 0
    __match_args__: tuple = ()

    def __new__(cls, sequence: Iterable) -> Results:
        if not hasattr(sequence, "__iter__"):
            raise TypeError("constructor requires a sequence")
        made = tuple.__new__(cls, sequence)
        if len(made) != cls.n_fields:
            raise TypeError(f"torch.return_types.{cls.__name__}() takes a {cls.n_fields}-sequence ({len(made)}-sequence given)")
        return made

    def __repr__(self) -> str:
        parts = ",\n".join(f"{name}={value!r}" for name, value in zip(self.__match_args__, self, strict=True))
        return f"torch.return_types.{type(self).__name__}(\n{parts})"

    def __reduce__(self) -> tuple:
        return restored, (type(self).__name__, tuple(self))


def restored(name: str, values: tuple) -> Any:
    """Results of the type `name`, from a pickle."""
    return TYPES[name](values)


def named(op: Any) -> type | None:
    """The result type of an operator, or None where its results have no names."""
    fields = op.facts.get("returns")
    if not fields:
        return None
    return named_tuple(f"linalg_{op.name}" if "linalg" in op.facts["home"] else op.name, fields, bool(op.facts["out"]))


def named_tuple(name: str, fields: str, out: bool = False) -> type:
    """The result type `name` with these fields; where there is an `out=` form, that one's type too."""
    if name not in TYPES:
        names = tuple(fields.split())
        places = {"__slots__": (), "__match_args__": names, "n_fields": len(names), "n_sequence_fields": len(names), "__module__": "torch.return_types"}
        TYPES[name] = type(name, (Results,), places | {field: property(itemgetter(k)) for k, field in enumerate(names)})
    if out:
        named_tuple(f"{name}_out", fields)
    return TYPES[name]


def written(result: Results, tensors: list) -> Any:
    """The tensors given as `out=`, after `result` was put into them."""
    return TYPES[f"{type(result).__name__}_out"](tensors)


def check_no_history(name: str, out: Any, *given: Any) -> None:
    """Raise where gradients would have to flow through a tensor given as `out=`."""
    if out is not None and here.mode.grad and any(getattr(x, "requires_grad", False) for x in (out, *given)):
        raise RuntimeError(f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.")
