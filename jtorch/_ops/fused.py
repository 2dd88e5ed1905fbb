"""Attention by a platform's own kernel, which never holds all weights: cuDNN's on GPUs, that of Pallas on TPUs (Dao et al. 2022, arXiv:2205.14135)."""
from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._core.op import Array

KERNELS = {"gpu": "cudnn", "tpu": "pallas"}
CUDNN_HEADS, CUDNN_STEP = 128, 8                             # the largest head of cuDNN's kernel, and what all are multiples of
BLOCKS = (512, 256, 128)                                     # rows of queries, and of keys, that Pallas' kernel may hold at a time
BLOCK = min(BLOCKS)
TRIED = (1, 2, 128, 32)                                      # sizes with which a kernel is tried


class How(NamedTuple):
    """What else than its operands attention by a kernel depends on."""
    kernel: str
    scale: float
    is_causal: bool


def fits(kernel: str, query: Array, key: Array, value: Array, is_causal: bool) -> bool:
    """Whether this kernel serves these operands, which are not masked otherwise: 16 bits, since in more it would not compute in that many."""
    if not (query.ndim == key.ndim == value.ndim == 4 and query.shape[0] == key.shape[0] and key.shape == value.shape
            and query.shape[-1] == key.shape[-1] and query.size > 0 < key.size and query.shape[1] % key.shape[1] == 0):
        return False
    head, lengths = query.shape[-1], (query.shape[2], key.shape[2])
    if kernel == "cudnn":
        return query.dtype in (jnp.float16, jnp.bfloat16) and head <= CUDNN_HEADS and head % CUDNN_STEP == 0 and not (is_causal and len(set(lengths)) > 1)
    return kernel == "pallas" and query.dtype == jnp.bfloat16 and (head <= BLOCK or head % BLOCK == 0) and min(lengths) >= BLOCK


def _by_jax(implementation: Literal["cudnn", "xla"], how: How, query: Array, key: Array, value: Array) -> Array:
    query, key, value = (x.swapaxes(1, 2) for x in (query, key, value))
    return jax.nn.dot_product_attention(query, key, value, scale=how.scale, is_causal=how.is_causal, implementation=implementation).swapaxes(1, 2)


def _by_pallas(how: How, query: Array, key: Array, value: Array) -> Array:
    """Rows are filled up to whole blocks; keys that fill are a segment of their own, to which no query attends that is kept."""
    flash = importlib.import_module("jax.experimental.pallas.ops.tpu.flash_attention")   # takes long, and is for TPUs only
    rows, keys = query.shape[2], key.shape[2]
    key, value = (jnp.repeat(x, query.shape[1] // x.shape[1], axis=1) for x in (key, value))
    query, key, value = (jnp.pad(x, ((0, 0), (0, 0), (0, -x.shape[2] % BLOCK), (0, 0))) for x in (query, key, value))
    segments = flash.SegmentIds(*(jnp.broadcast_to(jnp.arange(x.shape[2]) >= n, (len(x), x.shape[2])).astype(jnp.int32) for x, n in ((query, rows), (key, keys))))
    q, k = (next(size for size in BLOCKS if x.shape[2] % size == 0) for x in (query, key))
    blocks = flash.BlockSizes(block_b=1, block_q=q, block_q_dkv=q, block_q_major_dkv=q, block_q_dq=q,
                              block_k=k, block_k_major=k, block_k_dkv=k, block_k_major_dkv=k, block_k_dq=k, block_k_major_dq=k)
    found = flash.flash_attention(query, key, value, segment_ids=segments if keys % BLOCK else None, causal=how.is_causal, sm_scale=how.scale, block_sizes=blocks)
    return found[:, :, :rows]


BY_XLA = partial(_by_jax, "xla")                             # what a kernel's numbers, and its second derivatives, are those of
BY: dict[str, Callable[[How, Array, Array, Array], Array]] = {"cudnn": partial(_by_jax, "cudnn"), "pallas": _by_pallas}


def attend(kernel: str, query: Array, key: Array, value: Array, scale: float | None, is_causal: bool) -> Array:
    """Attention by a kernel.    query: (N, H, L, E), key, value: (N, H', S, E), H' a divisor of H  ->  (N, H, L, E)"""
    return _attend(How(kernel, query.shape[-1] ** -0.5 if scale is None else scale, is_causal), query, key, value)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attend(how: How, query: Array, key: Array, value: Array) -> Array:
    return BY[how.kernel](how, query, key, value)


def _attend_forward(how: How, *given: Array) -> tuple:
    result, pull = jax.vjp(partial(BY[how.kernel], how), *given)
    return result, (pull, given)


def _attend_backward(how: How, kept: tuple, cotangent: Array) -> tuple:
    return _gradients(how, *kept, cotangent)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradients(how: How, pull: Callable, given: tuple, cotangent: Array) -> tuple:
    """The kernel's gradients.  No kernel has second derivatives: those are XLA's."""
    return pull(cotangent)


def _gradients_forward(how: How, pull: Callable, given: tuple, cotangent: Array) -> tuple:
    return pull(cotangent), (given, cotangent)


def _gradients_backward(how: How, kept: tuple, cotangents: tuple) -> tuple:
    _, pull = jax.vjp(lambda given, cotangent: jax.vjp(partial(BY_XLA, how), *given)[1](cotangent), *kept)
    return None, *pull(cotangents)


_attend.defvjp(_attend_forward, _attend_backward)
_gradients.defvjp(_gradients_forward, _gradients_backward)


@cache
def kernel_of(platform: str) -> str:
    """The kernel of a JAX platform, if it is there and gives, with its gradients, what XLA's attention gives; else "".  Tried once."""
    kernel = KERNELS.get(platform, "")
    if not kernel:
        return ""
    how = How(kernel, TRIED[-1] ** -0.5, True)
    given = [jnp.asarray(np.random.default_rng(k).normal(size=TRIED), jnp.bfloat16, device=jax.devices(platform)[0]) for k in range(3)]
    try:
        found, expected = (jax.grad(lambda *x, by=by: (by(how, *x).astype(jnp.float32) ** 2).sum(), (0, 1, 2))(*given) for by in (BY[kernel], BY_XLA))
    except (RuntimeError, ValueError, NotImplementedError):  # how JAX and XLA say that a kernel is absent or not for this processor
        return ""
    close = all(bool(jnp.allclose(a.astype(jnp.float32), b.astype(jnp.float32), rtol=0.05, atol=0.05)) for a, b in zip(found, expected, strict=True))
    return kernel if close else ""
