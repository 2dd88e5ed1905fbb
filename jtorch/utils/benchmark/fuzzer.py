"""Random sizes and layouts for tensors to time (`torch.utils.benchmark.Fuzzer`): from a seed, the same as PyTorch's."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import jtorch as torch

ATTEMPTS = 1000
LARGEST_SEED, LARGEST_TENSOR_SEED = 2 ** 32 - 1, 2 ** 63
NORMALIZED = 1e-5                                            # how far probabilities may be from adding up to one
Params = dict[str, Any]


class ParameterAlias:
    """Stands in a custom distribution for the value of another parameter."""

    def __init__(self, alias_to: str) -> None:
        self.alias_to = alias_to

    def __repr__(self) -> str:
        return f"ParameterAlias[alias_to: {self.alias_to}]"


class FuzzedParameter:
    """A random number.

    minval, maxval  its bounds; whole numbers unless a uniform one has a fraction in its bounds
    distribution    "uniform", "loguniform", or the probability of each value, which may be a `ParameterAlias`
    strict          kept while others are drawn anew to satisfy constraints
    """

    def __init__(self, name: str, minval: float | None = None, maxval: float | None = None, distribution: str | dict[Any, float] | None = None,
                 strict: bool = False) -> None:
        self._name, self._minval, self._maxval, self._distribution, self.strict = name, minval, maxval, distribution, strict
        if isinstance(distribution, dict):
            bound = next((n for n, value in (("minval", minval), ("maxval", maxval)) if value is not None), None)
            if bound is not None:
                raise AssertionError(f"When passing a custom distribution, '{bound}' must be None")
            if abs(sum(distribution.values()) - 1) > NORMALIZED:
                raise AssertionError("Distribution is not normalized")
        elif distribution not in ("uniform", "loguniform"):
            raise AssertionError(f"Unknown distribution: {distribution}")

    @property
    def name(self) -> str:
        """What sizes, steps and constraints call it."""
        return self._name

    def sample(self, state: np.random.RandomState) -> Any:
        """A value, drawn from `state`."""
        if isinstance(self._distribution, dict):
            return [*self._distribution][state.choice(len(self._distribution), p=[*self._distribution.values()])]
        low: Any = self._minval
        high: Any = self._maxval
        if self._distribution == "loguniform":
            return int(2 ** state.uniform(low=np.log2(low), high=np.log2(high)))
        if isinstance(low, int) and isinstance(high, int):
            return int(state.randint(low=low, high=high + 1))
        return state.uniform(low=low, high=high)


class FuzzedTensor:
    """A random tensor.

    size, steps             numbers or names of parameters: its size, and every how many elements of what is allocated it takes
    probability_contiguous  how often its dimensions lie in memory in their order
    min_elements, max_elements, max_allocation_bytes  what parameters are rejected for
    dim_parameter           the parameter that says how many of `size` count
    roll_parameter          accepted, and of no effect, as in PyTorch
    tensor_constructor      called with `size`, `dtype` and the parameters
    """

    def __init__(self, name: str, size: tuple[str | int, ...], steps: tuple[str | int, ...] | None = None, probability_contiguous: float = 0.5,
                 min_elements: int | None = None, max_elements: int | None = None, max_allocation_bytes: int | None = None,
                 dim_parameter: str | None = None, roll_parameter: str | None = None, dtype: torch.dtype = torch.float32, cuda: bool = False,
                 tensor_constructor: Callable | None = None) -> None:
        self._name, self._size, self._steps, self._probability_contiguous = name, size, steps, probability_contiguous
        self._min_elements, self._max_elements, self._max_allocation_bytes = min_elements, max_elements, max_allocation_bytes
        self._dim_parameter, self._dtype, self._cuda, self._tensor_constructor = dim_parameter, dtype, cuda, tensor_constructor

    @property
    def name(self) -> str:
        """What the dictionaries that a fuzzer gives call it."""
        return self._name

    @staticmethod
    def default_tensor_constructor(size: Sequence[int], dtype: torch.dtype, **kwargs: Any) -> torch.Tensor:
        """Numbers in [0, 1), or integers in [1, 127)."""
        if dtype.is_floating_point or dtype.is_complex:
            return torch.rand(tuple(size), dtype=dtype)
        return torch.randint(1, 127, size=tuple(size), dtype=dtype)

    def _layout(self, params: Params) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Size, steps, and the size of what is allocated."""
        dims = len(self._size) if self._dim_parameter is None else params[self._dim_parameter]
        size, steps = [tuple([params[x] if x in params else int(x) for x in given[:dims]]) for given in (self._size, self._steps or (1,) * len(self._size))]
        return size, steps, tuple([n * step for n, step in zip(size, steps, strict=True)])

    def satisfies_constraints(self, params: Params) -> bool:
        """Whether the tensor that parameters describe is neither too small nor too large."""
        size, _, allocated = self._layout(params)
        count, held = math.prod(size), math.prod(allocated) * self._dtype.itemsize
        small = self._min_elements is not None and count < self._min_elements
        large = self._max_elements is not None and count > self._max_elements
        return not (small or large or self._max_allocation_bytes is not None and held > self._max_allocation_bytes)

    def _make_tensor(self, params: Params, state: np.random.RandomState) -> tuple[torch.Tensor, dict[str, Any]]:
        """The tensor that parameters describe, with what there is to say of it."""
        size, steps, allocated = self._layout(params)
        order, dims = np.arange(len(size)), len(size)
        if state.rand() > self._probability_contiguous and dims > 1:
            while (order == np.arange(dims)).all():
                order = state.permutation(dims)
        construct = self._tensor_constructor or self.default_tensor_constructor
        made = construct(size=allocated, dtype=self._dtype, **params)
        if self._cuda:
            made = made.cuda()
        if (order != np.arange(dims)).any():
            made = made.permute(tuple(order.tolist())).contiguous().permute(tuple(np.argsort(order).tolist()))
        made = made[tuple([slice(None, None, step) for step in steps])]
        return made, {"numel": made.numel(), "order": order, "steps": steps, "is_contiguous": made.is_contiguous(), "dtype": str(self._dtype)}


