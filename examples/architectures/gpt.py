"""A decoder-only Transformer (GPT-2, Radford et al. 2019) learns to count on, in a text of interleaved number sequences.

Pre-norm blocks, causal attention, tied embeddings, AdamW with weight decay on matrices only, warm-up and cosine, clipped gradients, mixed precision.
"""
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import math
from collections.abc import Iterator
from types import SimpleNamespace

CONFIG = SimpleNamespace(symbols=32, context=24, width=32, heads=4, layers=2, dropout=0.1)


class Attention(nn.Module):
    """Causal attention with several heads: (N, T, C) -> (N, T, C)."""

    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.projection = nn.Linear(config.width, config.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, width = x.shape
        q, k, v = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0, is_causal=True)
        return F.dropout(self.projection(mixed.transpose(1, 2).reshape(batch, time, width)), self.dropout, self.training)


class Block(nn.Module):
    """Attention and a perceptron, each on the normalised input and added to it: (N, T, C) -> (N, T, C)."""

    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.mlp = nn.Sequential(nn.Linear(config.width, 4 * config.width), nn.GELU(approximate="tanh"),
                                 nn.Linear(4 * config.width, config.width), nn.Dropout(config.dropout))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Scores of each next symbol: (N, T) -> (N, T, symbols)."""

    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(config.symbols, config.width), nn.Embedding(config.context, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.symbols, bias=False)
        self.head.weight = self.tokens.weight
        self.apply(self.initialise)
        for name, parameter in self.named_parameters():
            if name.endswith(("projection.weight", "mlp.2.weight")):
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.layers))

    @staticmethod
    def initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, symbols: torch.Tensor, mixed: bool = False) -> torch.Tensor:
        x = self.dropout(self.tokens(symbols) + self.places(torch.arange(symbols.size(1), device=symbols.device)))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            for block in self.blocks:
                x = checkpoint(block, x, use_reentrant=False) if self.training else block(x)
        return self.head(self.norm(x))                       # the scores in single precision


def counting(size: int, config: SimpleNamespace) -> torch.Tensor:
    """Rows that count up from a random start by a random stride, modulo the number of symbols: (size, context + 1)."""
    start, stride = torch.randint(config.symbols, (size, 1)), torch.randint(1, 4, (size, 1))
    return (start + stride * torch.arange(config.context + 1)) % config.symbols


def rate(step: int, warm_up: int = 5, last: int = 100) -> float:
    """The share of the highest learning rate: up along a line, then down along a cosine to a tenth."""
    if step < warm_up:
        return (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / (last - warm_up))
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))


def train(steps: int) -> Iterator[float]:
    """The loss of each step; every other one computes the products in the blocks in bfloat16."""
    torch.manual_seed(0)
    model = GPT(CONFIG)
    parameters = list(model.parameters())
    groups = [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
              {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    for step in range(steps):
        rows = counting(16, CONFIG)
        scores = model(rows[:, :-1], mixed=step % 2 == 1)
        loss = F.cross_entropy(scores.reshape(-1, CONFIG.symbols), rows[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        scheduler.step()
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
