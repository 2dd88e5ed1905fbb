"""Seeds of datapipes (`torch.utils.data.graph_settings`): there are no datapipes, so that nothing is to be seeded."""
from __future__ import annotations

from typing import TypeVar

import jtorch as torch

T = TypeVar("T")


def apply_random_seed(datapipe: T, rng: torch.Generator) -> T:
    """The dataset itself."""
    return datapipe
