"""Gradients of convolutions, as functions of their own (`torch.nn.grad`)."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F

Sizes = int | Sequence[int]


def _gradient(conv: Callable[..., Tensor], of: int, shape: Sequence[int], other: Tensor, grad_output: Tensor, *options: Sizes) -> Tensor:
    """The gradient of `conv` with respect to its operand number `of`, whose value does not matter, for a convolution is linear in it."""
    with torch.enable_grad():
        wanted = grad_output.new_zeros(tuple(shape)).requires_grad_()
        made = conv(*((wanted, other) if of == 0 else (other, wanted)), None, *options)
    return torch.autograd.grad(made, wanted, grad_output, create_graph=torch.is_grad_enabled())[0]


def conv1d_input(input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
                 groups: int = 1) -> Tensor:
    """The gradient of `conv1d` with respect to its input.    weight: (O, C/groups, k), grad_output: (N, O, l)  ->  (N, C, L)

    >>> torch.nn.grad.conv1d_input((1, 1, 4), torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1, 3))
    tensor([[[1., 3., 3., 2.]]])
    """
    return _gradient(F.conv1d, 0, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
                  groups: int = 1) -> Tensor:
    """The gradient of `conv1d` with respect to its weight.    input: (N, C, L), grad_output: (N, O, l)  ->  (O, C/groups, k)"""
    return _gradient(F.conv1d, 1, weight_size, input, grad_output, stride, padding, dilation, groups)


def conv2d_input(input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
                 groups: int = 1) -> Tensor:
    """The gradient of `conv2d` with respect to its input.    weight: (O, C/groups, h, w), grad_output: (N, O, y, x)  ->  (N, C, H, W)"""
    return _gradient(F.conv2d, 0, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
                  groups: int = 1) -> Tensor:
    """The gradient of `conv2d` with respect to its weight.    input: (N, C, H, W), grad_output: (N, O, y, x)  ->  (O, C/groups, h, w)"""
    return _gradient(F.conv2d, 1, weight_size, input, grad_output, stride, padding, dilation, groups)


def conv3d_input(input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
                 groups: int = 1) -> Tensor:
    """The gradient of `conv3d` with respect to its input.    weight: (O, C/groups, d, h, w), grad_output: (N, O, z, y, x)  ->  (N, C, D, H, W)"""
    return _gradient(F.conv3d, 0, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Sizes = 1, padding: Sizes = 0, dilation: Sizes = 1,
                  groups: int = 1) -> Tensor:
    """The gradient of `conv3d` with respect to its weight.    input: (N, C, D, H, W), grad_output: (N, O, z, y, x)  ->  (O, C/groups, d, h, w)"""
    return _gradient(F.conv3d, 1, weight_size, input, grad_output, stride, padding, dilation, groups)
