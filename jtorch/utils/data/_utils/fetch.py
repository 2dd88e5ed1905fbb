"""Fetch samples by index or from a stream, and collate them."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np

import jtorch as torch

from ..dataset import Subset, TensorDataset
from .collate import default_collate


class MapFetcher:
    """Batches of a dataset with `__getitem__`."""

    def __init__(self, dataset: object, batched: bool, collate_fn: Callable, drop_last: bool) -> None:
        self.dataset, self.batched, self.collate_fn = dataset, batched, collate_fn

    def fetch(self, index: object) -> object:
        """The batch at a list of indices, or the sample at one index."""
        if not self.batched:
            return self.collate_fn(self.dataset[index])      # type: ignore[index]
        if self.collate_fn is default_collate:
            rows = gather(self.dataset, index)
            if rows is not None:
                return rows
        whole = getattr(self.dataset, "__getitems__", None)
        return self.collate_fn(whole(index) if whole else [self.dataset[i] for i in index])   # type: ignore[attr-defined, index]


class StreamFetcher:
    """Batches of a dataset with `__iter__`."""

    def __init__(self, dataset: Iterable, batched: bool, collate_fn: Callable, drop_last: bool) -> None:
        self.stream, self.batched, self.collate_fn, self.drop_last = iter(dataset), batched, collate_fn, drop_last
        self.ended = False

    def fetch(self, index: Sequence) -> object:
        """The next `len(index)` samples; raises StopIteration at the end."""
        if self.ended:
            raise StopIteration
        if not self.batched:
            return self.collate_fn(next(self.stream))
        samples = [*islice(self.stream, len(index))]
        self.ended = len(samples) < len(index)
        if not samples or (self.drop_last and self.ended):
            raise StopIteration
        return self.collate_fn(samples)


def gather(dataset: object, index: object) -> list | None:
    """The default-collated batch of a TensorDataset, or of Subsets of one, with one gather per tensor; None where samples must be fetched singly.

    An answer equals the one by single samples; what would be an error there is left to them, so that the message is theirs.
    """
    while type(dataset) is Subset:
        if not _plain(index):
            return None
        index, dataset = _of_subset(dataset, index), dataset.dataset   # type: ignore[arg-type]
    if type(dataset) is not TensorDataset or not _plain(index):
        return None
    tensors = dataset.tensors
    if not all(type(tensor) is torch.Tensor and tensor.device.type == "cpu" and not tensor.requires_grad for tensor in tensors):
        return None
    size = len(dataset) if tensors else 0
    if size == 0 or min(index) < -size or max(index) >= size:   # type: ignore[call-overload]
        return None
    rows = np.fromiter(index, np.intp, len(index))           # type: ignore[call-overload, arg-type]
    return [_take(tensor, rows) for tensor in tensors]


def _plain(index: object) -> bool:
    """Whether this is a list of Python integers; anything else may index in a way of its own."""
    return type(index) is list and set(map(type, index)) == {int}


def _of_subset(subset: Subset, index: list[int]) -> list[int] | None:
    indices = subset.indices
    try:
        return [indices[i] for i in index]
    except IndexError:
        return None


def _take(tensor: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    array = tensor._host()
    if array.flags.c_contiguous:
        return torch._from_host(array.take(rows, axis=0))
    return torch._from_host(np.ascontiguousarray(array[rows]))   # take would first copy the whole of a strided array
