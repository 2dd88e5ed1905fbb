"""The losses' old arguments `size_average` and `reduce`, in terms of `reduction`."""
from __future__ import annotations

import warnings


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """The `reduction` that the old pair of arguments stands for; an argument that is None counts as True."""
    if reduce is False:
        reduction = "none"
    else:
        reduction = "sum" if size_average is False else "mean"
    if emit_warning:
        warnings.warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", stacklevel=3)
    return reduction


def get_enum(reduction: str) -> int:
    """The number of a reduction: 0 none, 1 mean, 2 sum."""
    order = "none", "mean", "sum"
    if reduction not in order:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return order.index(reduction)
