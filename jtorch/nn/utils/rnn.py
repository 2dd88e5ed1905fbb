"""Sequences of different lengths: padded, and packed without padding."""
from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any

import jtorch as torch
from jtorch import Tensor

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence", "unpack_sequence",
           "unpad_sequence"]

PackedSequence_ = namedtuple("PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])   # type: ignore[name-match]  # PyTorch's
PackedSequence_.__qualname__ = "PackedSequence_"


class PackedSequence(PackedSequence_):
    """Sequences of different lengths, time by time: all first elements, then all second ones of those that are long enough, …

    data: (sum of lengths, *), batch_sizes: how many sequences there are at each time, sorted_indices: the order, longest first.
    """

    def __new__(cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
                unsorted_indices: Tensor | None = None) -> PackedSequence:
        if batch_sizes is None:                              # made from a pair, as in old code
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2, when batch_sizes is None")
            data, batch_sizes = data
        if batch_sizes.device.type != "cpu":
            raise ValueError(f"batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. They should be "
                             f"instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn. Got batch_sizes on "
                             f"{batch_sizes.device}")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _moved(self, move: Callable[[Tensor], Tensor], indices: Callable[[Tensor], Tensor]) -> PackedSequence:
        data = move(self.data)
        if data is self.data:
            return self
        order = [None if t is None else indices(t) for t in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *order)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Move or convert the data, as `Tensor.to`."""
        rest = {name: value for name, value in kwargs.items() if name in ("non_blocking", "copy")}
        data = self.data.to(*args, **kwargs)
        return self._moved(lambda t: data, lambda t: t.to(data.device, **rest))

    def pin_memory(self) -> PackedSequence:
        """The data in page-locked memory."""
        return self._moved(lambda t: t.pin_memory(), lambda t: t.pin_memory())

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data on a CUDA device."""
        return self._moved(lambda t: t.cuda(*args, **kwargs), lambda t: t.cuda(*args, **kwargs))

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data on the CPU."""
        return self.to(*args, device="cpu", **kwargs)

    def double(self) -> PackedSequence:
        """The data as float64."""
        return self.to(dtype=torch.double)

    def float(self) -> PackedSequence:
        """The data as float32."""
        return self.to(dtype=torch.float)

    def half(self) -> PackedSequence:
        """The data as float16."""
        return self.to(dtype=torch.half)

    def long(self) -> PackedSequence:
        """The data as int64."""
        return self.to(dtype=torch.long)

    def int(self) -> PackedSequence:
        """The data as int32."""
        return self.to(dtype=torch.int)

    def short(self) -> PackedSequence:
        """The data as int16."""
        return self.to(dtype=torch.short)

    def char(self) -> PackedSequence:
        """The data as int8."""
        return self.to(dtype=torch.int8)

    def byte(self) -> PackedSequence:
        """The data as uint8."""
        return self.to(dtype=torch.uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in page-locked memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another."""
    if permutation is None:
        return None
    places = torch.arange(permutation.numel(), device=permutation.device)
    return torch.empty_like(permutation).scatter_(0, permutation, places)


def pad_sequence(sequences: Tensor | list[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right") -> Tensor:
    """Sequences as one tensor, the shorter ones padded.    sequences: B of (Lᵢ, *)  ->  (L, B, *), or (B, L, *) with batch_first

    >>> nn.utils.rnn.pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if isinstance(sequences, Tensor):
        sequences = list(sequences.unbind(0))
    elif not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest, rest = max(s.size(0) for s in sequences), sequences[0].shape[1:]
    shape = (len(sequences), longest) if batch_first else (longest, len(sequences))
    padded = sequences[0].new_full((*shape, *rest), padding_value)
    for place, sequence in enumerate(sequences):
        where = slice(0, sequence.size(0)) if padding_side == "right" else slice(longest - sequence.size(0), longest)
        padded[(place, where) if batch_first else (where, place)] = sequence
    return padded


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor.    padded_sequences: (L, B, *) or (B, L, *), lengths: (B)  ->  B of (Lᵢ, *)"""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:int(length)] for row, length in zip(rows, lengths)]


def pack_padded_sequence(input: Tensor, lengths: Tensor | list[int], batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a padded tensor.    input: (L, B, *), or (B, L, *) with batch_first, lengths: (B)

    With enforce_sorted the lengths must be sorted, longest first; otherwise they are sorted here.
    """
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    order = None
    if not enforce_sorted:
        ranked = sorted(range(len(sizes)), key=lambda place: -sizes[place])
        order = torch.tensor(ranked, device=input.device)
        input = input.index_select(0 if batch_first else 1, order)
        sizes = [sizes[place] for place in ranked]
    if batch_first:
        input = input.transpose(0, 1)
    _check_lengths(input, sizes)
    counts = [sum(n > time for n in sizes) for time in range(sizes[0])]
    data = torch.cat([input[time, :count] for time, count in enumerate(counts)])
    return PackedSequence(data, torch.tensor(counts), order, None)


def _check_lengths(input: Tensor, sizes: list[int]) -> None:
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != input.size(1):
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={input.size(1)})")
    if sizes[-1] <= 0 or min(sizes) <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if any(a < b for a, b in zip(sizes, sizes[1:])):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` to "
                           "pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability.")
    if sizes[0] > input.size(0):
        raise RuntimeError(f"Expected input to have at least {sizes[0]} time steps, but got {input.size(0)}")


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The padded tensor and the lengths of a packed sequence.    ->  (L, B, *), or (B, L, *) with batch_first, and (B)"""
    counts = sequence.batch_sizes.tolist()
    longest = len(counts)
    if total_length is not None:
        if total_length < longest:
            raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                             f"total_length={total_length} and max sequence length being {longest}")
        longest = total_length
    times = [time for time, count in enumerate(counts) for _ in range(count)]
    rows = [row for count in counts for row in range(count)]
    device = sequence.data.device
    padded = sequence.data.new_full((longest, counts[0], *sequence.data.shape[1:]), padding_value)
    padded[torch.tensor(times, device=device), torch.tensor(rows, device=device)] = sequence.data
    lengths = torch.tensor([sum(count > row for count in counts) for row in range(counts[0])])
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.cpu()]
    return padded.transpose(0, 1) if batch_first else padded, lengths


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths.    sequences: B of (Lᵢ, *)"""
    lengths = torch.as_tensor([s.size(0) for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed sequence.    ->  B of (Lᵢ, *)"""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
