"""Activation functions as modules. All work element by element, input: (*)  ->  (*), unless they say otherwise."""
from __future__ import annotations

import warnings
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn import init
from jtorch.nn.modules.attention import MultiheadAttention
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = ["CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "LogSoftmax",
           "Mish", "MultiheadAttention", "PReLU", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus",
           "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold"]


class Threshold(Module):
    """x where x > threshold, else value."""
    __constants__ = ["threshold", "value", "inplace"]

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        """x where x > threshold, else value."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Threshold, value, inplace."""
        return f"threshold={self.threshold}, value={self.value}{', inplace=True' if self.inplace else ''}"


class _Inplace(Module):
    """An activation whose only argument is `inplace`."""
    __constants__ = ["inplace"]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """`inplace=True`, or nothing."""
        return "inplace=True" if self.inplace else ""


class ReLU(_Inplace):
    """max(0, x).

    >>> nn.ReLU()(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """max(0, x)."""
        return F.relu(input, inplace=self.inplace)


class SiLU(_Inplace):
    """x σ(x), also called swish (Elfwing et al. 2017, arXiv:1702.03118)."""

    def forward(self, input: Tensor) -> Tensor:
        """x σ(x)."""
        return F.silu(input, inplace=self.inplace)


class Mish(_Inplace):
    """x tanh(softplus(x)) (Misra 2019, arXiv:1908.08681)."""

    def forward(self, input: Tensor) -> Tensor:
        """x tanh(softplus(x))."""
        return F.mish(input, inplace=self.inplace)


class SELU(_Inplace):
    """scale (max(0, x) + min(0, α (eˣ - 1))) with fixed scale and α (Klambauer et al. 2017, arXiv:1706.02515)."""

    def forward(self, input: Tensor) -> Tensor:
        """scale (max(0, x) + min(0, α (eˣ - 1)))."""
        return F.selu(input, self.inplace)


class Hardsigmoid(_Inplace):
    """0 below -3, 1 above 3, x/6 + 1/2 between."""
    extra_repr = Module.extra_repr

    def forward(self, input: Tensor) -> Tensor:
        """x/6 + 1/2, held between 0 and 1."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(_Inplace):
    """x times `Hardsigmoid` (Howard et al. 2019, arXiv:1905.02244)."""
    extra_repr = Module.extra_repr

    def forward(self, input: Tensor) -> Tensor:
        """x · hardsigmoid(x)."""
        return F.hardswish(input, self.inplace)


class Hardtanh(Module):
    """x held between min_val and max_val."""
    __constants__ = ["min_val", "max_val", "inplace"]

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value: float | None = None,
                 max_value: float | None = None) -> None:
        super().__init__()
        if min_value is not None:
            warnings.warn("keyword argument `min_value` is deprecated and renamed to `min_val`", FutureWarning, stacklevel=2)
            min_val = min_value
        if max_value is not None:
            warnings.warn("keyword argument `max_value` is deprecated and renamed to `max_val`", FutureWarning, stacklevel=2)
            max_val = max_value
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace
        if not max_val > min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")

    def forward(self, input: Tensor) -> Tensor:
        """x held between min_val and max_val."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The bounds."""
        return f"min_val={self.min_val}, max_val={self.max_val}{', inplace=True' if self.inplace else ''}"


class ReLU6(Hardtanh):
    """min(max(0, x), 6)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """`inplace=True`, or nothing."""
        return "inplace=True" if self.inplace else ""


class RReLU(Module):
    """x where x ≥ 0, else a x, with a drawn from [lower, upper] in training and their mean otherwise (Xu et al. 2015, arXiv:1505.00853)."""
    __constants__ = ["lower", "upper", "inplace"]

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        """x or a x."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The bounds of the slope."""
        return f"lower={self.lower}, upper={self.upper}{', inplace=True' if self.inplace else ''}"


class ELU(Module):
    """x where x > 0, else α (eˣ - 1) (Clevert et al. 2015, arXiv:1511.07289)."""
    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        """x or α (eˣ - 1)."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """α."""
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class CELU(Module):
    """max(0, x) + min(0, α (e^(x/α) - 1)) (Barron 2017, arXiv:1704.07483)."""
    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        """max(0, x) + min(0, α (e^(x/α) - 1))."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """α."""
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class LeakyReLU(Module):
    """x where x ≥ 0, else negative_slope · x."""
    __constants__ = ["inplace", "negative_slope"]

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        """x or negative_slope · x."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}{', inplace=True' if self.inplace else ''}"


class PReLU(Module):
    """x where x ≥ 0, else a x with a learned, for all channels or one a channel (He et al. 2015, arXiv:1502.01852).    input: (N, C, *)"""
    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(torch.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set a to its first value."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """x or a x."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


class Sigmoid(Module):
    """σ(x) = 1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + e⁻ˣ)."""
        return torch.sigmoid(input)


class Tanh(Module):
    """tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return torch.tanh(input)


class LogSigmoid(Module):
    """log σ(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """log σ(x)."""
        return F.logsigmoid(input)


class Softsign(Module):
    """x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """x - tanh(x)."""
        return F.tanhshrink(input)


class Softplus(Module):
    """log(1 + e^(βx)) / β, and x itself where βx > threshold."""
    __constants__ = ["beta", "threshold"]

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + e^(βx)) / β."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """β and the threshold."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardshrink(Module):
    """x where |x| > λ, else 0."""
    __constants__ = ["lambd"]

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """x or 0."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """λ."""
        return f"{self.lambd}"


class Softshrink(Module):
    """x - λ where x > λ, x + λ where x < -λ, else 0."""
    __constants__ = ["lambd"]

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """x moved towards 0 by λ."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """λ."""
        return str(self.lambd)


class GELU(Module):
    """x Φ(x), with the normal distribution function Φ or its tanh approximation (Hendrycks & Gimpel 2016, arXiv:1606.08415)."""
    __constants__ = ["approximate"]

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """x Φ(x)."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The approximation."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """a σ(b), where a and b are the halves of the input along dim (Dauphin et al. 2016, arXiv:1612.08083).    input: (*, 2n, *)  ->  (*, n, *)"""
    __constants__ = ["dim"]

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """a σ(b)."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class _AlongDim(Module):
    """A function that normalises along one dimension."""
    __constants__ = ["dim"]

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """e^xᵢ / Σⱼ e^xⱼ along dim.

    >>> nn.Softmax(dim=0)(torch.zeros(4))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """e^xᵢ / Σⱼ e^xⱼ."""
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """e^-xᵢ / Σⱼ e^-xⱼ along dim."""

    def forward(self, input: Tensor) -> Tensor:
        """e^-xᵢ / Σⱼ e^-xⱼ."""
        return F.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """log(e^xᵢ / Σⱼ e^xⱼ) along dim."""

    def forward(self, input: Tensor) -> Tensor:
        """log(e^xᵢ / Σⱼ e^xⱼ)."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels.    input: (N, C, H, W) or (C, H, W)"""

    def forward(self, input: Tensor) -> Tensor:
        """Softmax over the channels."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
