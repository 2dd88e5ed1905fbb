"""Persistent identities in pickles: what a file gives in place of a storage, checked."""
from __future__ import annotations

from .storage import StorageType


def storage(identity: object, parts: int) -> tuple[StorageType, str, str, int]:
    """Type, name, place and length of a storage."""
    if isinstance(identity, tuple) and len(identity) == parts:
        _, kind, key, location, length = identity[:5]
        whole = isinstance(length, int) and not isinstance(length, bool) and length >= 0
        if isinstance(kind, StorageType) and isinstance(key, str | int) and isinstance(location, str) and whole:
            return kind, str(key), location, length
    raise RuntimeError(f"corrupt file: not the identity of a storage: {identity!r:.200}")


def view(description: object, length: int) -> tuple[str, int, int]:
    """Name, offset and length of a part of a storage of `length` elements."""
    if isinstance(description, tuple) and len(description) == 3:
        key, offset, size = description
        if isinstance(key, str) and isinstance(offset, int) and isinstance(size, int) and 0 <= offset <= offset + size <= length:
            return key, offset, size
    raise RuntimeError(f"corrupt file: not a part of a storage: {description!r:.200}")
