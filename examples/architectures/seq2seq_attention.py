"""A sequence-to-sequence network with additive attention (Bahdanau et al. 2015) learns to write numbers backwards.

A bidirectional GRU reads packed sequences of several lengths; the decoder writes one digit at a time, looking at the encoder's outputs.
"""
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

from collections.abc import Iterator

PAD, START, END, SYMBOLS = 0, 1, 2, 13                       # the digits are 3 to 12
WIDTH = 32

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def collate(numbers: list[torch.Tensor]) -> Batch:
    """Numbers (N, S), their lengths (N), and what is to be written (N, T), padded."""
    lengths = torch.tensor([len(number) for number in numbers])
    targets = [torch.cat([number.flip(0), torch.tensor([END])]) for number in numbers]
    return (pad_sequence(numbers, batch_first=True, padding_value=PAD), lengths,
            pad_sequence(targets, batch_first=True, padding_value=PAD))


class Encoder(nn.Module):
    """Annotations (N, S, 2 WIDTH) and the decoder's first state (N, WIDTH) of numbers (N, S)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, WIDTH, padding_idx=PAD)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, numbers: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        packed = pack_padded_sequence(self.embedding(numbers), lengths, batch_first=True, enforce_sorted=False)
        outputs, last = self.gru(packed)
        annotations, _ = pad_packed_sequence(outputs, batch_first=True, total_length=numbers.size(1))
        return annotations, torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=1)))


class Attention(nn.Module):
    """A mean of the annotations, weighted by how well each fits the state: (N, WIDTH), (N, S, 2 WIDTH) -> (N, 2 WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.key = nn.Linear(2 * WIDTH, WIDTH, bias=False)
        self.score = nn.Linear(WIDTH, 1, bias=False)

    def forward(self, state: torch.Tensor, annotations: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        energy = torch.tanh(self.query(state).unsqueeze(1) + self.key(annotations))
        scores = self.score(energy).squeeze(2).masked_fill(~mask, float("-inf"))
        weights = torch.softmax(scores, dim=1)
        return torch.bmm(weights.unsqueeze(1), annotations).squeeze(1)


class Decoder(nn.Module):
    """Scores (N, T, SYMBOLS) of each digit to write, given the one before: the true one, or that with the highest score."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, WIDTH, padding_idx=PAD)
        self.attention = Attention()
        self.cell = nn.GRUCell(3 * WIDTH, WIDTH)
        self.output = nn.Sequential(nn.Dropout(0.1), nn.Linear(4 * WIDTH, SYMBOLS))

    def forward(self, annotations: torch.Tensor, state: torch.Tensor, mask: torch.Tensor, targets: torch.Tensor, forced: bool) -> torch.Tensor:
        symbol = torch.full_like(targets[:, 0], START)
        scores = []
        for t in range(targets.size(1)):
            context = self.attention(state, annotations, mask)
            embedded = self.embedding(symbol)
            state = self.cell(torch.cat([embedded, context], dim=1), state)
            scores.append(self.output(torch.cat([state, context, embedded], dim=1)))
            symbol = targets[:, t] if forced else scores[-1].argmax(dim=1)
        return torch.stack(scores, dim=1)


class Seq2Seq(nn.Module):
    """Encoder and decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, numbers: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor, forced: bool = True) -> torch.Tensor:
        annotations, state = self.encoder(numbers, lengths)
        return self.decoder(annotations, state, numbers != PAD, targets, forced)


def train(steps: int) -> Iterator[float]:
    """The loss of each step."""
    torch.manual_seed(0)
    numbers = [torch.randint(3, SYMBOLS, (2 + n % 4,)) for n in range(96)]
    loader = DataLoader(numbers, batch_size=32, collate_fn=collate)
    model = Seq2Seq()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    step = 0
    while step < steps:
        for sources, lengths, targets in loader:
            scores = model(sources, lengths, targets)
            loss = F.cross_entropy(scores.transpose(1, 2), targets, ignore_index=PAD)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            yield loss.item()
            step += 1
            if step == steps:
                return
        model.eval()
        with torch.no_grad():
            written = model(sources, lengths, targets, forced=False).argmax(dim=2)
        model.train()
        print(f"written as it should be: {(written == targets)[targets != PAD].float().mean().item():.3f}")


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
