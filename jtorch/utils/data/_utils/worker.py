"""The worker process of a loader: it seeds itself, fetches and collates what it is asked for, and reports errors."""
from __future__ import annotations

import ctypes
import gc
import os
import queue
import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

import jtorch as torch

from . import regions, transport
from .fetch import MapFetcher, StreamFetcher

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3                      # glibc's numbers of these settings
KEPT = 1 << 26                                               # bytes
PARENT_CHECK = 5.0                                           # seconds between looks whether the loader's process still lives


@dataclass(frozen=True)
class WorkerInfo:
    """What `get_worker_info` tells in a worker: its number, how many there are, its seed, its copy of the dataset."""
    id: int
    num_workers: int
    seed: int
    dataset: object
    rng: object = None
    worker_method: str = "multiprocessing"


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The facts of the worker process that this code runs in; None in the main process."""
    return _worker_info


class KeyErrorMessage(str):
    """A message that a KeyError prints with its line breaks."""
    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """An exception with its traceback as text, to be raised again in another process."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind, self.name, self.where = type(error), type(error).__name__, where
        self.text = "".join(traceback.format_exception(error))

    def reraise(self) -> None:
        """Raise an exception of the original class, or RuntimeError where that class cannot be made of a message."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            raise KeyError(KeyErrorMessage(message))
        try:
            error = self.kind(message)
        except (TypeError, ValueError, AttributeError, LookupError):
            error = RuntimeError(message)
        raise error


class Ended:
    """The answer of a worker whose stream has ended."""


class Resumed:
    """The answer to a request to begin the next epoch."""


@dataclass
class Job:
    """All that a worker needs."""
    dataset: object
    kind: type[MapFetcher] | type[StreamFetcher]
    batched: bool
    collate_fn: Callable
    drop_last: bool
    base_seed: int
    id: int
    num_workers: int
    init: Callable[[int], object] | None
    parent: int
    forked: bool

    def fetcher(self) -> MapFetcher | StreamFetcher:
        """A new fetcher; a stream begins anew."""
        return self.kind(self.dataset, self.batched, self.collate_fn, self.drop_last)   # type: ignore[arg-type]

    def seed(self) -> None:
        """Seed Python's, PyTorch's and NumPy's generators as PyTorch does."""
        seed = self.base_seed + self.id
        random.seed(seed)
        torch.manual_seed(seed)
        np.random.seed(np.random.SeedSequence([self.id, self.base_seed]).generate_state(4))


open_ends: set[Connection] = set()                           # the main process's ends of all pipes, which a forked worker must not keep open


def run(job: Job, connection: Connection) -> None:
    """The life of a worker process."""
    if job.forked:
        gc.freeze()                                          # never collect what belongs to the main process: its arrays are XLA's
        for end in open_ends:
            end.close()
        open_ends.clear()
    _keep_memory()
    regions.shelf.open(job.num_workers)
    tasks: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, tasks, os.getppid()), daemon=True).start()
    try:
        _work(job, connection, tasks)
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        pass                                                 # the main process has stopped: it tells the user


def _keep_memory() -> None:
    """Let glibc keep what was freed: each sample needs as much again, and pages that come anew from the system cost more than what is done with them."""
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(TRIM_THRESHOLD, KEPT)
        tune(MMAP_THRESHOLD, KEPT // 2)


def _listen(connection: Connection, tasks: queue.SimpleQueue, parent: int) -> None:
    """Take tasks off the pipe at once, so that the main process never blocks in sending them.  None is the end."""
    try:
        while True:
            while not connection.poll(PARENT_CHECK):
                if os.getppid() != parent:
                    os._exit(1)                              # the main process was killed, and nobody waits for what this one is doing
            tasks.put(transport.receive(connection))
    except (EOFError, OSError):
        return                                               # the main process has closed its end
    finally:
        tasks.put(None)


def _work(job: Job, connection: Connection, tasks: queue.SimpleQueue) -> None:
    where = f"in DataLoader worker process {job.id}"
    fetcher = failure = None
    try:
        fetcher = _begin(job)
    except Exception as error:                               # user code: whatever it raises is raised again in the main process
        failure = ExceptionWrapper(error, where)
    while (task := tasks.get()) is not None:
        resume, index = task
        if resume:
            if job.kind is StreamFetcher:
                fetcher = job.fetcher()
            _answer(job, connection, Resumed())
        else:
            _answer(job, connection, _fetch(fetcher, index, where) if fetcher else failure)


def _begin(job: Job) -> MapFetcher | StreamFetcher:
    global _worker_info
    torch.set_num_threads(1)
    job.seed()
    _worker_info = WorkerInfo(job.id, job.num_workers, job.base_seed + job.id, job.dataset)
    if job.init is not None:
        job.init(job.id)
    return job.fetcher()


def _fetch(fetcher: MapFetcher | StreamFetcher, index: object, where: str) -> object:
    try:
        return fetcher.fetch(index)                          # type: ignore[arg-type]
    except StopIteration as end:
        if isinstance(fetcher, StreamFetcher):
            fetcher.ended = True
            return Ended()
        return ExceptionWrapper(end, where)
    except Exception as error:                               # user code, as above
        return ExceptionWrapper(error, where)


def _answer(job: Job, connection: Connection, answer: object) -> None:
    try:
        transport.send(connection, answer, job.parent)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:                               # what cannot be pickled says so in ways of its own
        if isinstance(answer, ExceptionWrapper):
            answer.kind = RuntimeError                       # a class that only this process knows
        else:
            answer = ExceptionWrapper(error, f"in DataLoader worker process {job.id}")
        transport.send(connection, answer, job.parent)
