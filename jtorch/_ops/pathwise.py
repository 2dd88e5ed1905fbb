"""How samples move with the parameters they were drawn from: implicit reparametrization (Figurnov et al. 2018, arXiv:1805.08498)."""
from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.op import FLOAT, Array, op

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


@op(FLOAT, differentiable=False, inplace=False, home="torch", numbers=False)
def _standard_gamma_grad(input: Array, output: Array) -> Array:
    """Derivative of a gamma number `output` by its shape parameter.    input, output: (*)  ->  (*)"""
    return lax.random_gamma_grad(*jnp.broadcast_arrays(input, output))


def _tail(x: Array, a: Array, b: Array, weighted: str) -> Array:
    """∫₀ˣ t^(a-1) (1-t)^(b-1) (ln u - mean) dt over the integrand's x^(a-1) (1-x)^(b-1), u = t or 1 - t and mean its expected logarithm.

    With t = x exp(-s / a) the integrand falls as exp(-s); the sum is split at multiples of that length."""
    x, a, b, total = x[..., None], a[..., None], b[..., None], 0.0
    mean = lax.digamma(a if weighted == "t" else b) - lax.digamma(a + b)
    for low, high in ((0.0, 2.0), (2.0, 8.0), (8.0, 24.0), (24.0, 60.0)):
        s = (low + high) / 2 + (high - low) / 2 * NODES
        rest = jnp.log1p(-x * jnp.exp(-s / a))
        logarithm = jnp.log(x) - s / a if weighted == "t" else rest
        ratio = jnp.exp((b - 1) * (rest - jnp.log1p(-x)) - s)
        total += (ratio * (logarithm - mean) * WEIGHTS).sum(-1) * (high - low) / 2
    return total * (x / a)[..., 0]


@op(FLOAT, differentiable=False, inplace=False, home="torch")
def _dirichlet_grad(x: Array, alpha: Array, total: Array) -> Array:
    """(∂x/∂alpha) / (1 - x) of a beta number x with parameters alpha and total - alpha.    x, alpha, total: (*)  ->  (*)"""
    kind = x.dtype
    x, a, total = jnp.broadcast_arrays(*[v.astype(jnp.float64) for v in (x, alpha, total)])
    b = total - a
    moved = jnp.where(x < a / total, -_tail(x, a, b, "t"), _tail(1 - x, b, a, "rest"))      # from the nearer end
    return (moved / (1 - x)).astype(kind)
