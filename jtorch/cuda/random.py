"""Random numbers of GPUs (`torch.cuda.random`)."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._core.device import accelerators, canonical
from .._functions import draw

__all__ = ["get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all", "seed", "seed_all", "set_rng_state", "set_rng_state_all"]


def manual_seed(seed: int) -> None:
    """Start the GPU's generator from `seed`."""
    draw.default_for("cuda").manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Start all GPUs' generators from `seed`."""
    manual_seed(seed)


def seed() -> None:
    """Start the GPU's generator from an unpredictable number."""
    draw.default_for("cuda").seed()


def seed_all() -> None:
    """Start all GPUs' generators from an unpredictable number."""
    seed()


def initial_seed() -> int:
    """The seed of the GPU's generator."""
    canonical("cuda")
    return draw.default_for("cuda").initial_seed()


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of the GPU's generator."""
    canonical("cuda")
    return draw.default_for("cuda").get_state()


def get_rng_state_all() -> list:
    """The states of all GPUs' generators."""
    return [get_rng_state() for _ in accelerators("cuda")]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Set the state of the GPU's generator."""
    canonical("cuda")
    draw.default_for("cuda").set_state(new_state)


def set_rng_state_all(new_states: Iterable) -> None:
    """Set the states of all GPUs' generators."""
    for state in new_states:
        set_rng_state(state)
