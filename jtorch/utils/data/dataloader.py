"""DataLoader: batches of a dataset, made in this process or in worker processes."""
from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

import jtorch as torch
from jtorch._core.immediate import computing

from . import _utils
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import MapFetcher, StreamFetcher
from ._utils.pin_memory import pin_memory
from ._utils.pool import Pool
from ._utils.worker import ExceptionWrapper, get_worker_info
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

_T_co = TypeVar("_T_co", covariant=True)

__all__ = ["DataLoader", "_BaseDataLoaderIter", "_DatasetKind", "_InfiniteConstantSampler", "_MultiProcessingDataLoaderIter",
           "_SingleProcessDataLoaderIter", "_utils", "default_collate", "default_convert", "get_worker_info"]

FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")   # attributes not to be set later
REPLICA = (" For multiprocessing data-loading, this could be caused by not properly configuring the IterableDataset replica at each worker. "
           "Please see https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples.")


class _DatasetKind:
    """The two kinds of dataset."""
    Map, Iterable = 0, 1

    @staticmethod
    def create_fetcher(kind: int, dataset: object, auto_collation: bool, collate_fn: Callable, drop_last: bool) -> MapFetcher | StreamFetcher:
        """What fetches from a dataset of this kind."""
        made = MapFetcher if kind == _DatasetKind.Map else StreamFetcher
        return made(dataset, auto_collation, collate_fn, drop_last)   # type: ignore[arg-type]


class _InfiniteConstantSampler(Sampler[None]):
    """None without end: the index of a stream."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[_T_co]):
    """Iterate over a dataset in batches.

    dataset                     with `__getitem__` and `__len__`, or an IterableDataset
    batch_size, drop_last       samples in a batch, None for single samples; whether to leave out a shorter last batch
    shuffle, sampler            a new random order each epoch, or an order of one's own
    batch_sampler               lists of indices, in place of the four above
    num_workers                 processes that make batches; 0: this one
    collate_fn                  makes a batch of a list of samples
    pin_memory                  put batches into page-locked memory
    timeout                     seconds to wait for a worker
    worker_init_fn              called in each worker with its number
    multiprocessing_context     how workers are started
    generator                   draws the order and the workers' seeds
    prefetch_factor             batches that each worker is ahead, 2 by default
    persistent_workers          keep workers from epoch to epoch
    in_order                    whether batches come in the sampler's order, or as they are ready

    >>> [batch.tolist() for batch in torch.utils.data.DataLoader(range(5), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """
    dataset: Dataset[_T_co]
    batch_size: int | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    sampler: Sampler | Iterable
    prefetch_factor: int | None
    _iterator: _MultiProcessingDataLoaderIter | None
    __initialized = False

    def __init__(self, dataset: Dataset[_T_co], batch_size: int | None = 1, shuffle: bool | None = None, sampler: Sampler | Iterable | None = None,
                 batch_sampler: Sampler[list] | Iterable[list] | None = None, num_workers: int = 0, collate_fn: Callable | None = None,
                 pin_memory: bool = False, drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable[[int], object] | None = None,
                 multiprocessing_context: str | BaseContext | None = None, generator: torch.Generator | None = None, *,
                 prefetch_factor: int | None = None, persistent_workers: bool = False, pin_memory_device: str = "",
                 in_order: bool = True) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        self.dataset, self.num_workers, self.prefetch_factor = dataset, num_workers, prefetch_factor
        self.pin_memory, self.pin_memory_device, self.timeout = pin_memory, pin_memory_device, timeout
        self.worker_init_fn, self.multiprocessing_context, self.in_order = worker_init_fn, multiprocessing_context, in_order
        stream = isinstance(dataset, IterableDataset)
        self._dataset_kind = _DatasetKind.Iterable if stream else _DatasetKind.Map
        if stream:
            _check_stream(shuffle, sampler, batch_sampler)
        batch_size, drop_last = _check_batching(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if sampler is None:
            sampler = (_InfiniteConstantSampler() if stream else RandomSampler(dataset, generator=generator) if shuffle   # type: ignore[arg-type]
                       else SequentialSampler(dataset))      # type: ignore[arg-type]
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)   # type: ignore[arg-type]
        self.batch_size, self.drop_last, self.sampler, self.batch_sampler = batch_size, drop_last, sampler, batch_sampler
        self.generator, self.persistent_workers = generator, persistent_workers
        self.collate_fn = collate_fn if collate_fn is not None else default_collate if self._auto_collation else default_convert
        self.__initialized = True
        self._IterableDataset_len_called: int | None = None
        self._iterator = None
        self.check_worker_number_rationality()

    @property
    def multiprocessing_context(self) -> BaseContext | None:
        """How workers are started; None: the default of `multiprocessing`."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: str | BaseContext | None) -> None:
        if context is not None and self.num_workers <= 0:
            raise ValueError("multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
                             f"num_workers={self.num_workers}")
        methods = multiprocessing.get_all_start_methods()
        if isinstance(context, str):
            if context not in methods:
                raise ValueError(f"multiprocessing_context option should specify a valid start method in {methods!r}, but got "
                                 f"multiprocessing_context={context!r}")
            context = multiprocessing.get_context(context)
        if context is not None and not isinstance(context, BaseContext):
            raise TypeError("multiprocessing_context option should be a valid context object or a string specifying the start method, but got "
                            f"multiprocessing_context={context}")
        self.__multiprocessing_context = context

    def __setattr__(self, name: str, value: object) -> None:
        if self.__initialized and name in FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self.check_worker_number_rationality()
        return _MultiProcessingDataLoaderIter(self)

    def __iter__(self) -> _BaseDataLoaderIter:
        if not self.persistent_workers or self.num_workers == 0:
            return self._get_iterator()
        if self._iterator is None or self._iterator._pool.closed:   # at first, or after a worker has died
            made = self._get_iterator()
            assert isinstance(made, _MultiProcessingDataLoaderIter)
            self._iterator = made
        else:
            self._iterator._reset(self)
        return self._iterator

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Iterable:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self) -> int:
        if self._dataset_kind == _DatasetKind.Map:
            return len(self._index_sampler)                  # type: ignore[arg-type]  # a sampler with a length
        length = self._IterableDataset_len_called = len(self.dataset)   # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def check_worker_number_rationality(self) -> None:
        """Warn where there are more workers than processors."""
        if not self.num_workers:
            return
        most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if most is not None and self.num_workers > most:
            warnings.warn(f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested max number of worker in current "
                          f"system is {most}, which is smaller than what this DataLoader is going to create. Please be aware that excessive worker "
                          "creation might get DataLoader running slow or even freeze, lower the worker number to avoid potential slowness/freeze "
                          "if necessary.", stacklevel=3)


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable multiprocessing, "
                         "otherwise set prefetch_factor to None.")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream(shuffle: bool | None, sampler: object, batch_sampler: object) -> None:
    if shuffle not in (None, False):
        raise ValueError(f"DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle={shuffle}")
    for name, given in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if given is not None:
            raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={given}")


