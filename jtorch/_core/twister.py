"""PyTorch's CPU generator: the Mersenne Twister (Matsumoto & Nishimura 1998), its state, and the uniform and normal numbers made of its words."""
from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import length_hint
from typing import NoReturn, Self

import numpy as np

from .device import device as Device
from .misfit import wrong_class

DEFAULT_SEED = 67280421310721
LITTLE = 8192                                                # below this many words a call's fixed cost outweighs its speed
FEW, READ = 64, 4096                                         # numbers below which reading ahead does not pay; numbers read at once
STATE = np.dtype([("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("key", "<u8", 624),
                  ("normal_x", "<f8"), ("normal_y", "<f8"), ("normal_rho", "<f8"), ("normal_is_valid", "<i4"), ("pad", "<i4"),
                  ("float_normal", "<f4"), ("float_normal_is_valid", "<i4")])


def libm(function: Callable[[float], float], values: np.ndarray) -> np.ndarray:
    """`function` of each value by the C library, as PyTorch does it: NumPy's own vector versions differ in the last bit."""
    return np.fromiter(map(function, values.ravel().tolist()), np.float64, values.size).reshape(values.shape)


def in_unit(words: np.ndarray) -> np.ndarray:
    """A float32 multiple of 2^-24 in [0, 1) for each word."""
    return (words & 0xffffff).view(np.int32).astype(np.float32) * np.float32(2**-24)


class Generator:
    """A source of random numbers; the same seed gives the same numbers as PyTorch on its CPU.

    >>> torch.rand(2, generator=torch.Generator().manual_seed(0))
    tensor([0.4963, 0.7682])
    """

    def __init__(self, device: object = "cpu") -> None:
        if not isinstance(device, str | int | Device):
            raise wrong_class("Generator", "device", 1, "torch.device", device)
        self.device = Device(device)
        self._bits = np.random.MT19937(0)
        self._draw = np.random.Generator(self._bits)
        Generator.manual_seed(self, DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Self:
        """Start the sequence that belongs to `seed`, any number of 64 bits.  Returns the generator."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -2**63 <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = int(seed) % 2**64
        np.random.RandomState(self._bits).seed(self._seed & 0xffffffff)
        self._fresh = True                                   # no word drawn: NumPy's position does not tell this from a drained block
        self._normal: float | None = None                    # the second of the last pair of normals
        return self

    def seed(self) -> int:
        """Start an unpredictable sequence.  Returns its seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the sequence was started with."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """All that decides the numbers to come, as PyTorch's 5056 bytes."""
        twister = self._bits.state["state"]
        state = np.zeros((), STATE)
        state["seed"], state["seeded"], state["key"] = self._seed, 1, twister["key"]
        state["next"], state["left"] = (0, 1) if self._fresh else (twister["pos"], 625 - twister["pos"])
        if self._normal is not None:
            state["normal_y"], state["normal_is_valid"] = self._normal, 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, state: np.ndarray) -> Generator:
        """Continue from bytes that `get_state` gave, here or in PyTorch.  Returns the generator."""
        if state.size != STATE.itemsize:
            raise RuntimeError(f"Expected a CPUGeneratorImplState of size {STATE.itemsize} but found the input RNG state size to be {state.size}")
        new = np.frombuffer(np.ascontiguousarray(state, np.uint8).tobytes(), STATE)[0]
        left, position = int(new["left"]), int(new["next"])
        if new["seeded"] != 1 or not 0 < left <= 624 or position > 624:
            raise RuntimeError("Invalid mt19937 state")
        self._bits.state = {"bit_generator": "MT19937",
                            "state": {"key": new["key"].astype(np.uint32), "pos": 624 if left == 1 else position}}
        self._seed, self._fresh = int(new["seed"]), left == 1 and position == 0
        self._normal = float(new["normal_y"]) if new["normal_is_valid"] else None
        return self

    def clone_state(self) -> Self:
        """A new generator that goes on from the same place."""
        return copy.copy(self)

    def graphsafe_get_state(self) -> NoReturn:
        """Not for this kind of generator."""
        raise NotImplementedError("graphsafe_get_state is not supported in this Generator")

    def graphsafe_set_state(self, state: Generator) -> NoReturn:
        """Not for this kind of generator."""
        if not isinstance(state, Generator):
            raise TypeError(f"expected a Generator, but got {type(state).__name__}")
        raise NotImplementedError("graphsafe_set_state is not supported in this Generator")

    def get_offset(self) -> int:
        """Not for this kind of generator."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset: int) -> None:
        """Not for this kind of generator."""
        raise RuntimeError("CPU Generator does not use offset")

    def __reduce__(self) -> tuple:
        return type(self), (self.device,), Generator.get_state(self)

    def __setstate__(self, state: np.ndarray) -> None:
        Generator.set_state(self, state)

    def words(self, count: int) -> np.ndarray:
        """The next `count` words of 32 bits."""
        self._fresh &= not count
        if count < LITTLE:
            return self._bits.random_raw(count).astype(np.uint32)
        return self._draw.integers(0, 2**32, count, dtype=np.uint32)

    def long_words(self, count: int) -> np.ndarray:
        """The next `count` numbers of 64 bits, each from two words, the high one first."""
        pairs = self.words(2 * count).view("<u8")
        return pairs << 32 | pairs >> 32

    def uniform24(self, count: int) -> np.ndarray:
        """`count` float32 multiples of 2^-24 in [0, 1), of one word each."""
        return in_unit(self.words(count))

    def uniform53(self, count: int) -> np.ndarray:
        """`count` float64 multiples of 2^-53 in [0, 1), of two words each."""
        value = (self.long_words(count) & (2**53 - 1)).view(np.int64).astype(np.float64)
        value *= 2**-53
        return value

    def below(self, count: int, p: float) -> np.ndarray:
        """Whether each of `count` numbers of `uniform53` is less than `p`, in whole numbers: only ties of the high words need the low ones."""
        high, low = divmod(math.ceil(p * 2**53), 2**32)
        pairs = self.words(2 * count).reshape(count, 2)
        drawn = pairs[:, 0] & 0x1fffff
        result, ties = drawn < high, np.flatnonzero(drawn == high)
        result[ties] = pairs[ties, 1] < low
        return result

    def normals(self, count: int) -> np.ndarray:
        """`count` float64 standard normals, made in pairs (Box & Muller 1958); an odd one is kept for the next call, whatever that draws."""
        kept = [] if self._normal is None or not count else [self._normal]
        pairs = (count - len(kept) + 1) // 2
        value: np.ndarray = np.empty(len(kept) + 2 * pairs)
        value[:len(kept)] = kept
        uniform = self.uniform53(2 * pairs)
        radius = np.sqrt(-2 * libm(math.log1p, -uniform[1::2]))
        angle = 2 * math.pi * uniform[::2]
        value[len(kept)::2], value[len(kept) + 1::2] = radius * np.cos(angle), radius * np.sin(angle)
        if count:
            self._normal = float(value[count]) if value.size > count else None
        return value[:count]

    def uniform(self) -> float:
        """One number of `uniform53`."""
        self._fresh = False
        word = self._bits.random_raw
        return ((word() & 0x1fffff) << 32 | word()) * 2**-53

    @contextmanager
    def stream(self, count: int) -> Iterator[Callable[[], float]]:
        """`uniform`, for rejection methods that make about `count` numbers: reads ahead for many, and puts back what was not used."""
        if count < FEW:
            yield self.uniform
            return
        block: Iterator[float] = iter(())
        before, size = self._bits.state, 0

        def draw() -> float:
            nonlocal before, block, size
            for value in block:
                return value
            before, size = self._bits.state, READ
            block = iter(self.uniform53(size).tolist())
            return next(block)
        try:
            yield draw
        finally:
            self._bits.state = before
            self.words(2 * (size - length_hint(block)))

    def normal(self, draw: Callable[[], float]) -> float:
        """One number of `normals`, made of the numbers of a `stream`."""
        kept, self._normal = self._normal, None
        if kept is not None:
            return kept
        angle, radius = 2 * math.pi * draw(), math.sqrt(-2 * math.log1p(-draw()))
        self._normal = radius * math.sin(angle)
        return radius * math.cos(angle)


default_generator = Generator()
default_generator.seed()
