"""Recurrent networks: a whole network of layers and directions is one operator, a scan over time whose input projections are one product."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from .._core.op import NONE, Array, Arrays, Scalar, op
from .activation import dropout_apply

part = partial(op, NONE, home="", inplace=False, out=False)
cell = partial(op, NONE, home="torch", inplace=False, out=False)
State = tuple[Array, ...]


def _projected(input: Array, weight: Array, bias: Array | None) -> Array:
    """`input @ weight.T + bias`, as one matrix product over all leading dimensions; in the weight's type, from which autocast lets states differ."""
    product = (input.reshape(-1, input.shape[-1]).astype(weight.dtype) @ weight.T).reshape(*input.shape[:-1], weight.shape[0])
    return product if bias is None else product + bias


def _lstm_step(gates: Array, product: Array, state: State, w_hr: Array | None) -> State:
    into, forget, update, out = jnp.split(gates + product, 4, axis=-1)
    memory = jax.nn.sigmoid(forget) * state[1] + jax.nn.sigmoid(into) * jnp.tanh(update)
    hidden = jax.nn.sigmoid(out) * jnp.tanh(memory)
    return (hidden if w_hr is None else _projected(hidden, w_hr, None)), memory


def _gru_step(gates: Array, product: Array, state: State, w_hr: Array | None) -> State:
    (hidden,) = state
    reset_x, update_x, new_x = jnp.split(gates, 3, axis=-1)
    reset_h, update_h, new_h = jnp.split(product, 3, axis=-1)
    update = jax.nn.sigmoid(update_x + update_h)
    new = jnp.tanh(new_x + jax.nn.sigmoid(reset_x + reset_h) * new_h)
    return (new + update * (hidden - new),)


def _tanh_step(gates: Array, product: Array, state: State, w_hr: Array | None) -> State:
    return (jnp.tanh(gates + product),)


def _relu_step(gates: Array, product: Array, state: State, w_hr: Array | None) -> State:
    total = gates + product
    return (jnp.where(total <= 0, 0, total),)


STEPS: dict[str, Callable] = {"lstm": _lstm_step, "gru": _gru_step, "rnn_tanh": _tanh_step, "rnn_relu": _relu_step}


def _scan(mode: str, reverse: bool, gates: Array, bias: Array | None, running: Array | None, state: State, w_hh: Array,
          w_hr: Array | None) -> tuple[tuple[Array, State], Array]:
    """The network over time: outputs and the last state; beside them the hidden state before each step."""
    def advance(state: State, now: tuple[Array, Array | None, Array | None]) -> tuple[State, tuple[Array, Array]]:
        gates, bias, live = now
        product = _projected(state[0], w_hh, bias)
        after = STEPS[mode](gates, product, state, w_hr)
        if live is None:
            return after, (after[0], state[0])
        kept = tuple(jnp.where(live, new, old) for new, old in zip(after, state, strict=True))
        return kept, (jnp.where(live, after[0], 0), state[0])

    last, (output, before) = lax.scan(advance, state, (gates, bias, running), reverse=reverse)
    return (output, last), before


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _recurrence(mode: str, reverse: bool, gates: Array, bias: Array | None, running: Array | None, state: State, w_hh: Array,
                w_hr: Array | None) -> tuple[Array, State]:
    """Outputs and the last state.  The gradient of w_hh is one product over all times, where `scan`'s own would add up one for each.

    bias  what is added to the products with w_hh, for each time (T, N, G); None where it is in the gates already
    """
    return _scan(mode, reverse, gates, bias, running, state, w_hh, w_hr)[0]


def _recurrence_forward(mode: str, reverse: bool, gates: Array, bias: Array | None, running: Array | None, state: State, w_hh: Array,
                        w_hr: Array | None) -> tuple:
    result, pull, before = jax.vjp(lambda g, b, s, w: _scan(mode, reverse, g, b, running, s, w_hh, w), gates, bias, state, w_hr, has_aux=True)
    return result, (pull, before, w_hh)


def _recurrence_backward(mode: str, reverse: bool, kept: tuple, cotangents: tuple) -> tuple:
    pull, before, w_hh = kept
    gates, bias, state, w_hr = pull(cotangents)
    product = gates if bias is None else bias                # the products' gradient: that of what is added to them
    w_hh = product.reshape(-1, product.shape[-1]).T @ before.reshape(-1, before.shape[-1]).astype(w_hh.dtype)
    return gates, bias, None, state, w_hh, w_hr


_recurrence.defvjp(_recurrence_forward, _recurrence_backward)


def _direction(mode: str, input: Array, state: State, weights: tuple[Array | None, ...], running: Array | None,
               reverse: bool) -> tuple[Array, State]:
    """One layer in one direction.    input: (T, N, F)  ->  (T, N, H) and the last state"""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    if mode != "gru":
        gates, bias = _projected(input, w_ih, None if b_ih is None or b_hh is None else b_ih + b_hh), None
    else:                                                    # the reset gate scales b_hh, too
        gates = _projected(input, w_ih, b_ih)
        bias = jnp.broadcast_to(jnp.zeros((), gates.dtype) if b_hh is None else b_hh, gates.shape)
    return _recurrence(mode, reverse, gates, bias, running, state, w_hh, w_hr)


def _grouped(weights: Arrays, has_biases: bool, projected: bool) -> Iterator[tuple[Array | None, ...]]:
    """Per layer and direction `w_ih, w_hh, b_ih, b_hh, w_hr`, None for what there is not."""
    size = 2 + 2 * has_biases + projected
    for start in range(0, len(weights), size):
        given = list(weights[start:start + size])
        w_hr = given.pop() if projected else None
        yield (*given, *(None,) * (4 - len(given)), w_hr)