def _check_batching(batch_size: int | None, shuffle: bool, sampler: object, batch_sampler: object, drop_last: bool) -> tuple[int | None, bool]:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
        return None, False
    if batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
    return batch_size, drop_last


class _BaseDataLoaderIter:
    """One pass over a loader."""

    def __init__(self, loader: DataLoader) -> None:
        self._dataset, self._dataset_kind, self._drop_last = loader.dataset, loader._dataset_kind, loader.drop_last
        self._IterableDataset_len_called, self._auto_collation = loader._IterableDataset_len_called, loader._auto_collation
        self._index_sampler, self._collate_fn, self._timeout = loader._index_sampler, loader.collate_fn, loader.timeout
        self._num_workers, self._num_yielded = loader.num_workers, 0
        self._pin_memory = _pins(loader)
        self._sampler_iter = iter(self._index_sampler)
        self._base_seed = int(torch.empty((), dtype=torch.int64).random_(generator=loader.generator).item())

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def _reset(self, loader: DataLoader, first_iter: bool = False) -> None:
        self._sampler_iter = iter(self._index_sampler)
        self._num_yielded = 0
        self._IterableDataset_len_called = loader._IterableDataset_len_called

    def _next_index(self) -> object:
        return next(self._sampler_iter)

    def _next_data(self) -> object:
        raise NotImplementedError

    def __next__(self) -> Any:
        data = self._next_data()
        if self._pin_memory:
            data = pin_memory(data)
        self._num_yielded += 1
        length = self._IterableDataset_len_called
        if self._dataset_kind == _DatasetKind.Iterable and length is not None and self._num_yielded > length:
            warnings.warn(f"Length of IterableDataset {self._dataset} was reported to be {length}(when accessing len(dataloader)), but "
                          f"{self._num_yielded} samples have been fetched." + (REPLICA if self._num_workers else " "), stacklevel=2)
        return data

    def __len__(self) -> int:
        return len(self._index_sampler)                      # type: ignore[arg-type]  # a sampler with a length

    def __getstate__(self) -> object:
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


def _pins(loader: DataLoader) -> bool:
    if loader.pin_memory and loader.pin_memory_device:
        warnings.warn("pin_memory_device is deprecated, the current accelerator will be used as the device,"
                      f"ignore pin_memory_device='{loader.pin_memory_device}'.", stacklevel=4)
    available = loader.pin_memory and torch.accelerator.is_available()
    if loader.pin_memory and not available:
        warnings.warn("'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.", stacklevel=4)
    return available


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """One pass in this process."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        if self._timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._fetcher = _DatasetKind.create_fetcher(self._dataset_kind, self._dataset, self._auto_collation, self._collate_fn, self._drop_last)

    def _next_data(self) -> object:
        index = self._next_index()
        with computing():
            return self._fetcher.fetch(index)                # type: ignore[arg-type]


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """One pass, or with persistent workers every pass, with worker processes."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        if not loader.prefetch_factor:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._prefetch_factor, self._persistent_workers = loader.prefetch_factor, loader.persistent_workers
        fetcher = MapFetcher if self._dataset_kind == _DatasetKind.Map else StreamFetcher
        self._pool = Pool(loader, fetcher, self._base_seed)
        self._workers = self._pool.processes
        self._reset(loader, first_iter=True)

    def _reset(self, loader: DataLoader, first_iter: bool = False) -> None:
        super()._reset(loader, first_iter)
        if not first_iter:
            self._pool.resume()
        for _ in range(self._prefetch_factor * self._num_workers):
            self._request()

    def _request(self) -> None:
        if self._pool.closed or not self._pool.has_active():
            return
        try:
            index = self._next_index()
        except StopIteration:
            return
        self._pool.request(index)

    def _next_data(self) -> object:
        while self._pool.outstanding():
            ended, data = self._pool.next_answer()
            self._request()
            if ended:
                continue
            if isinstance(data, ExceptionWrapper):
                data.reraise()
            return data
        if not self._persistent_workers:
            self._shutdown_workers()
        raise StopIteration

    def _shutdown_workers(self) -> None:
        self._pool.close()
