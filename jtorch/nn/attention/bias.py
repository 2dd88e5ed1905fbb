"""Causal masks that are known by their sizes alone (`torch.nn.attention.bias`), for `scaled_dot_product_attention`."""
from __future__ import annotations

import warnings
from enum import IntEnum

import jtorch as torch
from jtorch import Tensor
from jtorch._C import _disabled_torch_function_impl

__all__ = ["causal_upper_left", "causal_lower_right", "CausalVariant", "CausalBias"]


class CausalVariant(IntEnum):
    """Where the diagonal of a causal mask ends, if there are not as many queries as keys: it begins at the upper left, or ends at the lower right."""
    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask, given as `attn_mask`; any other function sees an empty tensor.

    >>> torch.nn.attention.bias.CausalBias(torch.nn.attention.bias.CausalVariant.LOWER_RIGHT, 2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    __torch_function__ = _disabled_torch_function_impl

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> CausalBias:
        # the shape that PyTorch's has; one element of memory, for nobody looks at them
        return Tensor._make_subclass(cls, torch.zeros(()).expand(variant, seq_len_q, seq_len_kv))

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        assert isinstance(variant, CausalVariant), f"variant must be a CausalVariant, got {type(variant).__name__}"
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        if seq_len_q > seq_len_kv and variant == CausalVariant.LOWER_RIGHT:
            warnings.warn("Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!", stacklevel=2)

    def _materialize(self, device: torch.device | None = None) -> Tensor:
        """The mask, True where attended.    -> (seq_len_q, seq_len_kv)"""
        diagonal = self.seq_len_kv - self.seq_len_q if self.variant == CausalVariant.LOWER_RIGHT else 0
        return torch.ones(self.seq_len_q, self.seq_len_kv, dtype=torch.bool, device=device).tril(diagonal)

    @staticmethod
    def _dispatch(query: Tensor, key: Tensor, value: Tensor, attn_mask: CausalBias, dropout_p: float = 0.0, is_causal: bool = False,
                  scale: float | None = None, enable_gqa: bool = False) -> Tensor:
        """`scaled_dot_product_attention` with this mask.  From the upper left its own causal mask serves, whatever the sizes."""
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        plain = attn_mask.variant == CausalVariant.UPPER_LEFT or attn_mask.seq_len_q == attn_mask.seq_len_kv
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, None if plain else attn_mask._materialize(query.device), dropout_p,
                                                                plain, scale, enable_gqa)

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        return repr(self._materialize())

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)


def causal_upper_left(*size: int) -> CausalBias:
    """The mask of queries that see the keys up to their own number.    size: L, S

    >>> torch.nn.attention.bias.causal_upper_left(2, 3)
    tensor([[ True, False, False],
            [ True,  True, False]])
    """
    assert len(size) == 2, "causal_upper_left only supports 2D tensors"
    return CausalBias(CausalVariant.UPPER_LEFT, *size)


def causal_lower_right(*size: int) -> CausalBias:
    """The mask of queries of which the last sees all keys, the one before all but one.    size: L, S

    >>> torch.nn.attention.bias.causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    assert len(size) == 2, "causal_lower_right only supports 2D tensors"
    return CausalBias(CausalVariant.LOWER_RIGHT, *size)
