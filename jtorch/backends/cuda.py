"""Switches of CUDA (`torch.backends.cuda`)."""
from ..cuda import is_available as is_available


def is_built() -> bool:
    """Whether GPUs can be used: whether JAX finds one."""
    return is_available()
