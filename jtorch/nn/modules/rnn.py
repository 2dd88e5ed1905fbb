"""Recurrent networks."""
from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn import init
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter
from jtorch.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """The tensor with the samples of its batch in another order."""
    return tensor.index_select(dim, permutation)


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` share. All parameters start uniform in ±1/√hidden_size.

    input: (L, N, input_size), or (N, L, input_size) with batch_first, or (L, input_size), or a `PackedSequence`
    """
    __constants__ = ["mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size"]

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self.proj_size = proj_size
        _check_arguments(self, dropout)
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[:self._directions]:
                shapes = self._shapes(layer, suffix)
                self._all_weights.append(list(shapes))
                for name, shape in shapes.items():
                    setattr(self, name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _shapes(self, layer: int, suffix: str) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters of one layer in one direction."""
        state = self.proj_size or self.hidden_size
        gates = GATES[self.mode] * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, self.input_size if layer == 0 else state * self._directions), "weight_hh": (gates, state)}
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes |= {"weight_hr": (self.proj_size, self.hidden_size)}
        return {name + suffix: shape for name, shape in shapes.items()}

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for names in self._all_weights for name in names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, one list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: there is no fused buffer of weights that could be out of order."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise where the input has the wrong type or shape."""
        weight = self._flat_weights[0]
        if input.dtype != weight.dtype and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). Convert input: "
                             f"input.to({weight.dtype}), or convert model: model.to({input.dtype})")
        expected = 2 if batch_sizes is not None else 3
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}")

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of the hidden state for an input."""
        batch = int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)
        return self.num_layers * self._directions, batch, self.proj_size or self.hidden_size

    def check_hidden_size(self, hx: Tensor, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}") -> None:
        """Raise where a state has the wrong shape."""
        if tuple(hx.size()) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise where input and state do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state with the samples in another order."""
        return hx if permutation is None else apply_permutation(hx, permutation)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The last layer's state at all times, and all layers' state after the last one."""
        if isinstance(input, PackedSequence):
            data, batch_sizes, order, back = input
            states = self._first_states(data, batch_sizes) if hx is None else self.permute_hidden(hx, order)
            output, states = self._run(data, states, batch_sizes)
            return PackedSequence(output, batch_sizes, order, back), self.permute_hidden(states, back)
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D{self._tensor_word} instead")
        batched, batch_dim = input.dim() == 3, 0 if self.batch_first else 1
        if hx is not None:
            self._check_hidden_dim(batched, hx)
        if batched:
            return self._run(input, self._first_states(input, None) if hx is None else hx, None)
        input = input.unsqueeze(batch_dim)
        states = self._first_states(input, None) if hx is None else self._each(lambda h: h.unsqueeze(1), hx)
        output, states = self._run(input, states, None)
        return output.squeeze(batch_dim), self._each(lambda h: h.squeeze(1), states)

    _tensor_word = ""

    def _each(self, function: Any, states: Any) -> Any:
        """The function of the state, or of each of several states."""
        return function(states)

    def _check_hidden_dim(self, batched: bool, hx: Any) -> None:
        if hx.dim() != (3 if batched else 2):
            kind, need = ("batched 3-D", "3-D") if batched else ("unbatched 2-D", "2-D")
            raise RuntimeError(f"For {kind} input, hx should also be {need} but got {hx.dim()}-D tensor")

    def _first_states(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        return torch.zeros(self.get_expected_hidden_size(input, batch_sizes), dtype=input.dtype, device=input.device)

    def _run(self, input: Tensor, states: Any, batch_sizes: Tensor | None) -> tuple[Tensor, Any]:
        """All layers over all times, in one operation."""
        self.check_forward_args(input, states, batch_sizes)
        hx = states if isinstance(states, tuple) else (states,)
        output, last = F.rnn_forward(self.mode, input, hx, self._flat_weights, self.bias, self.num_layers, self.dropout, self.training,
                                     self.bidirectional, self.batch_first, self.proj_size, batch_sizes=batch_sizes)
        return output, last if isinstance(states, tuple) else last[0]

    def extra_repr(self) -> str:
        """The sizes; what has its default value is left out."""
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        changed = {name: getattr(self, name) for name, default in defaults.items()
                   if (getattr(self, name) is not default if isinstance(default, bool) else getattr(self, name) != default)}
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *(f"{name}={value}" for name, value in changed.items())])

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = {"proj_size": 0, **state}                    # absent from old files
        for computed in ("_flat_weights", "_flat_weights_names", "_flat_weight_refs"):
            state.pop(computed, None)
        names = state.get("_all_weights") or state.pop("all_weights", [])
        state["_all_weights"] = [[name for name in group if name] for group in names]
        super().__setstate__(state)


def _check_arguments(rnn: RNNBase, dropout: Any) -> None:
    chance: Any = dropout
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= chance <= 1:
        raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being zeroed")
    if chance > 0 and rnn.num_layers == 1:
        warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, but "
                      f"got dropout={dropout} and num_layers={rnn.num_layers}", stacklevel=4)
    for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
        given = getattr(rnn, name)
        if not isinstance(given, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(given).__name__}")
        if kind is int and given <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if rnn.num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if rnn.proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if rnn.proj_size >= rnn.hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if rnn.mode not in GATES:
        raise ValueError(f"Unrecognized RNN mode: {rnn.mode}")


def _no_projection(kwargs: dict[str, Any]) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), or relu (Elman 1990, doi:10.1016/0364-0213(90)90002-E).

    input: (L, N, input_size), hx: (layers·directions, N, hidden_size)  ->  (L, N, directions·hidden_size), like hx

    >>> output, h = nn.RNN(10, 20, 2)(torch.zeros(5, 3, 10))
    >>> output.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """
    _tensor_word = " tensor"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """cₜ = f cₜ₋₁ + i g, hₜ = o tanh(cₜ), with gates i, f, g, o of xₜ and hₜ₋₁ (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735).

    input: (L, N, input_size), hx: a pair (h, c) of (layers·directions, N, hidden_size)  ->  (L, N, directions·hidden_size), a pair like hx;
    with proj_size, h is W_hr hₜ (Sak et al. 2014, arXiv:1402.1128).

    >>> output, (h, c) = nn.LSTM(10, 20, batch_first=True)(torch.zeros(3, 5, 10))
    >>> output.shape, c.shape
    (torch.Size([3, 5, 20]), torch.Size([1, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of the cell state for an input."""
        layers, batch, _ = self.get_expected_hidden_size(input, batch_sizes)
        return layers, batch, self.hidden_size

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise where input and states do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden[0], self.get_expected_hidden_size(input, batch_sizes), "Expected hidden[0] size {}, got {}")
        self.check_hidden_size(hidden[1], self.get_expected_cell_size(input, batch_sizes), "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The states with the samples in another order."""
        return hx if permutation is None else self._each(lambda h: apply_permutation(h, permutation), hx)

    def _each(self, function: Any, states: Any) -> Any:
        return function(states[0]), function(states[1])

    def _check_hidden_dim(self, batched: bool, hx: Any) -> None:
        h, c = hx[0].dim(), hx[1].dim()
        need = 3 if batched else 2
        if h != need or c != need:
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx and cx should also be {need}-D but got ({h}-D, {c}-D) tensors")

    def _first_states(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        sizes = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        return tuple(torch.zeros(size, dtype=input.dtype, device=input.device) for size in sizes)

    def _run(self, input: Tensor, states: Any, batch_sizes: Tensor | None) -> tuple[Tensor, Any]:
        return super()._run(input, tuple(states), batch_sizes)


class GRU(RNNBase):
    """hₜ = (1 - z) n + z hₜ₋₁ with reset gate r, update gate z, n = tanh(W_in xₜ + b_in + r (W_hn hₜ₋₁ + b_hn)) (Cho et al. 2014, arXiv:1406.1078).

    input: (L, N, input_size), hx: (layers·directions, N, hidden_size)  ->  (L, N, directions·hidden_size), like hx
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """What the cells share. All parameters start uniform in ±1/√hidden_size."""
    __constants__ = ["input_size", "hidden_size", "bias"]

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        made, gates = {"device": device, "dtype": dtype}, num_chunks * hidden_size
        self.weight_ih = Parameter(torch.empty((gates, input_size), **made))
        self.weight_hh = Parameter(torch.empty((gates, hidden_size), **made))
        self.register_parameter("bias_ih", Parameter(torch.empty(gates, **made)) if bias else None)
        self.register_parameter("bias_hh", Parameter(torch.empty(gates, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _check(self, tensor: Tensor, name: str) -> None:
        if tensor.dim() not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected {name} to be 1D or 2D, got {tensor.dim()}D instead")

    def _step(self, cell: Any, input: Tensor, hx: Tensor | None) -> Tensor:
        """One step of a cell with one state, for a batch or a single sample."""
        self._check(input, "input")
        if hx is not None:
            self._check(hx, "hidden")
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if hx is None:
            hx = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype, device=x.device)
        elif not batched:
            hx = hx.unsqueeze(0)
        new = cell(x, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return new if batched else new.squeeze(0)

    def extra_repr(self) -> str:
        """The sizes; what has its default value is left out."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.    input: (N, input_size), hx: (N, hidden_size)  ->  (N, hidden_size); or without N

    >>> nn.RNNCell(10, 20)(torch.zeros(3, 10)).shape
    torch.Size([3, 20])
    """
    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
                 dtype: torch.dtype | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(torch.rnn_tanh_cell if self.nonlinearity == "tanh" else torch.rnn_relu_cell, input, hx)


class LSTMCell(RNNCellBase):
    """One step of an `LSTM`.    input: (N, input_size), hx: a pair of (N, hidden_size)  ->  a pair like hx; or all without N"""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next states h and c."""
        self._check(input, "input")
        if isinstance(hx, Tensor):
            raise TypeError("lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor")
        for place, state in enumerate(hx or ()):
            self._check(state, f"hx[{place}]")
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if hx is None:
            zeros = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype, device=x.device)
            hx = (zeros, zeros)
        elif not batched:
            hx = (hx[0].unsqueeze(0), hx[1].unsqueeze(0))
        h, c = torch.lstm_cell(x, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of a `GRU`.    input: (N, input_size), hx: (N, hidden_size)  ->  (N, hidden_size); or without N"""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._step(torch.gru_cell, input, hx)
