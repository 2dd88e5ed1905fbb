"""How `torch.einsum` orders its products (`torch.backends.opt_einsum`): JAX asks opt_einsum, which it always has; the switches are kept and reported."""
from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from types import ModuleType

from ._flags import held, setter

enabled = True
strategy: str | None = "auto"
set_flags = setter(globals(), ("enabled", "strategy"))


def is_available() -> bool:
    """True: JAX brings it."""
    return True


def get_opt_einsum() -> ModuleType:
    """The package itself."""
    return importlib.import_module("opt_einsum")


def flags(enabled: bool | None = None, strategy: str | None = None) -> AbstractContextManager[None]:
    """The switches for the time of a `with` block."""
    return held(globals(), **locals())
