"""Devices in files: how a storage's place is called, and where it goes when it is loaded."""
from __future__ import annotations

import operator
import re
from collections.abc import Callable

import jtorch as torch

from .storage import LoadedStorage

Tagger = Callable[[object], str | None]
Deserializer = Callable[[object, str], object]
MapLocation = Callable[[LoadedStorage, str], object] | torch.device | str | dict[str, str] | None

NO_CUDA = ("Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a CPU-only machine, "
           "please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.")

_packages: list[tuple[int, Tagger, Deserializer]] = []


def register_package(priority: int, tagger: Tagger, deserializer: Deserializer) -> None:
    """Add a kind of place: `tagger` names a storage's place, `deserializer` puts a storage there; each answers None for what is not its own."""
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=operator.itemgetter(0))


def location_tag(storage: object) -> str:
    """How files call the place of a storage."""
    for _, tagger, _ in _packages:
        tag = tagger(storage)
        if tag:
            return tag
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__}")


def default_restore_location(storage: object, location: str) -> object:
    """The storage, put where the file says."""
    for _, _, deserializer in _packages:
        restored = deserializer(storage, location)
        if restored is not None:
            return restored
    raise RuntimeError(f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})")


def validate_cuda_device(location: str) -> int:
    """The number of a GPU; RuntimeError where there is none."""
    if not torch.cuda.is_available():
        raise RuntimeError(NO_CUDA)
    number = torch.device(location).index
    number = torch.cuda.current_device() if number is None else number
    if number >= torch.cuda.device_count():
        raise RuntimeError(f"Attempting to deserialize object on CUDA device {number} but torch.cuda.device_count() is {torch.cuda.device_count()}. "
                           "Please use torch.load with map_location to map your storages to an existing device.")
    return number


def _tag(storage: object) -> str | None:
    device = getattr(storage, "device", None)
    return "cpu" if device is None or torch.device(device).type == "cpu" else str(device)


def _restore(storage: object, location: str) -> object:
    if not isinstance(storage, LoadedStorage):
        return None
    if location == "cpu":
        return storage.cpu()
    if location.startswith("cuda"):
        return storage.to(f"cuda:{validate_cuda_device(location)}")
    return storage.to(location) if re.fullmatch(r"meta|xla(:\d+)?", location) else None


register_package(10, _tag, _restore)


def restorer(map_location: MapLocation) -> Callable[[LoadedStorage, str], LoadedStorage]:
    """What puts each storage where `map_location` says."""
    def place(storage: LoadedStorage, location: str) -> object:
        if map_location is None:
            return default_restore_location(storage, location)
        if isinstance(map_location, dict):
            return default_restore_location(storage, map_location.get(location, location))
        if isinstance(map_location, str | torch.device):
            return default_restore_location(storage, str(map_location))
        found = map_location(storage, location)
        return default_restore_location(storage, location) if found is None else found

    def restore(storage: LoadedStorage, location: object) -> LoadedStorage:
        if not isinstance(location, str):
            raise RuntimeError(f"corrupt file: the place of a storage should be text, but got {type(location).__name__}")
        placed = place(storage, location)
        if not isinstance(placed, LoadedStorage):
            raise TypeError(f"map_location should give back a storage, but got {type(placed).__name__}")
        return placed
    return restore
