"""The χ² distribution."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor

from . import constraints
from .gamma import Gamma
from .utils import broadcast_all


class Chi2(Gamma):
    """The sum of the squares of df standard normal numbers: Gamma(df / 2, 1 / 2).    df: (batch)"""
    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (df,) = broadcast_all(df)
        super().__init__(0.5 * df, torch.full_like(df, 0.5), validate_args=validate_args)

    def _tail(self, name: str) -> int:
        return 0

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2
