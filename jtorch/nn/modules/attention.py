"""Multi-head attention."""
from __future__ import annotations

from typing import Any

import jtorch as torch
from jtorch import Tensor
from jtorch.nn import functional as F
from jtorch.nn import init
from jtorch.nn.modules.linear import NonDynamicallyQuantizableLinear
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """concat(head₁, …) Wᵒ with headᵢ = softmax(q Wᵢ^q (k Wᵢ^k)ᵀ / √d) v Wᵢ^v (Vaswani et al. 2017, arXiv:1706.03762).

    query: (L, N, embed_dim), key: (S, N, kdim), value: (S, N, vdim)  ->  output (L, N, embed_dim), weights (N, L, S);
    with batch_first N comes first, and without a batch N is absent.

    >>> x = torch.zeros(2, 5, 8)
    >>> output, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([2, 5, 8]), torch.Size([2, 5, 5]))
    """
    __constants__ = ["batch_first"]
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
                 add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False, device: Any = None,
                 dtype: torch.dtype | None = None) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead")
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads, self.dropout, self.batch_first = num_heads, dropout, batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        joint = self._qkv_same_embed_dim
        whole = {"in_proj_weight": (3 * embed_dim, embed_dim) if joint else None}
        parts = {name: None if joint else (embed_dim, size)
                 for name, size in (("q_proj_weight", embed_dim), ("k_proj_weight", self.kdim), ("v_proj_weight", self.vdim))}
        shapes = whole | parts if joint else parts | whole
        for name, shape in (shapes | {"in_proj_bias": (3 * embed_dim,) if bias else None}).items():
            self.register_parameter(name, None if shape is None else Parameter(torch.empty(shape, **made)))
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **made)
        self.bias_k = Parameter(torch.empty((1, 1, embed_dim), **made)) if add_bias_kv else None
        self.bias_v = Parameter(torch.empty((1, 1, embed_dim), **made)) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight,) if self._qkv_same_embed_dim else (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.setdefault("_qkv_same_embed_dim", True)        # absent from files of versions before 1.1
        super().__setstate__(state)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None, need_weights: bool = True,
                attn_mask: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        """The output, and the weights of the attention or None without need_weights."""
        swap = self.batch_first and query.dim() == 3
        if swap:
            turned = query.transpose(0, 1)                   # self-attention must stay recognisable as such: the same tensor three times
            key, value = (turned if key is query else key.transpose(0, 1),
                          turned if value is query else value.transpose(0, 1))
            query = turned
        output, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k, self.bias_v,
            self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, training=self.training,
            key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight, k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal)
        return (output.transpose(0, 1) if swap else output), weights

    def merge_masks(self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor) -> tuple[Tensor | None, int | None]:
        """One mask of the two, and its kind: 0 attention, 1 padding, 2 both, None none."""
        if key_padding_mask is None:
            return attn_mask, None if attn_mask is None else 0
        if attn_mask is None:
            return key_padding_mask, 1
        batch, length, _ = query.shape
        attn_mask = attn_mask.view(batch, -1, length, length) if attn_mask.dim() == 3 else attn_mask.view(1, 1, length, length)
        padding = key_padding_mask.view(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
        return attn_mask.expand(batch, self.num_heads, -1, -1) + padding, 2
