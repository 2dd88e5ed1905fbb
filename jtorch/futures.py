"""Results that another thread will give (`torch.futures`)."""
from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from ._core.device import canonical

T = TypeVar("T")
S = TypeVar("S")

__all__ = ["Future", "collect_all", "wait_all"]


class Future(Generic[T]):
    """A result that is not there yet.

    devices  GPUs whose work it stands for

    >>> future = torch.futures.Future()
    >>> doubled = future.then(lambda f: 2 * f.wait())
    >>> future.set_result(3)
    >>> doubled.wait()
    6
    """

    def __init__(self, *, devices: list[Any] | None = None) -> None:
        for device in devices or ():
            canonical(device)
        self._changed = threading.Condition()
        self._done, self._result = False, cast(T, None)
        self._error: BaseException | None = None
        self._waiting: list[Callable[[Future[T]], object]] = []

    def done(self) -> bool:
        """Whether it has a result or an error."""
        return self._done

    def wait(self) -> T:
        """The result, once it is there.  Raises the error that was set instead."""
        with self._changed:
            self._changed.wait_for(lambda: self._done)
        return self.value()

    def value(self) -> T:
        """The result, which must be there.  Raises the error that was set instead."""
        if not self._done:
            raise RuntimeError("value(): this Future is not completed; call wait()")
        if self._error is not None:
            raise self._error
        return self._result

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """The future of what `callback` makes of this one, once it is done."""
        following: Future[S] = Future()

        def call(done: Future[T]) -> None:
            try:
                found = callback(done)
            except Exception as error:                       # the user's code: whatever it raises belongs to who waits
                following.set_exception(RuntimeError(f"Got the following error when running the callback: {type(error).__name__}: {error}"))
            else:
                following.set_result(found)
        self._when_done(call)
        return following

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Have `callback` called once this is done; its errors are printed."""
        def call(done: Future[T]) -> None:
            try:
                callback(done)
            except Exception:                                # the user's code, for whose errors nobody waits
                sys.stderr.write(f"Got the following error when running the callback: {traceback.format_exc()}")
        self._when_done(call)

    def _when_done(self, call: Callable[[Future[T]], object]) -> None:
        with self._changed:
            if not self._done:
                self._waiting.append(call)
                return
        call(self)

    def set_result(self, result: T) -> None:
        """Give the result, to all who wait.  Raises RuntimeError where there is one already."""
        self._finish(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Give an error in place of a result."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(cast(T, None), result)

    def _finish(self, result: T, error: BaseException | None) -> None:
        with self._changed:
            if self._done:
                raise RuntimeError("Attempting to mark a completed Future as complete again. Note that a Future can only be marked completed once.")
            self._result, self._error, self._done = result, error, True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for call in waiting:
            call(self)


def collect_all(futures: list[Future]) -> Future[list[Future]]:
    """A future of all of these, done when each is."""
    found: Future[list[Future]] = Future()
    left = [len(futures)]
    lock = threading.Lock()

    def one_done(_: Future) -> None:
        with lock:
            left[0] -= 1
            last = not left[0]
        if last:
            found.set_result(futures)
    for future in futures:
        future._when_done(one_done)
    if not futures:
        found.set_result([])
    return found


def wait_all(futures: list[Future]) -> list:
    """The results of all of these; raises the first error."""
    return [future.wait() for future in futures]
