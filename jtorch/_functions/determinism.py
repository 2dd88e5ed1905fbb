"""Process-wide settings of exactness: determinism, precision of products, denormal numbers, warnings.  Each is checked and kept."""
from __future__ import annotations

import warnings

from .._core.public import PUBLIC, public
from .convert import LegacyType, named_type

MODES = ("default", "warn", "error")
PRECISIONS = ("highest", "high", "medium")


class Settings:
    """What was chosen."""
    deterministic = warn_only = warn_always = False
    precision = PRECISIONS[0]


@public("torch")
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for the same results on each run.  XLA's programs on the CPU always give them."""
    if not isinstance(mode, bool):
        raise TypeError(f"_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}")
    Settings.deterministic, Settings.warn_only = mode, warn_only


@public("torch")
def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms` is on."""
    return Settings.deterministic


@public("torch")
def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was given `warn_only`."""
    return Settings.warn_only


@public("torch")
def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a number or a name: 0 "default", 1 "warn", 2 "error"."""
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in MODES:
            raise RuntimeError(f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}")
        debug_mode = MODES.index(debug_mode)
    if debug_mode not in range(3):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


@public("torch")
def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: see `set_deterministic_debug_mode`."""
    return 0 if not Settings.deterministic else 1 if Settings.warn_only else 2


@public("torch")
def set_float32_matmul_precision(precision: str) -> None:
    """How exact products of float32 matrices are where the hardware has faster, less exact ones: "highest", "high" or "medium"."""
    if precision not in PRECISIONS:
        warnings.warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the currentsetFloat32MatmulPrecision call has no effect.",
                      UserWarning, stacklevel=2)
        return
    Settings.precision = precision


@public("torch")
def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` chose."""
    return Settings.precision


@public("torch")
def set_flush_denormal(mode: bool) -> bool:
    """Ask for denormal numbers to become zeros; False says that this is not supported, since XLA decides it for itself."""
    return False


@public("torch")
def set_warn_always(b: bool) -> None:
    """Whether warnings that are otherwise given once are given each time."""
    Settings.warn_always = bool(b)


@public("torch")
def is_warn_always_enabled() -> bool:
    """Whether `set_warn_always` is on."""
    return Settings.warn_always


@public("torch")
def set_default_tensor_type(t: LegacyType | str) -> None:
    """Make an old type such as `torch.DoubleTensor` that of new floating point tensors."""
    kind = named_type(t) if isinstance(t, str) else t
    if not kind.dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    PUBLIC["torch"]["set_default_dtype"](kind.dtype)
    PUBLIC["torch"]["set_default_device"](kind.device)
