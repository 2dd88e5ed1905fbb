"""`autograd.Function` inside function transforms: by its `vmap` and `jvp`, where these are at work."""
from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from .._core import levels
from .._core.graph import Level, here
from .._core.tensor import Tensor, wrap

MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"
NO_SETUP = ("In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override the setup_context "
            "staticmethod. ") + MORE
NO_RULE = ("You tried to vmap over {}, but it does not have vmap support. Please override and implement the vmap staticmethod or set "
           "generate_vmap_rule=True. ") + MORE
TWO_RULES = ("You tried to vmap over {}, but it has both generate_vmap_rule=True and an overridden vmap staticmethod. Please set generate_vmap_rule=False or "
             "delete the overridden vmap staticmethod to avoid ambiguity. ") + MORE


class VmapInfo(NamedTuple):
    """What the `vmap` of a Function is told: the size of the batch, and what to do with random numbers."""
    batch_size: int
    randomness: str


def apply(cls: Any, args: tuple, kwargs: dict, overridden: Any) -> Any:
    """`cls.apply` while transforms are at work; `overridden(name)` tells whether `cls` has its own form of a method."""
    if levels.transforming() and not overridden("setup_context"):
        raise RuntimeError(NO_SETUP)
    found = {n for a in args if isinstance(a, Tensor) for n in a._aval.levels}
    level = next((g.level for g in reversed(here.active) if g.level in found), None)
    if level is None:
        return cls._apply(args, kwargs)
    if level.dual:
        return _along(cls, args, kwargs, level)
    if overridden("vmap") and cls.generate_vmap_rule:
        raise RuntimeError(TWO_RULES.format(cls.__name__))
    if cls.generate_vmap_rule:
        return cls._apply(args, kwargs)
    if not overridden("vmap"):
        raise RuntimeError(NO_RULE.format(cls.__name__))
    if any(t > level.number for a in args if isinstance(a, Tensor) for t in a._aval.tracks):
        return cls._apply(args, kwargs, partial(_by_rule, cls, level))
    return _by_rule(cls, level, *args)


def _by_rule(cls: Any, level: Level, *args: Any) -> Any:
    """The results that the `vmap` of a Function computes for the whole batch."""
    randomness = next(g.randomness for g in here.active if g.level == level)
    members = [isinstance(a, Tensor) and level in a._aval.levels for a in args]
    whole = [wrap(levels.leave(a._read_value(), 0, level)) if member else a for a, member in zip(args, members, strict=True)]
    with levels.outside(level):
        found = cls.vmap(VmapInfo(level.size, randomness), tuple([0 if member else None for member in members]), *whole)
    if not (isinstance(found, tuple) and len(found) == 2):
        raise RuntimeError("Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible with the output. Got a "
                           f"{type(found)} instead")
    return _entered(*found, level)


def _entered(output: Any, dims: Any, level: Level) -> Any:
    if isinstance(output, tuple):
        each = dims if isinstance(dims, tuple) else (dims,) * len(output)
        return tuple([_entered(o, d, level) for o, d in zip(output, each, strict=True)])
    return output if dims is None or not isinstance(output, Tensor) else wrap(levels.enter(output, dims % output.dim(), level))


def _along(cls: Any, args: tuple, kwargs: dict, level: Level) -> Any:
    """The results with the tangents that the `jvp` of a Function computes."""
    parts = [levels.parted(a._read_value(), level) if isinstance(a, Tensor) else None for a in args]
    primals = [a if p is None else wrap(p[0]) for a, p in zip(args, parts, strict=True)]
    contexts: list = []
    output = cls._apply(tuple(primals), kwargs, None, contexts.append)
    ctx = contexts[0]
    ctx.along = True
    slopes = cls.jvp(ctx, *[None if p is None or p[1] is None else wrap(p[1]) for p in parts])
    ctx.along = False
    several = isinstance(output, tuple)
    pairs = zip(output if several else (output,), slopes if isinstance(slopes, tuple) else (slopes,), strict=True)
    made = tuple([wrap(levels.paired(o, s, level)) if isinstance(o, Tensor) and s is not None else o for o, s in pairs])
    return made if several else made[0]
