"""Nested containers: taken apart into leaves, and put together again (`torch.utils._pytree`)."""
from __future__ import annotations

import functools
import json
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ._containers import (NAMED_TUPLE, SUPPORTED_NODES, GetAttrKey, KeyPath, MappingKey, NodeDef, SequenceKey, _node, is_namedtuple, is_namedtuple_class,
                          is_namedtuple_instance, is_structseq, is_structseq_class, is_structseq_instance, register_constant, register_dataclass,
                          register_pytree_node)

__all__ = ["SUPPORTED_NODES", "GetAttrKey", "KeyPath", "LeafSpec", "MappingKey", "NodeDef", "PyTreeSpec", "SequenceKey", "TreeSpec",
           "arg_tree_leaves", "is_namedtuple", "is_namedtuple_class", "is_namedtuple_instance", "is_structseq", "is_structseq_class",
           "is_structseq_instance", "key_get", "keystr", "map_only", "register_constant", "register_dataclass", "register_pytree_node",
           "tree_all", "tree_all_only", "tree_any", "tree_any_only", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf",
           "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only", "tree_map_only_",
           "tree_map_with_path", "tree_structure", "tree_unflatten", "treespec_dict", "treespec_dumps", "treespec_leaf", "treespec_loads",
           "treespec_pprint", "treespec_tuple"]

IsLeaf = Callable[[Any], bool] | None
Context = Any                                                # what a structure's `context` is, for annotations
_dict_flatten, _dict_unflatten, _dict_flatten_with_keys = (getattr(SUPPORTED_NODES[dict], f"{what}_fn")    # libraries' own dictionaries use them
                                                           for what in ("flatten", "unflatten", "flatten_with_keys"))
DICTS = dict, OrderedDict, defaultdict
PROTOCOL = 1


class TreeSpec:
    """The structure of a tree.

    type      the class of the container, None for a leaf
    context   what else it takes to make one: a dictionary's keys
    """
    __slots__ = ("type", "context", "_children", "num_leaves", "num_nodes", "num_children", "_definition")

    num_leaves: int
    num_nodes: int

    def __init__(self, type: type | None, context: Any, children: Iterable[TreeSpec], definition: NodeDef | None = None) -> None:
        self.type, self.context, self._children = type, context, tuple(children)
        self.num_leaves = 1 if type is None else sum(c.num_leaves for c in self._children)
        self.num_nodes = 1 + sum(c.num_nodes for c in self._children)
        self.num_children = len(self._children)
        self._definition = definition or (None if type is None else _node(type))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and (self.type, self.context, self._children) == (other.type, other.context, other._children)

    def __hash__(self) -> int:
        return hash((self.type, len(self._children), self._children))

    def children(self) -> list[TreeSpec]:
        """The structures of the elements."""
        return list(self._children)

    children_specs = property(children)

    def child(self, index: int) -> TreeSpec:
        """The structure of one element."""
        return self._children[index]

    def is_leaf(self) -> bool:
        """Whether it is a leaf."""
        return self.type is None

    def _text(self, indent: int) -> str:
        if self.type is None:
            return "*"
        name = "namedtuple" if self._definition is NAMED_TUPLE else self.type.__name__
        inner = indent + 2 if self._children else 0
        return f"TreeSpec({name}, {self.context}, [" + f",\n{' ' * inner}".join(c._text(inner) for c in self._children) + "])"

    def __repr__(self) -> str:
        return self._text(0)

    def unflatten(self, leaves: Iterable) -> Any:
        """The tree with these leaves."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that holds {self.num_leaves} items "
                             f"({self}).")
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator) -> Any:
        if self._definition is None:
            return next(leaves)
        return self._definition.unflatten_fn([c._build(leaves) for c in self._children], self.context)

    def flatten_up_to(self, tree: Any) -> list:
        """What stands in `tree` at the places of the leaves."""
        found: list = []
        self._collect(tree, found)
        return found

    def _collect(self, tree: Any, found: list) -> None:
        if self.type is None:
            found.append(tree)
            return
        if type(tree) is not self.type and not (self.type in DICTS and type(tree) in DICTS):
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {type(tree)!r}.")
        elements, context = (_node(type(tree)) or NAMED_TUPLE).flatten_fn(tree)
        if len(elements) != self.num_children and self.type not in DICTS:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(elements)}.")
        if self.type in DICTS:
            keys = self.context[1] if self.type is defaultdict else self.context
            missing, extra = set(keys) - set(tree), set(tree) - set(keys)
            if missing or extra:
                message = "".join(f" {what} key(s): {some}{end}" for what, some, end in (("missing", missing, ";"), ("extra", extra, ".")) if some)
                raise ValueError(f"Node keys mismatch;{message.removesuffix(';') + ('' if extra else '.')}")
            elements = [tree[k] for k in keys]
        elif context != self.context:
            raise ValueError(f"Node context mismatch for custom node type {self.type!r}.")
        for child, element in zip(self._children, elements, strict=True):
            child._collect(element, found)

    def outline(self) -> str:
        """The structure as one would write it, with * for the leaves."""
        if self.type is None:
            return "*"
        parts = [c.outline() for c in self._children]
        if self.type in DICTS:
            keys = self.context[1] if self.type is defaultdict else self.context
            return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(keys, parts, strict=True)) + "}"
        return f"[{', '.join(parts)}]" if self.type is list else f"({', '.join(parts)}{',' * (len(parts) == 1)})"


PyTreeSpec = TreeSpec
LEAF = TreeSpec(None, None, ())


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    def __new__(cls) -> Any:
        return LEAF


def treespec_leaf() -> TreeSpec:
    """The structure of a leaf."""
    return LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The structure of a tuple of such elements."""
    return TreeSpec(tuple, None, iterable)


