"""Tensors without data (`torch._subclasses`), as far as libraries ask for them."""
from __future__ import annotations

from .fake_tensor import FakeTensor as FakeTensor
