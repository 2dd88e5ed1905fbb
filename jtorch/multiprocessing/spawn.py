"""Several processes that run one function, and what becomes of them."""
from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any


class ProcessException(Exception):
    """A process did not end well.

    error_index  its number
    error_pid    its identity in the system
    """

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid, self.error_pid = msg, error_index, pid, pid


class ProcessRaisedException(ProcessException):
    """The function raised an error, whose text this has."""

    def __reduce__(self) -> tuple:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessExitedException(ProcessException):
    """The process ended by a signal or with an exit code."""

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> tuple:
        return type(self), (self.msg, self.error_index, self.error_pid, self.exit_code, self.signal_name)


def _run(fn: Callable, i: int, args: tuple, error_file: str) -> None:
    """What a process does: call the function, and leave the text of an error in a file."""
    try:
        fn(i, *args)
    except KeyboardInterrupt:
        pass                                                 # the parent was interrupted too, and says so
    except Exception:
        with open(error_file, "wb") as file:
            pickle.dump(traceback.format_exc(), file)
        sys.exit(1)


class ProcessContext:
    """The processes that `spawn` started with join=False."""

    def __init__(self, processes: list[BaseProcess], error_files: list[str]) -> None:
        self.processes, self.error_files = processes, error_files
        self.sentinels = {process.sentinel: k for k, process in enumerate(processes)}

    def pids(self) -> list[int | None]:
        """The processes' identities in the system."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for one process or more to end; True when none is left.  Ends the others and raises when one did not end well."""
        if not self.sentinels:
            return True
        ready = multiprocessing.connection.wait(self.sentinels.keys(), timeout=timeout)
        failed = None
        for sentinel in ready:
            k = self.sentinels.pop(sentinel)                 # type: ignore[arg-type]
            self.processes[k].join()
            if self.processes[k].exitcode != 0:
                failed = k
                break
        if failed is None:
            return not self.sentinels
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        for process in self.processes:
            process.join(grace_period)
            if process.is_alive():
                process.kill()
                process.join()
        raise self._error(failed)

    def _error(self, k: int) -> ProcessException:
        process, path = self.processes[k], self.error_files[k]
        pid, code = process.pid or 0, process.exitcode or 0
        if os.path.exists(path) and os.path.getsize(path):
            with open(path, "rb") as file:
                return ProcessRaisedException(f"\n\n-- Process {k} terminated with the following error:\n{pickle.load(file)}", k, pid)
        if code < 0:
            name = signal.Signals(-code).name
            return ProcessExitedException(f"process {k} terminated with signal {name}", k, pid, code, name)
        return ProcessExitedException(f"process {k} terminated with exit code {code}", k, pid, code)


class SpawnContext(ProcessContext):
    """The processes that `spawn` started, by its older name."""


def start_processes(fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False, start_method: str = "spawn") -> Any:
    """`spawn` with another way to start: "fork" or "forkserver"."""
    context = multiprocessing.get_context(start_method)
    folder = tempfile.mkdtemp(prefix="jtorch-spawn-")
    processes, files = [], []
    for k in range(nprocs):
        files.append(os.path.join(folder, f"{k}.pickle"))
        process = context.Process(target=_run, args=(fn, k, args, files[-1]), daemon=daemon)   # type: ignore[attr-defined]
        process.start()
        processes.append(process)
    found = SpawnContext(processes, files)
    if not join:
        return found
    while not found.join():
        pass
    return None


def spawn(fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False, start_method: str = "spawn") -> Any:
    """Call `fn(i, *args)` in `nprocs` new processes, i from 0.  An error in one ends all and is raised here.

    join  whether to wait for them; else the result's `join` does
    """
    if start_method != "spawn":
        warnings.warn(f"This method only supports start_method=spawn (got: {start_method}).\nTo use a different start_method use:\n\t\t"
                      " torch.multiprocessing.start_processes(...)", FutureWarning, stacklevel=2)
    return start_processes(fn, args, nprocs, join, daemon, start_method="spawn")
