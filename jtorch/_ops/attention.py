"""Scaled dot product attention."""
from __future__ import annotations

import math

import jax.numpy as jnp

from .._core.op import NONE, Array, Scalar, op
from .checks import broadcast_sizes, is_floating, scalar_type, sizes
from .fused import Given, How, attend, dropout_gain, fits

C_TYPES = {"Long": "long int", "Half": "c10::Half", "BFloat16": "c10::BFloat16"}


def c_type_name(array: Array) -> str:
    """The element type as these messages write it."""
    return C_TYPES.get(scalar_type(array), scalar_type(array).lower())


def _check(query: Array, key: Array, value: Array, attn_mask: Array | None) -> None:
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError("Expected query, key, and value to all be  at least 2 dimensional, but got "
                           f"query.dim: {query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead.")
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(f"Expected query, key, and value to have the same dtype, but got query.dtype: {c_type_name(query)} "
                           f"key.dtype: {c_type_name(key)} and value.dtype: {c_type_name(value)} instead.")
    if attn_mask is not None and attn_mask.dtype not in (jnp.bool_, jnp.float32, query.dtype):
        raise RuntimeError("Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
                           f"{c_type_name(attn_mask)} and  query.dtype: {c_type_name(query)} instead.")
    if not is_floating(query):
        raise RuntimeError(f"expected scalar type Float but found {scalar_type(query)}")


@op(NONE, home="", inplace=False, out=False)
def scaled_dot_product_attention_apply(query: Array, key: Array, value: Array, attn_mask: Array | None = None, keep: Array | None = None,
                                       dropout_p: Scalar = 0.0, is_causal: bool = False, scale: float | None = None,
                                       enable_gqa: bool = False, kernel: str = "") -> Array:
    """`softmax(query @ key.T * scale + mask) @ value` (Vaswani et al. 2017, arXiv:1706.03762).

    query: (*, H, L, E), key: (*, H, S, E), value: (*, H, S, V), attn_mask: broadcast to (*, H, L, S), True where attended, or added
    keep: what dropout keeps of the weights, (*, H, L, S), drawn by the caller; kernel: a fused one, of `fused.KERNELS`  ->  (*, H, L, V)
    """
    _check(query, key, value, attn_mask)
    fused = query.ndim == 4 and keep is None and query.shape[-1] == value.shape[-1]
    if attn_mask is not None and is_causal and not fused:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if enable_gqa and (query.shape[-3] % key.shape[-3] or query.shape[-3] % value.shape[-3]):
        raise RuntimeError("Number of heads in key and value must divide the number of heads in ")
    if query.shape[-1] != key.shape[-1]:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{math.prod(query.shape[:-2])}, {query.shape[-1]}] "
                           f"but got: [{math.prod(key.shape[:-2])}, {key.shape[-1]}].")
    lead = query.shape[:-2] if enable_gqa else broadcast_sizes(query.shape[:-2], key.shape[:-2])
    shape = (*lead, query.shape[-2], key.shape[-2])
    if attn_mask is not None and (needed := broadcast_sizes(shape, attn_mask.shape)) != shape:
        raise RuntimeError(f"output with shape {sizes(shape)} doesn't match the broadcast shape {sizes(needed)}")
    given = Given(query, key, value, attn_mask, keep, dropout_gain(dropout_p))
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return attend(How(kernel if fits(kernel, given, is_causal) else "", scale, is_causal), given)
