"""OpenMP (`torch.backends.openmp`): XLA has threads of its own."""


def is_available() -> bool:
    """False."""
    return False
