"""Instance normalisation (Ulyanov et al. 2016, arXiv:1607.08022)."""
from __future__ import annotations

import warnings
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.batchnorm import _LazyNormBase, _NormBase

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d"]


class _InstanceNorm(_NormBase):
    dims = (0, 0)                                            # without and with a batch

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False, track_running_stats: bool = False,
                 device: Any = None, dtype: torch.dtype | None = None, *, bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """The normalised input."""
        self._check_input_dim(input)
        alone = input.dim() == self.dims[0]
        dim = 0 if alone else 1
        channels = input.size(dim)
        if channels != self.num_features:
            if self.affine:
                raise ValueError(f"expected input's size at dim={dim} to match num_features ({self.num_features}), but got: {channels}.")
            warnings.warn(f"input's size at dim={dim} does not match num_features. You can silence this warning by not passing in "
                          "num_features, which is not used because affine=False", stacklevel=2)
        result = F.instance_norm(input.unsqueeze(0) if alone else input, self.running_mean, self.running_var, self.weight, self.bias,
                                 self.training or not self.track_running_stats, 0.0 if self.momentum is None else self.momentum, self.eps)
        return result.squeeze(0) if alone else result

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], strict: bool, missing_keys: list[str],
                              unexpected_keys: list[str], error_msgs: list[str]) -> None:
        kept = [name for name in ("running_mean", "running_var") if prefix + name in state_dict]
        if local_metadata.get("version") is None and not self.track_running_stats and kept:
            of, what = type(self).__name__, " and ".join(f'"{prefix}{name}"' for name in kept)
            error_msgs.append(f"Unexpected running stats buffer(s) {what} for {of} with track_running_stats=False. If state_dict is a checkpoint "
                              f"saved before 0.4.0, this may be expected because {of} does not track running stats by default since 0.4.0. Please "
                              "remove these keys from state_dict. If the running stats are actually needed, instead set track_running_stats=True in "
                              f"{of} to enable them. See the documentation of {of} for details.")
            for name in kept:
                state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)


class InstanceNorm1d(_InstanceNorm):
    """y = (x - mean) / √(var + eps) · γ + β, with mean and variance of each channel of each sample.    input: (N, C, L) or (C, L)  ->  the same"""
    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images, see `InstanceNorm1d`.    input: (N, C, H, W) or (C, H, W)  ->  the same

    >>> nn.InstanceNorm2d(1)(torch.tensor([[[1., 3.]]])).round()
    tensor([[[-1.,  1.]]])
    """
    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes, see `InstanceNorm1d`.    input: (N, C, D, H, W) or (C, D, H, W)  ->  the same"""
    dims = (4, 5)


class _LazyInstanceNorm(_LazyNormBase):
    def initialize_parameters(self, input: Tensor) -> None:
        """Make parameters and statistics for inputs like this one."""
        self._check_input_dim(input)
        super().initialize_parameters(input if input.dim() == self.dims[1] else input.unsqueeze(0))


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """An `InstanceNorm1d` that takes num_features from its first input."""
    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """An `InstanceNorm2d` that takes num_features from its first input."""
    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """An `InstanceNorm3d` that takes num_features from its first input."""
    cls_to_become = InstanceNorm3d
