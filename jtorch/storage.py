"""The memory behind tensors, as an object (`torch.storage`)."""
from ._functions.memory import TypedStorage, UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]
