"""Mixed precision: inside `autocast` each operation computes in the type that suits it (Micikevicius et al. 2018, arXiv:1710.03740)."""
from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

import jtorch as torch
from jtorch import Tensor

__all__ = ["autocast", "custom_bwd", "custom_fwd"]

BACKEND = ("Tried to use AMP with the `privateuseone` backend, but the backend has not registered a module or  the module miss some necessary funcs. The "
           "backend should register a module by `torch._register_device_module`, and the module must have these funcs: \n"
           "`get_amp_supported_dtype() -> List[torch.dtype]`. \n")
UNSUPPORTED = ("In {kind} autocast, but the target dtype is not supported. Disabling autocast.\n"
               "{kind} Autocast only supports dtypes of torch.bfloat16, torch.float16 currently.")
NOT_CALLABLE = ("autocast()(func) requires a callable, but got {given}. Did you mean to use autocast as a context manager? For example:\n"
                "    with torch.autocast(device_type=...):\n        output = model(input)")


class autocast:
    """Operations inside choose their types: products take the lower type, what needs precision float32.  A context manager and a decorator.

    device_type    the kind of devices whose operations choose: "cpu", "cuda", …
    dtype          the lower type, bfloat16 or float16; default: the device's (`torch.get_autocast_dtype`)
    enabled        False turns autocast off inside
    cache_enabled  accepted; a weight is converted once per program anyway

    >>> x = torch.ones(2, 2)
    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     (x @ x).dtype, torch.nn.functional.mse_loss(x @ x, x).dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(self, device_type: str, dtype: torch.dtype | None = None, enabled: bool = True, cache_enabled: bool | None = None) -> None:
        _check(device_type)
        if device_type == "privateuseone":
            raise AssertionError(BACKEND)
        self.fast_dtype = torch.get_autocast_dtype(device_type) if dtype is None else dtype
        self.device = device_type
        self._cache_enabled = torch.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        self._enabled = enabled and self._possible()
        self._before: list[tuple] = []

    def _possible(self) -> bool:
        """Whether there are such devices and they know the type; warns where not."""
        kind = torch.device(self.device).type
        if kind == "cuda" and not torch.cuda.is_available():
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=3)
        elif self.fast_dtype not in (torch.bfloat16, torch.float16):
            warnings.warn(UNSUPPORTED.format(kind=kind.upper()), stacklevel=3)
        else:
            return True
        return False

    def __enter__(self) -> autocast:
        self._before.append((torch.is_autocast_enabled(self.device), torch.get_autocast_dtype(self.device), torch.is_autocast_cache_enabled()))
        self._set(self._enabled, self.fast_dtype, self._cache_enabled)
        torch.autocast_increment_nesting()
        return self

    def _set(self, enabled: bool, dtype: torch.dtype, cache: bool) -> None:
        torch.set_autocast_dtype(self.device, dtype)
        torch.set_autocast_enabled(self.device, bool(enabled))
        torch.set_autocast_cache_enabled(cache)

    def __exit__(self, *error: object) -> Literal[False]:
        if torch.autocast_decrement_nesting() == 0:
            torch.clear_autocast_cache()
        self._set(*self._before.pop())
        return False

    def __call__(self, func: Callable) -> Callable:
        if not callable(func):
            raise TypeError(NOT_CALLABLE.format(given=type(func).__name__))

        @functools.wraps(func)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)
        return inside


def _check(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def _cast(x: Any, device_type: str, dtype: torch.dtype) -> Any:
    """`x` with the floating point tensors inside, except float64, in another type."""
    if isinstance(x, Tensor):
        eligible = x.is_floating_point() and x.device.type == device_type and x.dtype != torch.float64
        return x.to(dtype) if eligible else x
    if isinstance(x, str | bytes | np.ndarray):
        return x
    if isinstance(x, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return type(x)([_cast(v, device_type, dtype) for v in x])
    return x


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: torch.dtype | None = None) -> Callable:
    """Decorates the `forward` of a `torch.autograd.Function` for use with autocast.

    cast_inputs  where given, `forward` runs without autocast, on inputs in this type
    """
    _check(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    function = fwd

    @functools.wraps(function)
    def forward(*args: Any, **kwargs: Any) -> Any:
        args[0]._dtype = torch.get_autocast_dtype(device_type)
        on = torch.is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = on and cast_inputs is None
        if cast_inputs is None or not on:
            return function(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return function(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))
    return forward


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """Decorates the `backward` of a `torch.autograd.Function`: it runs with autocast as its `forward`, decorated with `custom_fwd`, did."""
    _check(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    function = bwd

    @functools.wraps(function)
    def backward(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return function(*args, **kwargs)
    return backward
