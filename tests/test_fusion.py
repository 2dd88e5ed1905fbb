"""What XLA computes together in programs for CPUs: nothing is repeated without end, and what is equal is compiled once."""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jtorch
from jtorch._core.dtype import from_numpy
from jtorch._core.fusion import bounded
from jtorch._core.graph import aval
from jtorch._core.pack import layout

STEPS = 30


def compiled(function: Callable, *arrays: jax.Array) -> str:
    return jax.jit(function).lower(*arrays).compile().as_text()


def recurrence(c: jax.Array, gates: jax.Array) -> list[jax.Array]:
    """A state that only cheap operations change, read twice in every step."""
    found = []
    for gate in gates:
        c = c * gate + (1 - gate)
        found.append((c * gate) @ gate)
    return found


def test_the_steps_of_a_recurrence_are_not_computed_again_by_those_after_them() -> None:
    c, gates = jnp.ones((8, 8)), jnp.asarray(np.random.default_rng(0).random((STEPS, 8, 8), np.float32))
    assert compiled(bounded(recurrence), c, gates).count(" multiply(") < 12 * STEPS      # where each repeats all before it, STEPS² / 2
    for ours, plain in zip(jax.jit(bounded(recurrence))(c, gates), jax.jit(recurrence)(c, gates), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-6)   # other kernels may contract other products and sums


def test_gradients_through_a_bounded_recurrence() -> None:
    c, gates = jnp.ones((8, 8)), jnp.asarray(np.random.default_rng(0).random((STEPS, 8, 8), np.float32))

    def gradients(function: Callable) -> list[jax.Array]:
        return [jax.grad(lambda c: sum(x.sum() for x in function(c, gates)))(c)]
    np.testing.assert_allclose(jax.jit(bounded(lambda c: gradients(recurrence)))(c)[0], gradients(recurrence)[0], rtol=1e-5)   # the same, and sums in another order


@pytest.mark.parametrize("dimension", [0, 1, 2])
def test_a_concatenation_that_is_computed_alone_becomes_a_choice(dimension: int) -> None:
    shapes = [[3, 4, 5] for _ in range(3)]
    for k, shape in enumerate(shapes):
        shape[dimension] += k
    parts = [jnp.asarray(np.random.default_rng(k).standard_normal(shape), jnp.float32).at[0, 0, 0].set(x)
             for k, (shape, x) in enumerate(zip(shapes, (-0.0, jnp.nan, jnp.inf), strict=True))]

    def joined(*parts: jax.Array) -> list[jax.Array]:
        whole = jnp.concatenate(parts, dimension)
        return [whole, whole.reshape(-1, whole.shape[-1]) @ jnp.eye(whole.shape[-1])]
    assert " concatenate(" not in compiled(bounded(joined), *parts)
    assert np.asarray(jax.jit(bounded(joined))(*parts)[0]).tobytes() == np.asarray(joined(*parts)[0]).tobytes()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.bool_, np.complex64])
def test_arrays_of_a_pack_are_where_they_were(kind: type) -> None:
    shapes = [(2, 3)] * 8 + [(4,)] * 10 + [(), (0,), (1,)]
    of = layout(tuple([aval(shape, from_numpy(np.dtype(kind))) for shape in shapes]))
    with jax.enable_x64(True):
        for vector in (jnp.arange(of.size).astype(kind), jnp.arange(1, of.size + 1).astype(kind)):
            for alike, plain in zip(jax.jit(of.split_alike)(vector), of.split(vector), strict=True):
                assert alike.dtype == plain.dtype and alike.shape == plain.shape
                np.testing.assert_array_equal(alike, plain)


def test_what_layers_do_with_their_part_of_a_pack_is_compiled_once() -> None:
    of = layout(tuple([aval((8,), jtorch.float32)] * 20))
    x, vector = jnp.ones((4, 8)), jnp.arange(160, dtype=jnp.float32)
    text = compiled(lambda x, vector: [jnp.tanh(x + part) * 2 for part in of.split_alike(vector)], x, vector)
    kernels = re.findall(r"^%fused_computation[^{]*\{\n(.*?)^\}", text, re.M | re.S)
    assert len(kernels) >= 20 and len({re.sub(r"\.\d+|, metadata=\{[^}]*\}", "", k) for k in kernels}) <= 2


def losses_of_cells(t: Any) -> list[float]:
    t.manual_seed(0)
    cell, gated, head = t.nn.LSTMCell(4, 6), t.nn.GRUCell(6, 6), t.nn.Linear(6, 5)
    optimizer = t.optim.Adam([*cell.parameters(), *gated.parameters(), *head.parameters()], lr=0.02)
    x, y = t.randn(20, 3, 4), t.randint(0, 5, (20, 3))
    found = []
    for _ in range(5):
        h, c, g, loss = t.zeros(3, 6), t.zeros(3, 6), t.zeros(3, 6), 0
        for step in range(20):
            h, c = cell(x[step], (h, c))
            g = gated(h, g)
            loss = loss + t.nn.functional.cross_entropy(head(g), y[step])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_a_long_loop_of_cells_trains_as_in_pytorch() -> None:
    np.testing.assert_allclose(losses_of_cells(jtorch), losses_of_cells(torch), rtol=1e-5)   # XLA's sums have another order than PyTorch's
