"""Questions about sizes that a compiler may not know; here sizes are always numbers."""
from __future__ import annotations


def guard_or_true(a: object) -> bool:
    """Whether it is true."""
    return bool(a)


guard_or_false = statically_known_true = guard_or_true


def statically_known_false(a: object) -> bool:
    """Whether it is false."""
    return not a


def free_symbols(val: object) -> set:
    """The unknown sizes in it: none."""
    return set()


free_unbacked_symbols = free_symbols
