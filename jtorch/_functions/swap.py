"""Two tensors that exchange everything but their identity (`torch.utils.swap_tensors`)."""
from __future__ import annotations

from weakref import getweakrefs, ref

from .._core.storage import CUTS
from .._core.tensor import Tensor


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Exchange the contents, classes and attributes of two tensors: whoever holds one of them holds what the other was.

    A gradient that is still to come goes with the contents.  Raises RuntimeError where a tensor has weak references or views, or slots; TypeError for
    anything but tensors.

    >>> a, b = torch.ones(1), torch.zeros(2)
    >>> torch.utils.swap_tensors(a, b)
    >>> a
    tensor([0., 0.])
    """
    for t in (t1, t2):
        if not isinstance(t, Tensor):
            raise TypeError(f"swap_tensors(): arguments must be tensors, not {type(t).__name__}")
    for name, t in (("t1", t1), ("t2", t2)):
        _check(name, t)
    if any(vars(c).get("__slots__") for t in (t1, t2) for c in type(t).__mro__):
        raise RuntimeError("Cannot swap t1 and t2 if their classes have __slots__")
    if t1 is t2:
        return
    for t in (t1, t2):
        if t._seen_from is not None or t._views is not None:
            t._share()                                       # they hold each other by identity otherwise
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__
    for t, other in ((t1, t2), (t2, t1)):
        _settle(t, other)


def _check(name: str, t: Tensor) -> None:
    """Raise where somebody else would be left with the wrong tensor."""
    leaf = [] if t._leaf is None else [t._leaf.owner]
    aliases = [] if t._storage is None else t._storage.aliases
    base = [] if t._seen_from is None else t._seen_from[0]._views or []
    if any(all(r is not own for own in (*leaf, *aliases, *base)) for r in getweakrefs(t)):
        raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
    views = [view for r in (*(t._views or ()), *aliases) if (view := r()) is not None and view is not t]
    if any(_sees(view, t) for view in views):
        raise RuntimeError(f"Cannot swap {name} because views of it are in use: delete them, or give swap_tensors a clone")


def _sees(view: Tensor, t: Tensor) -> bool:
    """Whether `view` is a view of `t`, rather than a detached tensor that shares its memory."""
    if view._seen_from is not None:
        return view._seen_from[1] not in CUTS
    step = view._step
    return step is not None and t._step is not None and step.parent is t._step and step.op is not None and step.op not in CUTS


def _settle(t: Tensor, other: Tensor) -> None:
    """Let what `t` now holds refer to it, no longer to `other`."""
    if t._leaf is not None:
        t._leaf.owner = ref(t)
    if t._storage is not None and t._storage is not other._storage:
        t._storage.aliases = [ref(t if alias is other else alias) for r in t._storage.aliases if (alias := r()) is not None]
