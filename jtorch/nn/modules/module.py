"""`nn.Module`: registering parameters, buffers and submodules, calling, printing, copying."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.modules.hooks import (
    GLOBAL_BACKWARD,
    GLOBAL_BACKWARD_PRE,
    GLOBAL_FORWARD,
    GLOBAL_FORWARD_PRE,
    Hooks,
    add_hook,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from jtorch.nn.modules.placement import Placement
from jtorch.nn.modules.registry import NAMES, Changes, Registry, adopt
from jtorch.nn.modules.state import State, _IncompatibleKeys
from jtorch.nn.modules.tree import Tree
from jtorch.nn.parameter import Buffer, Parameter

__all__ = ["Module", "_IncompatibleKeys", "register_module_backward_hook", "register_module_buffer_registration_hook", "register_module_forward_hook",
           "register_module_forward_pre_hook", "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
           "register_module_module_registration_hook", "register_module_parameter_registration_hook"]

GLOBAL_REGISTRATION: dict[str, OrderedDict[int, Callable]] = {name: OrderedDict() for name in NAMES}
HOOK_DICTIONARIES = ("_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
                     "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks",
                     "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks")


def register_module_parameter_registration_hook(hook: Callable) -> Any:
    """Call `hook(module, name, parameter)` when a parameter is registered in any module; what it returns is registered instead."""
    return add_hook(GLOBAL_REGISTRATION["_parameters"], hook)


def register_module_buffer_registration_hook(hook: Callable) -> Any:
    """Call `hook(module, name, buffer)` when a buffer is registered in any module; what it returns is registered instead."""
    return add_hook(GLOBAL_REGISTRATION["_buffers"], hook)


def register_module_module_registration_hook(hook: Callable) -> Any:
    """Call `hook(module, name, submodule)` when a submodule is registered in any module; what it returns is registered instead."""
    return add_hook(GLOBAL_REGISTRATION["_modules"], hook)


class Module(Tree, Placement, State, Hooks):
    """The parent class of all layers and models.

    A subclass calls `super().__init__()`, assigns parameters, buffers and other modules as attributes, and defines `forward`.

    >>> class Double(nn.Module):
    ...     def forward(self, x):
    ...         return 2 * x
    >>> Double()(torch.ones(2))
    tensor([2., 2.])
    """
    dump_patches: bool = False
    call_super_init: bool = False
    T_destination = TypeVar("T_destination", bound=dict)
    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self.call_super_init is False and (args or kwargs):
            if kwargs:
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'")
            raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given")
        own = self.__dict__
        own.update(training=True, _parameters=Registry(self), _buffers=Registry(self), _non_persistent_buffers_set=set(), _is_full_backward_hook=None)
        for name in HOOK_DICTIONARIES:
            own[name] = OrderedDict()
        own["_modules"] = Registry(self)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input: Any) -> Any:
        """What the module computes: for a subclass to define."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    _compiled_call_impl: Callable | None = None              # what `compile` makes of its calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__                                  # one look-up through `__getattr__`'s slot instead of four
        if (own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"] or own["_backward_pre_hooks"]
                or GLOBAL_FORWARD or GLOBAL_FORWARD_PRE or GLOBAL_BACKWARD or GLOBAL_BACKWARD_PRE):
            return self._compiled_call_impl(*args, **kwargs) if "_compiled_call_impl" in own else self._call_impl(*args, **kwargs)
        return self.forward(*args, **kwargs) if "_compiled_call_impl" not in own else self._compiled_call_impl(*args, **kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the module's calls in place, with the arguments of `torch.compile`."""
        self.__dict__["_compiled_call_impl"] = torch.compile(self._call_impl, *args, **kwargs)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make a parameter part of the module; None reserves the name."""
        registry = self._registry("_parameters", "parameter")
        _check_name(self, registry, "parameter", name)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(f"cannot assign '{torch.typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)")
            if param.grad_fn is not None:
                raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To express "
                                 f"'{name}' as a function of another Tensor, compute the value in the forward() method.")
            param = _offered("_parameters", self, name, param)
        registry[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make a tensor that is no parameter part of the module's state, as a running mean; a non-persistent one is not in `state_dict`."""
        registry = self._registry("_buffers", "buffer")
        _check_name(self, registry, "buffer", name)
        if tensor is not None:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"cannot assign '{torch.typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)")
            tensor = _offered("_buffers", self, name, tensor)
        registry[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make a module a child of this one; None reserves the name."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{torch.typename(module)} is not a Module subclass")
        registry = self._registry("_modules", "module")
        _check_name(self, registry, "module", name)
        registry[name] = _offered("_modules", self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    def _registry(self, where: str, kind: str) -> dict[str, Any]:
        if where not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        return self.__dict__[where]

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__                                  # entries are ordinary attributes, unless something else has their name
        for where in NAMES:
            if where in own and name in own[where]:
                return own[where][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters, buffers, modules = own.get("_parameters", ()), own.get("_buffers", ()), own.get("_modules", ())
        if isinstance(value, Parameter):
            self._registry("_parameters", "parameters")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif name in parameters:
            if value is not None:
                raise TypeError(f"cannot assign '{torch.typename(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)")
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            self._registry("_modules", "module")
            self._forget(name, "_modules")
            modules[name] = _offered("_modules", self, name, value)
        elif name in modules:
            if value is not None:
                raise TypeError(f"cannot assign '{torch.typename(value)}' as child module '{name}' (torch.nn.Module or None expected)")
            modules[name] = None
        elif name in buffers or isinstance(value, Buffer):
            self._set_buffer(name, value)
        elif name in NAMES and isinstance(value, dict):
            adopt(self, name, value)
        else:
            Changes.count += 1
            super().__setattr__(name, value)

    def _set_buffer(self, name: str, value: Any) -> None:
        registry = self._registry("_buffers", "buffer")
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"cannot assign '{torch.typename(value)}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor or None expected)")
        if isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        else:
            registry[name] = value if value is None else _offered("_buffers", self, name, value)

    def _forget(self, name: str, keep: str) -> None:
        """Remove an attribute, of whatever kind but one, that is about to be replaced."""
        own = self.__dict__
        for where in NAMES:
            if where != keep and name in own[where]:
                del own[where][name]
        self._non_persistent_buffers_set.discard(name)
        if name in own and own[name] is not own[keep].get(name, self):
            del own[name]

    def __delattr__(self, name: str) -> None:
        for where in NAMES:
            if name in self.__dict__[where]:
                del self.__dict__[where][name]
                self._non_persistent_buffers_set.discard(name)
                return
        if name not in self.__dict__ and not hasattr(type(self), name):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        Changes.count += 1
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *(name for where in NAMES for name in self.__dict__[where])}
        return sorted(name for name in names if not name[0].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        for where in NAMES:
            for name, value in state.get(where, {}).items():
                if state.get(name, self) is value:
                    del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = self.__dict__
        own.update({name: value for name, value in state.items() if name not in NAMES})
        for where in NAMES:
            if where in state:
                adopt(self, where, state[where])
        for name in HOOK_DICTIONARIES:                       # a file from an older version may lack some
            own.setdefault(name, OrderedDict())
        own.setdefault("_non_persistent_buffers_set", set())
        own.setdefault("_is_full_backward_hook", None)

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What `repr` shows of the module itself: for a subclass to define."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        own_lines = extra.split("\n") if extra else []
        child_lines = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        if not child_lines and len(own_lines) < 2:
            return f"{self._get_name()}({extra})"
        return "\n  ".join([f"{self._get_name()}(", *own_lines, *child_lines]) + "\n)"


for _mixin in (Tree, Placement, State, Hooks):               # a method is named after the class that users know, in error messages too
    for _method in vars(_mixin).values():
        if callable(_method):
            _method.__qualname__ = f"Module.{_method.__name__}"


def _check_name(module: Module, registry: dict[str, Any], kind: str, name: str) -> None:
    """Raise where `name` cannot name a new entry of the registry."""
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {torch.typename(name)}")
    if name not in registry and hasattr(module, name):
        raise KeyError(f"attribute '{name}' already exists")
    if "." in name:
        raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


def _offered(where: str, module: Module, name: str, value: Any) -> Any:
    """`value`, or what the global registration hooks make of it."""
    for hook in GLOBAL_REGISTRATION[where].values():
        new = hook(module, name, value)
        if new is not None:
            value = new
    return value
