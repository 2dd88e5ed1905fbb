"""Dimensions reordered, split and joined by names (`rearrange`), after einops (Rogozhnikov 2022, openreview.net/forum?id=oapKSVM2bcj)."""
from __future__ import annotations

import re
from collections.abc import Sequence

import jtorch as torch
from jtorch import Tensor

Groups = list[list[str]]                                     # a lone ellipsis is [REST]
REST = ". . ."
TOKEN = re.compile(r"\.\.\.|\w+|[() ]|.")


class DimensionBindError(Exception):
    """Sizes that don't fit the pattern."""


def rearrange(tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes_lengths: int) -> Tensor:
    """The tensor with its dimensions as the right side of the pattern names them; parentheses join several into one, or split one on the left side.

    A list of tensors is stacked along a new first dimension.

    >>> torch.func.rearrange(torch.ones(2, 3, 4), "a b c -> c (a b)").shape
    torch.Size([4, 6])
    """
    if not isinstance(tensor, Tensor):
        tensor = torch.stack(tensor)
    left, right = _sides(pattern)
    names, wanted = ({n for group in side for n in group} - {"...", REST} for side in (left, right))
    one_sided = names ^ wanted
    if "..." in pattern.split("->")[1] and [REST] not in left:
        raise ValueError(f"Ellipsis found in right side, but not left side of a pattern {pattern}")
    if one_sided:
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {one_sided}")
    unknown = set(axes_lengths) - names
    if unknown:
        raise ValueError(f"Identifiers not found in rearrange expression: {unknown}")
    extra = tensor.dim() - sum(group != [REST] for group in left)
    if extra < 0 or extra and [REST] not in left:
        raise ValueError(f"Number of dimensions in pattern ({len(left)}) must be equal to the number of dimensions in the tensor ({tensor.dim()})")
    rest = [f"...{k}" for k in range(extra)]
    left, right = ([g for group in side for g in _filled(group, rest)] for side in (left, right))
    sizes = _sizes(tensor.shape, left, axes_lengths)
    order = [n for group in left for n in group]
    split = tensor.reshape([sizes[n] for n in order]).permute([order.index(n) for group in right for n in group])
    return split.reshape([torch.Size([sizes[n] for n in group]).numel() for group in right])


def _filled(group: list[str], rest: list[str]) -> Groups:
    """The group, or groups, with names for the dimensions that the ellipsis stands for."""
    return [[n] for n in rest] if group == [REST] else [[m for n in group for m in (rest if n == "..." else [n])]]


def _sides(pattern: str) -> tuple[Groups, Groups]:
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = (_groups(side) for side in sides)
    if any("..." in group for group in left):
        raise ValueError(f"Ellipsis is parenthesis in the left side is not allowed: {pattern}")
    return left, right


def _groups(side: str) -> Groups:
    """For each dimension the names that it is made of; dimensions of size 1 have none."""
    groups: Groups = []
    seen: set[str] = set()
    inside = False
    for token in TOKEN.findall(side):
        if token in "()" and (token == "(") == inside:
            raise ValueError("Axis composition is one-level (brackets inside brackets not allowed)" if inside else
                             f"Imbalanced parentheses in expression: '{side}'")
        if token in "()":
            inside = not inside
            if inside:
                groups.append([])
        elif token.strip():
            _check_name(token, seen)
            seen.add(token)
            own = [] if token == "1" else [REST] if token == "..." and not inside else [token]
            groups[-1 if inside else len(groups):] = [groups[-1] + own] if inside else [own]
    if inside:
        raise ValueError(f"Imbalanced parentheses in expression: '{side}'")
    return groups


def _check_name(name: str, seen: set[str]) -> None:
    if name != "..." and not re.fullmatch(r"\w+", name):
        raise ValueError(f"Unknown character '{name}'")
    if name.isdecimal() and name != "1":
        raise ValueError("rearrange only supports unnamed axes of size 1")
    if name.startswith("_") or name.endswith("_"):
        raise ValueError(f"Invalid axis identifier: {name}\naxis name should should not start or end with underscore")
    if name != "1" and name in seen:
        raise ValueError(f"Indexing expression contains duplicate dimension '{name}'")


def _sizes(shape: Sequence[int], groups: Groups, given: dict[str, int]) -> dict[str, int]:
    """The size of each name."""
    known = dict(given)
    numbers = {n: f"d{k}" for k, n in enumerate(n for group in groups for n in group)}
    for size, group in zip(shape, groups, strict=True):
        free = [n for n in group if n not in known]
        product = torch.Size([known[n] for n in group if n in known]).numel()
        if len(free) > 1:
            raise DimensionBindError(f"cannot infer the sizes of two dimensions at once {numbers[free[0]]} and {numbers[free[1]]}")
        if free and size % product:
            parts = tuple([known.get(n, "?") for n in group])
            raise DimensionBindError(f"inferred dimension does not evenly fit into larger dimension: {size} vs {parts}")
        if free:
            known[free[0]] = size // product
        elif product != size:
            pack = ", ".join(numbers[n] for n in group)
            raise DimensionBindError(f"Dimension sizes to do not match ({size} != {product}) when matching dimension pack ({pack},)")
    return known
