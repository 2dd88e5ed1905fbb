"""The Transformer (Vaswani et al. 2017), encoder and decoder, learns to reverse sequences.

Masks hide the padding and the future; the learning rate warms up and then falls with the square root of the step; labels are smoothed.
"""
import torch
from torch import nn

import math
from collections.abc import Iterator

PAD, START, SYMBOLS, LONGEST = 0, 1, 16, 10
WIDTH, WARM_UP = 32, 10


def batch(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences of 4 to LONGEST symbols and the same backwards, after START: (size, LONGEST), (size, LONGEST + 1), padded at the end."""
    lengths = torch.randint(4, LONGEST + 1, (size, 1))
    places = torch.arange(LONGEST).expand(size, -1)
    sources = torch.randint(2, SYMBOLS, (size, LONGEST)).masked_fill(places >= lengths, PAD)
    reversed_places = (lengths - 1 - places).clamp(min=0)
    targets = sources.gather(1, reversed_places).masked_fill(places >= lengths, PAD)
    return sources, torch.cat([torch.full((size, 1), START), targets], dim=1)


class Positions(nn.Module):
    """Adds sines and cosines of the position: (N, L, width) -> (N, L, width)."""

    def __init__(self, width: int, longest: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        angles = torch.arange(longest).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(longest, width)
        table[:, 0::2] = torch.sin(angles)
        table[:, 1::2] = torch.cos(angles)
        self.register_buffer("table", table)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(x + self.table[:x.size(1)])


class Translator(nn.Module):
    """Scores of each next symbol: (N, S), (N, T) -> (N, T, SYMBOLS)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, WIDTH, padding_idx=PAD)
        self.positions = Positions(WIDTH)
        self.transformer = nn.Transformer(WIDTH, nhead=4, num_encoder_layers=2, num_decoder_layers=2, dim_feedforward=4 * WIDTH,
                                          dropout=0.1, batch_first=True)
        self.output = nn.Linear(WIDTH, SYMBOLS)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, sources: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        future = torch.triu(torch.ones(targets.size(1), targets.size(1), dtype=torch.bool), diagonal=1)
        hidden = self.transformer(
            self.embed(sources), self.embed(targets), tgt_mask=future, src_key_padding_mask=sources == PAD,
            tgt_key_padding_mask=targets == PAD, memory_key_padding_mask=sources == PAD)
        return self.output(hidden)

    def embed(self, symbols: torch.Tensor) -> torch.Tensor:
        return self.positions(self.embedding(symbols) * math.sqrt(WIDTH))


@torch.no_grad()
def accuracy(model: Translator, sources: torch.Tensor, targets: torch.Tensor) -> float:
    """The share of symbols that the model would write as they should be, each after the right ones before it."""
    model.eval()
    right = model(sources, targets[:, :-1]).argmax(dim=2) == targets[:, 1:]
    model.train()
    return right[sources != PAD].float().mean().item()


def noam(step: int) -> float:
    """The paper's learning rate: rising for WARM_UP steps, then as one over the square root."""
    step = max(step, 1)
    return WIDTH ** -0.5 * min(step ** -0.5, step * WARM_UP ** -1.5)


def train(steps: int) -> Iterator[float]:
    """The loss of each step."""
    torch.manual_seed(0)
    validation = batch(64)
    model = Translator()
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1, betas=(0.9, 0.98), eps=1e-9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, noam)
    for step in range(steps):
        sources, targets = batch(32)
        scores = model(sources, targets[:, :-1])
        loss = criterion(scores.reshape(-1, SYMBOLS), targets[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        yield loss.item()
        if step % 5 == 0:
            print(f"         right {accuracy(model, *validation):.4f}")


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
