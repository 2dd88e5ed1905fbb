"""The cases' training steps as a JAX programmer writes them by hand.

One jitted function per step with its parameters and optimizer state donated, layouts that suit XLA, the batch cut inside the program, and the loss
fetched as in the case. `weights` are the PyTorch model's initial values by name, so that all frameworks compute the same losses.
"""
from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Weights = dict[str, np.ndarray]
Step = Callable[[], float]


def sgd(params: Any, grads: Any, velocity: Any, lr: float, momentum: float = 0.0) -> tuple[Any, Any]:
    if momentum:
        velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, grads)
        grads = velocity
    return jax.tree.map(lambda p, g: p - lr * g, params, grads), velocity


def adam(params: Any, grads: Any, state: Any, lr: float, b1: float = 0.9, b2: float = 0.999, decay: float = 0.0) -> tuple[Any, Any]:
    count, m, v = state
    count = count + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
    scale, root = lr / (1 - b1**count), jnp.sqrt(1 - b2**count)
    params = jax.tree.map(lambda p, m, v: p * (1 - lr * decay) - scale * m / (jnp.sqrt(v) / root + 1e-8), params, m, v)
    return params, (count, m, v)


def adam_state(params: Any) -> Any:
    return jnp.zeros(()), jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)


def trainer(loss_fn: Callable, update: Callable, params: Any, state: Any, buffers: Any, batches: Iterator[tuple]) -> Step:
    """`loss_fn(params, buffers, *batch)` gives the loss and the new buffers; all that is carried from step to step is donated."""
    @functools.partial(jax.jit, donate_argnums=0)
    def train(carry: Any, *batch: Any) -> tuple[Any, jax.Array]:
        params, state, buffers = carry
        (loss, buffers), grads = jax.value_and_grad(loss_fn, has_aux=True)(params, buffers, *batch)
        return (*update(params, grads, state), buffers), loss

    carry = jax.tree.map(jnp.array, (params, state, buffers))

    def step() -> float:
        nonlocal carry
        carry, loss = train(carry, *next(batches))
        return float(loss)

    return step


def starts(count: int, size: int, *arrays: Any) -> Iterator[tuple]:
    """Where each batch begins, again and again, with the whole arrays on the device."""
    return itertools.cycle([(i, *arrays) for i in range(0, count - size + 1, size)])


