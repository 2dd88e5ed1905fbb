"""The state of random number generation (`torch.random`)."""
from __future__ import annotations

from ._functions.draw import Generator, fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from ._functions.draw import default as default_generator

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state", "thread_safe_generator"]


def thread_safe_generator() -> Generator | None:
    """The generator of a thread that loads data: None, because a `DataLoader`'s workers are processes, each with a default generator of its own."""
    return None
