"""What all optimizers share: parameter groups, state, hooks, state dicts, and the recording of a step."""
from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain, count
from typing import Any

import jtorch as torch

from .._core.update import Rule, apply


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
STEP_HOOKS: tuple[dict, dict] = (OrderedDict(), OrderedDict())
identities = count()


class Removable:
    """Removes a hook."""

    def __init__(self, hooks: dict) -> None:
        self.hooks, self.id = hooks, next(identities)

    def remove(self) -> None:
        """Take the hook away; further calls do nothing."""
        self.hooks.pop(self.id, None)


def _register(hooks: dict, hook: Callable) -> Removable:
    handle = Removable(hooks)
    hooks[handle.id] = hook
    return handle


def register_optimizer_step_pre_hook(hook: Callable) -> Removable:
    """Call `hook(optimizer, args, kwargs)` before every optimizer's step."""
    return _register(STEP_HOOKS[0], hook)


def register_optimizer_step_post_hook(hook: Callable) -> Removable:
    """Call `hook(optimizer, args, kwargs)` after every optimizer's step."""
    return _register(STEP_HOOKS[1], hook)


class Optimizer:
    """Base class of all optimizers.

    A subclass names its per-parameter state in `slots` and gives `rule(p, g, state, h)`: the new parameter and state from arrays and the
    group's numbers, named in `numbers` (inputs of the program) and `static` (parts of it).
    """
    slots: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    counts_steps = False

    def __init__(self, params: Iterable, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._optimizer_step_pre_hooks: dict = OrderedDict()
        self._optimizer_step_post_hooks: dict = OrderedDict()
        self._state_dict_hooks: tuple[dict, ...] = tuple(OrderedDict() for _ in range(4))
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
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will change "
                            "between runs. Please use a list instead.")
        params = [params] if isinstance(params, torch.Tensor) else list(params)
        names = None
        if params and isinstance(params[0], tuple):
            names, params = [n for n, _ in params], [p for _, p in params]
        for p in params:
            if not isinstance(p, torch.Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {torch.typename(p)}")
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        if {id(p) for g in self.param_groups for p in g["params"]} & {id(p) for p in params}:
            raise ValueError("some parameters appear in more than one parameter group")
        group = {**param_group, "params": params}
        if names is not None:
            group["param_names"] = names
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        self.param_groups.append(group)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for k, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {k}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key not in ("params", "param_names")]
        return "\n".join([*lines, ")"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad = p.grad.detach()
                    p.grad.zero_()

    # The step

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> Any:
        """Update the parameters.  `closure`, if given, computes the loss again and returns it."""
        for hook in (*STEP_HOOKS[0].values(), *self._optimizer_step_pre_hooks.values()):
            hook(self, (closure,) if closure else (), {})
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self.update(group)
        for hook in (*self._optimizer_step_post_hooks.values(), *STEP_HOOKS[1].values()):
            hook(self, (closure,) if closure else (), {})
        return loss

    def update(self, group: dict[str, Any]) -> None:
        """Record the step of one group."""
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return
        states: list = []
        slots = self.slots_of(group)
        for p in params:
            state = self.state[p]
            if not state and (slots or self.counts_steps):
                state.update(self.initial_state(p, group))
            if slots:
                states += [state[s] for s in slots]
        for batch, count in self.by_step(params):
            chosen = states if batch is None else [self.state[p][s] for p in batch for s in slots]
            some = params if batch is None else batch
            numbers = {n: group[n] for n in self.numbers} | self.extra_numbers(group, count)
            apply(self.recorded(), some, [p.grad for p in some], chosen, numbers, tuple([(n, group[n]) for n in self.static]))

    def by_step(self, params: list) -> list[tuple[list | None, int]]:
        """Parameters that have taken the same number of steps, with that number (this one included)."""
        if not self.counts_steps:
            return [(None, 0)]
        counts: dict[int, list] = {}
        shared: dict[int, Any] = {}
        for p in params:
            step = self.state[p]["step"]
            known = shared.get(id(step))
            if known is None:
                known = shared[id(step)] = int(step.item()) + 1
            counts.setdefault(known, []).append(p)
        for number, some in counts.items():
            tensor = torch.tensor(float(number))
            for p in some:
                self.state[p]["step"] = tensor
        return [(None if len(counts) == 1 else some, number) for number, some in counts.items()]

    def slots_of(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state tensors that this group's options need."""
        return self.slots

    def initial_state(self, p: torch.Tensor, group: dict[str, Any]) -> dict[str, torch.Tensor]:
        """The state of a parameter before its first step."""
        state = {"step": ZERO} if self.counts_steps else {}
        return state | {s: torch.zeros(p.shape, dtype=p.dtype, device=p.device) for s in self.slots_of(group)}

    def extra_numbers(self, group: dict[str, Any], step: int) -> dict[str, Any]:
        """Numbers beside the group's own that the rule takes."""
        return {}

    @classmethod
    def recorded(cls) -> Rule:
        """The rule in the form that is recorded."""
        if "_recorded" not in cls.__dict__:
            cls._recorded = Rule(cls.__name__, cls.rule)
        return cls._recorded

    @staticmethod
    def rule(p: Any, g: Any, state: list, h: dict[str, Any]) -> tuple[Any, list]:
        """The new parameter and state."""
        raise NotImplementedError

    # State dicts and hooks

    def register_step_pre_hook(self, hook: Callable) -> Removable:
        """Call `hook(optimizer, args, kwargs)` before each step."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> Removable:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Removable:
        """Call `hook(optimizer)` before `state_dict`."""
        return _register(self._state_dict_hooks[0], hook)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Removable:
        """Call `hook(optimizer, state_dict)` after `state_dict`."""
        return _register(self._state_dict_hooks[1], hook)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Removable:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`."""
        return _register(self._state_dict_hooks[2], hook)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Removable:
        """Call `hook(optimizer)` after `load_state_dict`."""
        return _register(self._state_dict_hooks[3], hook)

    def state_dict(self) -> dict[str, Any]:
        """State and options, with parameters named by number."""
        for hook in self._state_dict_hooks[0].values():
            hook(self)
        number = {id(p): k for k, p in enumerate(chain.from_iterable(g["params"] for g in self.param_groups))}
        groups = [{k: v for k, v in g.items() if k != "params"} | {"params": [number[id(p)] for p in g["params"]]} for g in self.param_groups]
        state = {number[id(p)] if isinstance(p, torch.Tensor) else p: dict(s) if isinstance(s, dict) else s for p, s in self.state.items()}
        found: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._state_dict_hooks[1].values():
            found = hook(self, found) or found
        return found

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        state_dict = dict(state_dict)
        for hook in self._state_dict_hooks[2].values():
            state_dict = hook(self, state_dict) or state_dict
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(saved, self.param_groups, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        known = dict(zip(chain.from_iterable(g["params"] for g in saved), chain.from_iterable(g["params"] for g in self.param_groups), strict=True))
        state: dict = defaultdict(dict)
        for key, value in state_dict["state"].items():
            p = known.get(key)
            state[key if p is None else p] = {n: _adopted(n, v, p) for n, v in value.items()} if isinstance(value, dict) else deepcopy(value)
        self.state = state
        self.param_groups = [{**new, "params": old["params"]} for new, old in zip(saved, self.param_groups, strict=True)]
        for hook in self._state_dict_hooks[3].values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks = OrderedDict(), OrderedDict()
        self._state_dict_hooks = tuple(OrderedDict() for _ in range(4))


ZERO = torch.tensor(0.0)


def _adopted(name: str, value: Any, p: torch.Tensor | None) -> Any:
    if not isinstance(value, torch.Tensor) or p is None or name == "step":
        return value.clone() if isinstance(value, torch.Tensor) else value
    return value.to(device=p.device, dtype=p.dtype if p.is_floating_point() else value.dtype).clone()
