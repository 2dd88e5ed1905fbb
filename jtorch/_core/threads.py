"""Programs with several threads: what records, runs and writes holds a lock, so that each of these steps happens at once for the others.

A program with one thread pays nothing: when the second one begins to compute, the functions get the lock.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import backward, few, indexing, layout, record, run, storage, twister, update
from .graph import State
from .interpose import interpose
from .shortcut import Shortcut
from .storage import Storage
from .tensor import Tensor


def steps() -> list[Callable]:
    """What happens at once."""
    draws = [method for name, method in vars(twister.Generator).items() if callable(method) and not name.startswith("__") and name != "stream"]
    return [record.record, record.record_one, record.record_two, record.record_three, record.known_edge, record.bind_array, record.note_check,
            run.flush, run.host_value, run.prune, storage.apply_view, indexing.get, indexing.write, few.compute, layout.of, layout.arrange, layout.channels_as,
            backward.run, backward.grad, update.apply, update.gradient_tensors, update.with_gradients, update.drop_gradients, update.run_pending,
            update.prepare, update.put_together, update.counted, update.constant, Shortcut.go,
            Storage.join, Storage.shared_aval, Storage.read, Storage.look, Storage.write,
            Tensor._read, Tensor._share, Tensor._view, Tensor._write, Tensor._become, Tensor._host, *draws]


def _locked(function: Callable) -> Callable[[tuple, dict[str, Any]], Any]:
    def call(args: tuple, kwargs: dict[str, Any]) -> Any:
        with run.lock:
            return function(*args, **kwargs)
    return call


class Sharing:
    """Whether the steps hold the lock."""
    done = False


def share() -> None:
    """Let every step hold the lock, from now on.  A thread that begins while another does this waits until all is done."""
    with run.lock:
        if not Sharing.done:
            for function in steps():
                interpose(function, _locked)
            Sharing.done = True


State.shared = staticmethod(share)
