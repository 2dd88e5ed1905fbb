"""New random tensors, also inside `vmap`, where its `randomness` says how many numbers are drawn."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._core import layout, levels
from .._core.dtype import dtype
from .._core.graph import Level, here
from .._core.transfer import to_host
from .._core.tensor import Tensor, wrap
from .create import make

Shape = tuple[int, ...]
ERROR = ("vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness flags on vmap or perform the "
         "randomness operation out of vmap")
SAME = "Vmap does not currently support same randomness with a batched tensor input. Please file an issue with functorch"
IN_PLACE = ("vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same randomness. If this is necessary for your "
            "usage, please file an issue with functorch.")


def draw(how: Callable[[Shape], np.ndarray], shape: Sequence[int], kind: dtype, device: Any, requires_grad: bool = False) -> Tensor:
    """The tensor that `how(shape)` draws; inside `vmap` with one dimension more for each batch whose elements get different numbers."""
    shape = tuple(shape)
    batches = _different()
    full = (*[n.size for n in batches], *shape)
    made = make(lambda: how(full), full, kind, device, requires_grad)
    if here.capture is not None:
        here.capture.draws.append((made._read_value(), lambda: how(full)))
    return wrap(levels.enter_drawn(made, batches)) if batches else made


def draw_as(how: Callable[[Shape], np.ndarray], shape: Sequence[int], strides: Sequence[int], kind: dtype, device: Any) -> Tensor:
    """`draw` for a tensor with these strides: PyTorch fills it in the order in which its elements lie in memory."""
    order = layout.in_memory(strides)
    if order == tuple(range(len(order))):
        return draw(how, shape, kind, device)
    made = draw(how, [shape[d] for d in order], kind, device).permute(np.argsort(order).tolist())
    return layout.lay(wrap(made._read_value()), tuple(strides))


def one_by_one(how: Callable[[], np.ndarray], shape: Shape, last: int) -> np.ndarray:
    """An array of this shape of which the `last` dimensions are drawn together."""
    if len(shape) == last:
        return how()
    return np.array([one_by_one(how, shape[1:], last) for _ in range(shape[0])]).reshape(shape)


def values(input: Tensor, cause: str) -> np.ndarray:
    """The parameters of a distribution, on the host; inside `vmap` with a dimension for each batch whose elements get different numbers."""
    value, batches = input._read_value(), _different()
    if any(not n.dual and n not in batches for n in value.aval.levels):
        raise RuntimeError(SAME)
    for level in reversed(batches):
        value = levels.leave(value, 0, level)
    return np.asarray(to_host(value, cause))


def check_in_place(tensor: Tensor) -> None:
    """Raise where what is to be filled has not room for all the numbers."""
    if here.active and any(n not in tensor._aval.levels for n in _different()):
        raise RuntimeError(IN_PLACE)


def check_same(*inputs: Any) -> None:
    """Raise where the parameters of a distribution differ between elements that are to get the same numbers."""
    if here.active and any(not n.dual and n not in _different() for x in inputs if isinstance(x, Tensor) for n in x._aval.levels):
        raise RuntimeError(SAME)


def _different() -> tuple[Level, ...]:
    """The batches at work whose elements get different numbers, outermost first."""
    if any(g.randomness == "error" for g in here.active):
        raise RuntimeError(ERROR)
    return tuple([g.level for g in here.active if g.randomness == "different"])
