"""Carry batches from worker processes to the loader's process: a pickle, and beside it the arrays' bytes in one shared region.

The region is an anonymous file in memory whose descriptor is passed along, so nothing is left behind when a process is killed, and the size of
/dev/shm does not matter.  Small batches, and systems without such files, send the bytes through the pipe.
"""
from __future__ import annotations

import io
import mmap
import os
import pickle
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler, recv_handle, send_handle
from typing import Any

import numpy as np

import jtorch as torch
from jtorch._core import layout

ALIGNMENT = 64                                               # of each array in the region: the device takes such buffers without a copy
MOST_MAPPED = 64                                             # regions mapped at a time: each takes a file descriptor while it lives
SHARED_FROM = 1 << 18                                        # bytes from which a shared region is cheaper than the pipe

NOT_LEAF = ("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing process boundaries.  "
            "If you just want to transfer the data, call detach() on the tensor before serializing (e.g., putting it on the queue).")
NOT_HOST = "Cannot send a tensor on device {} from a DataLoader worker. Return CPU tensors and move the batch in the main process."


_mapped: weakref.WeakSet = weakref.WeakSet()
_stacks: dict[int, Region] = {}                              # by the address where they are mapped, for as long as they are


class Region:
    """An anonymous file in memory."""

    def __init__(self, size: int) -> None:
        self.handle, self.size = os.memfd_create("jtorch-stack"), size
        weakref.finalize(self, os.close, self.handle)


def stacked(arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """The arrays, which have one shape and type, along a new first dimension, written where the loader's process will read them.

    None for small ones, and where many are kept: each takes two file descriptors.
    """
    size = sum(array.nbytes for array in arrays)
    if size < SHARED_FROM or len(_stacks) >= MOST_MAPPED // 2 or not hasattr(os, "memfd_create"):
        return None
    region = Region(size)
    os.ftruncate(region.handle, size)
    _fill(region.handle, [memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8)) for array in arrays],   # type: ignore[arg-type]
          [k * arrays[0].nbytes for k in range(len(arrays))])
    mapping = mmap.mmap(region.handle, size)
    made = np.frombuffer(mapping, arrays[0].dtype).reshape(len(arrays), *arrays[0].shape)
    _stacks[made.ctypes.data] = region
    weakref.finalize(mapping, _stacks.pop, made.ctypes.data)
    return made


class BatchPickler(ForkingPickler):
    """A pickler that hands out tensors' bytes beside the pickle."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.regions: list[Region] = []

    def persistent_id(self, value: object) -> int | None:
        """Regions travel beside the pickle."""
        if type(value) is not Region:
            return None
        self.regions.append(value)
        return len(self.regions) - 1

    def reducer_override(self, value: object) -> Any:
        """How tensors are carried; everything else as usual."""
        return _reduce(value) if isinstance(value, torch.Tensor) else NotImplemented


def _reduce(tensor: torch.Tensor) -> tuple:
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(NOT_LEAF)
    if tensor.device.type != "cpu":
        raise RuntimeError(NOT_HOST.format(tensor.device))
    array = tensor._host()
    region = _stacks.get(array.ctypes.data)
    if region is not None and region.size == array.nbytes and array.flags.c_contiguous:
        return _restore, (region, array.dtype, array.shape, list(range(array.ndim)), tensor.requires_grad, isinstance(tensor, torch.nn.Parameter))
    order = list(layout.in_memory(tensor._strides or array.strides))
    if tensor._strides is None and not array.transpose(order).flags.c_contiguous:    # gaps or overlaps, not just another order of dimensions
        order = list(range(array.ndim))
    flat = np.asarray(array.transpose(order), order="C")
    raw = pickle.PickleBuffer(flat.reshape(-1).view(np.uint8))   # type: ignore[arg-type]
    return _restore, (raw, array.dtype, flat.shape, order, tensor.requires_grad, isinstance(tensor, torch.nn.Parameter))


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


def send(connection: Connection, value: object, receiver: int | None) -> None:
    """Send `value` to the process `receiver` at the other end.  Nothing is sent where `value` cannot be pickled."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = io.BytesIO()
    pickler = BatchPickler(pickled, 5, True, buffers.append)
    pickler.dump(value)
    regions = [region.size for region in pickler.regions]
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views]
    offsets, total = _offsets(sizes)
    shared = total >= SHARED_FROM and hasattr(os, "memfd_create")
    if shared:
        region = os.memfd_create("jtorch-batch")
        try:
            os.ftruncate(region, total)
            _fill(region, views, offsets)
            connection.send_bytes(pickle.dumps((pickled.getbuffer().tobytes(), regions, sizes, True)))
            _send_regions(connection, pickler.regions, receiver)
            send_handle(connection, region, receiver)        # type: ignore[arg-type]
        finally:
            os.close(region)
        return
    connection.send_bytes(pickle.dumps((pickled.getbuffer().tobytes(), regions, sizes, False)))
    _send_regions(connection, pickler.regions, receiver)
    if total:
        block = bytearray(total)
        for offset, view in zip(offsets, views, strict=True):
            block[offset:offset + view.nbytes] = view
        connection.send_bytes(block)


def _send_regions(connection: Connection, regions: Sequence[Region], receiver: int | None) -> None:
    for region in regions:
        send_handle(connection, region.handle, receiver)     # type: ignore[arg-type]


def _fill(region: int, views: Sequence[memoryview], offsets: Sequence[int]) -> None:
    for offset, view in zip(offsets, views, strict=True):
        done = 0
        while done < view.nbytes:                            # one call writes at most 2 GiB
            done += os.pwrite(region, view[done:], offset + done)


def receive(connection: Connection) -> object:
    """The next value that `send` sent.  Its arrays own the region together: it is freed with the last of them."""
    pickled, regions, sizes, shared = pickle.loads(connection.recv_bytes())
    blocks = [_received(connection, size) for size in regions]
    offsets, total = _offsets(sizes)
    if shared:
        region = _received(connection, total)
    else:
        region = _aligned(total)
        if total:
            connection.recv_bytes_into(memoryview(region))   # type: ignore[arg-type]
    buffers = [region[offset:offset + size] for offset, size in zip(offsets, sizes, strict=True)]
    return BatchUnpickler(blocks, io.BytesIO(pickled), buffers=buffers).load()


class BatchUnpickler(pickle.Unpickler):
    """The other side of `BatchPickler`: the blocks stand for its regions."""

    def __init__(self, blocks: Sequence[np.ndarray], *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.blocks = blocks

    def persistent_load(self, number: Any) -> np.ndarray:
        """A region's contents."""
        return self.blocks[number]


def _received(connection: Connection, size: int) -> np.ndarray:
    handle = recv_handle(connection)
    try:
        return _region(handle, size)
    finally:
        os.close(handle)


def _region(handle: int, size: int) -> np.ndarray:
    if len(_mapped) < MOST_MAPPED:
        region = mmap.mmap(handle, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
        _mapped.add(region)
        return np.frombuffer(region, np.uint8)
    copy, done = _aligned(size), 0
    while done < size:
        done += os.preadv(handle, [memoryview(copy)[done:]], done)   # type: ignore[arg-type]
    return copy


def _aligned(size: int) -> np.ndarray:
    block = np.empty(size + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start:start + size]
