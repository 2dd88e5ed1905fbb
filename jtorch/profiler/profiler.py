"""The profiler with a schedule of steps (`torch.profiler.profile`)."""
from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from ..autograd import profiler as measuring
from ..autograd.profiler import ProfilerActivity, record_function, supported_activities
from ..autograd.profiler_util import EventList


class ProfilerAction(Enum):
    """What is done in a step."""
    NONE, WARMUP, RECORD, RECORD_AND_SAVE, DEVICE_STOPPED = range(5)


ON = ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0) -> Callable[[int], ProfilerAction]:
    """What to do in which step: after `skip_first` steps, `repeat` times (0: always) wait, warm up and record.

    >>> plan = torch.profiler.schedule(wait=1, warmup=1, active=1)
    >>> [plan(step).name for step in range(4)]
    ['NONE', 'WARMUP', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} (need >= 0), active={active} (need > 0), "
                             f"repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0).")
    if warmup == 0:
        warnings.warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=2)
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait                                     # the first cycle does not wait
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE
    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False, use_python_export: bool = False) -> Callable:
    """An `on_trace_ready` that writes each trace as a file into a folder, where TensorBoard's plugin finds it."""
    def handle(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError(f"Can't create directory: {dir_name}") from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"))
    return handle


class profile:
    """Measure what happens inside a `with` block, or in the steps that a schedule says; `step()` ends a step.

    activities      what to watch, by default all that there is
    schedule        the action of each step; by default everything is recorded
    on_trace_ready  called with the profiler when a trace is complete
    record_shapes, profile_memory, with_stack, with_flops  what else to keep: see `torch.autograd.profiler.profile`

    >>> with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as prof:
    ...     with torch.profiler.record_function("mine"):
    ...         total = torch.ones(3).exp().sum().item()
    >>> "aten::exp" in prof.key_averages().table(sort_by="cpu_time_total")
    True
    """

    def __init__(self, *, activities: Iterable[Any] | None = None, schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[..., Any] | None = None, record_shapes: bool = False, profile_memory: bool = False, with_stack: bool = False,
                 with_flops: bool = False, with_modules: bool = False, experimental_config: Any = None, execution_trace_observer: Any = None,
                 acc_events: bool = False, use_cuda: bool | None = None, custom_trace_id_callback: Callable[[], str] | None = None,
                 post_processing_timeout_s: float | None = None) -> None:
        wanted = set(supported_activities() if activities is None else activities)
        if use_cuda is not None:
            warnings.warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning, stacklevel=2)
        if not wanted or not all(isinstance(a, ProfilerActivity) for a in wanted):
            raise AssertionError("No valid profiler activities found")
        self.activities, self.schedule, self.on_trace_ready = wanted, schedule or _always, on_trace_ready
        self.record_steps, self.acc_events = schedule is not None, acc_events
        self.record_shapes, self.profile_memory, self.with_stack, self.with_flops = record_shapes, profile_memory, with_stack, with_flops
        self.step_num, self.current_action = 0, self.schedule(0)
        self.step_rec_fn: record_function | None = None
        self.profiler: measuring.profile | None = None
        self.metadata: dict[str, Any] = {}
        self.saved = False

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin."""
        if self.current_action in ON:
            self.start_trace()
        self._begin_step()

    def stop(self) -> None:
        """End; what was recorded is ready."""
        self._end_step()
        if self.current_action in ON:
            self.stop_trace()
            self._ready()

    def step(self) -> None:
        """The next step begins."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        if before in ON and (self.current_action not in ON or before is ProfilerAction.RECORD_AND_SAVE):
            self.stop_trace()
            self._ready()
            before = ProfilerAction.NONE
        if self.current_action in ON and before not in ON:
            self.start_trace()
        self._begin_step()

    def _begin_step(self) -> None:
        if self.record_steps:
            self.step_rec_fn = record_function(f"ProfilerStep#{self.step_num}")
            self.step_rec_fn.__enter__()

    def _end_step(self) -> None:
        if self.step_rec_fn is not None:
            self.step_rec_fn.__exit__(None, None, None)
            self.step_rec_fn = None

    def _ready(self) -> None:
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def prepare_trace(self) -> None:
        """Make ready: nothing is needed."""

    def start_trace(self) -> None:
        """Begin a new trace."""
        self.profiler = measuring.profile(record_shapes=self.record_shapes, profile_memory=self.profile_memory, with_stack=self.with_stack,
                                          with_flops=self.with_flops)
        self.profiler.facts.update(self.metadata)
        self.profiler.__enter__()
        self.saved = False

    def _current(self, purpose: str) -> measuring.profile:
        if self.profiler is None:
            raise AssertionError(f"Profiler must be initialized before {purpose}")
        return self.profiler

    def stop_trace(self) -> None:
        """End the trace."""
        self._current("stopping trace").__exit__(None, None, None)

    def events(self) -> EventList:
        """All events."""
        return self._current("accessing events")._found()

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False) -> EventList:
        """The events of one name together."""
        return self._current("getting key averages").key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def export_chrome_trace(self, path: str) -> None:
        """The trace as a file for `chrome://tracing` or Perfetto, compressed where its name ends with `.gz`.  Once per trace."""
        found = self._current("exporting chrome trace")
        if self.saved:
            raise RuntimeError("Trace is already saved.")
        self.saved = True
        if not str(path).endswith(".gz"):
            found.export_chrome_trace(path)
            return
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "trace.json"
            found.export_chrome_trace(str(plain))
            with plain.open("rb") as source, gzip.open(path, "wb") as target:
                shutil.copyfileobj(source, target)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """A file for flame graphs."""
        self._current("exporting stacks").export_stacks(path, metric)

    def add_metadata(self, key: str, value: str) -> None:
        """A text that goes into the trace's file."""
        self._note(key, value)

    def add_metadata_json(self, key: str, value: str) -> None:
        """Something in JSON that goes into the trace's file."""
        self._note(key, json.loads(value))

    preset_metadata_json = add_metadata_json

    def _note(self, key: str, value: Any) -> None:
        self.metadata[key] = value
        if self.profiler is not None:
            self.profiler.facts[key] = value
