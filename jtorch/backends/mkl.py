"""Intel's MKL (`torch.backends.mkl`): XLA has its own kernels for the CPU."""
from .mkldnn import is_available, verbose

__all__ = ["VERBOSE_OFF", "VERBOSE_ON", "is_available", "verbose"]
VERBOSE_OFF, VERBOSE_ON = range(2)
