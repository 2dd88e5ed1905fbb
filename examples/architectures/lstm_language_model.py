"""A two-layer LSTM (Hochreiter & Schmidhuber 1997) learns the spelling of a made-up language, as Zaremba et al. (2014) trained theirs.

The text is read in chunks; the state passes from one chunk to the next, but gradients stop there (truncated backpropagation through time).
"""
import torch
from torch import nn

import math
from collections.abc import Iterator

LETTERS, CHUNK, BATCH = 27, 20, 16                           # 26 letters and the space between words
CHUNKS_PER_EPOCH = 3

State = tuple[torch.Tensor, torch.Tensor]


def text(words: list[torch.Tensor], length: int) -> torch.Tensor:
    """Random words of the language, each followed by a space: (length)."""
    pieces: list[torch.Tensor] = []
    written = 0
    while written < length:
        word = words[int(torch.randint(len(words), ()))]
        pieces += [word, torch.tensor([0])]
        written += len(word) + 1
    return torch.cat(pieces)[:length]


def columns(stream: torch.Tensor) -> torch.Tensor:
    """The text as BATCH parallel columns: (length) -> (length / BATCH, BATCH)."""
    length = len(stream) // BATCH
    return stream[:length * BATCH].view(BATCH, length).t().contiguous()


class LanguageModel(nn.Module):
    """Scores for the next letter: (T, N) and a state -> (T, N, LETTERS) and the next state."""

    def __init__(self, width: int = 48, layers: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Embedding(LETTERS, width)
        self.lstm = nn.LSTM(width, width, layers, dropout=dropout)
        self.output = nn.Linear(width, LETTERS)
        self.layers, self.width = layers, width
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def forward(self, letters: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        outputs, state = self.lstm(self.dropout(self.embedding(letters)), state)
        return self.output(self.dropout(outputs)), state

    def start(self) -> State:
        """The state before the first letter."""
        zeros = next(self.parameters()).new_zeros(self.layers, BATCH, self.width)
        return zeros, zeros.clone()


def chunks(stream: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of letters and the letters that follow them, both (CHUNK, BATCH)."""
    for begin in range(0, len(stream) - CHUNK, CHUNK):
        yield stream[begin:begin + CHUNK], stream[begin + 1:begin + 1 + CHUNK]


@torch.no_grad()
def perplexity(model: LanguageModel, stream: torch.Tensor) -> float:
    """Into how many equally likely letters the model is torn, on text that it has not learnt from."""
    model.eval()
    state, losses = model.start(), []
    for letters, following in chunks(stream):
        scores, state = model(letters, state)
        losses.append(nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten()))
    model.train()
    return math.exp(torch.stack(losses).mean().item())


def train(steps: int) -> Iterator[float]:
    """The loss of each step; the learning rate falls after each epoch."""
    torch.manual_seed(0)
    words = [torch.randint(1, LETTERS, (int(torch.randint(2, 7, ())),)) for _ in range(12)]
    training = columns(text(words, BATCH * (CHUNKS_PER_EPOCH * CHUNK + 1)))
    validation = columns(text(words, BATCH * (CHUNK + 1)))
    model = LanguageModel()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=4.0)
    step = epoch = 0
    while step < steps:
        state = model.start()
        for letters, following in chunks(training):
            state = tuple(part.detach() for part in state)
            optimizer.zero_grad()
            scores, state = model(letters, state)
            loss = criterion(scores.view(-1, LETTERS), following.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            optimizer.step()
            yield loss.item()
            step += 1
            if step == steps:
                return
        print(f"epoch {epoch}  lr {optimizer.param_groups[0]['lr']:.2f}  perplexity {perplexity(model, validation):.3f}")
        epoch += 1
        for group in optimizer.param_groups:
            group["lr"] /= 1.1


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
