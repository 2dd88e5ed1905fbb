"""The version of PyTorch whose behaviour this is, which compares as a version (`torch.torch_version`)."""
from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["TorchVersion"]
PARTS = re.compile(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d+))?")
RELEASE = "rc", 1 << 30                                      # after all release candidates


def _key(version: Any) -> tuple:
    """What versions are compared by.  Raises TypeError for what is none."""
    if isinstance(version, Iterable) and not isinstance(version, str):
        version = ".".join(map(str, version))
    found = PARTS.match(str(version))
    if found is None:
        raise TypeError(f"'{version}' is not a version")
    numbers = [int(n) for n in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), (found[2], int(found[3])) if found[2] else RELEASE


class TorchVersion(str):
    """A text that compares as a version, with texts and with sequences of numbers.

    >>> torch.__version__ >= (1, 10), torch.__version__ > "2.9"
    (True, True)
    """
    __hash__ = str.__hash__

    def _compare(self, other: Any, how: Callable[[Any, Any], bool]) -> bool:
        try:
            return how(_key(self), _key(other))
        except TypeError:
            return how(str(self), other)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, operator.lt)

    def __le__(self, other: Any) -> bool:
        return self._compare(other, operator.le)

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, operator.gt)

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, operator.ge)

    def __eq__(self, other: object) -> bool:
        return self._compare(other, operator.eq)

    def __ne__(self, other: object) -> bool:
        return not self == other
