"""Recurrent networks: all layers and directions over all times are one operation."""
from __future__ import annotations

from typing import Any
from collections.abc import Sequence

import numpy as np

from .._core import layout, random
from .._core.public import public
from .._core.record import record
from .._core.transfer import to_host
from .._core.run import host_value
from .._core.tensor import Tensor, from_array, wrap
from .._ops.packed import packed, unpacked
from .._ops.rnn import lstm_apply, rnn_apply
from .draw import default

States = tuple[Tensor, ...]


@public("nn.functional")
def rnn_forward(mode: str, input: Tensor, hx: Sequence[Tensor], flat_weights: Sequence[Tensor], bias: bool, num_layers: int, dropout: float,
                training: bool, bidirectional: bool, batch_first: bool, proj_size: int = 0,
                batch_sizes: Tensor | None = None) -> tuple[Tensor, States]:
    """A network of recurrent layers: mode "LSTM" with hx (h, c), "GRU", "RNN_TANH" or "RNN_RELU" with hx (h,).

    input: (T, N, F), (N, T, F) with batch_first, or the data of a packed sequence with its batch_sizes  ->  output, last states
    """
    order = None if batch_sizes is None else _Order(batch_sizes)
    p = float(dropout) if training and num_layers > 1 else 0.0
    width = (1 + bidirectional) * (proj_size or hx[-1].shape[-1])
    keeps = [_keep(input, width, p, batch_first, order) for _ in range(num_layers - 1)] if p else []
    if order is not None:
        input, batch_first = wrap(record(unpacked.op, (input, order.index))), False
    lengths = None if order is None else order.lengths
    static = (len(flat_weights), len(keeps))
    if mode == "LSTM":
        output, *last = record(lstm_apply.op, (input, *hx, *flat_weights, *keeps, lengths, p),
                               (*static, bias, num_layers, bidirectional, batch_first, bool(proj_size)))
    else:
        output, *last = record(rnn_apply.op, (input, *hx, *flat_weights, *keeps, lengths, p),
                               (*static, mode.lower(), bias, num_layers, bidirectional, batch_first))
    if order is not None:
        output = record(packed.op, (output, order.places))
    made = wrap(output)
    if batch_first and made.dim() == 3:                      # in PyTorch the result by times, transposed
        layout.lay(made, layout.ordered(made.shape, (1, 0, 2)))
    return made, tuple([wrap(state) for state in last])


class _Order:
    """How the rows of a packed sequence stand in a padded (T, N) table."""

    def __init__(self, batch_sizes: Tensor) -> None:
        sizes = np.asarray(to_host(batch_sizes._read_value(), "batch_sizes"))
        self.running = np.arange(sizes.max(initial=0)) < sizes[:, None]            # (T, N)
        self.rows = np.where(self.running, np.cumsum(sizes)[:, None] - sizes[:, None] + np.arange(self.running.shape[1]), 0)
        self.lengths, self.index = host_value(self.running.sum(0)), host_value(self.rows)
        self.places = host_value(np.flatnonzero(self.running))


def _keep(input: Tensor, width: int, p: float, batch_first: bool, order: _Order | None) -> Tensor:
    """What dropout keeps of one layer's output, time first."""
    if order is not None:
        return from_array(random.keep_mask(default, (input.shape[0], width), p)[order.rows], input.device)
    first, second = input.shape[:2]
    return from_array(random.keep_mask(default, (second, first, width) if batch_first else (first, second, width), p), input.device)


def _declare(mode: str) -> None:
    """Make the form that lives in `torch` public: with padded input, or with `batch_sizes` second."""
    name, count = mode.lower(), 1 + (mode == "LSTM")

    def network(input: Tensor, *args: Any) -> States:
        batch_sizes = args[0] if isinstance(args[0], Tensor) and not args[0].is_floating_point() else None
        hx, params, has_biases, num_layers, dropout, train, bidirectional = args[:7] if batch_sizes is None else args[1:]
        states = tuple(hx) if count == 2 else (hx,)
        if len(states) != count:
            raise RuntimeError("lstm expects two hidden states")
        size = states[0].shape[-1]
        projected = size if count == 2 and size != states[1].shape[-1] else 0
        batch_first = bool(args[7]) if batch_sizes is None else False
        output, last = rnn_forward(mode, input, states, params, has_biases, num_layers, dropout, train, bidirectional, batch_first, projected,
                                   batch_sizes)
        return output, *last
    network.__name__ = name
    network.__doc__ = f"A network of recurrent layers, as `nn.{mode.split('_')[0]}` runs it: the output, then the last states."
    public("torch", name=name)(network)


for _mode in ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"):
    _declare(_mode)
