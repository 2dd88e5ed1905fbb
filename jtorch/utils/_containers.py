"""Which classes are containers, and how they are taken apart: the registry of `torch.utils._pytree`."""
from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jtorch._core.returns import Results


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A place in a sequence."""
    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """What is there."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """A key of a dictionary."""
    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """What is there."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """An attribute."""
    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """What is there."""
        return getattr(obj, self.name)


KeyPath = tuple[Any, ...]


class NodeDef(NamedTuple):
    """How containers of one class are taken apart, into elements and a context, and put together."""
    type: type
    flatten_fn: Callable[[Any], tuple[list, Any]]
    unflatten_fn: Callable[[Iterable, Any], Any]
    flatten_with_keys_fn: Callable[[Any], tuple[list[tuple[Any, Any]], Any]] | None
    serialized: str = ""
    dump: Callable[[Any], Any] | None = None
    load: Callable[[Any], Any] | None = None


SUPPORTED_NODES: dict[type, NodeDef] = {}


def register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, *, serialized_type_name: str | None = None,
                         to_dumpable_context: Callable | None = None, from_dumpable_context: Callable | None = None,
                         flatten_with_keys_fn: Callable | None = None) -> None:
    """Make objects of a class containers.

    flatten_fn            object -> its elements as a list, and what else it takes to make one
    unflatten_fn          the elements and the rest -> object
    flatten_with_keys_fn  as `flatten_fn`, but pairs of keys and elements
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    if (to_dumpable_context is None) is not (from_dumpable_context is None):
        raise ValueError(f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn, serialized_type_name or "", to_dumpable_context, from_dumpable_context)


def register_dataclass(cls: type, *, field_names: list[str] | None = None, drop_field_names: list[str] | None = None,
                       serialized_type_name: str | None = None) -> None:
    """Make a dataclass a container of its fields."""
    fields = [f.name for f in dataclasses.fields(cls) if f.init] if field_names is None else field_names
    fields = [f for f in fields if f not in (drop_field_names or ())]

    def split(obj: Any) -> tuple[list[str], list[str]]:
        return [f for f in fields if getattr(obj, f) is not None], [f for f in fields if getattr(obj, f) is None]

    def flatten(obj: Any) -> tuple[list, Any]:
        there, absent = split(obj)
        return [getattr(obj, f) for f in there], [there, absent]

    def unflatten(values: Iterable, context: Any) -> Any:
        return cls(**dict(zip(context[0], values, strict=True)), **dict.fromkeys(context[1]))

    def with_keys(obj: Any) -> tuple[list, Any]:
        values, context = flatten(obj)
        return [(GetAttrKey(f), v) for f, v in zip(context[0], values, strict=True)], context
    register_pytree_node(cls, flatten, unflatten, serialized_type_name=serialized_type_name, flatten_with_keys_fn=with_keys)


def register_constant(cls: type) -> None:
    """Make objects of a class containers without elements."""
    if cls.__eq__ is object.__eq__:
        raise TypeError("register_constant(cls) expects `cls` to have a non-default `__eq__` implementation.")
    if cls.__hash__ is object.__hash__ or cls.__hash__ is None:
        raise TypeError("register_constant(cls) expects `cls` to have a non-default `__hash__` implementation.")
    register_pytree_node(cls, lambda x: ([], x), lambda _, context: context, flatten_with_keys_fn=lambda x: ([], x))


def _numbered(elements: Iterable) -> list:
    return [(SequenceKey(k), x) for k, x in enumerate(elements)]


def _named(elements: Any) -> list:
    return [(MappingKey(k), x) for k, x in elements.items()]




def _sequence(cls: Any) -> NodeDef:
    return NodeDef(cls, lambda x: (list(x), None), lambda v, _: cls(v), lambda x: (_numbered(x), None), f"builtins.{cls.__name__}")


def _mapping(cls: Any, home: str) -> NodeDef:
    return NodeDef(cls, lambda x: (list(x.values()), list(x)), lambda v, c: cls(zip(c, v, strict=True)), lambda x: (_named(x), list(x)), f"{home}.{cls.__name__}")


SUPPORTED_NODES.update({list: _sequence(list), tuple: _sequence(tuple), dict: _mapping(dict, "builtins"), OrderedDict: _mapping(OrderedDict, "collections")})
SUPPORTED_NODES[defaultdict] = NodeDef(defaultdict, lambda x: (list(x.values()), [x.default_factory, list(x)]),
                                       lambda v, c: defaultdict(c[0], zip(c[1], v, strict=True)), lambda x: (_named(x), [x.default_factory, list(x)]),
                                       "collections.defaultdict")
SUPPORTED_NODES[deque] = NodeDef(deque, lambda x: (list(x), x.maxlen), lambda v, c: deque(v, maxlen=c), lambda x: (_numbered(x), x.maxlen), "collections.deque")
NAMED_TUPLE = NodeDef(tuple, lambda x: (list(x), type(x)), lambda v, c: c(*v),
                      lambda x: ([(GetAttrKey(f), v) for f, v in zip(x._fields, x, strict=True)], type(x)), "collections.namedtuple")


def is_namedtuple_class(cls: type) -> bool:
    """Whether it is a class of named tuples."""
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def is_structseq_class(cls: type) -> bool:
    """Whether it is a class of results with names, as operators return them."""
    return isinstance(cls, type) and issubclass(cls, Results)


def is_namedtuple_instance(obj: object) -> bool:
    """Whether it is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_structseq_instance(obj: object) -> bool:
    """Whether it is an operator's result with names."""
    return isinstance(obj, Results)


def is_namedtuple(obj: object) -> bool:
    """Whether it is a named tuple, or a class of them."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_structseq(obj: object) -> bool:
    """Whether it is an operator's result with names, or a class of them."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def _fields(results: Results) -> tuple[list, None]:
    return [(GetAttrKey(f), v) for f, v in zip(results.__match_args__, results, strict=True)], None


def _node(cls: type) -> NodeDef | None:
    """How objects of a class are taken apart; None for leaves."""
    found = SUPPORTED_NODES.get(cls)
    if found is None and issubclass(cls, tuple):
        if issubclass(cls, Results):
            return NodeDef(cls, lambda x: (list(x), None), lambda v, _: cls(v), _fields)
        if is_namedtuple_class(cls):
            return NAMED_TUPLE
    return found
