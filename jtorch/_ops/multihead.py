"""Multi-head attention with its projections, as one operator.  Everything that is checked here is checked once per shape."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._core.op import NONE, Array, Scalar, op
from .activation import dropout_apply
from .checks import is_floating, sizes, torch_size, widened
from .fused import Given, How, attend, dropout_gain, fits, masked_softmax
from .linear import linear


class Projections(NamedTuple):
    """The weights: `joint` (3E, E), or three separate ones; `bias` (3E)."""
    joint: Array | None
    bias: Array | None
    query: Array | None
    key: Array | None
    value: Array | None


def expect(fact: bool, message: str) -> None:
    """Raise PyTorch's AssertionError unless `fact`."""
    if not fact:
        raise AssertionError(message)


def _check_dims(query: Array, key: Array, value: Array, padding: Array | None, mask: Array | None, heads: int) -> None:
    expect(query.ndim in (2, 3), f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor")
    n, kind = query.ndim, "batched (3-D)" if query.ndim == 3 else "unbatched (2-D)"
    expect(key.ndim == n and value.ndim == n, f"For {kind} `query`, expected `key` and `value` to be {n}-D but found {key.ndim}-D and {value.ndim}-D "
                                              "tensors respectively")
    if padding is not None:
        expect(padding.ndim == n - 1, f"For {kind} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found {padding.ndim}-D tensor "
                                      "instead")
    if mask is not None:
        expect(mask.ndim in (2, 3), f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead")
        wanted = (heads, query.shape[0], key.shape[0])
        if n == 2 and mask.ndim == 3:
            expect(mask.shape == wanted, f"Expected `attn_mask` shape to be {wanted} but got {torch_size(mask)}")


def _check_masks(padding: Array | None, mask: Array | None, is_causal: bool) -> None:
    for name, given in (("key_padding_mask", padding), ("attn_mask", mask)):
        expect(given is None or given.dtype == jnp.bool_ or is_floating(given), f"only bool and floating types of {name} are supported")
    if is_causal and mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
                           "`generate_square_subsequent_mask` to create this mask.")


def _check_sizes(query: Array, key: Array, value: Array, weights: Projections, embed_dim: int, heads: int, separate: bool) -> None:
    size = query.shape[-1]
    expect(size == embed_dim, f"was expecting embedding dimension of {embed_dim}, but got {size}")
    expect(size % heads == 0, f"embed_dim {size} not divisible by num_heads {heads}")
    if separate:
        expect(key.shape[:-1] == value.shape[:-1], f"key's sequence and batch dims torch.Size({sizes(key.shape[:-1])}) do not match value's "
                                                   f"torch.Size({sizes(value.shape[:-1])})")
        for name in ("query", "key", "value"):
            expect(getattr(weights, name) is not None, f"use_separate_proj_weight is True but {name[0]}_proj_weight is None")
    else:
        expect(key.shape == value.shape, f"key shape {torch_size(key)} does not match value shape {torch_size(value)}")
        expect(weights.joint is not None, "use_separate_proj_weight is False but in_proj_weight is None")


def _projected(query: Array, key: Array | None, value: Array | None, weights: Projections, separate: bool) -> list[Array]:
    """Queries, keys, values; one product for what is projected from the same operand.  `None` is the operand before it."""
    bias = weights.bias
    if separate:
        operands = query, query if key is None else key, (query if key is None else key) if value is None else value
        biases = [None] * 3 if bias is None else jnp.split(bias, 3)
        return [linear(x, w, b) for x, w, b in zip(operands, weights[2:], biases, strict=True)]
    size = query.shape[-1]
    if key is None and value is None:
        return jnp.split(linear(query, weights.joint, bias), 3, axis=-1)
    joint: Any = weights.joint
    first, rest = joint[:size], joint[size:]
    first_bias, rest_bias = (None, None) if bias is None else (bias[:size], bias[size:])
    projected = linear(query, first, first_bias)
    key = query if key is None else key
    if value is None:
        return [projected, *jnp.split(linear(key, rest, rest_bias), 2, axis=-1)]
    key_bias, value_bias = (None, None) if bias is None else jnp.split(rest_bias, 2)
    return [projected, linear(key, rest[:size], key_bias), linear(value, rest[size:], value_bias)]


def _split_heads(x: Array, heads: int, batch: int) -> Array:
    """(S, N, E)  ->  (N, heads, S, E / heads)"""
    length, given, size = x.shape
    if given != batch:
        raise RuntimeError(f"shape '[{length}, {batch * heads}, {size // heads}]' is invalid for input of size {x.size}")
    return x.reshape(length, batch, heads, size // heads).transpose(1, 2, 0, 3)


def _static(given: Array, name: str, batch: int, heads: int, head: int) -> Array:
    expect(given.shape[0] == batch * heads, f"expecting {name}.size(0) of {batch * heads}, but got {given.shape[0]}")
    expect(given.shape[2] == head, f"expecting {name}.size(2) of {head}, but got {given.shape[2]}")
    return given.reshape(batch, heads, -1, head)


def _with_bias(projected: Array, bias: Array | None, static: Array | None, name: str) -> Array:
    """One more position, the same for every sample."""
    if bias is None:
        return projected
    expect(static is None, f"bias cannot be added to static {name}.")
    return jnp.concatenate([projected, jnp.broadcast_to(bias, (1, *projected.shape[1:])).astype(projected.dtype)])


def _additive(mask: Array, to: jax.ShapeDtypeStruct) -> Array:
    return jnp.where(mask, -math.inf, 0.0).astype(to.dtype) if mask.dtype == jnp.bool_ else mask.astype(to.dtype)


def _merged(padding: Array | None, mask: Array | None, scores: jax.ShapeDtypeStruct, length: int) -> Array | None:
    """Both masks as one that is added to the scores (N, heads, L, S'), and lets through what was appended to the keys."""
    batch, heads, rows, columns = scores.shape
    total = None
    if mask is not None:
        wanted = (rows, length) if mask.ndim == 2 else (batch * heads, rows, length)
        if mask.shape != wanted:
            raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {torch_size(mask)}, but should be {wanted}.")
        total = _additive(mask, scores).reshape((1, 1, rows, length) if mask.ndim == 2 else (batch, heads, rows, length))
    if padding is not None:
        expect(padding.shape[0] == batch, f"Expected key_padded_mask.shape[0] to be {batch}, but got {padding.shape[0]}")
        expect(padding.shape[1] == length, f"Expected key_padded_mask.shape[1] to be {length}, but got {padding.shape[1]}")
        added = _additive(padding, scores)[:, None, None, :]
        total = added if total is None else total + added
    if total is not None and columns > length:
        total = jnp.pad(total, [(0, 0)] * 3 + [(0, columns - length)])
    return total


@op(NONE, home="", inplace=False, out=False, node="ViewBackward0")
def multi_head_attention_apply(query: Array, key: Array | None, value: Array | None, in_proj_weight: Array | None, in_proj_bias: Array | None,
                               q_proj_weight: Array | None, k_proj_weight: Array | None, v_proj_weight: Array | None, bias_k: Array | None,
                               bias_v: Array | None, static_k: Array | None, static_v: Array | None, out_proj_weight: Array,
                               out_proj_bias: Array | None, key_padding_mask: Array | None, attn_mask: Array | None, keep: Array | None,
                               dropout_p: Scalar, embed_dim: int, num_heads: int, add_zero_attn: bool, need_weights: bool, separate: bool,
                               average: bool, is_causal: bool, kernel: str) -> Array | tuple[Array, Array]:
    """Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762); `nn.functional.multi_head_attention_forward` has the shapes.

    key, value: None where they are the operand before;  keep: what dropout keeps of the weights, (N, heads, L, S);  kernel: a fused one, or ""
    """
    given_key = query if key is None else key
    given_value = given_key if value is None else value
    weights = Projections(in_proj_weight, in_proj_bias, q_proj_weight, k_proj_weight, v_proj_weight)
    _check_dims(query, given_key, given_value, key_padding_mask, attn_mask, num_heads)
    _check_masks(key_padding_mask, attn_mask, is_causal)
    _check_sizes(query, given_key, given_value, weights, embed_dim, num_heads, separate)
    expect((bias_k is None) == (bias_v is None), f"bias_{'v' if bias_k is None else 'k'} is set but bias_{'k' if bias_k is None else 'v'} is None")
    alone = query.ndim == 2
    if alone:
        query, key, value = (None if x is None else x[:, None] for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    rows, batch, size = query.shape
    q, k, v = _projected(query, key, value, weights, separate)
    k, v = _with_bias(k, bias_k, static_k, "key"), _with_bias(v, bias_v, static_v, "value")
    head = size // num_heads
    q = _split_heads(q, num_heads, batch)
    k = _split_heads(k, num_heads, batch) if static_k is None else _static(static_k, "static_k", batch, num_heads, head)
    v = _split_heads(v, num_heads, batch) if static_v is None else _static(static_v, "static_v", batch, num_heads, head)
    if add_zero_attn:
        k, v = (jnp.pad(x, [(0, 0), (0, 0), (0, 1), (0, 0)]) for x in (k, v))
    hinted = is_causal and key_padding_mask is None and not need_weights
    scores = jax.ShapeDtypeStruct((batch, num_heads, rows, k.shape[-2]), widened(q[:0]).dtype)
    mask = None if hinted else _merged(key_padding_mask, attn_mask, scores, given_key.shape[0] if static_k is None else static_k.shape[1])
    given = Given(q, k, v, mask, keep, dropout_gain(dropout_p))
    if not need_weights and fits(kernel, given, hinted):
        attended = attend(How(kernel, head ** -0.5, hinted), given)
    else:
        found = widened((q * head ** -0.5) @ k.swapaxes(-1, -2))
        if need_weights:
            found = jax.nn.softmax(found if mask is None else found + mask, -1)
        else:
            found = masked_softmax(found, mask, hinted)
        found = found.astype(q.dtype)
        found = found if keep is None else dropout_apply(found, keep, dropout_p)
        attended = found @ v
    output = linear(attended.transpose(2, 0, 1, 3).reshape(rows, batch, size), out_proj_weight, out_proj_bias)
    output = output[:, 0] if alone else output
    if not need_weights:
        return output
    found = found.mean(1) if average else found
    return output, found[0] if alone else found