def treespec_dict(mapping: Any = (), /, **kwargs: TreeSpec) -> TreeSpec:
    """The structure of a dictionary of such elements."""
    every = dict(mapping, **kwargs)
    return TreeSpec(dict, list(every), every.values())


# Taking apart and putting together

def _take(tree: Any, leaves: list, is_leaf: IsLeaf) -> TreeSpec:
    kind = type(tree)
    node = _node(kind)
    if node is None or is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return LEAF
    elements, context = node.flatten_fn(tree)
    return TreeSpec(kind, context, [_take(e, leaves, is_leaf) for e in elements], node)


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list, TreeSpec]:
    """The leaves of a tree, and its structure.

    >>> torch.utils._pytree.tree_flatten([1, (2,)])
    ([1, 2], TreeSpec(list, None, [*,
      TreeSpec(tuple, None, [*])]))
    """
    leaves: list = []
    return leaves, _take(tree, leaves, is_leaf)


def tree_unflatten(leaves: Iterable, treespec: TreeSpec) -> Any:
    """The tree of this structure with these leaves."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list:
    """The leaves of a tree."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterator:
    """The leaves of a tree, one after another."""
    yield from tree_leaves(tree, is_leaf)


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether it is a leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _node(type(tree)) is None


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list:
    """The leaves of the arguments."""
    return [x for tree in (*args, *kwargs.values()) for x in tree_leaves(tree)]


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """The tree of what `func` gives for each leaf, with what stands there in the other trees.

    >>> torch.utils._pytree.tree_map(lambda x: x + 1, {"a": [1, 2]})
    {'a': [2, 3]}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    return spec.unflatten([func(*xs) for xs in zip(leaves, *[spec.flatten_up_to(r) for r in rests], strict=True)])


def tree_map_(func: Callable, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Call `func` for each leaf; returns the tree."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Callable], Callable]:
    """A decorator: only for values of some types, or for which a function says so; others are returned."""
    wanted = type_or_types_or_pred
    chosen = (lambda x: isinstance(x, wanted)) if isinstance(wanted, type | tuple | types.UnionType) else wanted
    if not callable(chosen):
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")

    def wrapper(func: Callable) -> Callable:
        @functools.wraps(func)
        def inner(x: Any) -> Any:
            return func(x) if chosen(x) else x
        return inner
    return wrapper


def tree_map_only(type_or_types_or_pred: Any, /, func: Callable, tree: Any, is_leaf: IsLeaf = None) -> Any:
    """`tree_map` for leaves of some types, or for which a function says so; the others stay."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred: Any, /, func: Callable, tree: Any, is_leaf: IsLeaf = None) -> Any:
    """`tree_map_` for leaves of some types."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of all leaves."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of all leaves of some types."""
    return all(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether `pred` is true of some leaf of some types."""
    return any(pred(x) for x in tree_leaves(tree, is_leaf) if isinstance(x, type_or_types))


def _broadcast_to_and_flatten(tree: Any, treespec: TreeSpec, is_leaf: IsLeaf = None) -> list | None:
    """A leaf for each leaf of the structure, where one of `tree` may stand for all below; None where the structures differ."""
    node = _node(type(tree))
    if node is None or is_leaf is not None and is_leaf(tree):
        return [tree] * treespec.num_leaves
    elements, context = node.flatten_fn(tree)
    if type(tree) is not treespec.type or context != treespec.context or len(elements) != treespec.num_children:
        return None
    parts = [_broadcast_to_and_flatten(e, c, is_leaf) for e, c in zip(elements, treespec._children, strict=True)]
    return None if any(p is None for p in parts) else [x for p in parts for x in p or ()]


# Paths

def _paths(tree: Any, path: KeyPath, is_leaf: IsLeaf) -> Iterator[tuple[KeyPath, Any]]:
    node = _node(type(tree))
    if node is None or is_leaf is not None and is_leaf(tree):
        yield path, tree
        return
    if node.flatten_with_keys_fn is None:
        raise ValueError(f"Did not find a flatten_with_keys_fn for type: {type(tree)}. Please pass a flatten_with_keys_fn argument to register_pytree_node.")
    for key, element in node.flatten_with_keys_fn(tree)[0]:
        yield from _paths(element, (*path, key), is_leaf)


def tree_leaves_with_path(tree: Any, is_leaf: IsLeaf = None) -> list[tuple[KeyPath, Any]]:
    """The leaves of a tree, each with the keys that lead to it."""
    return list(_paths(tree, (), is_leaf))


def tree_flatten_with_path(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """The leaves with the keys that lead to them, and the structure."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func: Callable, tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """`tree_map`, with the keys that lead to a leaf as first argument."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    return spec.unflatten([func(path, *xs) for (path, *xs) in zip([p for p, _ in pairs], [x for _, x in pairs], *[spec.flatten_up_to(r) for r in rests],
                                                                  strict=True)])


