"""The fast path of attention layers (`torch.backends.mha`): XLA fuses by itself; the switch is kept and reported."""


class _FastPath:
    enabled = True


def get_fastpath_enabled() -> bool:
    """What `set_fastpath_enabled` was given."""
    return _FastPath.enabled


def set_fastpath_enabled(value: bool) -> None:
    """Keep the switch."""
    _FastPath.enabled = value
