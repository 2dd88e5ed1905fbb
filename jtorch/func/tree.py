"""Nested lists, tuples, named tuples and dictionaries of tensors, as function transforms take them apart."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch.utils._pytree import _broadcast_to_and_flatten as spread
from jtorch.utils._pytree import TreeSpec as Spec
from jtorch.utils._pytree import tree_flatten as flatten
from jtorch.utils._pytree import tree_leaves as leaves_of
from jtorch.utils._pytree import tree_map

__all__ = ["Spec", "flatten", "leaves_of", "mapped", "spread"]


def mapped(function: Callable, tree: Any) -> Any:
    """The tree with `function` of each leaf."""
    return tree_map(function, tree)
