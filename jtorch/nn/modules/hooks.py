"""Hooks of a module: registering them, and the call of a module that has some."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.modules.registry import Changes

GLOBAL_FORWARD_PRE: OrderedDict[int, Callable] = OrderedDict()
GLOBAL_FORWARD: OrderedDict[int, Callable] = OrderedDict()
GLOBAL_FORWARD_ALWAYS: OrderedDict[int, bool] = OrderedDict()
GLOBAL_FORWARD_KWARGS: OrderedDict[int, bool] = OrderedDict()
GLOBAL_BACKWARD_PRE: OrderedDict[int, Callable] = OrderedDict()
GLOBAL_BACKWARD: OrderedDict[int, Callable] = OrderedDict()
GLOBAL_KIND: dict[str, bool | None] = {"full": None}         # whether the hooks in GLOBAL_BACKWARD are full ones; None while there are none
MIXED = "Cannot use both regular backward hooks and full backward hooks {} Please use only one of them."


def add_hook(hooks: OrderedDict, hook: Callable, prepend: bool = False, extra: Sequence[tuple[bool, OrderedDict]] = ()) -> Any:
    """Put `hook` into `hooks`, note it in each of the `extra` that applies, and return the handle that removes it again."""
    handle = torch.utils.hooks.RemovableHandle(hooks, extra_dict=[noted for _, noted in extra] or None)
    hooks[handle.id] = hook
    Changes.count += 1
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    for applies, noted in extra:
        if applies:
            noted[handle.id] = True
    return handle


class Hooks:
    """The registering half of a module's hooks."""
    _forward_pre_hooks: OrderedDict[int, Callable]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks: OrderedDict[int, Callable]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _backward_pre_hooks: OrderedDict[int, Callable]
    _backward_hooks: OrderedDict[int, Callable]
    _is_full_backward_hook: bool | None

    def register_forward_pre_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False) -> Any:
        """Call `hook(module, args)` before each `forward`; what it returns replaces the arguments. Returns a handle with `remove()`."""
        return add_hook(self._forward_pre_hooks, hook, prepend, [(with_kwargs, self._forward_pre_hooks_with_kwargs)])

    def register_forward_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False) -> Any:
        """Call `hook(module, args, output)` after each `forward`; what it returns replaces the output. Returns a handle with `remove()`.

        >>> m = nn.ReLU()
        >>> handle = m.register_forward_hook(lambda module, args, output: output + 1)
        >>> m(torch.zeros(2))
        tensor([1., 1.])
        """
        return add_hook(self._forward_hooks, hook, prepend,
                    [(with_kwargs, self._forward_hooks_with_kwargs), (always_call, self._forward_hooks_always_called)])

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> Any:
        """Call `hook(module, grad_output)` before the gradients of the module's inputs are computed; what it returns replaces grad_output."""
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> Any:
        """Call `hook(module, grad_input, grad_output)` when both are known; what it returns replaces grad_input."""
        return self._register_backward(hook, True, prepend)

    def register_backward_hook(self, hook: Callable) -> Any:
        """The old form of `register_full_backward_hook`: its grad_input is that of the last operation inside the module only."""
        return self._register_backward(hook, False)

    def _register_backward(self, hook: Callable, full: bool, prepend: bool = False) -> Any:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(MIXED.format("on a single Module."))
        self._is_full_backward_hook = full
        return add_hook(self._backward_hooks, hook, prepend)

    def _get_backward_hooks(self) -> tuple[list[Callable], list[Callable]]:
        """The full backward hooks and the old ones, those of all modules first."""
        kinds: dict[bool | None, list[Callable]] = {True: [], False: [], None: []}
        kinds[GLOBAL_KIND["full"]] += GLOBAL_BACKWARD.values()
        kinds[self._is_full_backward_hook] += self._backward_hooks.values()
        return kinds[True], kinds[False]

    def _get_backward_pre_hooks(self) -> list[Callable]:
        return [*GLOBAL_BACKWARD_PRE.values(), *self._backward_pre_hooks.values()]

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        """The call of a module that has hooks."""
        call = HookedCall(self, args, kwargs)
        try:
            return call.run()
        except Exception:
            call.run_always_called()
            raise


