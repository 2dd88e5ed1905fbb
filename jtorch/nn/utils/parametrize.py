"""Parametrizations: tensors of a module that are computed, at each use, from other tensors."""
from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import jtorch as torch
from jtorch import Tensor
from jtorch.nn.modules.container import ModuleDict, ModuleList
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations", "transfer_parametrizations_and_params",
           "type_before_parametrizations"]

_HINT = "unless `unsafe` flag is enabled."
_HINT_LATER = "unless the `unsafe` flag is enabled."


class _Cache:
    """What parametrized tensors are at present, inside `cached()`."""
    depth = 0
    values: dict[tuple[int, str], Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """A context in which each parametrized tensor is computed only once, as recurrent networks want it.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> with nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    _Cache.depth += 1
    try:
        yield
    finally:
        _Cache.depth -= 1
        if not _Cache.depth:
            _Cache.values = {}


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


@torch.no_grad()
def _set(tensor: Tensor, value: Tensor) -> None:
    """Give a tensor another's data, so that it is the same object and optimizers keep it."""
    if value is not tensor:
        tensor.data = value.detach().clone() if value.data_ptr() == tensor.data_ptr() else value.detach()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order in which they apply, with what they start from: `original`, or `original0`, `original1`, …"""
    original: Tensor
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Tensor | Parameter, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = {"dtype": original.dtype, "shape": original.shape}
        start = self._inverse(original)
        self.is_tensor = isinstance(start, Tensor)
        self.ntensors = 1 if self.is_tensor else len(start)
        if self.is_tensor:
            for what in ("dtype", "device"):
                if getattr(start, what) != getattr(original, what):
                    raise ValueError(f"When `right_inverse` outputs one tensor, it may not change the {what}.\noriginal.{what}: {getattr(original, what)}\n"
                                     f"right_inverse(original).{what}: {getattr(start, what)}")
            _set(original, start)
            _register(self, "original", original)
        else:
            for place, tensor in enumerate(start):
                if not isinstance(tensor, Tensor):
                    raise ValueError("'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                                     f"Got element {place} of the sequence with type {type(tensor).__name__}.")
                if isinstance(original, Parameter):
                    tensor = Parameter(tensor.detach(), original.requires_grad)
                _register(self, f"original{place}", tensor.requires_grad_(original.requires_grad))
        if not unsafe:
            self._check(before)

    @torch.no_grad()
    def _inverse(self, original: Tensor) -> Any:
        new: Any = original
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                try:
                    new = module.right_inverse(new)
                except NotImplementedError:                  # an inverse is optional
                    continue
        if not isinstance(new, Tensor) and not isinstance(new, Sequence):
            raise ValueError(f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got {type(new).__name__}")
        return new

    def _check(self, before: dict[str, Any]) -> None:
        made = self()
        if not isinstance(made, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(made).__name__}.")
        for what, value in before.items():
            if getattr(made, what) != value:
                raise ValueError(f"Registering a parametrization may not change the {what} of the tensor, {_HINT}\n"
                                 f"unparametrized {what}: {value}\nparametrized {what}: {getattr(made, what)}")

    @property
    def _originals(self) -> list[Tensor]:
        return [self.original] if self.is_tensor else [getattr(self, f"original{place}") for place in range(self.ntensors)]

    def _with(self, modules: Sequence[Module]) -> ParametrizationList:
        """A list of other modules on the same originals."""
        made = ParametrizationList.__new__(ParametrizationList)
        ModuleList.__init__(made, modules)
        made.unsafe, made.is_tensor, made.ntensors = self.unsafe, self.is_tensor, self.ntensors
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            _register(made, name, tensor)
        return made

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor becomes `value`: what assigning to it does."""
        with torch.no_grad():
            new: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                new = module.right_inverse(new)
            if self.is_tensor:
                if not isinstance(new, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(new).__name__}")
                _check_assigned(new, self.original, "The tensor", "original")
                _set(self.original, new)
                return
            if not isinstance(new, Sequence):
                raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(new).__name__}.")
            if len(new) != self.ntensors:
                raise ValueError(f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a sequence of length {len(new)}.")
            for place, (tensor, original) in enumerate(zip(new, self._originals)):
                if not isinstance(tensor, Tensor):
                    raise ValueError("'right_inverse' must return a sequence of tensors or reference-type opaques. "
                                     f"Got element {place} of type {type(tensor).__name__}.")
                _check_assigned(tensor, original, f"Tensor {place}", f"original{place}")
                _set(original, tensor)

    def forward(self) -> Tensor:
        """The parametrized tensor."""
        made = self[0](*self._originals)
        for place in range(1, len(self)):
            made = self[place](made)
        return made


def _check_assigned(new: Tensor, original: Tensor, what: str, name: str) -> None:
    if new.dtype != original.dtype:
        raise ValueError(f"{what} returned by `right_inverse` has dtype {new.dtype} while `{name}` has dtype {original.dtype}")


# A class of its own for each parametrized module

def _no_pickling(self: Module) -> NoReturn:
    raise RuntimeError("Serialization of parametrized modules is only supported through state_dict(). See:\nhttps://pytorch.org/tutorials/beginner/"
                       "saving_loading_models.html#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training")


def _deepcopy(self: Module, memo: dict[int, Any]) -> Module:
    if id(self) not in memo:
        memo[id(self)] = new = type(self).__new__(type(self))
        new.__setstate__(copy.deepcopy(type_before_parametrizations(self).__getstate__(self), memo))
    return memo[id(self)]


def _inject_class(module: Module) -> None:
    """Make the module the only one of a new subclass, which can have properties of its own."""
    cls = type(module)
    members: dict[str, Any] = {"__getstate__": _no_pickling, "__module__": __name__}
    if not hasattr(cls, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def _inject_property(module: Module, name: str) -> None:
    def get(self: Module) -> Tensor:
        if not _Cache.depth:
            return self.parametrizations[name]()
        key = id(self), name
        if key not in _Cache.values:
            _Cache.values[key] = self.parametrizations[name]()
        return _Cache.values[key]

    def put(self: Module, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def _start(module: Module) -> None:
    """Prepare a module for its first parametrization."""
    if not is_parametrized(module):
        _inject_class(module)
        module.parametrizations = ModuleDict()


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Let a parameter or buffer of `module` be computed as `parametrization(original)`; several of them apply one after the other.

    unsafe  allow a change of shape or type, and do not check that the parametrization works

    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> torch.equal(layer.weight, layer.weight.T)
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_further(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
        delattr(module, tensor_name)
        _start(module)
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'")
    return module


def _check_further(module: Module, name: str, parametrization: Module) -> None:
    """Raise where one more parametrization of a tensor would change its type or shape."""
    tensor = getattr(module, name)
    made = parametrization(tensor)
    if not isinstance(made, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(made).__name__}.")
    for what in ("dtype", "shape"):
        if getattr(made, what) != getattr(tensor, what):
            raise ValueError(f"Registering a parametrization may not change the {what} of the tensor, {_HINT_LATER}\nmodule.{name}.{what}: "
                             f"{getattr(tensor, what)}\nparametrization(module.{name}).{what}: {getattr(made, what)}")
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(made)
    except NotImplementedError:                              # an inverse is optional
        return
    if not isinstance(back, Tensor):
        raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}")
    for what in ("dtype", "shape"):
        if getattr(back, what) != getattr(tensor, what):
            raise ValueError(f"The tensor returned by parametrization.right_inverse must have the same {what} as module.{name}, {_HINT_LATER}\n"
                             f"module.{name}.{what}: {getattr(tensor, what)}\nreturned {what}: {getattr(back, what)}")


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations: of any tensor, or of one."""
    parametrizations = getattr(module, "parametrizations", None)
    if parametrizations is None or not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor an ordinary one again, with its present value or, without `leave_parametrized`, with the original's."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if held.is_tensor:
        tensor = held.original
        if leave_parametrized:
            _set(tensor, getattr(module, tensor_name))
    elif leave_parametrized:
        value, first = getattr(module, tensor_name), held.original0
        tensor = Parameter(value.detach(), value.requires_grad) if isinstance(first, Parameter) else value.detach()
    else:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors.")
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not len(module.parametrizations):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that a module had before it was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module: Module, to_module: Module, tensor_name: str | None = None) -> Module:
    """Give the parametrizations of one module, and what they start from, to another one as well."""
    if not is_parametrized(from_module):
        return to_module
    for name in from_module.parametrizations if tensor_name is None else [tensor_name]:
        given = from_module.parametrizations[name]
        modules = list(given)
        if is_parametrized(to_module, name):
            modules = [*to_module.parametrizations[name], *modules]
        else:
            if hasattr(to_module, name):
                delattr(to_module, name)
            _start(to_module)
            _inject_property(to_module, name)
        to_module.parametrizations[name] = given._with(modules)
    return to_module
