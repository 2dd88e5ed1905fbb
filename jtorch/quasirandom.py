"""Points that fill the unit cube more evenly than random ones: Sobol' sequences.

The sequence: I. M. Sobol', On the distribution of points in a cube and the approximate evaluation of integrals, 1967, in the order of Gray codes (I. A. Antonov
and V. M. Saleev, 1979), where each point differs from the one before by one direction number.  The numbers are those of S. Joe and F. Y. Kuo, Constructing Sobol
sequences with better two-dimensional projections, SIAM J. Sci. Comput. 30, 2008, as SciPy carries them.  The scrambling: J. Matoušek, On the L2-discrepancy for
anchored boxes, J. Complexity 14, 1998.
"""
from __future__ import annotations

from functools import cache
from importlib import resources
from operator import index
from typing import Any, ClassVar

import numpy as np

import jtorch as torch
from jtorch import Tensor

from ._core.misfit import wrong_class
from ._core.random import need
from ._core.tensor import from_array

__all__ = ["SobolEngine"]

BITS = 30
WEIGHTS = 1 << np.arange(BITS, dtype=np.uint32)[::-1]        # of the bits, the most significant first
DRAWS = frozenset(("float32", "float64"))


class SobolEngine:
    """Draws the points of a Sobol' sequence one after another, the same as PyTorch does bit for bit.

    dimension  of the points, from 1 to 21201
    scramble   whether to put the bits of each coordinate through a random triangular matrix and a random shift: the sequence stays as even as it is
    seed       of the scrambling; None takes the numbers of the default generator

    >>> torch.quasirandom.SobolEngine(dimension=2).draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    """
    MAXBIT: ClassVar[int] = BITS
    MAXDIM: ClassVar[int] = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if dimension > self.MAXDIM or dimension < 1:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        if isinstance(dimension, bool) or not hasattr(dimension, "__index__"):
            raise wrong_class("SobolEngine", "dimension", 1, "int", dimension)
        self.seed, self.scramble, self.dimension = seed, scramble, dimension
        self.shift = torch.zeros(dimension, dtype=torch.int64, device="cpu")
        state = _directions(index(dimension))
        if scramble:
            state, shift = _scrambled(state, torch.default_generator if seed is None else torch.Generator().manual_seed(seed))
            self.shift = from_array(shift)
        self.sobolstate = from_array(state)
        self.quasi = self.shift.clone()
        self._first_point = (self.quasi / 2**BITS).reshape(1, -1)
        self.num_generated = 0

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: torch.dtype | None = None) -> Tensor:
        """The next `n` points, float32 or float64, also into `out`, which takes their shape.    ->  (n, dimension)

        Raises NotImplementedError for another `dtype`, ValueError after 2^30 points.
        """
        dtype = torch.get_default_dtype() if dtype is None else dtype
        if self.num_generated:
            made = from_array(self._next(n, dtype))
        elif n == 1:
            made = self._first_point.to(dtype)
        else:
            first, rest = self._first_point.numpy(), self._next(n - 1, dtype)
            made = from_array(np.concatenate((first.astype(rest.dtype), rest)))
        self.num_generated += n
        return made if out is None else out.resize_as_(made).copy_(made)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: torch.dtype | None = None) -> Tensor:
        """The next 2^m points.  Raises ValueError where the number of points so far is then no power of two.    ->  (2^m, dimension)"""
        n = 2 ** m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(f"The balance properties of Sobol' points require n to be a power of 2. {self.num_generated} points have been previously generated, "
                             f"then: n={self.num_generated}+2**{m}={total}. If you still want to do this, please use 'SobolEngine.draw()' instead.")
        return self.draw(n=n, out=out, dtype=dtype)

    def reset(self) -> SobolEngine:
        """Back to the first point.  Returns the engine."""
        self.quasi.numpy()[:] = self.shift.numpy()
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Pass over the next `n` points.  Returns the engine."""
        done, count = self._steps("_sobol_engine_ff_", n if self.num_generated else n - 1)
        turned = (_gray(done + max(count, 0)) ^ _gray(done)) >> np.arange(BITS) & 1
        self.quasi.numpy()[:] ^= np.bitwise_xor.reduce(self.sobolstate.numpy() * turned, axis=1)
        self.num_generated += n
        return self

    def __repr__(self) -> str:
        scramble = ", scramble=True" if self.scramble else ""
        return f"{type(self).__name__}(dimension={self.dimension}{scramble}{'' if self.seed is None else f', seed={self.seed}'})"

    def _steps(self, name: str, n: Any) -> tuple[int, int]:
        """How many steps led to the last point, and how many follow, as integers.  Raises PyTorch's TypeError, ValueError past the last point there is."""
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise wrong_class(name, "n", 2, "int", n)
        done, count = index(max(self.num_generated - 1, 0)), index(n)
        if done + count >= 2**BITS:
            raise ValueError(f"SobolEngine has 2**{BITS} points; {self.num_generated} are drawn, and {count} more were asked for")
        return done, count

    def _next(self, n: Any, dtype: Any) -> np.ndarray:
        """The `n` points after the last one, which then is the last of them."""
        done, count = self._steps("_sobol_engine_draw", n)
        if not isinstance(dtype, torch.dtype):
            raise wrong_class("_sobol_engine_draw", "dtype", None, "torch.dtype", dtype)
        if count < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {count}: [{count}, {self.dimension}]")
        need("_sobol_engine_draw", dtype, DRAWS)
        steps = np.arange(done + 1, done + 1 + count)
        lowest = np.bitwise_count((steps & -steps) - 1)      # the bit of the Gray code that changes at each step
        bits = self.sobolstate.numpy().T.astype(np.int32)[lowest]
        if count:
            bits[0] ^= self.quasi.numpy().astype(np.int32)
            np.bitwise_xor.accumulate(bits, axis=0, out=bits)
            self.quasi = from_array(bits[-1].astype(np.int64))
        points = bits.astype(dtype.numpy)
        points *= points.dtype.type(2**-BITS)
        return points


