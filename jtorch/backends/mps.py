"""Apple's GPUs (`torch.backends.mps`): not reached through JAX here."""


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False