def _network(mode: str, input: Array, states: tuple[Array, ...], weights: Arrays, keeps: Arrays, lengths: Array | None, dropout: Scalar,
             has_biases: bool, num_layers: int, bidirectional: bool, batch_first: bool, projected: bool) -> tuple[Array, ...]:
    directions = 1 + bidirectional
    groups = list(_grouped(weights, has_biases, projected))
    layer_input = input.swapaxes(0, 1) if batch_first else input
    running = None if lengths is None else (jnp.arange(layer_input.shape[0])[:, None] < lengths)[..., None]
    last: list[State] = []
    for layer in range(num_layers):
        outputs = []
        for back in range(directions):
            n = layer * directions + back
            output, state = _direction(mode, layer_input, tuple(s[n] for s in states), groups[n], running, reverse=bool(back))
            outputs.append(output)
            last.append(state)
        layer_input = outputs[0] if directions == 1 else jnp.concatenate(outputs, -1)
        if keeps and layer + 1 < num_layers:
            layer_input = dropout_apply(layer_input, keeps[layer], dropout)
    output = layer_input.swapaxes(0, 1) if batch_first else layer_input
    return output, *(jnp.stack(parts) for parts in zip(*last, strict=True))


@part()
def lstm_apply(input: Array, h_0: Array, c_0: Array, weights: Arrays, keeps: Arrays = (), lengths: Array | None = None, dropout: Scalar = 0.0,
               has_biases: bool = True, num_layers: int = 1, bidirectional: bool = False, batch_first: bool = False,
               projected: bool = False) -> tuple[Array, Array, Array]:
    """A network of LSTM layers (Hochreiter & Schmidhuber 1997; projections: Sak et al. 2014).

    input: (T, N, F), or (N, T, F) with `batch_first`; h_0: (layers * directions, N, H or projection), c_0: (layers * directions, N, H)
    weights: per layer and direction w_ih, w_hh, then b_ih, b_hh with `has_biases`, then w_hr with `projected`
    keeps: none, or what dropout keeps between layers, each (T, N, directions * H);  lengths: (N), where sequences differ in length
    ->  output, h_n, c_n;  past the end of its sequence an output is 0
    """
    return _network("lstm", input, (h_0, c_0), weights, keeps, lengths, dropout, has_biases, num_layers, bidirectional, batch_first, projected)


@part()
def rnn_apply(input: Array, h_0: Array, weights: Arrays, keeps: Arrays = (), lengths: Array | None = None, dropout: Scalar = 0.0,
              mode: str = "rnn_tanh", has_biases: bool = True, num_layers: int = 1, bidirectional: bool = False,
              batch_first: bool = False) -> tuple[Array, Array]:
    """A network of layers of one state: `mode` "gru" (Cho et al. 2014, arXiv:1406.1078), "rnn_tanh" or "rnn_relu" (Elman 1990).

    Operands as `lstm_apply`'s  ->  output, h_n
    """
    return _network(mode, input, (h_0,), weights, keeps, lengths, dropout, has_biases, num_layers, bidirectional, batch_first, False)


def _check_step(input: Array, states: Arrays, w_ih: Array, w_hh: Array) -> None:
    if input.shape[-1] != w_ih.shape[1]:
        raise RuntimeError(f"input has inconsistent input_size: got {input.shape[-1]} expected {w_ih.shape[1]}")
    for k, state in enumerate(states):
        if state.ndim > 1 and input.ndim > 1 and state.shape[0] != input.shape[0]:
            raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden{k} batch size {state.shape[0]}")
        if state.shape[-1] != w_hh.shape[1]:
            raise RuntimeError(f"hidden{k} has inconsistent hidden_size: got {state.shape[-1]}, expected {w_hh.shape[1]}")


@cell()
def lstm_cell(input: Array, hx: Arrays, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None) -> tuple[Array, Array]:
    """One step of an LSTM.    input: (N, F) or (F), hx: two of (N, H) or (H), w_ih: (4H, F), w_hh: (4H, H)  ->  h, c"""
    _check_step(input, hx, w_ih, w_hh)
    return _lstm_step(_projected(input, w_ih, b_ih), _projected(hx[0], w_hh, b_hh), tuple(hx), None)


@cell()
def gru_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None) -> Array:
    """One step of a GRU.    input: (N, F) or (F), hx: (N, H) or (H), w_ih: (3H, F), w_hh: (3H, H)  ->  as hx"""
    _check_step(input, (hx,), w_ih, w_hh)
    return _gru_step(_projected(input, w_ih, b_ih), _projected(hx, w_hh, b_hh), (hx,), None)[0]


@cell()
def rnn_tanh_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None) -> Array:
    """One step of a tanh network.    input: (N, F) or (F), hx: (N, H) or (H), w_ih: (H, F), w_hh: (H, H)  ->  as hx"""
    _check_step(input, (hx,), w_ih, w_hh)
    return _tanh_step(_projected(input, w_ih, b_ih), _projected(hx, w_hh, b_hh), (hx,), None)[0]


@cell()
def rnn_relu_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None) -> Array:
    """One step of a ReLU network.    input: (N, F) or (F), hx: (N, H) or (H), w_ih: (H, F), w_hh: (H, H)  ->  as hx"""
    _check_step(input, (hx,), w_ih, w_hh)
    return _relu_step(_projected(input, w_ih, b_ih), _projected(hx, w_hh, b_hh), (hx,), None)[0]
