"""What this build is (`torch.version`): PyTorch's behaviour, without its CUDA."""
from .torch_version import TorchVersion

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "rocm", "xpu"]

__version__ = TorchVersion("2.13.0")                         # the PyTorch release whose behaviour this is
debug = False
cuda: str | None = None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
git_version = "jtorch"