def dense(weights: Weights, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    return weights[f"{prefix}.weight"].T, weights[f"{prefix}.bias"]


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    return (jax.nn.logsumexp(logits, axis=-1) - jnp.take_along_axis(logits, y[:, None], axis=-1)[:, 0]).mean()


def binary_cross_entropy(z: jax.Array, y: jax.Array) -> jax.Array:
    """Of sigmoid(z), without forming it."""
    return (jax.nn.softplus(z) - y * z).mean()


def perceptron(params: list[tuple], x: jax.Array) -> jax.Array:
    for w, b in params[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def xor_loss(params: Any, buffers: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
    return binary_cross_entropy(perceptron(params, x)[:, 0], y), buffers


def xor_params(weights: Weights) -> list[tuple]:
    return [dense(weights, str(i)) for i in (0, 2, 4)]


def xor(weights: Weights, data: tuple[np.ndarray, ...]) -> Step:
    x, y = data
    made = [(jnp.array(x[i:i + 2]), jnp.array(y[i:i + 2])) for i in range(0, 100, 2)]
    return trainer(xor_loss, functools.partial(sgd, lr=0.015), xor_params(weights), (), (), itertools.cycle(made))


def xor_loader(weights: Weights, data: tuple[np.ndarray, ...]) -> Step:
    x, y = map(jnp.array, data)
    rng = np.random.default_rng(1)

    def loss_fn(params: Any, buffers: Any, i: jax.Array, order: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        chosen = lax.dynamic_slice(order, (i,), (2,))
        return xor_loss(params, buffers, x[chosen], y[chosen])

    def batches() -> Iterator[tuple]:
        while True:
            order = jnp.array(rng.permutation(100))
            for i in range(0, 100, 2):
                yield i, order, x, y

    return trainer(loss_fn, functools.partial(sgd, lr=0.015), xor_params(weights), (), (), batches())


def mlp(weights: Weights, data: tuple[np.ndarray, ...], batch: int) -> Step:
    x, y = map(jnp.array, data)
    params = [dense(weights, name.removesuffix(".weight")) for name in weights if name.endswith(".weight")]

    def loss_fn(params: Any, buffers: Any, i: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        return cross_entropy(perceptron(params, lax.dynamic_slice_in_dim(x, i, batch)), lax.dynamic_slice_in_dim(y, i, batch)), buffers

    return trainer(loss_fn, functools.partial(adam, lr=0.001), params, adam_state(params), (), starts(len(x), batch, x, y))


mnist_mlp = functools.partial(mlp, batch=64)
wide_mlp = functools.partial(mlp, batch=256)
deep_mlp = functools.partial(mlp, batch=64)


def convolve(x: jax.Array, w: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
    """x (N, H, W, C) with w (H, W, I, O)."""
    return lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def pool(x: jax.Array) -> jax.Array:
    """Maxima of 2x2 blocks; as a reshape, whose gradient XLA lowers far better than a window's."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


def kernel(weights: Weights, name: str) -> np.ndarray:
    return weights[name].transpose(2, 3, 1, 0)


def lenet(weights: Weights, data: tuple[np.ndarray, ...]) -> Step:
    x, y = jnp.array(data[0].transpose(0, 2, 3, 1)), jnp.array(data[1])
    w, b = dense(weights, "7")
    channels_last = w.reshape(16, 5, 5, 120).transpose(1, 2, 0, 3).reshape(400, 120)
    convolutions = [(kernel(weights, f"{i}.weight"), weights[f"{i}.bias"]) for i in (0, 3)]
    params = convolutions, [(channels_last, b), dense(weights, "9"), dense(weights, "11")]

    def loss_fn(params: Any, buffers: Any, i: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        convolutions, layers = params
        h = lax.dynamic_slice_in_dim(x, i, 64)
        for w, b in convolutions:
            h = pool(jax.nn.relu(convolve(h, w) + b))
        return cross_entropy(perceptron(layers, h.reshape(64, 400)), lax.dynamic_slice_in_dim(y, i, 64)), buffers

    velocity = jax.tree.map(jnp.zeros_like, params)
    return trainer(loss_fn, functools.partial(sgd, lr=0.01, momentum=0.9), params, velocity, (), starts(len(x), 64, x, y))


def batch_norm(x: jax.Array, scale: jax.Array, shift: jax.Array, mean: jax.Array, variance: jax.Array) -> tuple[jax.Array, tuple]:
    """x (N, H, W, C) by its own statistics, and the running ones moved by a tenth."""
    batch_mean, batch_variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    count = x.size // x.shape[-1]
    factor = scale * lax.rsqrt(batch_variance + 1e-5)
    running = 0.9 * mean + 0.1 * batch_mean, 0.9 * variance + 0.1 * batch_variance * count / (count - 1)
    return x * factor + (shift - batch_mean * factor), running


def dcgan(weights: Weights, data: tuple[np.ndarray, ...]) -> Step:
    x, y = jnp.array(data[0].transpose(0, 2, 3, 1)), jnp.array(data[1])
    first, last = kernel(weights, "0.weight"), kernel(weights, "11.weight")
    middle = [(kernel(weights, f"{i}.weight"), weights[f"{i + 1}.weight"], weights[f"{i + 1}.bias"]) for i in (2, 5, 8)]
    buffers = [(weights[f"{i}.running_mean"], weights[f"{i}.running_var"]) for i in (3, 6, 9)]

    def loss_fn(params: Any, buffers: Any, i: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        first, middle, last = params
        h = jax.nn.leaky_relu(convolve(lax.dynamic_slice_in_dim(x, i, 32), first, 2, 1), 0.2)
        moved = []
        for (w, scale, shift), running in zip(middle, buffers):
            h, running = batch_norm(convolve(h, w, 2, 1), scale, shift, *running)
            h = jax.nn.leaky_relu(h, 0.2)
            moved.append(running)
        z = h.reshape(32, -1) @ last.reshape(-1, 1)
        return binary_cross_entropy(z[:, 0], lax.dynamic_slice_in_dim(y, i, 32)), moved

    params = first, middle, last
    return trainer(loss_fn, functools.partial(adam, lr=2e-4, b1=0.5), params, adam_state(params), buffers, starts(len(x), 32, x, y))


def layer_norm(x: jax.Array, scale: jax.Array, shift: jax.Array) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * scale + shift


def attention(x: jax.Array, sequences: int, heads: int) -> jax.Array:
    """Causal attention of x (B T, 3 C), which holds queries, keys and values: (B T, C)."""
    length, size = x.shape[0] // sequences, x.shape[1] // 3 // heads
    q, k, v = (z.reshape(sequences, length, heads, size).transpose(0, 2, 1, 3) for z in jnp.split(x, 3, axis=1))
    scores = (q * size**-0.5) @ k.transpose(0, 1, 3, 2)
    scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -jnp.inf)
    return (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(sequences * length, heads * size)


def gpt(weights: Weights, data: tuple[np.ndarray, ...], batch: int = 12) -> Step:
    """Tokens as rows of a matrix throughout: XLA on the CPU multiplies matrices much faster than stacks of them."""
    x, y = (jnp.array(a.astype(np.int32)) for a in data)
    length, blocks = x.shape[1], []
    for i in range(len({name.split(".")[1] for name in weights if name.startswith("blocks")})):
        norms = [(weights[f"blocks.{i}.{n}.weight"], weights[f"blocks.{i}.{n}.bias"]) for n in ("ln1", "ln2")]
        blocks.append((*norms, *(dense(weights, f"blocks.{i}.{n}") for n in ("qkv", "out", "up", "down"))))
    params = weights["token.weight"], weights["position.weight"], blocks, (weights["norm.weight"], weights["norm.bias"]), weights["head.weight"].T

    def loss_fn(params: Any, buffers: Any, i: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        token, position, blocks, norm, head = params
        h = (token[lax.dynamic_slice_in_dim(x, i, batch)] + position).reshape(batch * length, 128)
        for ln1, ln2, (wq, bq), (wo, bo), (wu, bu), (wd, bd) in blocks:
            h = h + attention(layer_norm(h, *ln1) @ wq + bq, batch, 4) @ wo + bo
            h = h + jax.nn.gelu(layer_norm(h, *ln2) @ wu + bu, approximate=False) @ wd + bd
        return cross_entropy(layer_norm(h, *norm) @ head, lax.dynamic_slice_in_dim(y, i, batch).reshape(-1)), buffers

    update = functools.partial(adam, lr=1e-3, decay=0.01)
    return trainer(loss_fn, update, params, adam_state(params), (), starts(len(x), batch, x, y))


def lstm(weights: Weights, data: tuple[np.ndarray, ...]) -> Step:
    """The input's part of the gates for all times in one product, the rest as a scan."""
    x, y = map(jnp.array, data)
    biases = weights["lstm.bias_ih_l0"], weights["lstm.bias_hh_l0"]
    params = weights["lstm.weight_ih_l0"].T, weights["lstm.weight_hh_l0"].T, biases, dense(weights, "head")

    def loss_fn(params: Any, buffers: Any, i: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, Any]:
        w_in, w_state, (b_in, b_state), (w, b) = params
        batch = lax.dynamic_slice_in_dim(x, i, 16).transpose(1, 0, 2).reshape(50 * 16, 32)
        inputs = (batch @ w_in + (b_in + b_state)).reshape(50, 16, 256)

        def tick(carry: tuple, row: jax.Array) -> tuple[tuple, None]:
            h, c = carry
            i, f, g, o = jnp.split(row + h @ w_state, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        (h, _), _ = lax.scan(tick, (jnp.zeros((16, 64)), jnp.zeros((16, 64))), inputs)
        return (((h @ w + b)[:, 0] - lax.dynamic_slice_in_dim(y, i, 16)) ** 2).mean(), buffers

    return trainer(loss_fn, functools.partial(adam, lr=0.001), params, adam_state(params), (), starts(len(x), 16, x, y))


CASES: dict[str, Callable[[Weights, tuple[np.ndarray, ...]], Step]] = {
    "xor": xor, "xor_loader": xor_loader, "mnist_mlp": mnist_mlp, "wide_mlp": wide_mlp, "deep_mlp": deep_mlp,
    "lenet": lenet, "dcgan": dcgan, "gpt": gpt, "gpt_long": functools.partial(gpt, batch=1), "lstm": lstm,
}
