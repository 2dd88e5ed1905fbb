"""Attention by a platform's kernel, which never holds all weights: cuDNN's on GPUs, that of Pallas on TPUs, tiles on CPUs (Dao et al. 2022, arXiv:2205.14135)."""
from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._core.op import Array
from . import tiles
from .checks import widened

KERNELS = {"cpu": "tiles", "gpu": "cudnn", "tpu": "pallas"}
CUDNN_HEADS, CUDNN_STEP = 128, 8                             # the largest head of cuDNN's kernel, and what all are multiples of
BLOCKS = (512, 256, 128)                                     # rows of queries, and of keys, that Pallas' kernel may hold at a time
BLOCK = min(BLOCKS)
TRIED = (1, 2, 128, 32)                                      # sizes with which a kernel is tried


class How(NamedTuple):
    """What else than its operands attention by a kernel depends on."""
    kernel: str
    scale: float
    is_causal: bool


class Given(NamedTuple):
    """What attention is of: query (*, H, L, E), key (*, H', S, E), value (*, H', S, V), H' a divisor of H; mask, broadcast to (*, H, L, S), True where
    attended, or added; what dropout keeps of the weights (*, H, L, S), and by how much more that counts ()."""
    query: Array
    key: Array
    value: Array
    mask: Array | None = None
    keep: Array | None = None
    gain: Array | float | None = 1.0

    def smooth(self) -> int:
        """How many of the operands have a gradient."""
        return 3 if self.mask is None or self.mask.dtype == jnp.bool_ else 4

    def with_equal_heads(self) -> Given:
        """Keys and values repeated, so that there is one for every head of the queries."""
        heads = self.query.shape[-3] if self.query.ndim > 2 else 1
        key, value = (jnp.repeat(x, heads // x.shape[-3], axis=-3) if x.ndim > 2 and x.shape[-3] < heads else x for x in self[1:3])
        return self._replace(key=key, value=value)


def dropout_gain(p: Array | float) -> Array:
    """By how much more what dropout keeps counts; where nothing is kept, no matter."""
    return 1 / jnp.where(jnp.asarray(p) == 1, 1, 1 - p)


def fits(kernel: str, given: Given, is_causal: bool) -> bool:
    """Whether this kernel serves these operands."""
    query, key, value = given[:3]
    if kernel == "tiles":
        return query.shape[-2] * key.shape[-2] >= tiles.LEAST
    if not (given.mask is None and given.keep is None and query.ndim == key.ndim == value.ndim == 4 and query.shape[0] == key.shape[0]
            and key.shape == value.shape and query.shape[-1] == key.shape[-1] and query.size > 0 < key.size and query.shape[1] % key.shape[1] == 0):
        return False
    head, lengths = query.shape[-1], (query.shape[2], key.shape[2])
    if kernel == "cudnn":                                    # 16 bits, since in more neither kernel would compute in that many
        return query.dtype in (jnp.float16, jnp.bfloat16) and head <= CUDNN_HEADS and head % CUDNN_STEP == 0 and not (is_causal and len(set(lengths)) > 1)
    return kernel == "pallas" and query.dtype == jnp.bfloat16 and (head <= BLOCK or head % BLOCK == 0) and min(lengths) >= BLOCK


def masked_softmax(scores: Array, mask: Array | None, is_causal: bool) -> Array:
    """The softmax of what is not masked; a row that is masked everywhere gives zeros."""
    if is_causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -math.inf)
    if mask is None:
        return jax.nn.softmax(scores, -1)
    scores = jnp.where(mask, scores, -math.inf) if mask.dtype == jnp.bool_ else scores + mask.astype(scores.dtype)
    empty = (scores == -math.inf).all(-1, keepdims=True)
    return jnp.where(empty, 0, jax.nn.softmax(jnp.where(empty, 0, scores), -1))


def by_weights(how: How, *given: Array) -> Array:
    """Attention that holds all weights: what a kernel's numbers, and its second derivatives, are those of."""
    query, key, value, mask, keep, gain = Given(*given).with_equal_heads()
    scores = (widened(query) * how.scale) @ widened(key).swapaxes(-1, -2)
    weights = masked_softmax(scores, mask, how.is_causal)
    weights = weights if keep is None else weights * jnp.where(keep.astype(bool), gain, 0).astype(weights.dtype)
    return (weights @ widened(value)).astype(query.dtype)


def _by_tiles(how: How, *given: Array) -> Array:
    """One head after the other: so the threads of a CPU have large products, and the weights stay in its cache."""
    query, key, value, mask, keep, gain = of = Given(*given).with_equal_heads()
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in of[:3]))
    heads = [jnp.broadcast_to(widened(x), (*lead, *x.shape[-2:])).reshape(-1, *x.shape[-2:]) for x in of[:3]]
    tiling = tiles.tiling(query.shape[-2], key.shape[-2], how.scale, how.is_causal)
    parts = [None if x is None else _part(x, lead, tiling) for x in (mask, keep)]

    def head(operands: tuple) -> Array:
        *operands, places = operands
        mask, keep = (None if part is None else (part[0], at) for part, at in zip(parts, places, strict=True))
        return tiles.attend(tiling, *operands, mask, keep, jnp.asarray(gain, operands[0].dtype))

    made = jax.lax.map(head, (*heads, [None if part is None else part[1] for part in parts]))
    return made.reshape(*lead, *made.shape[1:]).astype(query.dtype)


def _part(x: Array, lead: tuple[int, ...], tiling: tiles.Tiling) -> tuple[Array, Array]:
    """What there is for each weight, as several arrays (L or 1, S) that are filled up to whole tiles, and which of them is each head's."""
    x = jnp.atleast_2d(x)
    x = jnp.broadcast_to(x, (*x.shape[:-1], tiling.columns))
    which = np.broadcast_to(np.arange(math.prod(x.shape[:-2])).reshape(x.shape[:-2]), lead).reshape(-1)
    return tiling.filled(x.reshape(-1, *x.shape[-2:])), jnp.asarray(which)


