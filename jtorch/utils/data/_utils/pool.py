"""The worker processes of one loader, seen from the main process."""
from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings
import weakref
from collections import deque
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, NoReturn

from . import transport
from .fetch import MapFetcher, StreamFetcher
from .worker import Ended, Job, open_ends, run

if TYPE_CHECKING:
    from ..dataloader import DataLoader

PATIENCE = 5.0                                               # seconds that workers get to finish what they are doing, before they are killed


class Pool:
    """Workers, what each was asked, and what has come back.

    Each worker has a pipe of its own and answers its requests in order, so no lock is shared between processes and the death of one cannot
    block another.  In order, the next answer is that of the worker that was asked first.
    """

    def __init__(self, loader: DataLoader, fetcher: type[MapFetcher] | type[StreamFetcher], base_seed: int) -> None:
        context = loader.multiprocessing_context or multiprocessing.get_context()
        self.timeout, self.in_order, self.closed = loader.timeout, loader.in_order, False
        self.processes: list[BaseProcess] = []
        self.ends: list[Connection] = []
        self._closer = weakref.finalize(self, _close, self.processes, self.ends, os.getpid())
        forked = context.get_start_method() == "fork"
        for i in range(loader.num_workers):
            job = Job(loader.dataset, fetcher, loader._auto_collation, loader.collate_fn, loader.drop_last, base_seed, i, loader.num_workers,
                      loader.worker_init_fn, os.getpid(), forked)
            self._start(context, job)
        self._begin()

    def _start(self, context: multiprocessing.context.BaseContext, job: Job) -> None:
        ours, theirs = context.Pipe(duplex=True)
        open_ends.add(ours)
        self.ends.append(ours)
        process = context.Process(target=run, args=(job, theirs), daemon=True)   # type: ignore[attr-defined]
        with warnings.catch_warnings():                      # of forking with threads: a worker never touches what they hold
            warnings.filterwarnings("ignore", category=RuntimeWarning, message=r"os\.fork\(\) was called")
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".* is multi-threaded, use of fork")
            process.start()
        theirs.close()
        self.processes.append(process)

    def _begin(self) -> None:
        count = len(self.processes)
        self.active = [True] * count                         # whose stream has not ended
        self.waiting = [0] * count                           # requests that a worker has not answered
        self.asked: deque[int] = deque()                     # the worker of each request, oldest first
        self.turn = 0

    def has_active(self) -> bool:
        """Whether any worker can still give something."""
        return any(self.active)

    def outstanding(self) -> int:
        """How many answers are still to come."""
        return len(self.asked)

    def request(self, index: object) -> None:
        """Ask the next active worker in turn for a batch; out of order, the one with the fewest requests."""
        count = len(self.processes)
        turns = [worker % count for worker in range(self.turn, self.turn + count) if self.active[worker % count]]
        worker = turns[0] if self.in_order else min(turns, key=self.waiting.__getitem__)
        self.turn = worker + 1
        self._tell(worker, (False, index))
        self.waiting[worker] += 1
        self.asked.append(worker)

    def _tell(self, worker: int, task: object) -> None:
        try:
            transport.send(self.ends[worker], task, self.processes[worker].pid)
        except (BrokenPipeError, ConnectionResetError) as error:
            self._died(error)

    def next_answer(self) -> tuple[bool, object]:
        """Whether a worker's stream has ended, and otherwise its data: in order, or whatever is ready."""
        if self.in_order:
            worker = self.asked.popleft()
            answer = self._receive([worker])[1]
        else:
            worker, answer = self._receive([i for i, count in enumerate(self.waiting) if count])
            self.asked.remove(worker)
        self.waiting[worker] -= 1
        if isinstance(answer, Ended):
            self.active[worker] = False
            return True, None
        return False, answer

    def _receive(self, workers: list[int]) -> tuple[int, object]:
        ready: list = [self.ends[workers[0]]] if self.ends[workers[0]].poll() else []
        if not ready:
            ready = wait([self.ends[worker] for worker in workers] + [process.sentinel for process in self.processes], self.timeout or None)
        if not ready:
            self.close()
            raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
        for worker in workers:
            if self.ends[worker] in ready:
                try:
                    return worker, transport.receive(self.ends[worker])
                except (EOFError, OSError) as error:
                    self._died(error)
        self._died(None)

    def _died(self, error: Exception | None) -> NoReturn:
        """Report workers that have exited."""
        deadline = time.monotonic() + PATIENCE
        while not (dead := [process for process in self.processes if process.exitcode is not None]) and time.monotonic() < deadline:
            wait([process.sentinel for process in self.processes], 0.1)
        self.close()
        pids = ", ".join(str(process.pid) for process in dead)
        cause = _cause(dead[0]) if dead else error
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly") from cause

    def resume(self) -> None:
        """Begin a new epoch with the same workers: drop what is left of the last one, and start streams anew."""
        for worker, left in enumerate(self.waiting):
            for _ in range(left):
                self._receive([worker])
            self._tell(worker, (True, None))
        for worker in range(len(self.processes)):
            self._receive([worker])
        self._begin()

    def close(self) -> None:
        """End the workers."""
        self.closed = True
        self.asked.clear()
        self._closer()


def _cause(process: BaseProcess) -> RuntimeError:
    code = process.exitcode or 0
    if code < 0:
        return RuntimeError(f"DataLoader worker (pid {process.pid}) is killed by signal: {signal.strsignal(-code)}. ")
    return RuntimeError(f"DataLoader worker (pid {process.pid}) exited unexpectedly with exit code {code}. Details are lost due to "
                        "multiprocessing. Rerunning with num_workers=0 may give better error trace.")


def _close(processes: list[BaseProcess], ends: list[Connection], owner: int) -> None:
    """Let workers finish, then make them; they are reaped either way."""
    if os.getpid() != owner:
        return                                               # a forked worker that holds a copy of this object
    for end in ends:
        open_ends.discard(end)
        end.close()                                          # the worker sees the end of its pipe
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for process in processes:
        if process.exitcode is None:
            process.terminate()
            process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
    for end in ends:
        open_ends.discard(end)
