"""Nested lists, tuples, named tuples and dictionaries of tensors: taken apart into leaves, and put together again."""
from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jtorch._core.returns import Results

DICTS = dict, OrderedDict, defaultdict


class Spec:
    """The structure of a tree.

    kind      the class of the container, None for a leaf
    keys      what else it takes to make one: a dictionary's keys
    children  the structures of its elements
    """
    __slots__ = ("kind", "keys", "children", "count")

    def __init__(self, kind: type | None, keys: Any = None, children: tuple[Spec, ...] = ()) -> None:
        self.kind, self.keys, self.children = kind, keys, children
        self.count: int = 1 if kind is None else sum(c.count for c in children)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and (self.kind, self.keys, self.children) == (other.kind, other.keys, other.children)

    def __hash__(self) -> int:
        return hash((self.kind, len(self.children)))

    def _text(self, indent: int) -> str:
        if self.kind is None:
            return "*"
        named = hasattr(self.kind, "_fields") or issubclass(self.kind, Results)
        name, context = ("namedtuple", self.kind) if named else (self.kind.__name__, self.keys)
        inner = indent + 2 if self.children else 0
        return f"TreeSpec({name}, {context}, [" + f",\n{' ' * inner}".join(c._text(inner) for c in self.children) + "])"

    def __repr__(self) -> str:
        return self._text(0)

    def outline(self) -> str:
        """The structure as one would write it, with * for the leaves."""
        if self.kind is None:
            return "*"
        parts = [c.outline() for c in self.children]
        if self.kind in DICTS:
            return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(self._names(), parts, strict=True)) + "}"
        return f"[{', '.join(parts)}]" if self.kind is list else f"({', '.join(parts)}{',' * (len(parts) == 1)})"

    def _names(self) -> list:
        return self.keys[1] if self.kind is defaultdict else self.keys

    def build(self, leaves: Iterable) -> Any:
        """The tree with these leaves."""
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator) -> Any:
        if self.kind is None:
            return next(leaves)
        elements = [c._build(leaves) for c in self.children]
        if self.kind is defaultdict:
            return defaultdict(self.keys[0], zip(self.keys[1], elements, strict=True))
        if self.kind in DICTS:
            kind: Any = self.kind
            return kind(zip(self.keys, elements, strict=True))
        return self.kind(*elements) if hasattr(self.kind, "_fields") else self.kind(elements)


LEAF = Spec(None)


def flatten(tree: Any) -> tuple[list, Spec]:
    """The leaves of a tree, and its structure."""
    leaves: list = []
    return leaves, _take(tree, leaves)


def _take(tree: Any, leaves: list) -> Spec:
    found = _elements(tree)
    if found is None:
        leaves.append(tree)
        return LEAF
    keys, elements = found
    return Spec(type(tree), keys, tuple([_take(e, leaves) for e in elements]))


def _elements(tree: Any) -> tuple[Any, Iterable] | None:
    """What tells containers of one class apart, and the elements; None for a leaf."""
    kind = type(tree)
    if kind in (list, tuple, deque) or isinstance(tree, Results) or isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return None, tree
    if kind is defaultdict:
        return [tree.default_factory, list(tree)], tree.values()
    return (list(tree), tree.values()) if kind in DICTS else None


def leaves_of(tree: Any) -> list:
    """The leaves of a tree."""
    return flatten(tree)[0]


def mapped(function: Callable, tree: Any) -> Any:
    """The tree with `function` of each leaf."""
    leaves, spec = flatten(tree)
    return spec.build([function(x) for x in leaves])


def spread(prefix: Any, spec: Spec) -> list | None:
    """A leaf for each leaf of `spec`, where one in `prefix` may stand for all below; None where the structures differ."""
    if _elements(prefix) is None:
        return [prefix] * spec.count
    keys, elements = _elements(prefix) or (None, ())
    elements = list(elements)
    if type(prefix) is not spec.kind or keys != spec.keys or len(elements) != len(spec.children):
        return None
    parts = [spread(e, c) for e, c in zip(elements, spec.children, strict=True)]
    return None if any(p is None for p in parts) else [x for p in parts for x in p or ()]
