"""Saving and loading the state of a module."""
from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.modules.hooks import add_hook
from jtorch.nn.parameter import Parameter, is_lazy

EXTRA = "_extra_state"
NEVER = ("Reached a code path in Module.{0}() that should never be called. Please file an issue at "
         "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this bug.")


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` could not match."""
    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return "_" + super().__repr__().lstrip("_")

    __str__ = __repr__


class State:
    """`state_dict` and `load_state_dict` of a module, with their hooks."""
    _version: int = 1
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: OrderedDict[int, Callable]
    _state_dict_pre_hooks: OrderedDict[int, Callable]
    _load_state_dict_pre_hooks: OrderedDict[int, Callable]
    _load_state_dict_post_hooks: OrderedDict[int, Callable]

    def get_extra_state(self) -> Any:
        """What else belongs into `state_dict`: for a subclass to define, together with `set_extra_state`."""
        raise RuntimeError(NEVER.format("get_extra_state"))

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` returned."""
        raise RuntimeError(NEVER.format("set_extra_state"))

    def _persistent(self) -> list[tuple[str, Any]]:
        """The parameters and those buffers that are part of the state."""
        buffers = ((name, b) for name, b in self._buffers.items() if name not in self._non_persistent_buffers_set)
        return [(name, value) for name, value in (*self._parameters.items(), *buffers) if value is not None]

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not State.get_extra_state

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers here and below, by dotted name. The tensors are detached, but not copied.

        >>> list(nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        if args:
            warnings.warn("Positional args are being deprecated, use kwargs instead. Refer to "
                          "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details.",
                          FutureWarning, stacklevel=2)
            destination, prefix, keep_vars = [*args, *(destination, prefix, keep_vars)[len(args):]]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            new = hook(self, destination, prefix, metadata)
            if new is not None:
                if not getattr(hook, "_from_public_api", False):
                    destination = new
                else:
                    raise RuntimeError("state_dict post-hook must return None")
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """This module's own share of `state_dict`."""
        for name, value in self._persistent():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        if self._has_extra_state():
            destination[prefix + EXTRA] = self.get_extra_state()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> _IncompatibleKeys:
        """Copy a state into the parameters and buffers here and below, or with `assign` put its tensors in their place.

        With `strict` the names must match exactly. Returns the missing and the unexpected ones.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state = OrderedDict(state_dict)
        if metadata is not None:
            state._metadata = metadata
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        self._load_tree(state, "", metadata, assign, missing, unexpected, errors)
        if strict:
            for kind, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    errors.insert(0, f"{kind} key(s) in state_dict: {', '.join(map(_quoted, keys))}. ")
        if errors:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors))
        return _IncompatibleKeys(missing, unexpected)

    def _load_tree(self, state: dict[str, Any], prefix: str, metadata: Any, assign: bool, missing: list[str], unexpected: list[str],
                   errors: list[str]) -> None:
        local_metadata = {} if metadata is None else dict(metadata.get(prefix[:-1], {}))
        if assign:
            local_metadata["assign_to_params_buffers"] = assign
        self._load_from_state_dict(state, prefix, local_metadata, True, missing, unexpected, errors)
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}{name}."
                part = {key: value for key, value in state.items() if key.startswith(below)}
                module._load_tree(part, below, metadata, assign, missing, unexpected, errors)
        keys = _IncompatibleKeys(missing, unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, keys) is not None:
                raise AssertionError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, if "
                                     "incompatible_keys need to be modified, it should be done inplace.")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool, missing_keys: list[str],
                              unexpected_keys: list[str], error_msgs: list[str]) -> None:
        """Load this module's own share; a subclass may first rewrite what older versions saved (`local_metadata["version"]`)."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        persistent = dict(self._persistent())
        for name, value in persistent.items():
            key = prefix + name
            if key in state_dict:
                self._load_one(name, key, value, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        self._load_extra_state(state_dict, prefix + EXTRA, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys += self._unknown(state_dict, prefix, persistent.keys() | {EXTRA})

    def _load_extra_state(self, state_dict: dict[str, Any], key: str, strict: bool, missing_keys: list[str], unexpected_keys: list[str]) -> None:
        if self._has_extra_state() and key in state_dict:
            self.set_extra_state(state_dict[key])
        elif strict and self._has_extra_state():
            missing_keys.append(key)
        elif strict and key in state_dict:
            unexpected_keys.append(key)

    def _unknown(self, state_dict: dict[str, Any], prefix: str, known: Iterable[str]) -> list[str]:
        """Keys that neither this module nor one below it knows."""
        found = []
        for key in state_dict:
            if key.startswith(prefix):
                name, dot, _ = key[len(prefix):].partition(".")
                if name not in (self._modules if dot else known):
                    found.append(key)
        return found

    def _load_one(self, name: str, key: str, old: Tensor, new: Any, assign: bool, errors: list[str]) -> None:
        """Load one parameter or buffer, or add to `errors` what is wrong with it."""
        if not isinstance(new, Tensor):
            errors.append(f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint but received '
                          f"{type(new)}")
            return
        if not is_lazy(old):
            if old.dim() == 0 and tuple(new.shape) == (1,):          # files older than 0.4 have no tensor without dimensions
                new = new[0]
            if new.shape != old.shape:
                errors.append(f"size mismatch for {key}: copying a param with shape {new.shape} from checkpoint, the shape in current model is "
                              f"{old.shape}.")
                return
        if old.is_meta and not new.is_meta and not assign:
            warnings.warn(f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which is a "
                          "no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary to their corresponding key in the "
                          "module instead of copying them in place?)", stacklevel=4)
        try:
            with torch.no_grad():
                if assign:
                    setattr(self, name, _assignable(old, new))
                else:
                    old.copy_(new)
        except Exception as error:
            errors.append(f'While copying the parameter named "{key}", whose dimensions in the model are {old.size()} and whose dimensions in the '
                          f"checkpoint are {new.size()}, an exception occurred : {error.args}.")

    def register_state_dict_pre_hook(self, hook: Callable) -> Any:
        """Call `hook(module, prefix, keep_vars)` before the module's state is collected."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> Any:
        """Call `hook(module, state_dict, prefix, local_metadata)` afterwards, which may change the dictionary in place."""
        hook._from_public_api = True
        return add_hook(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable) -> Any:
        """The older form, whose hook may return another dictionary."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError("Cannot register the same function as the state dict post hook that was previously registered via "
                               "register_state_dict_post_hook")
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> Any:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)` before loading."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> Any:
        return add_hook(self._load_state_dict_pre_hooks, functools.partial(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> Any:
        """Call `hook(module, incompatible_keys)` after loading, which may change the lists of keys in place."""
        return add_hook(self._load_state_dict_post_hooks, hook)


def _quoted(key: str) -> str:
    return f'"{key}"'


def _assignable(old: Tensor, new: Tensor) -> Tensor:
    """`new` as what can take the place of `old`."""
    if not isinstance(old, Parameter):
        return new
    return new.requires_grad_(old.requires_grad) if isinstance(new, Parameter) else Parameter(new, old.requires_grad)
