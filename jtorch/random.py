"""The state of random number generation (`torch.random`)."""
from ._functions.draw import fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from ._functions.draw import default as default_generator

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]
