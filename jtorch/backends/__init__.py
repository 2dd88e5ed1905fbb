"""Switches of PyTorch's backends (`torch.backends`).  XLA takes these decisions itself: the switches keep what they are set to."""
from . import cpu, cuda, cudnn, mha, mkl, mkldnn, mps, openmp, opt_einsum

__all__ = ["cpu", "cuda", "cudnn", "mha", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]
