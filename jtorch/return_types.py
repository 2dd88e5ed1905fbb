"""The types of what operators with several results return (`torch.return_types`)."""
from __future__ import annotations

from ._core.op import REGISTRY
from ._core.returns import TYPES, named

for _ops in REGISTRY.values():
    for _op in _ops:
        named(_op)
globals().update(TYPES)
all_return_types = list(TYPES.values())
