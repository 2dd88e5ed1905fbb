"""Attention.  What dropout keeps of the weights is drawn on the host; all else is one operation."""
from __future__ import annotations

import warnings

import numpy as np

from .._core import layout, misfit
from .._core.device import jax_device
from .._core.public import public
from .._core.record import record
from .._core.tensor import Tensor, wrap
from .._ops.attention import scaled_dot_product_attention_apply
from .._ops.fused import kernel_of
from .._ops.multihead import multi_head_attention_apply
from .dropout import check_probability, kept

FUNCTIONAL = "nn.functional"
SDP = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}   # which kernels may be used: `torch.backends.cuda`, `torch.nn.attention`


def _kernel(query: Tensor) -> str:
    """The fused kernel of this device, if it may be used; else ""."""
    where = query.device
    return kernel_of(jax_device(where).platform) if where.type != "meta" and (SDP["flash"] or SDP["cudnn"] or SDP["mem_efficient"]) else ""


@public(FUNCTIONAL)
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor:
    """`softmax(query @ key.T * scale + mask) @ value` (Vaswani et al. 2017, arXiv:1706.03762).

    query: (*, H, L, E), key: (*, H, S, E), value: (*, H, S, V), attn_mask: broadcast to (*, H, L, S), True where attended, or added
    enable_gqa: there may be fewer heads of key and value than of query
    """
    for position, (name, x) in enumerate((("query", query), ("key", key), ("value", value)), 1):
        if not isinstance(x, Tensor):
            raise misfit.wrong_class("scaled_dot_product_attention", name, position, "Tensor", x)
    if attn_mask is not None and hasattr(attn_mask, "_dispatch"):    # a mask that is known by its sizes: torch.nn.attention.bias
        return attn_mask._dispatch(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    keep = None
    if dropout_p:
        check_probability(dropout_p, RuntimeError)
        batch = query.shape[:-2] if enable_gqa else np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        keep = kept((*batch, query.shape[-2], key.shape[-2]), dropout_p, query)
    made = wrap(record(scaled_dot_product_attention_apply.op, (query, key, value, attn_mask, keep, dropout_p),
                       (is_causal, scale, enable_gqa, _kernel(query))))
    fused = not dropout_p and query.dim() == 4 and query.shape[-1] == value.shape[-1]    # that kernel's result lies as the queries do
    return layout.arrange(made, (query,)) if fused else made


@public(FUNCTIONAL)
def multi_head_attention_forward(query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Tensor | None,
                                 in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
                                 out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True, key_padding_mask: Tensor | None = None,
                                 need_weights: bool = True, attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False,
                                 q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None,
                                 static_k: Tensor | None = None, static_v: Tensor | None = None, average_attn_weights: bool = True,
                                 is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads, between projections (Vaswani et al. 2017, arXiv:1706.03762).

    query: (L, N, E), key: (S, N, E), value: (S, N, E), or all without N; key_padding_mask: (N, S), attn_mask: (L, S) or (N * heads, L, S), True where
    not attended, or added; static_k, static_v: (N * heads, S, E / heads), taken instead of the projections
    ->  (L, N, E), and the weights (N, L, S), (N, heads, L, S) without average_attn_weights, or None without need_weights
    """
    if key_padding_mask is not None and attn_mask is not None and key_padding_mask.dtype != attn_mask.dtype:
        warnings.warn("Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both instead.", stacklevel=2)
    keep = None
    if training and dropout_p:
        check_probability(dropout_p)
        keep = _kept_weights(query, key, num_heads, dropout_p, static_k, (bias_k is not None) + add_zero_attn)
    value = None if value is key else value                  # one operand where there is one tensor, and one product for its projections
    key = None if key is query and value is None else key
    if static_k is not None or static_v is not None:         # then the gradient of what they replace is None, not zero
        key, value = (x if x is None or static is None else x.detach() for x, static in ((key, static_k), (value, static_v)))
    operands = (query, key, value, in_proj_weight, in_proj_bias, q_proj_weight, k_proj_weight, v_proj_weight, bias_k, bias_v, static_k, static_v,
                out_proj_weight, out_proj_bias, key_padding_mask, attn_mask, keep, float(dropout_p))
    found = record(multi_head_attention_apply.op, operands, (int(embed_dim_to_check), num_heads, add_zero_attn, need_weights,
                                                             use_separate_proj_weight, average_attn_weights, is_causal, _kernel(query)))
    return (wrap(found[0]), wrap(found[1])) if need_weights else (wrap(found), None)


def _kept_weights(query: Tensor, key: Tensor, heads: int, p: float, static_k: Tensor | None, added: int) -> Tensor:
    batch = 1 if query.dim() == 2 else query.shape[1]
    length = (key.shape[0] if static_k is None else static_k.shape[1]) + added
    return kept((batch, heads, query.shape[0], length), p, query)
