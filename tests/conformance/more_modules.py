"""Modules that PyTorch's database lacks, in its form."""
from __future__ import annotations

MORE: list = []