def _flat(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple([one for value in values for one in (value if isinstance(value, list | tuple) else (value,))])


class Fuzzer:
    """Random tensors of random sizes.

    parameters, tensors  what is drawn, also as lists of lists
    constraints          functions of the dictionary of parameters, all of which must hold
    seed                 where to start from

    >>> of = torch.utils.benchmark
    >>> some = of.Fuzzer([of.FuzzedParameter("n", 1, 8, "uniform")], [of.FuzzedTensor("x", size=("n", 2))], seed=0)
    >>> [tensors["x"].shape for tensors, _, _ in some.take(2)]
    [torch.Size([6, 2]), torch.Size([5, 2])]
    """

    def __init__(self, parameters: list[FuzzedParameter | list[FuzzedParameter]], tensors: list[FuzzedTensor | list[FuzzedTensor]],
                 constraints: list[Callable] | None = None, seed: int | None = None) -> None:
        self._seed = int(np.random.RandomState().randint(0, LARGEST_SEED, dtype=np.int64)) if seed is None else seed
        self._parameters, self._tensors, self._constraints = _flat(parameters), _flat(tensors), tuple(constraints or ())
        twice = {p.name for p in self._parameters} & {t.name for t in self._tensors}
        if twice:
            raise ValueError(f"Duplicate names in parameters and tensors: {twice}")
        self._rejections = self._total_generated = 0

    @property
    def rejection_rate(self) -> float:
        """The part of the parameters drawn so far that did not satisfy the constraints."""
        return self._rejections / self._total_generated if self._total_generated else 0.0

    def take(self, n: int) -> Iterator[tuple[dict[str, torch.Tensor], dict[str, dict[str, Any]], Params]]:
        """`n` times the tensors, what there is to say of each, and the parameters.  Sets the seed of random tensors."""
        state = np.random.RandomState(self._seed)
        torch.manual_seed(int(state.randint(low=0, high=LARGEST_TENSOR_SEED, dtype=np.int64)))
        for _ in range(n):
            params = self._generate(state)
            made = {t.name: t._make_tensor(params, state) for t in self._tensors}
            yield {name: tensor for name, (tensor, _) in made.items()}, {name: told for name, (_, told) in made.items()}, params

    def _generate(self, state: np.random.RandomState) -> Params:
        """Parameters that satisfy the constraints.  Raises ValueError where many attempts did not find any."""
        kept: Params = {}
        for _ in range(ATTEMPTS):
            drawn: Params = {}
            for p in self._parameters:
                drawn[p.name] = kept[p.name] if p.name in kept else p.sample(state)
                if p.strict:
                    kept[p.name] = drawn[p.name]
            params = {name: _resolved(drawn, name) for name in drawn}
            self._total_generated += 1
            if all(t.satisfies_constraints(params) for t in self._tensors) and all(holds(params) for holds in self._constraints):
                return params
            self._rejections += 1
        raise ValueError("Failed to generate a set of valid parameters.")


def _resolved(params: Params, name: str) -> Any:
    """A parameter's value.  Raises ValueError where aliases go round in a circle."""
    seen = [name]
    value = params[name]
    while isinstance(value, ParameterAlias):
        if value.alias_to in seen:
            raise ValueError(f"Cycle detected\n  {' -> '.join([*seen, value.alias_to])}")
        seen.append(value.alias_to)
        value = params[value.alias_to]
    return value
