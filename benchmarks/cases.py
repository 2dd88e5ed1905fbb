"""Training steps as an ordinary PyTorch user writes them.  Each case takes the framework as its argument: PyTorch, or jtorch."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Session(NamedTuple):
    """A case set up in one framework: `step()` trains once and returns the loss it read; a hand-written version starts from `model` and `data`."""

    step: Callable[[], float]
    model: Any
    data: tuple[np.ndarray, ...]


def trainer(model: Any, loss_fn: Callable, optimizer: Any, batches: Any) -> Callable[[], float]:
    """The usual step: forward, backward, update, and the loss as a Python number."""
    def step() -> float:
        x, y = next(batches)
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def slices(x: Any, y: Any, size: int) -> Any:
    """x[i:i+size] and y[i:i+size] for every whole batch, again and again."""
    while True:
        for i in range(0, len(x) - size + 1, size):
            yield x[i:i + size], y[i:i + size]


def uniform(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def labels(seed: int, count: int, classes: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, classes, count)


def xor_data() -> tuple[np.ndarray, np.ndarray]:
    x = uniform(1, 100, 2)
    return x, (x[:, 0] * x[:, 1] >= 0).astype(np.float32)


def xor_model(torch: Any, device: str) -> Any:
    nn = torch.nn
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid()).to(device)


def xor_session(torch: Any, device: str, batches: Any) -> Session:
    model, loss_fn = xor_model(torch, device), torch.nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.015)
    return Session(trainer(model, lambda prediction, y: loss_fn(prediction[:, 0], y), optimizer, batches), model, xor_data())


def xor(torch: Any, device: str = "cpu") -> Session:
    """The book's XOR network 2-4-4-1, SGD, batches of two that exist beforehand."""
    x, y = xor_data()
    made = [(torch.tensor(x[i:i + 2], device=device), torch.tensor(y[i:i + 2], device=device)) for i in range(0, 100, 2)]
    return xor_session(torch, device, itertools.cycle(made))


def xor_loader(torch: Any, device: str = "cpu") -> Session:
    """The same through a shuffling DataLoader."""
    x, y = xor_data()
    data = torch.utils.data
    loader = data.DataLoader(data.TensorDataset(torch.tensor(x, device=device), torch.tensor(y, device=device)), batch_size=2, shuffle=True)
    return xor_session(torch, device, itertools.chain.from_iterable(itertools.repeat(loader)))


def mlp(torch: Any, device: str, sizes: list[int], batch: int) -> Session:
    """Dense layers with ReLU, Adam, cross entropy, batches sliced from the whole."""
    nn = torch.nn
    torch.manual_seed(1)
    pairs = list(zip(sizes, sizes[1:]))
    layers = [layer for pair in pairs[:-1] for layer in (nn.Linear(*pair), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(*pairs[-1])).to(device)
    x, y = uniform(1, 16 * batch, sizes[0]), labels(2, 16 * batch, sizes[-1])
    batches = slices(torch.tensor(x, device=device), torch.tensor(y, device=device), batch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    return Session(trainer(model, nn.CrossEntropyLoss(), optimizer, batches), model, (x, y))


def mnist_mlp(torch: Any, device: str = "cpu") -> Session:
    """The book's MNIST network 784-32-16-10, batches of 64."""
    return mlp(torch, device, [784, 32, 16, 10], 64)


def wide_mlp(torch: Any, device: str = "cpu") -> Session:
    """784-512-512-10, batches of 256."""
    return mlp(torch, device, [784, 512, 512, 10], 256)


def deep_mlp(torch: Any, device: str = "cpu") -> Session:
    """Fifty layers of width 32, batches of 64: many small parameters."""
    return mlp(torch, device, [32] * 51, 64)


def lenet(torch: Any, device: str = "cpu") -> Session:
    """LeNet-5 on 32x32 images, SGD with momentum, batches of 64."""
    nn = torch.nn
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    ).to(device)
    x, y = uniform(1, 256, 1, 32, 32), labels(2, 256, 10)
    batches = slices(torch.tensor(x, device=device), torch.tensor(y, device=device), 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return Session(trainer(model, nn.CrossEntropyLoss(), optimizer, batches), model, (x, y))


def dcgan(torch: Any, device: str = "cpu") -> Session:
    """DCGAN's discriminator on 3x64x64 images, channels 64-128-256-512, batches of 32."""
    nn = torch.nn
    torch.manual_seed(1)
    layers = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for channels in (64, 128, 256):
        layers += [nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2)]
    model = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0)).to(device)
    x, y = uniform(1, 64, 3, 64, 64), labels(2, 64, 2).astype(np.float32)
    batches = slices(torch.tensor(x, device=device), torch.tensor(y, device=device), 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999))
    return Session(trainer(model, nn.BCELoss(), optimizer, batches), model, (x, y))


def gpt_model(torch: Any, vocabulary: int, width: int, length: int, depth: int, heads: int) -> Any:
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        """Causal self-attention and a two-layer perceptron, each after a layer norm and added to its input."""

        def __init__(self) -> None:
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            b, t, c = x.shape
            q, k, v = (z.view(b, t, heads, c // heads).transpose(1, 2) for z in self.qkv(self.ln1(x)).split(width, dim=2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).contiguous().view(b, t, c))
            return x + self.down(F.gelu(self.up(self.ln2(x))))

    class GPT(nn.Module):
        """Logits of the next token: (B, T) -> (B, T, vocabulary)."""

        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.token(tokens) + self.position(torch.arange(tokens.shape[1], device=tokens.device))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return GPT()


def gpt_session(torch: Any, device: str, depth: int, length: int, count: int, batch: int) -> Session:
    """A character model of 65 tokens, width 128, 4 heads, AdamW."""
    torch.manual_seed(1)
    model = gpt_model(torch, 65, 128, length, depth, 4).to(device)
    tokens = labels(1, count * (length + 1), 65).reshape(count, length + 1)
    x, y = tokens[:, :-1].copy(), tokens[:, 1:].copy()
    batches = slices(torch.tensor(x, device=device), torch.tensor(y, device=device), batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def loss_fn(logits: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(logits.view(-1, 65), y.reshape(-1))

    return Session(trainer(model, loss_fn, optimizer, batches), model, (x, y))


def gpt(torch: Any, device: str = "cpu") -> Session:
    """4 layers, 12 sequences of 64."""
    return gpt_session(torch, device, depth=4, length=64, count=48, batch=12)


def gpt_long(torch: Any, device: str = "cpu") -> Session:
    """2 layers, a sequence of 2,048: attention takes most of the time."""
    return gpt_session(torch, device, depth=2, length=2048, count=4, batch=1)


def lstm(torch: Any, device: str = "cpu") -> Session:
    """An LSTM 32 -> 64 over 50 steps and a number from its last state, batches of 16, Adam."""
    nn = torch.nn

    class LastState(nn.Module):
        """(B, T, 32) -> (B)."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 1)

        def forward(self, x: Any) -> Any:
            states, _ = self.lstm(x)
            return self.head(states[:, -1])[:, 0]

    torch.manual_seed(1)
    model = LastState().to(device)
    x, y = uniform(1, 64, 50, 32), uniform(2, 64)
    batches = slices(torch.tensor(x, device=device), torch.tensor(y, device=device), 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    return Session(trainer(model, nn.MSELoss(), optimizer, batches), model, (x, y))


CASES = {case.__name__: case for case in (xor, xor_loader, mnist_mlp, wide_mlp, deep_mlp, lenet, dcgan, gpt, gpt_long, lstm)}
