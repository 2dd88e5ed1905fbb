"""Methods of tensors from PyTorch's past, for devices that XLA does not drive, and for kinds of tensors that jtorch has not."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from .._core import misfit
from .._core.derive import sizes
from .._core.device import Where
from .._core.dtype import dtype
from .._core.format import memory_format
from .._core.public import public
from .._core.run import host_value
from .._core.tensor import Tensor

GONE = """reinforce() was removed.
Use torch.distributions instead.
See https://pytorch.org/docs/main/distributions.html

Instead of:

probs = policy_network(state)
action = probs.multinomial()
next_state, reward = env.step(action)
action.reinforce(reward)
action.backward()

Use:

probs = policy_network(state)
# NOTE: categorical is equivalent to what used to be called multinomial
m = torch.distributions.Categorical(probs)
action = m.sample()
next_state, reward = env.step(action)
loss = -m.log_prob(action) * reward
loss.backward()
"""


@public("Tensor")
def reinforce(self: Tensor, reward: Any) -> NoReturn:
    """Removed: see `torch.distributions`."""
    raise RuntimeError(GONE)


@public("Tensor")
def resize(self: Tensor, *sizes_: int | Sequence[int]) -> Tensor:
    """The same elements in another shape; see `view`."""
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    return _reshaped(self, sizes(sizes_))


@public("Tensor")
def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """The same elements in the shape of `tensor`; see `view_as`."""
    warnings.warn("non-inplace resize_as is deprecated", UserWarning, stacklevel=2)
    return _reshaped(self, tuple(tensor.shape))


def _reshaped(self: Tensor, shape: tuple[int, ...]) -> Tensor:
    if np.prod(shape, dtype=int) != self.numel():
        wanted, present = "x".join(map(str, shape)), "x".join(map(str, self.shape))
        raise RuntimeError(f"requested resize to {wanted} ({np.prod(shape, dtype=int)} elements in total), but the given tensor has a size of {present} "
                           f"({self.numel()} elements). autograd's resize can only change the shape of a given tensor, while preserving the number of "
                           "elements. ")
    return self.reshape(shape)


@public("Tensor")
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable) -> Tensor:
    """Replace each element by `callable(element, element of x, element of y)`; slow, on the CPU."""
    for place, (name, given) in enumerate((("x", x), ("y", y)), 1):
        if not isinstance(given, Tensor):
            raise misfit.wrong_class("map2_", name, place, "Tensor", given)
    if any(t.requires_grad for t in (self, x, y)):
        raise RuntimeError("Can't call map2_() on Variable that requires grad. Use var.detach().map2_() instead.")
    others = [t.expand(self.shape)._host().reshape(-1).tolist() for t in (x, y)]
    made = [callable(*row) for row in zip(self._host().reshape(-1).tolist(), *others, strict=True)]
    return self._write(host_value(np.array(made).astype(self.dtype.numpy).reshape(self.shape)), "map2_")


@public("Tensor")
def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What `load_state_dict` puts in this tensor's place for `other`: this one with its contents, or with `assign` the other itself."""
    return other.detach() if assign else self.copy_(other).detach()


@public()
def dequantize(input: Tensor) -> Tensor:
    """The tensor itself as float32: none is quantised."""
    return input.float()


@public("Tensor")
def to_padded_tensor(self: Tensor, padding: float, output_size: Any = None) -> NoReturn:
    """For nested tensors only."""
    raise NotImplementedError("Could not run 'aten::to_padded_tensor' with arguments from the 'CPU' backend: it is for nested tensors, which jtorch has not; "
                              "torch.nn.utils.rnn.pad_sequence pads a list of tensors")


@public("Tensor")
def chalf(self: Tensor, *, memory_format: memory_format | None = None) -> NoReturn:
    """Not possible: XLA has no complex numbers of half precision."""
    raise RuntimeError("chalf: XLA has no complex numbers of half precision (torch.complex32); use cfloat()")


@public("Tensor")
def ipu(self: Tensor, device: Where = None, non_blocking: bool = False, memory_format: memory_format | None = None) -> NoReturn:
    """Not possible: XLA drives none."""
    raise RuntimeError("PyTorch is not linked with support for ipu devices")


@public("Tensor")
def xpu(self: Tensor, device: Where = None, non_blocking: bool = False, memory_format: memory_format | None = None) -> NoReturn:
    """Not possible: jtorch drives none."""
    raise AssertionError("Torch not compiled with XPU enabled")


@public("Tensor")
def mtia(self: Tensor, device: Where = None, non_blocking: bool = False, memory_format: memory_format | None = None) -> NoReturn:
    """Not possible: XLA drives none."""
    raise AssertionError("Torch not compiled with MTIA enabled. Ensure you have `import mtia.host_runtime.torch_mtia.dynamic_library` in your python src file "
                         "and include `//mtia/host_runtime/torch_mtia:torch_mtia` as your target dependency!")


def _volatile(self: Tensor) -> bool:
    """Always False."""
    warnings.warn("volatile was removed (Variable.volatile is always False)", UserWarning, stacklevel=2)
    return False


def _grad_dtype(self: Tensor) -> dtype | None:
    """The type of its gradient: its own."""
    return self.dtype


def _set_grad_dtype(self: Tensor, kind: dtype | None) -> None:
    if kind is not self.dtype:
        raise RuntimeError(f"grad_dtype: jtorch accumulates gradients in the tensor's own type, {self.dtype}; convert .grad instead")


public("Tensor", name="volatile")(property(_volatile))       # type: ignore[arg-type]
public("Tensor", name="grad_dtype")(property(_grad_dtype, _set_grad_dtype))   # type: ignore[arg-type]
