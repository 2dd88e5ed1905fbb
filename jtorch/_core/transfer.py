"""Arrays of values on their way between the host and devices."""
from __future__ import annotations

from typing import Any

import jax
import numpy as np

from .batched import primal, refuse
from .device import CPU, META, NO_DATA, PLATFORMS, accelerators, device, jax_device
from .dtype import from_numpy
from .graph import Array, Value, aval, computed, here
from .run import ACCELERATED, concrete


def refuse_repetition(reason: str) -> None:
    """Where a call is watched: it cannot be repeated without Python."""
    if here.capture is not None:
        here.capture.refused = reason


def to_host(value: Value, cause: str, whole: bool = False) -> np.ndarray:
    """The value as a NumPy array that must not be written to; with `whole` also that of batches."""
    if value.aval.levels and not whole:
        refuse(value.aval, cause)
    refuse_repetition(f"it reads values ({cause})")
    array = concrete(value, cause)
    if type(array) is jax.ShapeDtypeStruct:
        raise NotImplementedError(NO_DATA)
    if value.aval.levels and not whole:
        return np.asarray(primal(array, value.aval))
    return array if type(array) is np.ndarray else np.asarray(array)


def on_device(array: np.ndarray, where: device) -> Array:
    """A host array as one that programs take without converting it each time."""
    with jax.enable_x64(True):                               # to the only device by default: JAX compiles anew for arrays that are tied to one
        return jax.device_put(array) if where is CPU and not ACCELERATED else jax.device_put(array, jax_device(where))


def adopted(foreign: Any) -> Value:
    """The array of another library, on an accelerator, as a value on the same memory."""
    with jax.enable_x64(True):
        array = jax.dlpack.from_dlpack(foreign)
    kind = next((k for k in PLATFORMS if array.device in accelerators(k)), "cpu")
    return computed(aval(array.shape, from_numpy(array.dtype), device(kind, accelerators(kind).index(array.device))), array)


def to_device(array: Array, where: device) -> Array:
    """A copy of a concrete array on another device; of what is known of it where there is no data."""
    if where is META:
        return jax.ShapeDtypeStruct(array.shape, array.dtype)
    if type(array) is jax.ShapeDtypeStruct:
        raise NotImplementedError(NO_DATA)
    with jax.enable_x64(True):
        return np.asarray(array) if where is CPU else jax.device_put(array, jax_device(where))
