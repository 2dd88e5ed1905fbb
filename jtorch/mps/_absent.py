"""How functions of a platform say that it is absent."""


def refused(what: str) -> RuntimeError:
    """The error of a call to the platform's backend."""
    return RuntimeError(f"Cannot execute {what}() without MPS backend.")
