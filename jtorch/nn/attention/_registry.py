"""Other implementations of flash attention: their names, and which of them is active."""
from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn, Protocol


class FlashAttentionHandle(Protocol):
    """What an implementation gives when it is activated."""

    def remove(self) -> None:
        """Take it back."""


def _absent(name: str, module: str) -> Callable[[], NoReturn]:
    """What activates an implementation that PyTorch finds in a package of kernels of its own."""
    def activate() -> NoReturn:
        raise ModuleNotFoundError(f"No module named '{module}': the kernels of {name} are PyTorch's; in jtorch XLA chooses how attention is computed",
                                  name=module)
    return activate


Register = Callable[[], FlashAttentionHandle | None]
IMPLEMENTATIONS: dict[str, Register] = {"FA3": _absent("FA3", "flash_attn_interface"), "FA4": _absent("FA4", "flash_attn")}
ACTIVE: list[tuple[str, FlashAttentionHandle]] = []          # one, or none


def register_flash_attention_impl(impl: str, *, register_fn: Register) -> None:
    """Let an implementation be activated by this name: `register_fn` does that, and what it returns can take it back."""
    IMPLEMENTATIONS[impl] = register_fn


def activate_flash_attention_impl(impl: str) -> None:
    """Activate a registered implementation in place of the active one."""
    register = IMPLEMENTATIONS.get(impl)
    if register is None:
        raise ValueError(f"Unknown flash attention impl '{impl}'. Available implementations: {list_flash_attention_impls()}")
    restore_flash_attention_impl(_raise_warn=False)
    handle = register()
    if handle is not None:
        ACTIVE.append((impl, handle))


def list_flash_attention_impls() -> list[str]:
    """The names of the registered implementations.

    >>> torch.nn.attention.list_flash_attention_impls()
    ['FA3', 'FA4']
    """
    return sorted(IMPLEMENTATIONS)


def current_flash_attention_impl() -> str | None:
    """The name of the active implementation, None if it is the usual one."""
    return ACTIVE[-1][0] if ACTIVE else None


def restore_flash_attention_impl(_raise_warn: bool = True) -> None:
    """Go back to the usual implementation."""
    if ACTIVE:
        ACTIVE.pop()[1].remove()
    elif _raise_warn:
        logging.getLogger(__name__).warning("Trying to restore default FA2 impl when no custom impl was activated")