def _gray(number: int) -> int:
    return number ^ number >> 1


@cache
def _numbers() -> tuple[np.ndarray, np.ndarray]:
    """Joe and Kuo's primitive polynomials, with the coefficients as bits, and the initial numbers.    ->  (21201), (21201, 18)"""
    with resources.files("scipy.stats").joinpath("_sobol_direction_numbers.npz").open("rb") as file:
        data = np.load(file)
        return data["poly"], data["vinit"]


def _directions(dimension: int) -> np.ndarray:
    """The direction numbers as integers of 30 bits.    ->  (dimension, 30)"""
    polynomials, initial = (a[:dimension] for a in _numbers())
    found = np.ones((dimension, BITS), np.int64)             # the first dimension has no polynomial and stays like this
    degrees = np.frexp(polynomials)[1] - 1
    for degree in range(1, int(degrees.max()) + 1):
        same = degrees == degree
        found[same] = _recurrence(polynomials[same], initial[same, :degree], degree)
    return found << np.arange(BITS)[::-1]


def _recurrence(polynomials: np.ndarray, initial: np.ndarray, degree: int) -> np.ndarray:
    """What follows from the initial numbers m by the polynomials x^s + a₁ x^(s-1) + ... + 1:  m[i] = 2 a₁ m[i-1] ⊕ ... ⊕ 2^s m[i-s] ⊕ m[i-s].

    polynomials: (n), initial: (n, s)  ->  (n, 30)
    """
    found = np.zeros((len(polynomials), BITS), np.int64)
    found[:, :degree] = initial[:, :BITS]
    for i in range(degree, BITS):
        found[:, i] = found[:, i - degree]
        for k in range(1, degree + 1):
            found[:, i] ^= (polynomials >> degree - k & 1) * found[:, i - k] << k
    return found


def _scrambled(state: np.ndarray, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Direction numbers times a random lower triangular matrix of bits for each dimension, and the random shift, drawn before: as PyTorch draws them.

    state: (d, 30)  ->  (d, 30), (d)
    """
    shift = (generator.words(state.size) & 1).reshape(state.shape) @ WEIGHTS[::-1]
    matrices = (generator.words(state.size * BITS) & 1).reshape(*state.shape, BITS) @ WEIGHTS
    numbers, result = state.astype(np.uint32), np.zeros(state.shape, np.int64)
    for row, weight in enumerate(WEIGHTS.tolist()):
        lower = matrices[:, row, None] & (2**BITS - 2 * weight) | weight        # what is left of the diagonal, which is 1
        result |= (np.bitwise_count(lower & numbers) & 1).astype(np.int64) * weight
    return result, shift.astype(np.int64)
