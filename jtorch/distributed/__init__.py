"""`torch.distributed` as in a PyTorch built without it: programs that ask whether it is there go on alone."""
from __future__ import annotations

from typing import NoReturn

__all__ = ["is_available", "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available", "is_torchelastic_launched"]


def is_available() -> bool:
    """Whether processes can work together: they cannot.

    >>> torch.distributed.is_available()
    False
    """
    return False


is_gloo_available = is_initialized = is_mpi_available = is_nccl_available = is_torchelastic_launched = is_available


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"module 'torch.distributed' has no attribute '{name}' in jtorch: there are no process groups; one process drives all devices, and "
                         "JAX's sharding (`jax.sharding`) spreads arrays over them")
