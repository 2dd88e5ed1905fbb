"""`torch.utils._pytree`: both frameworks on the same trees."""
from __future__ import annotations

import warnings
from types import ModuleType

import pytest
import torch
import torch.utils._pytree  # noqa: F401

import jtorch
import jtorch.utils._pytree  # noqa: F401

SETUP = """
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
P = torch.utils._pytree
Pair = namedtuple("Pair", "a b")
class Mine:
    def __init__(self, a, b): self.a, self.b = a, b
P.register_pytree_node(Mine, lambda m: ([m.a, m.b], "rest"), lambda v, c: Mine(*v), serialized_type_name="some.Mine")
@dataclass
class Data:
    x: int
    y: int
P.register_dataclass(Data)
tree = {"b": [1, (2, 3)], "a": None, "n": Pair(4, 5), "d": deque([6], maxlen=3), "o": OrderedDict(z=7), "dd": defaultdict(list, q=8), "m": torch.max(torch.ones(1, 2), 1)}
s = P.tree_structure([1, (2, 3)])
"""
CODE = """
P.tree_flatten(tree)
P.tree_unflatten(P.tree_leaves(tree), P.tree_structure(tree))
P.tree_flatten([1, (2,), {}, [[]]])
s.type, s.context, s.num_leaves, s.num_nodes, s.num_children, s.is_leaf(), s.children(), s.child(1), s.children_specs
P.LeafSpec(), P.tree_structure(3), P.treespec_leaf() == P.LeafSpec(), P.treespec_tuple([s, s]), P.treespec_dict({"a": s}), P.TreeSpec(list, None, [P.LeafSpec()])
P.tree_structure([1]) == P.tree_structure([2]), P.tree_structure([1]) == P.tree_structure((2,)), hash(s) == hash(P.tree_structure([1, (2, 3)]))
P.tree_unflatten([1, 2], s)
P.tree_unflatten([1, 2, 3], P.LeafSpec())
P.tree_unflatten(3, s)
P.tree_unflatten([1, 2, 3], 3)
P.tree_map(lambda x: x + 1, [1, {"a": 2}]), P.tree_map(lambda x, y: (x, y), [1, 2], [[3], 4])
P.tree_map(lambda x, y: x, [1, 2], [3])
P.tree_map(lambda x, y: x, [1, 2], (3, 4))
P.tree_map(lambda x, y: x, [1, {"a": 2}], [3, {"b": 4}])
P.tree_map(lambda x: x, (1, [2]), is_leaf=lambda x: isinstance(x, list)), P.tree_map(lambda x: x, deque([1], maxlen=2))
P.tree_map_only(int, lambda x: x + 1, [1, "a", 2.0]), P.tree_map_only((int, float), lambda x: x + 1, [1, "a", 2.0]), P.map_only(int)(lambda x: x + 1)("a")
P.tree_map_only(int | float, lambda x: x + 1, [1, "a", 2.0]), P.tree_map_only(lambda x: x == 1, lambda x: x + 1, [1, "a"])
P.tree_map_(lambda x: None, [1, 2]), P.tree_map_only_(int, lambda x: None, [1, 2]), list(P.tree_iter([1, [2]]))
P.tree_all(lambda x: x > 0, [1, 2]), P.tree_any(lambda x: x > 1, [1, 2]), P.tree_all_only(int, lambda x: x > 0, [1, "a"]), P.tree_any_only(int, lambda x: x > 1, [1, "a"])
P.tree_flatten_with_path({"a": [1, Pair(2, 3)], "d": Data(4, 5)})
P.tree_flatten_with_path(Mine(4, 5))
[P.keystr(k) for k, _ in P.tree_leaves_with_path({"a": [1, Pair(2, 3)], "d": Data(4, 5)})]
P.tree_map_with_path(lambda p, x: (P.keystr(p), x), {"a": [1, 2]}), P.key_get({"a": [1, 2]}, (P.MappingKey("a"), P.SequenceKey(1)))
P.tree_flatten(Mine(1, [2])), P.tree_flatten(Data(1, [2])), P.tree_structure(Mine(1, 2)).context, P.tree_unflatten([3, 4], P.tree_structure(Mine(1, 2))).b
P.register_pytree_node(Mine, None, None)
P.register_constant(Data)
P.tree_is_leaf(3), P.tree_is_leaf([]), P.tree_is_leaf(None), P.arg_tree_leaves([1], a=2)
P.treespec_dumps(s), P.treespec_loads(P.treespec_dumps(s)), P.treespec_dumps(P.tree_structure(Mine(1, 2)))
P.treespec_dumps(P.tree_structure({"a": 1, "b": OrderedDict(x=1)})), P.treespec_pprint(s)
P.is_namedtuple(Pair(1, 2)), P.is_namedtuple_class(Pair), P.is_namedtuple_instance(Pair(1, 2)), P.is_structseq(tree["m"])
s.flatten_up_to([1, (2, [3])]), s.unflatten([1, 2, 3])
s.flatten_up_to([1, 2])
P._broadcast_to_and_flatten(3, s), P._broadcast_to_and_flatten([3, 4], s), P._broadcast_to_and_flatten([3], s)
P.SequenceKey(1), P.MappingKey("a"), P.GetAttrKey("x"), str(P.SequenceKey(1)), str(P.MappingKey("a")), str(P.GetAttrKey("x"))
torch.func.vmap(lambda m: torch.sin(m["x"]) + m["y"][0])({"x": torch.zeros(2), "y": [torch.ones(2)]})
"""


def outcome(module: ModuleType, code: str) -> str:
    scope = {"torch": module, "__name__": __name__}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(SETUP, scope)
        try:
            return str(eval(code, scope))
        except Exception as error:
            return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("code", CODE.strip().split("\n"))
def test_as_in_pytorch(code: str) -> None:
    assert outcome(jtorch, code) == outcome(torch, code)


def test_registered_classes_go_through_transforms() -> None:
    class Both:
        def __init__(self, a, b) -> None:
            self.a, self.b = a, b
    jtorch.utils._pytree.register_pytree_node(Both, lambda m: ([m.a, m.b], None), lambda v, _: Both(*v))
    grads = jtorch.func.grad(lambda m: (m.a * m.b).sum())(Both(jtorch.ones(2), jtorch.full((2,), 3.0)))
    assert isinstance(grads, Both) and grads.a.tolist() == [3, 3] and grads.b.tolist() == [1, 1]
