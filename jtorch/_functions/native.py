"""The operators that `nn.functional` is made of in PyTorch, under their names in `torch`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.derive import function
from .._core.public import public
from .._core.tensor import Tensor
from .._ops import conv, gamma, normalize, resample
from .._ops.views import view_as_complex, view_as_real
from .embedding import embedding_bag as bags_of
from .parts import copying
from .shape import as_strided
from .underived import underived

plain_zeta = function(gamma.zeta.op)
CONVOLUTIONS = [function(f.op) for f in (conv.conv1d, conv.conv2d, conv.conv3d)]
TRANSPOSED = [function(f.op) for f in (conv.conv_transpose1d, conv.conv_transpose2d, conv.conv_transpose3d)]
grid_sample, affine_grid = function(resample.grid_sample.op), function(resample.affine_grid.op)
layer_norm, group_norm = function(normalize.layer_norm.op), function(normalize.group_norm.op)
INTERPOLATIONS, PADDINGS, BAGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), ("sum", "mean", "max")


@public("torch")
def convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int], padding: Any, dilation: Any, transposed: bool, output_padding: Any,
                groups: int) -> Tensor:
    """`conv1d` to `conv3d`, or their transposes, by the dimensions of `input`.    (N, C, *)  ->  (N, O, *)"""
    place = input.dim() - 3
    if transposed:
        return TRANSPOSED[place](input, weight, bias, stride, padding, output_padding, groups, dilation)
    return CONVOLUTIONS[place](input, weight, bias, stride, padding, dilation, groups)


@public("torch")
def embedding_bag(weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None) -> tuple[Tensor, ...]:
    """Sums (mode 0), means (1) or maxima (2) of bags of rows; then the bag of each index, the sizes of the bags, and where the maxima come from."""
    made = bags_of(indices, weight, offsets, None, 2.0, scale_grad_by_freq, BAGS[mode], sparse, per_sample_weights, include_last_offset, padding_idx)
    bag, sizes = _bags(indices, offsets, include_last_offset)
    if padding_idx is not None:
        sizes = sizes - _padded(indices, bag, sizes, padding_idx % weight.shape[0])
    if mode == 0:
        return made, bag if padding_idx is not None else bag[:0], offsets * 0, offsets * 0
    return made, bag, sizes, sizes if mode == 1 else _sources(weight, indices, bag, made)


def _bags(indices: Tensor, offsets: Tensor, last: bool) -> tuple[Tensor, Tensor]:
    """The bag of each index, and how many each has."""
    starts = (offsets[:-1] if last else offsets)._host()
    bag = np.searchsorted(starts, np.arange(indices.numel()), side="right") - 1
    return offsets.new_tensor(bag), offsets.new_tensor(np.bincount(bag, minlength=len(starts)))


def _padded(indices: Tensor, bag: Tensor, sizes: Tensor, padding: int) -> Tensor:
    return sizes.new_tensor(np.bincount(bag._host()[indices._host() == padding], minlength=len(sizes)))


def _sources(weight: Tensor, indices: Tensor, bag: Tensor, made: Tensor) -> Tensor:
    """The first row of each bag that has its maximum, for each column."""
    rows, places, bags = weight.detach()._host()[indices._host()], indices._host(), bag._host()
    found, best = np.zeros(tuple(made.shape), places.dtype), made.detach()._host()
    for k in np.arange(len(places))[::-1]:
        found[bags[k]] = np.where(rows[k] == best[bags[k]], places[k], found[bags[k]])
    return indices.new_tensor(found)


@public("torch", aliases=("grid_sampler_2d", "grid_sampler_3d"))
def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """`nn.functional.grid_sample`, whose modes are numbers here.    input: (N, C, *), grid: (N, *, dimensions)  ->  (N, C, *)"""
    return grid_sample(input, grid, INTERPOLATIONS[interpolation_mode], PADDINGS[padding_mode], align_corners)


@public("torch")
def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """`nn.functional.affine_grid`.    theta: (N, 2, 3) or (N, 3, 4)  ->  (N, *size[2:], 2 or 3)"""
    return affine_grid(theta, tuple(size), align_corners)


@public("torch")
def native_group_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float) -> tuple[Tensor, ...]:
    """`group_norm`, with the means and the reciprocal standard deviations that it divides by.    input: (N, C, *)  ->  (N, C, *), (N, group), (N, group)"""
    flat = input.reshape(N, group, C // group * HxW)
    return group_norm(input, group, weight, bias, eps), flat.mean(-1), (flat.var(-1, correction=0) + eps).rsqrt()


@public("torch")
def batch_norm_update_stats(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, momentum: float) -> tuple[Tensor, Tensor]:
    """The mean and the variance of each channel, after the running ones took in their part of them.    input: (N, C, *)  ->  (C), (C)"""
    dims = [d for d in np.arange(input.dim()).tolist() if d != 1]
    mean, variance = input.mean(dims), input.var(dims, correction=0)
    for running, now in (running_mean, mean), (running_var, input.var(dims)):
        if running is not None:
            running.mul_(1 - momentum).add_(now, alpha=momentum)
    return mean, variance


@public("special")
def zeta(input: Tensor | float, other: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Hurwitz zeta function `Σ_k (other + k)^-input`, with a derivative by `other` only.    input, other: (*)  ->  (*)

    >>> torch.special.zeta(torch.tensor(2.0), torch.tensor(1.0))
    tensor(1.6449)
    """
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        raise TypeError("special_zeta() received an invalid combination of arguments - got "
                        f"({type(input).__name__}, {type(other).__name__}), but expected a tensor among them")
    if out is not None or not isinstance(input, Tensor):
        return plain_zeta(input, other, out=out)
    return underived(plain_zeta(input.detach(), other), input, NotImplementedError("the derivative for 'zeta' is not implemented."))


# Copies and inverses of views

def slice_of(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """A slice of one dimension."""
    return input[(slice(None),) * (dim % input.dim()) + (slice(start, end, step),)]


for _name, _function in ("slice", slice_of), ("view_as_real", function(view_as_real.op)), ("view_as_complex", function(view_as_complex.op)):
    copying(_name, _function)


@public()
def slice_inverse(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """The tensor of the size of `src` that `input` is a slice of."""
    return as_strided(input, src.shape, src.stride(), src.storage_offset())


@public("torch")
def get_device(input: Tensor) -> int:
    """The index of the device of `input`; -1 on the CPU."""
    return input.get_device()


@public("torch")
def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule on the tensor's memory."""
    return tensor.__dlpack__()
