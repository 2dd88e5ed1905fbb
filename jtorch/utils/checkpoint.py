"""Checkpointing: intermediate results are not kept for the backward pass but computed again (Chen et al. 2016, arXiv:1604.06174)."""
from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.autograd import Function, recompute
from jtorch.autograd.recompute import CheckpointError
from jtorch.utils._selective import SAC_IGNORED_OPS, CheckpointPolicy, SelectiveCheckpointContext, create_selective_checkpoint_contexts

__all__ = ["CheckpointError", "CheckpointFunction", "CheckpointPolicy", "DefaultDeviceType", "SAC_IGNORED_OPS", "SelectiveCheckpointContext",
           "check_backward_validity", "checkpoint", "checkpoint_sequential", "create_selective_checkpoint_contexts", "detach_variable", "get_device_states",
           "noop_context_fn", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop", "set_device_states"]

EXPLICIT = ("{name}: the use_reentrant parameter should be passed explicitly. {since} use_reentrant=False is recommended, but if you need to preserve the "
            "current default behavior, you can pass use_reentrant=True. Refer to docs for more details on the differences between the two variants.")
WHOLE_ONLY = ("When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter to .backward(). To resolve this "
              "error, you can either set use_reentrant=False, or call .backward() without passing the `inputs` argument.")
Contexts = tuple[AbstractContextManager, AbstractContextManager]


class Settings(threading.local):
    """What the context managers below set."""
    early_stop: bool | None = None
    debug: bool | None = None


_settings = Settings()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Say whether computing again may stop as soon as everything needed is known.

    The function is always recorded to its end, and the compiler leaves out what no gradient needs: the setting changes nothing.
    """
    before, _settings.early_stop = _settings.early_stop, enable
    try:
        yield
    finally:
        _settings.early_stop = before


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Whether a `CheckpointError` lists the operations of both runs, whatever `checkpoint`'s `debug` says (None: as that says)."""
    before, _settings.debug = _settings.debug, enabled
    try:
        yield
    finally:
        _settings.debug = before


def noop_context_fn() -> Contexts:
    """Two contexts that do nothing."""
    return nullcontext(), nullcontext()


class DefaultDeviceType:
    """The type of the devices whose random state is kept, beside the CPU's, where no argument tells."""
    _type: str | None = None

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Choose it."""
        DefaultDeviceType._type = device

    @staticmethod
    def get_device_type() -> str:
        """The chosen type; before that the accelerator's."""
        return DefaultDeviceType._type or ("cuda" if torch.cuda.is_available() else "cpu")


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors without their history; those that required gradients still do."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple([x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs])


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn where no input requires gradients."""
    if not any(x.requires_grad for x in inputs if isinstance(x, Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The numbers of the accelerators that tensors among `args` are on, and the states of their random numbers."""
    found = {x.device.index or 0: x.device.type for x in _tensors(list(args), []) if x.device.type not in ("cpu", "meta")}
    return list(found), [recompute.default_for(kind).get_state() for kind in found.values()]


def set_device_states(devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None) -> None:
    """Take over what `get_device_states` gave."""
    for _, state in zip(devices, states, strict=True):
        recompute.default_for(device_type or DefaultDeviceType.get_device_type()).set_state(state)


class Surroundings:
    """What the first run found: the state of random numbers, and autocast."""

    def __init__(self, preserve_rng_state: bool, tensors: Sequence[Tensor]) -> None:
        self.states = recompute.states() if preserve_rng_state else None
        kinds = dict.fromkeys(["cpu", *[x.device.type for x in tensors]])
        self.autocast = [(k, torch.get_autocast_dtype(k), torch.is_autocast_enabled(k), torch.is_autocast_cache_enabled())
                         for k in kinds if torch.amp.is_autocast_available(k)]

    @contextmanager
    def again(self) -> Iterator[None]:
        """The same for the second run."""
        with ExitStack() as stack:
            if self.states is not None:
                stack.enter_context(torch.random.fork_rng())
                recompute.restore(self.states)
            for settings in self.autocast:
                stack.enter_context(torch.autocast(*settings))
            stack.enter_context(torch.enable_grad())
            yield


class CheckpointFunction(Function):
    """The reentrant form: a pass within the pass."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable, preserve_rng_state: bool, *args: Any) -> Any:
        """Compute without keeping anything but the arguments."""
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.where = [k for k, x in enumerate(args) if isinstance(x, Tensor)]
        ctx.args = [None if k in ctx.where else x for k, x in enumerate(args)]
        tensors = [args[k] for k in ctx.where]
        ctx.surroundings = Surroundings(preserve_rng_state, tensors)
        ctx.save_for_backward(*tensors)
        with torch.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute again, with history, and go back through that."""
        if not torch.autograd._is_checkpoint_valid():
            raise RuntimeError(WHOLE_ONLY)
        args, saved = list(ctx.args), ctx.saved_tensors
        anew = recompute.hold([x.detach() for x in saved], [g for g in grads if isinstance(g, Tensor)])
        for k, x, old in zip(ctx.where, anew, saved, strict=True):
            args[k] = x.detach().requires_grad_(old.requires_grad)
        with ctx.surroundings.again():
            outputs = ctx.run_function(*args)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [(o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        torch.autograd.backward([o for o, _ in pairs], [g for _, g in pairs])
        return None, None, *[x.grad if isinstance(x, Tensor) else None for x in args]


def _tensors(x: Any, found: list[Tensor]) -> list[Tensor]:
    """The tensors in nested lists, tuples and dictionaries."""
    if isinstance(x, Tensor):
        found.append(x)
    elif type(x) in (list, tuple) or isinstance(x, tuple) and (hasattr(x, "_fields") or hasattr(x, "n_fields")):
        for item in x:
            _tensors(item, found)
    elif type(x) is dict:
        for item in x.values():
            _tensors(item, found)
    return found


def _replaced(x: Any, source: Iterator[Tensor]) -> Any:
    """The same nest with other tensors."""
    if isinstance(x, Tensor):
        return next(source)
    if type(x) in (list, tuple) or hasattr(x, "n_fields"):
        return type(x)([_replaced(item, source) for item in x])
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*[_replaced(item, source) for item in x])
    return {k: _replaced(item, source) for k, item in x.items()} if type(x) is dict else x


def _metadata(x: Tensor) -> dict[str, Any]:
    return {"shape": x.shape, "dtype": x.dtype, "device": x.device}


def _check_alike(saved: dict[int, dict[str, Any]], anew: Sequence[Tensor]) -> None:
    """Raise CheckpointError where computing again gave results of other shapes or types."""
    differ = [(k, facts, _metadata(anew[k])) for k, facts in saved.items() if facts != _metadata(anew[k])]
    if differ:
        listed = "".join(f"tensor at position {k}:\nsaved metadata: {old}\nrecomputed metadata: {new}\n" for k, old, new in differ)
        raise CheckpointError("torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during the forward pass.\n"
                              f"{listed}.")


def _without_reentrance(function: Callable, preserve_rng_state: bool, context_fn: Callable[[], Contexts], determinism_check: str,
                        args: tuple, kwargs: dict[str, Any]) -> Any:
    """The form whose gradients are part of the pass that asks for them."""
    first, second = context_fn()
    given = _tensors([list(args), kwargs], [])
    surroundings, begun = Surroundings(preserve_rng_state, given), recompute.Mark()
    places = [recompute.place_of(x) for x in given]
    with first:
        result = function(*args, **kwargs)
    outputs = _tensors(result, [])
    shapes = {k: _metadata(o) for k, o in enumerate(outputs)}    # not the tensors: they would keep what is to be forgotten

    def again(grads: list[Tensor], positions: list[int]) -> tuple[list[Tensor], list[tuple[Any, Tensor]]]:
        with surroundings.again(), second:
            anew = recompute.hold(given, grads)
            new_args, new_kwargs = _replaced([list(args), kwargs], iter(anew))
            found = _tensors(function(*new_args, **new_kwargs), [])
        if len(found) < len(shapes):
            raise CheckpointError(recompute.FEWER.format(first=len(shapes), second=len(found)))
        if determinism_check == "default":
            _check_alike({k: shapes[k] for k in positions}, found)
        return [found[k] for k in positions], [(p, x) for p, x in zip(places, anew, strict=True) if p is not None and x.requires_grad]
    return _replaced(result, iter(recompute.forget(outputs, given, begun, again)))


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = None, context_fn: Callable[[], Contexts] = noop_context_fn,
               determinism_check: str = "default", debug: bool = False, early_stop: bool = True, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, whose intermediate results are not kept: the backward pass computes them again.

    use_reentrant       False (recommended): gradients as without the checkpoint.  True: the older form, a pass within the pass; only tensors among `args`
                        pass gradients on, and `torch.autograd.grad` is refused
    preserve_rng_state  whether both runs draw the same random numbers; default True
    context_fn          gives two contexts: for the first run, and for the second
    determinism_check   "default" compares shapes and types of the results of both runs; "none" does not
    debug               accepted: the error says which results differ in any case
    early_stop          accepted: the second run is recorded to its end, and the compiler leaves out what no gradient needs

    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> torch.utils.checkpoint.checkpoint(lambda x: (w * x).exp(), torch.tensor(0.0), use_reentrant=False).backward()
    >>> w.grad
    tensor(0.)
    """
    if use_reentrant is None:
        warnings.warn(EXPLICIT.format(name="torch.utils.checkpoint", since="Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an "
                                                                           "exception."), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    if (debug if _settings.debug is None else _settings.debug) and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    return _without_reentrance(function, preserve, context_fn, determinism_check, args, kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """A sequence of modules or functions in `segments` parts, each but the last a checkpoint."""
    if use_reentrant is None:
        warnings.warn(EXPLICIT.format(name="torch.utils.checkpoint.checkpoint_sequential", since="In version 2.9 we will raise an exception if use_reentrant "
                                                                                                 "is not passed."), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    parts = list(functions.children()) if isinstance(functions, torch.nn.Sequential) else list(functions)
    size = len(parts) // segments

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for part in parts[start:end]:
                x = part(x)
            return x
        return forward
    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(end, len(parts))(input)
