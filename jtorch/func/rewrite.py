"""What shows or changes how a function works rather than what it computes."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jtorch import Tensor
from jtorch._core import levels
from jtorch._core.tensor import wrap

REMOVABLE = "mutations", "mutations_and_views"


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """`func` without operations in place.  A recorded program has none in any case, so that there is nothing left to do.

    >>> torch.func.functionalize(lambda x: x.add(1).mul_(2))(torch.ones(1))
    tensor([4.])
    """
    if remove not in REMOVABLE:
        def refused(*args: Any, **kwargs: Any) -> Any:
            raise RuntimeError(f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
                               "     remove='mutations': all inplace and out= operators will be removed from the program, and replaced with their "
                               "out-of-place equivalents.\n"
                               "     remove='mutations_and_views': In addition to the above, all aliasing operators {view} will be replaced with their "
                               "non-aliasing counterparts, {view}_copy.\n")
        return functools.wraps(func)(refused)
    return functools.wraps(func)(lambda *args, **kwargs: func(*args, **kwargs))


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """What is inside a tensor that a transform made: the whole batch, or the tensor without the gradient level.  To be used for looking only.

    recurse  go through all transforms, rather than only the innermost
    """
    value = tensor._read_value()
    for guard in levels.wrappers(value.aval)[:None if recurse else 1]:
        value = levels.unwrapped(value, guard)
    return wrap(value)