def _by_cudnn(how: How, *given: Array) -> Array:
    query, key, value = (x.swapaxes(1, 2) for x in given[:3])
    return jax.nn.dot_product_attention(query, key, value, scale=how.scale, is_causal=how.is_causal, implementation="cudnn").swapaxes(1, 2)


def _by_pallas(how: How, *given: Array) -> Array:
    """Rows are filled up to whole blocks; keys that fill are a segment of their own, to which no query attends that is kept."""
    flash = importlib.import_module("jax.experimental.pallas.ops.tpu.flash_attention")   # takes long, and is for TPUs only
    query, key, value = Given(*given).with_equal_heads()[:3]
    rows, keys = query.shape[2], key.shape[2]
    query, key, value = (jnp.pad(x, ((0, 0), (0, 0), (0, -x.shape[2] % BLOCK), (0, 0))) for x in (query, key, value))
    segments = flash.SegmentIds(*(jnp.broadcast_to(jnp.arange(x.shape[2]) >= n, (len(x), x.shape[2])).astype(jnp.int32) for x, n in ((query, rows), (key, keys))))
    q, k = (next(size for size in BLOCKS if x.shape[2] % size == 0) for x in (query, key))
    blocks = flash.BlockSizes(block_b=1, block_q=q, block_q_dkv=q, block_q_major_dkv=q, block_q_dq=q,
                              block_k=k, block_k_major=k, block_k_dkv=k, block_k_major_dkv=k, block_k_dq=k, block_k_major_dq=k)
    found = flash.flash_attention(query, key, value, segment_ids=segments if keys % BLOCK else None, causal=how.is_causal, sm_scale=how.scale, block_sizes=blocks)
    return found[:, :, :rows]


BY: dict[str, Callable[..., Array]] = {"tiles": _by_tiles, "cudnn": _by_cudnn, "pallas": _by_pallas}


def attend(how: How, given: Given) -> Array:
    """`softmax(query @ key.T * scale + mask) @ value`, by a kernel, or where `how` names none, by XLA.    ->  (*, H, L, V)"""
    return _attend(how, given) if how.kernel else by_weights(how, *given)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attend(how: How, given: Given) -> Array:
    return BY[how.kernel](how, *given)


def _attend_forward(how: How, given: Given) -> tuple:
    still = jax.lax.stop_gradient(given)                     # no kernel can be differentiated twice
    result, pull = jax.vjp(lambda *smooth: BY[how.kernel](how, *smooth, *still[3:]), *still[:3])
    return _derived(how, result, given), (pull, given)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _derived(how: How, result: Array, given: Given) -> Array:
    """A kernel's result, whose gradients are those of attention by weights: what a gradient that uses it is differentiated with."""
    return result


def _attend_backward(how: How, kept: tuple, change: Array) -> tuple:
    return (_gradients(how, *kept, change),)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradients(how: How, pull: Callable, given: Given, change: Array) -> Given:
    """The kernel's gradients.  That of a mask is as large as all weights are, and is found from them; what nobody asks for is never computed."""
    mask = _gradients_by_weights(how, given, change).mask if given.smooth() > 3 else None
    query, key, value = pull(change)
    return Given(query, key, value, mask, gain=None)


def _gradients_by_weights(how: How, given: Given, change: Array) -> Given:
    smooth = given.smooth()
    found = jax.vjp(lambda *smooth: by_weights(how, *smooth, *given[len(smooth):]), *given[:smooth])[1](change)
    return Given(*found, *[None] * (len(given) - smooth))


def _gradients_forward(how: How, pull: Callable, given: Given, change: Array) -> tuple:
    return _gradients(how, pull, given, change), (given, change)


def _gradients_backward(how: How, kept: tuple, changes: Given) -> tuple:
    """No kernel has second derivatives: those are XLA's."""
    given, change = kept
    smooth = given.smooth()
    found = jax.vjp(lambda change, *smooth: _gradients_by_weights(how, Given(*smooth, *given[len(smooth):]), change)[:len(smooth)], change, *given[:smooth])[1](
        changes[:smooth])
    return None, Given(*found[1:], *[None] * (len(given) - smooth)), found[0]


_attend.defvjp(_attend_forward, _attend_backward)
_derived.defvjp(lambda how, result, given: (_derived(how, result, given), given), lambda how, given, change: (None, _gradients_by_weights(how, given, change)))
_gradients.defvjp(_gradients_forward, _gradients_backward)


@cache
def kernel_of(platform: str) -> str:
    """The kernel of a JAX platform, if it is there and gives, with its gradients, what XLA's attention gives; else "".  Tried once, unless it is XLA's too."""
    kernel = KERNELS.get(platform, "")
    if kernel in ("", "tiles"):
        return kernel
    how = How(kernel, TRIED[-1] ** -0.5, True)
    given = [jnp.asarray(np.random.default_rng(k).normal(size=TRIED), jnp.bfloat16, device=jax.devices(platform)[0]) for k in range(3)]
    try:
        found, expected = (jax.grad(lambda *x, by=by: (by(how, *x).astype(jnp.float32) ** 2).sum(), (0, 1, 2))(*given) for by in (BY[kernel], by_weights))
    except (RuntimeError, ValueError, NotImplementedError):  # how JAX and XLA say that a kernel is absent or not for this processor
        return ""
    close = all(bool(jnp.allclose(a.astype(jnp.float32), b.astype(jnp.float32), rtol=0.05, atol=0.05)) for a, b in zip(found, expected, strict=True))
    return kernel if close else ""
