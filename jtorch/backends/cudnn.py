"""Switches of cuDNN (`torch.backends.cudnn`): kept and reported; XLA's convolutions are deterministic unless its own flags say otherwise."""
enabled, benchmark, deterministic, allow_tf32, benchmark_limit = True, False, False, True, 10


def is_available() -> bool:
    """False: XLA calls cuDNN by itself where it is there."""
    return False


def version() -> None:
    """No version is known."""
