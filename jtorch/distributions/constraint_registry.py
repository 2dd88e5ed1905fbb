"""Transforms from free numbers to the regions of parameters: `biject_to` one to one, `transform_to` perhaps not, but easier to optimize."""
from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import Any

from . import constraints
from .transforms import (AffineTransform, CatTransform, ComposeTransform, CorrCholeskyTransform, ExpTransform, IndependentTransform,
                         LowerCholeskyTransform, PositiveDefiniteTransform, SigmoidTransform, SoftmaxTransform, StackTransform,
                         StickBreakingTransform, Transform, identity_transform)

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

Factory = Callable[[Any], Transform]


class ConstraintRegistry:
    """For each class of constraints, a function that makes the transform to such a region.

    >>> torch.distributions.transform_to(torch.distributions.constraints.unit_interval)
    SigmoidTransform()
    """

    def __init__(self) -> None:
        self._registry: dict[type, Factory] = {}

    def register(self, constraint: Any, factory: Factory | None = None) -> Any:
        """Makes `factory` the one for this class of constraints; without it, a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Transform:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _both(*kinds: Any) -> Callable[[Callable[[Any, ConstraintRegistry], Transform]], Callable]:
    """A decorator: both registries make the transform for these constraints, with the registry itself for the parts."""
    def decorator(function: Callable[[Any, ConstraintRegistry], Transform]) -> Callable:
        for kind in kinds:
            for registry in (biject_to, transform_to):
                registry.register(kind, lambda constraint, registry=registry: function(constraint, registry))
        return function
    return decorator


@_both(constraints.real)
def _to_real(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return identity_transform


@_both(constraints.greater_than, constraints.greater_than_eq)
def _to_above(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.lower_bound, 1)])


@_both(constraints.less_than)
def _to_below(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.upper_bound, -1)])


@_both(constraints.interval, constraints.half_open_interval)
def _to_interval(constraint: Any, registry: ConstraintRegistry) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, Number) and low == 0 and isinstance(high, Number) and high == 1:
        return SigmoidTransform()
    return ComposeTransform([SigmoidTransform(), AffineTransform(low, high - low)])


@_both(constraints.corr_cholesky)
def _to_corr_cholesky(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return CorrCholeskyTransform()


@_both(constraints.independent)
def _to_independent(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return IndependentTransform(registry(constraint.base_constraint), constraint.reinterpreted_batch_ndims)


@_both(constraints.cat)
def _to_cat(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return CatTransform([registry(c) for c in constraint.cseq], constraint.dim, constraint.lengths)


@_both(constraints.stack)
def _to_stack(constraint: Any, registry: ConstraintRegistry) -> Transform:
    return StackTransform([registry(c) for c in constraint.cseq], constraint.dim)


biject_to.register(constraints.simplex, lambda constraint: StickBreakingTransform())
transform_to.register(constraints.simplex, lambda constraint: SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda constraint: LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda constraint: PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda constraint: PositiveDefiniteTransform())