def keystr(kp: KeyPath) -> str:
    """Keys as one would write them."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What the keys lead to."""
    for key in kp:
        obj = key.get(obj)
    return obj


# Text

def _dumped(spec: TreeSpec) -> dict[str, Any]:
    node = spec._definition
    if node is None:
        return {"type": None, "context": None, "children_spec": []}
    if not node.serialized:
        raise NotImplementedError(f"No registered serialization name for {spec.type} found. Please update your _register_pytree_node call with a "
                                  "`serialized_type_name` kwarg.")
    context = json.dumps(spec.context if node.dump is None else node.dump(spec.context))
    return {"type": node.serialized, "context": context, "children_spec": [_dumped(c) for c in spec._children]}


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A structure as JSON."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"treespec_dumps(treespec, protocol): Expected `treespec` to be instance of PyTreeSpec but got item of type {type(treespec)}.")
    if protocol not in (None, PROTOCOL):
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")
    return json.dumps((PROTOCOL, _dumped(treespec)))


def _loaded(found: dict[str, Any]) -> TreeSpec:
    if found["type"] is None:
        return LEAF
    node = next((n for n in SUPPORTED_NODES.values() if n.serialized == found["type"]), None)
    if node is None:
        raise ValueError(f"{found['type']} is not a registered pytree node.")
    context = json.loads(found["context"])
    context = context if node.load is None else node.load(context)
    return TreeSpec(node.type, context, map(_loaded, found["children_spec"]))


def treespec_loads(serialized: str) -> TreeSpec:
    """A structure from JSON."""
    protocol, found = json.loads(serialized)
    if protocol != PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")
    return _loaded(found)


def treespec_pprint(treespec: TreeSpec) -> str:
    """The structure as one would write it, with * for the leaves."""
    class Star:
        def __repr__(self) -> str:
            return "*"
    return repr(treespec.unflatten([Star() for _ in range(treespec.num_leaves)]))
