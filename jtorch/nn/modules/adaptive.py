"""Adaptive softmax."""
from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn.modules.container import ModuleList, Sequential
from jtorch.nn.modules.linear import Linear
from jtorch.nn.modules.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Softmax over many classes sorted by frequency, the rare ones in smaller clusters (Grave et al. 2016, arXiv:1609.04309).

    input: (N, in_features) or (in_features), target: (N) or ()  ->  output (N): the log probability of each target, and their mean, negated
    """

    def __init__(self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False, device: Any = None,
                 dtype: torch.dtype | None = None) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if cutoffs != sorted(set(cutoffs)) or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1 or any(int(c) != c for c in cutoffs):
            raise ValueError("cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is between 1 "
                             "and n_classes-1")
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for place, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            hidden = int(in_features // (div_value ** (place + 1)))
            self.tail.append(Sequential(Linear(in_features, hidden, bias=False, **made), Linear(hidden, high - low, bias=False, **made)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for down, up in self.tail:
            down.reset_parameters()
            up.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """The log probabilities of the targets, and the loss."""
        if target_.dim() == 1:
            if input_.size(0) != target_.size(0):
                raise RuntimeError("Input and target should have the same size in the batch dimension.")
            if input_.dim() != 2:
                raise RuntimeError(f"1D target tensor expects 2D input tensors, but found inputs with size {input_.size()}")
        elif target_.dim() != 0:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        elif input_.dim() != 1:
            raise RuntimeError(f"0D target tensor expects 1D input tensors, but found inputs with size {input_.size()}")
        batched = target_.dim() == 1
        input, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        if ((target < 0) | (target >= self.n_classes)).any():
            raise RuntimeError(f"Target values should be in [0, {self.n_classes - 1}], but values in range [{target.min().item()}, "
                               f"{target.max().item()}] were found. ")
        output = self._target_log_prob(input, target)
        output = output if batched else output.squeeze(0)
        return _ASMoutput(output, (-output).mean())

    def _target_log_prob(self, input: Tensor, target: Tensor) -> Tensor:
        """The log probability of each target. All rows go through all clusters: shapes do not depend on the targets, so nothing recompiles."""
        head = F.log_softmax(self.head(input), dim=1)
        output = head.gather(1, target.clamp(max=self.shortlist_size - 1).unsqueeze(1)).squeeze(1)
        for place, cluster in enumerate(self.tail):
            low, high = self.cutoffs[place], self.cutoffs[place + 1]
            inside = F.log_softmax(cluster(input), dim=1).gather(1, (target - low).clamp(0, high - low - 1).unsqueeze(1)).squeeze(1)
            output = torch.where((target >= low) & (target < high), head[:, self.shortlist_size + place] + inside, output)
        return output

    def log_prob(self, input: Tensor) -> Tensor:
        """The log probabilities of all classes.    input: (N, in_features)  ->  (N, n_classes)"""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, :self.shortlist_size]]
        for place, cluster in enumerate(self.tail):
            parts.append(F.log_softmax(cluster(input), dim=1) + head[:, self.shortlist_size + place].unsqueeze(1))
        return torch.cat(parts, dim=1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class.    input: (N, in_features)  ->  (N)"""
        return self.log_prob(input).argmax(dim=1)
