"""Attention by tiles of weights, of which it never holds more than one (Dao et al. 2022, arXiv:2205.14135): by XLA, for CPUs."""
from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from .._core.op import Array

LEAST = 1 << 18                                              # weights of a head from which tiles are quicker
SIZE, CAUSAL_SIZE = 1024, 512                                # of a tile's sides: it stays in the cache; small ones skip more of what a causal mask hides


class Operands(NamedTuple):
    """Of a head: query (L, E), key (S, E), value (S, V), masks (M, L or 1, S) and which of them, what dropout keeps likewise, how much more that counts."""
    query: Array
    key: Array
    value: Array
    mask: tuple[Array, Array] | None
    keep: tuple[Array, Array] | None
    gain: Array


class Tiling(NamedTuple):
    """`down` times `across` tiles of `high` rows and `wide` columns, whose last ones are filled up."""
    scale: float
    is_causal: bool
    rows: int
    columns: int
    down: int
    across: int
    high: int
    wide: int

    def seen(self, i: Array) -> Array | int:
        """How many tiles the rows of number `i` see."""
        return jnp.minimum(i + 1, self.across) if self.is_causal else self.across

    def filled(self, x: Array) -> Array:
        """Masks with zeros after the last row and column."""
        return jnp.pad(x, ((0, 0), (0, self.high * self.down - self.rows if x.shape[1] == self.rows else 0), (0, self.wide * self.across - self.columns)))

    def by_rows(self, x: Array) -> Array:
        return jnp.pad(x, [(0, self.high * self.down - self.rows), *[(0, 0)] * (x.ndim - 1)])

    def by_columns(self, x: Array) -> Array:
        return jnp.pad(x, ((0, self.wide * self.across - self.columns), (0, 0)))

    def rows_of(self, x: Array, i: Array) -> Array:
        return lax.dynamic_slice_in_dim(x, i * self.high, self.high)

    def columns_of(self, x: Array, j: Array) -> Array:
        return lax.dynamic_slice_in_dim(x, j * self.wide, self.wide)

    def tile(self, part: tuple[Array, Array], i: Array, j: Array) -> Array:
        x, which = part
        high = min(x.shape[1], self.high)
        return lax.dynamic_slice(x, (which, i * high if x.shape[1] > 1 else 0, j * self.wide), (1, high, self.wide))[0]

    def scores(self, of: Operands, i: Array, j: Array, order: tuple[int, int] = (0, 1)) -> Array:
        """A tile of what the weights are the softmax of.    (high, wide), or in the order (1, 0) (wide, high)"""
        query, key = self.rows_of(of.query, i), self.columns_of(of.key, j)
        scores = (query @ key.T if order == (0, 1) else key @ query.T) * self.scale
        row, column = (first + lax.broadcasted_iota(jnp.int32, scores.shape, k) for first, k in zip((i * self.high, j * self.wide), order, strict=True))
        if of.mask is not None:
            mask = self.tile(of.mask, i, j).transpose(order)
            scores = jnp.where(mask, scores, -math.inf) if mask.dtype == jnp.bool_ else scores + mask
        if self.is_causal:
            scores = jnp.where(row >= column, scores, -math.inf)
        return scores if self.columns == self.wide * self.across else jnp.where(column < self.columns, scores, -math.inf)


def tiling(rows: int, columns: int, scale: float, is_causal: bool) -> Tiling:
    """Tiles of nearly the same size, of which as few as may be are filled up; those of a causal mask are square."""
    size = CAUSAL_SIZE if is_causal else SIZE
    down = -(-rows // size)
    high = -(-rows // down)
    wide = high if is_causal else -(-columns // -(-columns // size))
    return Tiling(scale, is_causal, rows, columns, down, -(-columns // wide), high, wide)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def attend(tiles: Tiling, *operands: Array | None) -> Array:
    """`softmax(query @ key.T * scale + mask) @ value` for one head, with a gradient of `query`, `key` and `value` alone.    `Operands`  ->  (L, V)"""
    return _forward(tiles, *operands)[0]


def _forward(tiles: Tiling, *operands: Array | None) -> tuple[Array, tuple]:
    """The result, and what its gradient needs: the operands, the result, and the logarithm of each row's sum, infinite where all is masked."""
    given = Operands(*operands)
    of = given._replace(query=tiles.by_rows(given.query), key=tiles.by_columns(given.key), value=tiles.by_columns(given.value))

    def rows(_: None, i: Array) -> tuple[None, tuple]:
        def column(j: Array, state: tuple) -> tuple:
            top, total, result = state                       # so far: each row's greatest score, and the sums of what is relative to that
            scores = tiles.scores(of, i, j)
            now = jnp.maximum(top, scores.max(1, keepdims=True))
            finite = jnp.where(now == -math.inf, 0, now)
            weights, less = jnp.exp(scores - finite), jnp.exp(top - finite)
            total = total * less + weights.sum(1, keepdims=True)
            if of.keep is not None:
                weights = jnp.where(tiles.tile(of.keep, i, j), weights, 0)
            return now, total, result * less + weights @ tiles.columns_of(of.value, j)

        none = jnp.zeros((tiles.high, 1), of.query.dtype)
        top, total, result = lax.fori_loop(0, tiles.seen(i), column, (none - math.inf, none, jnp.zeros((tiles.high, of.value.shape[1]), none.dtype)))
        return None, (result * (of.gain / jnp.where(total == 0, 1, total)), jnp.where(total == 0, math.inf, top + jnp.log(total))[:, 0])

    result, log_total = (x.reshape(-1, *x.shape[2:])[:tiles.rows] for x in lax.scan(rows, None, jnp.arange(tiles.down))[1])
    return result, (given, result, log_total)


def _backward(tiles: Tiling, kept: tuple, change: Array) -> tuple:
    """The gradients, from weights that are computed anew, and lie by columns: so most of XLA's products with them are quicker."""
    given, result, log_total = kept
    of = given._replace(query=tiles.by_rows(given.query), key=tiles.by_columns(given.key), value=tiles.by_columns(given.value))
    by_rows = [tiles.by_rows(x) for x in (change, log_total, (result * change).sum(-1))]

    def rows(sums: tuple, i: Array) -> tuple[tuple, Array]:
        query, change, log_total, along = (tiles.rows_of(x, i) for x in (of.query, *by_rows))

        def column(j: Array, state: tuple) -> tuple:
            def add(total: Array, part: Array) -> Array:
                return lax.dynamic_update_slice_in_dim(total, tiles.columns_of(total, j) + part, j * tiles.wide, 0)

            d_query, d_key, d_value = state
            key, value = tiles.columns_of(of.key, j), tiles.columns_of(of.value, j)
            weights = used = jnp.exp(tiles.scores(of, i, j, (1, 0)) - log_total)
            d_weights = value @ change.T
            if of.keep is not None:
                used, d_weights = (jnp.where(tiles.tile(of.keep, i, j).T, x * of.gain, 0) for x in (weights, d_weights))
            d_scores = weights * (d_weights - along) * tiles.scale
            return d_query + key.T @ d_scores, add(d_key, d_scores @ query), add(d_value, used @ change)

        d_query, *sums = lax.fori_loop(0, tiles.seen(i), column, (jnp.zeros_like(query.T), *sums))
        return tuple(sums), d_query.T

    (d_key, d_value), d_query = lax.scan(rows, (jnp.zeros_like(of.key), jnp.zeros_like(of.value)), jnp.arange(tiles.down))
    return d_query.reshape(of.query.shape)[:tiles.rows], d_key[:tiles.columns], d_value[:tiles.columns], None, None, None


attend.defvjp(_forward, _backward)
