"""Devices: PyTorch's names (`cpu`, `cuda`, `xla`, `meta`) over JAX's platforms."""
from __future__ import annotations

from functools import cache

import jax

from . import config

PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "xla": "tpu"}
KNOWN = ("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy", "vulkan", "mps",
         "meta", "hpu", "mtia", "privateuseone")


class device:
    """Where a tensor lives, such as `torch.device("cuda:0")` or `torch.device("cuda", 0)`.

    >>> torch.device("cuda", 1)
    device(type='cuda', index=1)
    """
    __slots__ = ("type", "index", "__weakref__")
    type: str
    index: int | None
    _made: dict[tuple[str, int | None], device] = {}

    def __new__(cls, type: str | int | device, index: int | None = None) -> device:
        if isinstance(type, device):
            return type
        if isinstance(type, int):
            type, index = "cuda", int(type)
            if index >= 0 and not accelerators("cuda"):
                raise RuntimeError("Cannot access accelerator device when none is available.")
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        name, colon, number = type.partition(":")
        if name not in KNOWN:
            raise RuntimeError(f"Expected one of {', '.join(KNOWN)} device type at start of device string: {name}")
        if colon:
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'")
            if index is not None:
                raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {type}")
            index = int(number)
        made = cls._made.get((name, index))
        if made is None:
            made = cls._made[name, index] = object.__new__(cls)
            made.type, made.index = name, index
        return made

    def __repr__(self) -> str:
        return f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple:
        return device, (self.type, self.index)


Where = device | str | int | None                            # what a `device=` argument takes
CPU, META = device("cpu"), device("meta")
NO_DATA = "Cannot copy out of meta tensor; no data!"


@cache
def accelerators(kind: str) -> tuple[jax.Device, ...]:
    """JAX's devices behind a PyTorch device type; empty where there are none."""
    platform = config.accelerator if kind == "cuda" and config.accelerator else PLATFORMS.get(kind, kind)
    try:
        return tuple(jax.devices(platform))
    except RuntimeError:                                     # how JAX says that the platform is absent
        return ()


def canonical(wanted: device | str | int | None) -> device:
    """The device that a tensor really gets: `cuda` is `cuda:0`.  Raises where this machine has none."""
    if wanted is None:
        return CPU
    found = device(wanted)
    if found is CPU or found is META:
        return found
    if found.type in ("cpu", "meta"):
        return device(found.type)                            # the only one: its index is dropped
    present = accelerators(found.type)
    if not present:
        if found.type == "cuda":
            raise AssertionError("Torch not compiled with CUDA enabled: JAX finds no GPU here. Install jtorch-jax[cuda12] or [cuda13], "
                                 "or set JTORCH_ACCELERATOR to another of JAX's platforms")
        raise RuntimeError(f"JAX has no device for '{found}' here")
    index = found.index or 0
    if index >= len(present):
        raise RuntimeError(f"CUDA error: invalid device ordinal: {found} of {len(present)} devices")
    return device(found.type, index)


def jax_device(where: device) -> jax.Device:
    """JAX's device object for a canonical device."""
    return accelerators(where.type)[where.index or 0]
