"""Carry batches from worker processes to the loader's process: a pickle, and beside it the arrays' bytes.

Large ones lie in regions of shared memory, which have no names, so nothing is left behind when a process is killed, and the size of /dev/shm does not
matter.  Small batches, and systems without such memory, send the bytes through the pipe.
"""
from __future__ import annotations

import io
import os
import pickle
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler, recv_handle, send_handle
from typing import Any, NamedTuple

import numpy as np

import jtorch as torch
from jtorch._core import layout

from . import regions
from .regions import shelf

ALIGNMENT = 64                                               # of each array: the device takes such buffers without a copy

NOT_LEAF = ("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing process boundaries.  "
            "If you just want to transfer the data, call detach() on the tensor before serializing (e.g., putting it on the queue).")
NOT_HOST = "Cannot send a tensor on device {} from a DataLoader worker. Return CPU tensors and move the batch in the main process."


class InRegion(NamedTuple):
    """The first bytes of a region, as they stand in a pickle."""
    region: regions.Own
    size: int


class BatchPickler(ForkingPickler):
    """A pickler that hands out tensors' bytes beside the pickle."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.regions: dict[int, InRegion] = {}

    def persistent_id(self, value: object) -> int | None:
        """Regions travel beside the pickle."""
        if type(value) is not InRegion:
            return None
        self.regions[value.region.number] = value
        return value.region.number

    def reducer_override(self, value: object) -> Any:
        """How tensors are carried; everything else as usual."""
        return _reduce(value) if isinstance(value, torch.Tensor) else NotImplemented


def _reduce(tensor: torch.Tensor) -> tuple:
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(NOT_LEAF)
    if tensor.device.type != "cpu":
        raise RuntimeError(NOT_HOST.format(tensor.device))
    array = tensor._host()
    kind = tensor.requires_grad, isinstance(tensor, torch.nn.Parameter)
    region = shelf.holding(array)
    if region is not None:
        return _restore, (InRegion(region, array.nbytes), array.dtype, array.shape, list(range(array.ndim)), *kind)
    order = list(layout.in_memory(tensor._strides or array.strides))
    if tensor._strides is None and not array.transpose(order).flags.c_contiguous:    # gaps or overlaps, not just another order of dimensions
        order = list(range(array.ndim))
    flat = np.asarray(array.transpose(order), order="C")
    raw = pickle.PickleBuffer(flat.reshape(-1).view(np.uint8))   # type: ignore[arg-type]
    return _restore, (raw, array.dtype, flat.shape, order, *kind)


def _restore(raw: object, dtype: np.dtype, shape: tuple, order: list[int], requires_grad: bool, parameter: bool) -> torch.Tensor:
    block = raw.obj if isinstance(raw, memoryview) else raw  # under the read-only view that was pickled lies the writable part of the region
    tensor = torch._from_host(block.view(dtype).reshape(shape))   # type: ignore[attr-defined]
    if order != list(range(len(order))):
        tensor = tensor.permute(*np.argsort(order).tolist())
    if parameter:
        return torch.nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_() if requires_grad else tensor


def _offsets(sizes: Sequence[int]) -> tuple[list[int], int]:
    offsets, end = [], 0
    for size in sizes:
        offsets.append(end)
        end += -(-size // ALIGNMENT) * ALIGNMENT
    return offsets, end


class Announced(NamedTuple):
    """The first of what is sent.

    dropped  the numbers of regions that are no more
    lent     the regions that are the receiver's from now on; the descriptors of the new ones follow
    sizes    of the arrays beside the pickle
    where    the region that they lie in; None: they follow
    """
    pickled: bytes
    dropped: list[int]
    lent: list[regions.Lent]
    sizes: list[int]
    where: int | None


def send(connection: Connection, value: object, receiver: int | None) -> None:
    """Send `value` to the process `receiver` at the other end.  Nothing is sent where `value` cannot be pickled."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = io.BytesIO()
    pickler = BatchPickler(pickled, 5, True, buffers.append)
    pickler.dump(value)
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views]
    offsets, total = _offsets(sizes)
    used = list(pickler.regions.values())
    own = shelf.take(total)
    block = np.empty(total, np.uint8) if own is None else own.bytes(total)
    for offset, view in zip(offsets, views, strict=True):
        block[offset:offset + view.nbytes] = view
    if own is not None:
        used.append(InRegion(own, total))
    lent = [region.lend(size) for region, size in used]
    connection.send_bytes(pickle.dumps(tuple(Announced(pickled.getvalue(), shelf.forgotten(), lent, sizes, None if own is None else own.number))))
    for region, _ in used:
        region.hand_over(lambda handle: send_handle(connection, handle, receiver))   # type: ignore[arg-type]
    if own is None and total:
        connection.send_bytes(block)                         # type: ignore[arg-type]


def receive(connection: Connection) -> object:
    """The next value that `send` sent.  A region goes back when no array looks at it any more."""
    said = Announced(*pickle.loads(connection.recv_bytes()))
    regions.forget(connection, said.dropped)
    blocks = {one.number: _received(connection, one) for one in said.lent}
    offsets, total = _offsets(said.sizes)
    if said.where is None:
        block = _aligned(total)
        if total:
            connection.recv_bytes_into(memoryview(block))    # type: ignore[arg-type]
    else:
        block = blocks[said.where]
    buffers = [block[offset:offset + size] for offset, size in zip(offsets, said.sizes, strict=True)]
    return BatchUnpickler(blocks, io.BytesIO(said.pickled), buffers=buffers).load()


class BatchUnpickler(pickle.Unpickler):
    """The other side of `BatchPickler`: the blocks stand for its regions."""

    def __init__(self, blocks: dict[int, np.ndarray], *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.blocks = blocks

    def persistent_load(self, number: Any) -> np.ndarray:
        """A region's contents."""
        return self.blocks[number]


def _received(connection: Connection, lent: regions.Lent) -> np.ndarray:
    if not lent.new:
        return regions.look(connection, lent)
    handle = recv_handle(connection)
    try:
        return regions.look(connection, lent, handle)
    finally:
        os.close(handle)


def _aligned(size: int) -> np.ndarray:
    block = np.empty(size + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start:start + size]