class HookedCall:
    """One call of a module with its hooks around it."""

    def __init__(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.module, self.args, self.kwargs, self.result = module, args, kwargs, None
        self.ran: set[int] = set()

    def run(self) -> Any:
        """Hooks before, `forward`, hooks after."""
        module = self.module
        for key, hook in (*GLOBAL_FORWARD_PRE.items(), *module._forward_pre_hooks.items()):
            self.before(hook, key in module._forward_pre_hooks_with_kwargs)
        full, old = module._get_backward_hooks()
        before = module._get_backward_pre_hooks()
        boundary = Boundary(module, full, before) if full or before else None
        if boundary:
            self.args = boundary.enter(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for key, hook in (*GLOBAL_FORWARD.items(), *module._forward_hooks.items()):
            self.ran.add(key)
            self.after(key, hook)
        if boundary:
            self.result = boundary.leave(self.result)
        if old:
            _watch_last_operation(module, old, self.args, self.result)
        return self.result

    def before(self, hook: Callable, with_kwargs: bool) -> None:
        """One forward pre-hook."""
        if not with_kwargs:
            new = hook(self.module, self.args)
            if new is not None:
                self.args = new if isinstance(new, tuple) else (new,)
            return
        new = hook(self.module, self.args, self.kwargs)
        if new is not None:
            if not (isinstance(new, tuple) and len(new) == 2):
                raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {new}.")
            self.args, self.kwargs = new

    def after(self, key: int, hook: Callable) -> None:
        """One forward hook."""
        with_kwargs = key in self.module._forward_hooks_with_kwargs or key in GLOBAL_FORWARD_KWARGS
        new = hook(self.module, self.args, self.kwargs, self.result) if with_kwargs else hook(self.module, self.args, self.result)
        if new is not None:
            self.result = new

    def run_always_called(self) -> None:
        """After an error: the hooks that were registered with `always_call` and have not run."""
        module = self.module
        for kind, hooks, always in (("global module", GLOBAL_FORWARD, GLOBAL_FORWARD_ALWAYS),
                                    ("module", module._forward_hooks, module._forward_hooks_always_called)):
            for key, hook in hooks.items():
                if key in always and key not in self.ran:
                    try:
                        self.after(key, hook)
                    except Exception as error:
                        warnings.warn(f"{kind} forward hook with ``always_call=True`` raised an exception that was silenced as another error was "
                                      f"raised in forward: {error}", stacklevel=2)


class _Together(torch.autograd.Function):
    """Tensors whose gradients are handed to a function all at once."""

    @staticmethod
    def forward(ctx: Any, meet: Callable, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The tensors as they are."""
        ctx.meet = meet
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        """What the function makes of the gradients."""
        return None, *ctx.meet(grads)


def _pass_through(values: tuple, meet: Callable[[tuple], tuple]) -> tuple[tuple, bool]:
    """`values`, with each tensor that requires grad replaced by an alias whose gradient goes through `meet`, and whether there was one.

    `meet` gets and returns one gradient for each of the values: None for what is no tensor, zeros for a tensor that needs no gradient.
    """
    where = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    if not where or not torch.is_grad_enabled():
        return values, False
    constant = [i for i, v in enumerate(values) if isinstance(v, Tensor) and not v.requires_grad]

    def spread(grads: tuple) -> tuple:
        known = {i: torch.zeros_like(values[i]) for i in constant} | dict(zip(where, grads))
        met = meet(tuple(known.get(i) for i in range(len(values))))
        return tuple(met[i] for i in where)

    if len(where) == 1:                                      # a hook on the one tensor needs no node of its own in the graph
        alias = values[where[0]].view_as(values[where[0]])
        alias.register_hook(lambda grad: torch.zeros_like(grad) if (new := spread((grad,))[0]) is None else new)
        aliases: Sequence[Tensor] = [alias]
    else:
        aliases = _Together.apply(spread, *[values[i] for i in where])
    new = dict(zip(where, aliases))
    return tuple(new.get(i, v) for i, v in enumerate(values)), True


class Boundary:
    """The inputs and outputs of one call of a module, where its full backward hooks see the gradients pass."""

    def __init__(self, module: Any, hooks: Sequence[Callable], pre_hooks: Sequence[Callable]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.inputs, self.entered = 0, False
        self.grad_output: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        """The call's arguments, watched."""
        self.inputs = len(args)
        args, self.entered = _pass_through(args, self.on_grad_input)
        return args

    def leave(self, result: Any) -> Any:
        """The call's result, watched: a tensor or a tuple with tensors."""
        single = isinstance(result, Tensor)
        if not single and not (isinstance(result, tuple) and any(isinstance(v, Tensor) for v in result)):
            warnings.warn("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                          f"{type(result)}", stacklevel=4)
            return result
        watched, _ = _pass_through((result,) if single else result, self.on_grad_output)
        return watched[0] if single else watched

    def on_grad_output(self, grads: tuple) -> tuple:
        """The gradients of the outputs have arrived."""
        for hook in self.pre_hooks:
            grads = _replaced(hook(self.module, grads), grads, "Backward pre hook returned an invalid number of grad_output, got {}, but expected {}")
        self.grad_output = grads
        if self.hooks and not self.entered:                  # no input requires grad: nothing else will arrive
            warnings.warn("Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
                          "gradients. See "
                          "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more "
                          "details.", stacklevel=5)
            for hook in self.hooks:
                new = hook(self.module, (None,) * self.inputs, grads)
                if new is not None and not (isinstance(new, tuple) and all(g is None for g in new)):
                    raise RuntimeError("Backward hook for Modules where no input requires gradient should always return None or None for all "
                                       "gradients.")
            self.grad_output = None
        return grads

    def on_grad_input(self, grads: tuple) -> tuple:
        """The gradients of the inputs have arrived, and so those of the outputs that there are."""
        if self.grad_output is None:                         # the walk began inside the module
            return grads
        for hook in self.hooks:
            grads = _replaced(hook(self.module, grads, self.grad_output), grads,
                              "Backward hook returned an invalid number of grad_input, got {}, but expected {}")
        self.grad_output = None
        return grads


def _replaced(new: Any, grads: tuple, complaint: str) -> tuple:
    """The gradients after a hook returned `new`."""
    if new is None:
        return grads
    if len(new) != len(grads):
        raise RuntimeError(complaint.format(len(new), len(grads)))
    return tuple(new)


def _watch_last_operation(module: Any, hooks: Sequence[Callable], args: tuple, result: Any) -> None:
    """Old backward hooks: they see the operation that made the module's (first) result."""
    first = result
    while not isinstance(first, Tensor):
        first = next(v for v in first.values() if isinstance(v, Tensor)) if isinstance(first, dict) else first[0]
    node = first.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(lambda grad_input, grad_output, hook=hook: hook(module, grad_input, grad_output))
    _warn_where_incomplete(args, result, node)


def _warn_where_incomplete(args: tuple, result: Any, node: Any) -> None:
    """Say so where an old backward hook cannot see all of the module's gradients."""
    if not isinstance(result, Tensor) and not (isinstance(result, tuple) and all(isinstance(r, Tensor) for r in result)):
        using, missing = "non-full backward hooks on a Module that does not return a single Tensor or a tuple of Tensors", "of the grad_output"
    elif not all(isinstance(a, Tensor) for a in args):
        using, missing = "non-full backward hooks on a Module that does not take as input a single Tensor or a tuple of Tensors", "of the grad_input"
    elif isinstance(result, tuple) and len({r.grad_fn for r in result}) > 1:
        using, missing = "a non-full backward hook when outputs are generated by different autograd Nodes", "grad_output"
    elif {n for n, _ in node.next_functions if n} - {a.grad_fn for a in args if a.grad_fn}:
        using, missing = "a non-full backward hook when the forward contains multiple autograd Nodes", "grad_input"
    else:
        return
    warnings.warn(f"Using {using} is deprecated and will be removed in future versions. This hook will be missing some {missing}. Please use "
                  "register_full_backward_hook to get the documented behavior.", FutureWarning, stacklevel=4)


def register_module_forward_pre_hook(hook: Callable) -> Any:
    """Call `hook(module, args)` before the `forward` of every module."""
    return add_hook(GLOBAL_FORWARD_PRE, hook)


def register_module_forward_hook(hook: Callable, *, with_kwargs: bool = False, always_call: bool = False) -> Any:
    """Call `hook(module, args, output)` after the `forward` of every module."""
    return add_hook(GLOBAL_FORWARD, hook, False, [(with_kwargs, GLOBAL_FORWARD_KWARGS), (always_call, GLOBAL_FORWARD_ALWAYS)])


def register_module_full_backward_pre_hook(hook: Callable) -> Any:
    """Call `hook(module, grad_output)` in the backward pass of every module."""
    return add_hook(GLOBAL_BACKWARD_PRE, hook)


def register_module_full_backward_hook(hook: Callable) -> Any:
    """Call `hook(module, grad_input, grad_output)` in the backward pass of every module."""
    return _add_global_backward(hook, True)


def register_module_backward_hook(hook: Callable) -> Any:
    """The old form of `register_module_full_backward_hook`."""
    return _add_global_backward(hook, False)


def _add_global_backward(hook: Callable, full: bool) -> Any:
    if GLOBAL_KIND["full"] is (not full):
        raise RuntimeError(MIXED.format("as a global Module hook."))
    GLOBAL_KIND["full"] = full
    return add_hook(GLOBAL_BACKWARD, hook)
