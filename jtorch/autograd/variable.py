"""`Variable`, which was once what tensors with gradients were wrapped in."""
from __future__ import annotations

from . import Variable as Variable
