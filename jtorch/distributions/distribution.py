"""The base of all distributions."""
from __future__ import annotations

import warnings
from typing import Any

import jtorch as torch
from jtorch import Size, Tensor
from jtorch.func import debug_unwrap

from . import constraints
from .utils import lazy_property, shown


class Distribution:
    """A random variable of shape `event_shape`, in `batch_shape` independent copies with their own parameters."""
    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked unless said otherwise."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = Size(), event_shape: Any = Size(), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()
        super().__init__()

    def _validate_parameters(self) -> None:
        try:
            limits = self.arg_constraints
        except NotImplementedError:
            limits = {}
            warnings.warn(f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the distribution "
                          "with `validate_args=False` to turn off validation.", stacklevel=4)
        for name, limit in limits.items():
            computed = name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)
            if constraints.is_dependent(limit) or computed:
                continue
            value = getattr(self, name)
            valid = limit.check(value)
            if not bool(debug_unwrap(valid).all()):
                raise ValueError(f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution {self!r} "
                                 f"to satisfy the constraint {limit!r}, but found invalid values:\n{shown(value)}")

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters repeated to `batch_shape`."""
        new = self._get_checked_instance(Distribution, _instance, generic=True)
        batch_shape = Size(batch_shape)
        for name, value in self.__dict__.items():
            if isinstance(value, Distribution):
                new.__dict__[name] = value.expand(batch_shape + value.batch_shape[len(self._batch_shape):])
            elif isinstance(value, Tensor) and name != "temperature":                  # one for the whole batch
                new.__dict__[name] = value.expand(batch_shape + value.shape[value.dim() - self._tail(name):])
            elif name not in ("_batch_shape", "_event_shape", "_validate_args"):
                new.__dict__[name] = value
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _tail(self, name: str) -> int:
        """How many dimensions of a parameter belong to one event."""
        limit = self.arg_constraints.get(name.lstrip("_")) or self.arg_constraints.get(name.removeprefix("_unbroadcasted_"))
        return limit.event_dim if limit is not None else len(self._event_shape)

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample for one set of parameters."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """The region of each parameter."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The region of the values."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The expected value.    -> (batch, event)"""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most likely value.    -> (batch, event)"""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance of each element.    -> (batch, event)"""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation of each element.    -> (batch, event)"""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = Size()) -> Tensor:
        """Random values without gradient.    -> (sample_shape, batch, event)"""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        """Random values through which gradients reach the parameters.    -> (sample_shape, batch, event)"""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """`n` samples (old name of `sample((n,))`)."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density or probability.    value: (*, batch, event)  ->  (*, batch)"""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The value up to which the probability is `value`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution.    -> (values, batch, event)"""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy in nats.    -> (batch)"""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """The exponential of the entropy.    -> (batch)"""
        return torch.exp(self.entropy())

    def _extended_shape(self, sample_shape: Any = Size()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _checked(self, value: Any) -> Tensor:
        """`value`, after the checks that are switched on."""
        if self._validate_args:
            self._validate_sample(value)
        return value

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        dims = len(self._event_shape)
        if value.shape[value.dim() - dims:] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(expected)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(f"{type(self)} does not define `support` to enable sample validation. Please initialize the distribution with "
                          "`validate_args=False` to turn off validation.", stacklevel=4)
            return
        if not bool(debug_unwrap(support.check(value)).all()):
            raise ValueError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support ({support!r}) "
                             f"of the distribution {self!r}, but found invalid values:\n{shown(value)}")

    def _get_checked_instance(self, cls: type, _instance: Any = None, generic: bool = False) -> Any:
        if _instance is None and not generic and type(self).__init__ != cls.__init__:
            raise NotImplementedError(f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method "
                                      "must also define a custom .expand() method.")
        return type(self).__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        present = [(name, self.__dict__[name]) for name in self._parameters() if name in self.__dict__]
        return f"{type(self).__name__}({', '.join(f'{n}: {shown(v) if v.numel() == 1 else v.size()}' for n, v in present)})"

    def _parameters(self) -> list[str]:
        try:
            return list(self.arg_constraints)
        except NotImplementedError:
            return []
