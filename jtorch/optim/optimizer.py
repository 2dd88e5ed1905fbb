"""What all optimizers share: parameter groups, state, the recording of a step, hooks and state dicts."""
from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import jtorch as torch

from .._core.hooks import RemovableHandle
from .._core.record import record
from .._core.sparse import SparseTensor
from .._core.tensor import wrap, wrap_all
from .._core.update import Rule, apply, constant, counted, drop_gradients, gradient_tensors, prepare, put_together, with_gradients, xp
from .refusals import check_capturable, check_no_leaves

ParamsT = Iterable                                           # of tensors, of groups, or of (name, tensor) pairs
MANY = 16                                                    # parameters from which on options are inputs of the step's program from the start
STEP_HOOKS: tuple[dict, dict] = (OrderedDict(), OrderedDict())
# Options that a state dict of an older PyTorch may lack, and what they were then.
ADDED = dict(foreach=None, maximize=False, capturable=False, differentiable=False, fused=None, amsgrad=False, nesterov=False, centered=False)


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before every optimizer's step."""
    return _register(STEP_HOOKS[0], hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after every optimizer's step."""
    return _register(STEP_HOOKS[1], hook)


def _register(hooks: OrderedDict[int, Callable], hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def hooked(step: Callable) -> Callable:
    """A class's `step`, with the hooks around it.  A `step` that it calls by `super()` runs without them."""
    @functools.wraps(step)
    def run(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        if "_optimizer_step_pre_hooks" not in vars(self):    # another optimizer's wrapper that was not initialised as one
            return step(self, *args, **kwargs)
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after or STEP_HOOKS[0] or STEP_HOOKS[1]) or type(self).step is not run:
            return step(self, *args, **kwargs)
        args = (self, *args)
        for hook in (*STEP_HOOKS[0].values(), *before.values()):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}.")
                args, kwargs = changed
        result = step(*args, **kwargs)
        for hook in (*after.values(), *STEP_HOOKS[1].values()):
            hook(self, args, kwargs)
        return result
    return run


def widened(rule: Callable) -> Callable:
    """`rule` for all parameters: of complex ones real and imaginary parts go their own ways, of 16-bit ones it computes in 32 bits."""
    def inside(x: Any, half: bool) -> Any:
        return xp.stack([x.real, x.imag], -1) if x.dtype.kind == "c" else x.astype(xp.float32) if half else x

    def outside(x: Any, like: Any) -> Any:
        return x[..., 0] + 1j * x[..., 1] if like.dtype.kind == "c" else x

    def run(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        half = p.dtype.itemsize == 2
        if not half and p.dtype.kind != "c":
            return rule(p, g, state, h)
        new, kept = rule(inside(p, half), inside(g, half), [inside(s, half) for s in state], h)
        return outside(new, p), [outside(s, old) for s, old in zip(kept, state, strict=True)]
    return run


class _SmoothRule(Rule):
    differentiable = True


class Optimizer:
    """Base class of all optimizers.

    params    tensors, (name, tensor) pairs, or dicts with "params" and options of their own
    defaults  the options of groups that do not give them

    A class of this library names its per-parameter state in `slots` and gives `rule(p, g, state, h)`: the new parameter and state from arrays
    and the group's options, named in `numbers` (inputs of the program where they vary) and `static` (parts of it).  User classes write `step`.
    """
    slots: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    counts_steps = False
    elementwise = True                                       # whether the rule updates each element on its own
    captured = "params and state_steps"                      # what must be on another device than the CPU for a `capturable` step
    captures_on = 5                                          # on how many of those that PyTorch knows
    views_complex = False                                    # whether PyTorch writes to complex parameters as real numbers, which its errors tell of
    decays_first = False                                     # but not to decay them apart from the gradient
    _opt_called = False                                      # for the warning of the learning rate schedulers
    _scheduled = False                                       # whether a scheduler will change options, which must not compile the step anew
    _step_when_scheduled: Any
    _rules: tuple[Rule, Rule, Rule]
    _optimizer_step_pre_hooks: OrderedDict[int, Callable]
    _optimizer_step_post_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = hooked(cls.step)
        if "rule" in cls.__dict__:
            rule = widened(cls.rule)
            cls._rules = (Rule(cls.__name__, rule, cls.elementwise), Rule(cls.__name__, rule, cls.elementwise, varies=True),
                          _SmoothRule(cls.__name__, rule, cls.elementwise))

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._no_hooks()
        self.state: dict = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, torch.Tensor):
            raise TypeError(f"params argument given to the optimizer should be an iterable of Tensors or dicts, but got {torch.typename(params)}")
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; missing options are the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will change "
                            "between runs. Please use a list instead.")
        names, params = _names_and_params([given] if isinstance(given, torch.Tensor) else list(given))
        for p in params:
            if not isinstance(p, torch.Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {torch.typename(p)}")
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        group = {**param_group, "params": params, **({} if names is None else {"param_names": names})}
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        if len({id(p) for p in params}) != len(params):
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                          "see github.com/pytorch/pytorch/issues/40967 for more information", stacklevel=3)
        if {id(p) for g in self.param_groups for p in g["params"]} & {id(p) for p in params}:
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups and ("param_names" in self.param_groups[0]) != ("param_names" in group):
            raise ValueError("all optimizer param groups should be with/without names. cannot add param group "
                             f"{'with' if 'param_names' in group else 'without'} names to the optimizer")
        self.param_groups.append(group)
        prepare(params)

    def __repr__(self) -> str:
        groups = []
        for k, group in enumerate(self.param_groups):
            options = "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
            groups.append(f"Parameter Group {k}\n{options}")
        return f"{type(self).__name__} (\n{chr(10).join(groups)})"

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            if set_to_none:
                drop_gradients(group["params"])
                continue
            for p in group["params"]:
                if (grad := p.grad) is not None:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()

    # The step

    @hooked
    def step(self, closure: Callable | None = None) -> Any:
        """Update the parameters.  `closure`, if given, computes the loss again; returns that loss."""
        if type(self).rule is Optimizer.rule:
            raise NotImplementedError
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self.update(group)
        return loss

    def update(self, group: dict[str, Any]) -> None:
        """Record the step of one group."""
        params, grads = with_gradients(group["params"])
        if not params:
            return
        if SparseTensor in map(type, grads):
            params, grads = self.update_sparse(group, params, grads)
            if not params:
                return
        for some, extra in self.parts(params, group):
            own = grads if some is params else [p.grad for p in some]
            slots = self.slots_of(group, some)
            if not slots:
                self.record(group, some, own, (), extra)
                continue
            states, tensors = self.states_of(some, slots, group)
            check_capturable(self, group, some[0].device)
            if not self.counts_steps:
                self.record(group, some, own, tensors, extra)
                continue
            for chosen, step in advance(states, some[0].device):
                if chosen is None:
                    self.record(group, some, own, tensors, {**extra, "step": step})
                else:
                    part = [[x[k] for k in chosen] for x in (some, own, states)]
                    self.record(group, part[0], part[1], [s[n] for s in part[2] for n in slots], {**extra, "step": step})

    def update_sparse(self, group: dict[str, Any], params: Sequence, grads: Sequence) -> tuple[Sequence, Sequence]:
        """Update the parameters whose gradients are sparse; returns the others, and their gradients.  Raises where the optimizer knows no way."""
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    def parts(self, params: Sequence, group: dict[str, Any]) -> list[tuple[Sequence, dict[str, Any]]]:
        """Parameters by what they need: those of one part have the same slots and, beside the group's own, the same numbers."""
        return [(params, {})]

    def record(self, group: dict[str, Any], params: Sequence, grads: Sequence, states: Sequence, extra: dict[str, Any]) -> None:
        """Record the step of parameters that have taken equally many steps."""
        numbers = {n: group[n] for n in self.numbers}
        if extra:
            numbers.update(extra)
        static = tuple([(n, group[n]) for n in self.static])
        if group.get("differentiable"):
            check_no_leaves(self, group, params)
            self._record_smoothly(params, grads, states, numbers, static)
        else:
            varies = self._scheduled or len(params) >= MANY  # the step of many would take long to compile anew
            apply(self._rules[varies], params, grads, states, numbers, static)

    def _record_smoothly(self, params: Sequence, grads: Sequence, states: Sequence, numbers: dict, static: tuple) -> None:
        with torch.enable_grad():
            made = wrap_all(record(self._rules[2], (*params, *gradient_tensors(params, grads), *states, *numbers.values()),
                                   (len(params), len(states) // len(params), tuple(numbers), static)))
            for tensor, new in zip((*params, *states), made if isinstance(made, tuple) else (made,), strict=True):
                tensor.copy_(new)

    def slots_of(self, group: dict[str, Any], params: Sequence) -> tuple[str, ...]:
        """The names of the state tensors that these parameters need with this group's options."""
        return self.slots

    def states_of(self, params: Sequence, slots: tuple[str, ...], group: dict[str, Any]) -> tuple[list[dict], list]:
        """The state of each parameter, complete; and the slots of all, parameter by parameter."""
        state = self.state
        states = [state[p] for p in params]
        if not all(states):
            self._begin(params, states, slots, group)
        try:
            return states, [s[n] for s in states for n in slots]
        except KeyError:                                     # an option was turned on, or the state comes from an older PyTorch
            self._begin(params, states, slots, group)
            return states, [s[n] for s in states for n in slots]

    @torch.no_grad()
    def _begin(self, params: Sequence, states: list[dict], slots: tuple[str, ...], group: dict[str, Any]) -> None:
        """Add what is missing in the states."""
        fresh = []
        for p, s in zip(params, states, strict=True):
            if not s or any(n not in s for n in slots):
                s.update({**self.initial_state(p, slots, group), **s})
                fresh.append(s)
        for n in slots:
            put_together([s[n] for s in fresh])

    def initial_state(self, p: torch.Tensor, slots: tuple[str, ...], group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        state = {"step": torch.tensor(0.0, dtype=step_dtype())} if self.counts_steps else {}
        return state | {s: torch.zeros(p.shape, dtype=p.dtype, device=p.device) for s in slots}

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """The new parameter and state."""
        raise NotImplementedError

    # State dicts and hooks

    def _no_hooks(self) -> None:
        for when in ("step", "state_dict", "load_state_dict"):
            setattr(self, f"_optimizer_{when}_pre_hooks", OrderedDict())
            setattr(self, f"_optimizer_{when}_post_hooks", OrderedDict())

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; what it returns, if not None, replaces args and kwargs."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; what it returns, if not None, replaces the result."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`; what it returns, if not None, is loaded instead."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after `load_state_dict`."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """State and options, with parameters named by number."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number: dict[int, int] = {}
        for p in chain.from_iterable(g["params"] for g in self.param_groups):
            number.setdefault(id(p), len(number))
        groups = [{k: v for k, v in g.items() if k != "params"} | {"params": [number[id(p)] for p in g["params"]]} for g in self.param_groups]
        seen: set[int] = set()
        state = {number[id(p)] if isinstance(p, torch.Tensor) else p: unshared(s, seen) for p, s in self.state.items()}
        found: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, found)
            found = found if changed is None else changed
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(saved) != len(groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(saved, groups, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        known: dict = {}
        state: defaultdict = defaultdict(dict)
        made = []
        for new, old in zip(saved, groups, strict=True):
            moves = bool(new.get("capturable") or new.get("fused"))
            known.update((key, (p, moves)) for key, p in zip(new["params"], old["params"], strict=True))
            names = {"param_names": old["param_names"]} if "param_names" in old and "param_names" not in new else {}
            made.append({**{k: v for k, v in new.items() if k != "params"}, **names, "params": old["params"]})
        for key, value in state_dict["state"].items():
            if key in known:
                state[known[key][0]] = adopt(value, *known[key])
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": made})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_optimizer_step_pre_hooks" not in self.__dict__:
            self._no_hooks()
        for group in self.param_groups:
            for name in self.defaults.keys() & ADDED.keys():
                group.setdefault(name, ADDED[name])
            if "decoupled_weight_decay" in self.defaults:
                group.setdefault("decoupled_weight_decay", self.defaults["decoupled_weight_decay"])
        for s in self.state.values() if self.counts_steps else ():
            if isinstance(s, dict) and "step" in s and not isinstance(s["step"], torch.Tensor):
                s["step"] = torch.tensor(float(s["step"]), dtype=step_dtype())


def unshared(state: Any, seen: set[int]) -> Any:
    """A state without the tensors of others: here all may count with one tensor, but PyTorch, which may load this, counts in place."""
    shared = {k: wrap(v._read_value()) for k, v in state.items() if isinstance(v, torch.Tensor) and id(v) in seen} if isinstance(state, dict) else {}
    seen.update(map(id, state.values() if isinstance(state, dict) else ()))
    return {**state, **shared} if shared else state


def apart(params: Sequence, grads: Sequence) -> tuple[list[tuple], tuple[list, list]]:
    """Pairs of a parameter and its sparse gradient; and the other parameters with their gradients."""
    sparse = [(p, g) for p, g in zip(params, grads, strict=True) if isinstance(g, SparseTensor)]
    rest = [(p, g) for p, g in zip(params, grads, strict=True) if not isinstance(g, SparseTensor)]
    return sparse, ([p for p, _ in rest], [g for _, g in rest])


def step_dtype() -> torch.dtype:
    """The type in which states count steps."""
    return torch.float64 if torch.get_default_dtype() is torch.float64 else torch.float32


def advance(states: list[dict], where: torch.device) -> list[tuple[list[int] | None, torch.Tensor]]:
    """Count a step in each state, of parameters on `where`.  Which of them now stand at the same number (None: all), with that number."""
    steps = [s["step"] for s in states]
    if len(set(map(id, steps))) == 1:
        old = steps[0]
        step = counted(old) if old.device is where else wrap(constant(old.item() + 1, old.dtype))
        for s in states:
            s["step"] = step
        return [(None, step)]
    found: dict[float, list[int]] = {}
    for k, number in enumerate([s.item() for s in steps]):
        found.setdefault(number + 1, []).append(k)
    if len(found) == 1:                                      # from now on they count together, so that the first step's program serves the next
        shared = wrap(constant(steps[0].item(), step_dtype()))
        for s in states:
            s["step"] = shared
        return advance(states, where)
    made = []
    for number, chosen in found.items():
        step = wrap(constant(number, step_dtype()))
        for k in chosen:
            states[k]["step"] = step
        made.append((chosen, step))
    return made


def adopt(value: Any, p: torch.Tensor, moves: bool, key: str | None = None) -> Any:
    """A saved piece of `p`'s state on its device and in its type; the step count only where the group wants it there (`moves`)."""
    if isinstance(value, torch.Tensor):
        if key == "step":
            return value.to(dtype=torch.float32, device=p.device) if moves else value
        return value.to(dtype=p.dtype, device=p.device) if p.is_floating_point() else value.to(device=p.device)
    if isinstance(value, dict):
        return {k: adopt(v, p, moves, k) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return type(value)([adopt(v, p, moves) for v in value])
    return value


def _names_and_params(given: list) -> tuple[list[str] | None, list]:
    named = [isinstance(x, tuple) for x in given]
    if not any(named):
        return None, given
    if not all(named):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return [n for n, _ in given], [p for _, p in given]


def check(**given: Any) -> None:
    """Raise where one of these options is negative, or a tensor as learning rate has several elements."""
    for name, value in given.items():
        if name == "lr" and isinstance(value, torch.Tensor) and value.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= value:
            raise ValueError(f"Invalid {NAMES.get(name, f'{name} value')}: {value}")


NAMES = {"lr": "learning rate", "eps": "epsilon value"}


def check_betas(betas: tuple) -> None:
    """Raise where a β is not in [0, 1)."""
    for k in range(2):
        if not 0.0 <= betas[k] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {k}: {betas[k]}")


def check_ways(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """Raise where options that choose the implementation contradict each other.  Here there is one implementation for all of them."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
