"""Switches of PyTorch's backends (`torch.backends`).  XLA takes these decisions itself: the switches keep what they are set to."""
from . import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]
