"""A mixture density network (Bishop 1994) learns an inverse problem, where one input has several answers."""
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.utils.data import DataLoader, TensorDataset, random_split

import math
from collections.abc import Iterator


def curve(count: int) -> TensorDataset:
    """Points (count, 1), (count, 1) about a curve that runs back and forth, so that y is no function of x."""
    y = 6 * torch.rand(count, 1) - 3
    x = y / 3 + 0.6 * torch.sin(math.pi * y / 1.5) + 0.1 * torch.randn(count, 1)
    return TensorDataset(x, y)


class MixtureDensity(nn.Module):
    """The distribution of y given x, as a mixture of normal ones: (N, 1) -> a distribution of (N, 1)."""

    def __init__(self, parts: int = 5, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.weights, self.means, self.deviations = nn.Linear(width, parts), nn.Linear(width, parts), nn.Linear(width, parts)
        nn.init.uniform_(self.means.bias, -3.0, 3.0)

    def forward(self, x: torch.Tensor) -> MixtureSameFamily:
        hidden = self.body(x)
        deviations = nn.functional.softplus(self.deviations(hidden)) + 1e-3
        parts = Independent(Normal(self.means(hidden).unsqueeze(-1), deviations.unsqueeze(-1)), 1)
        return MixtureSameFamily(Categorical(logits=self.weights(hidden)), parts)


@torch.no_grad()
def validate(model: MixtureDensity, loader: DataLoader) -> tuple[float, float]:
    """The mean negative log-likelihood, and the mean distance of one sample from the truth."""
    total = distance = 0.0
    for x, y in loader:
        distribution = model(x)
        total -= distribution.log_prob(y).sum().item()
        distance += (distribution.sample() - y).abs().sum().item()
    return total / len(loader.dataset), distance / len(loader.dataset)


def train(steps: int) -> Iterator[float]:
    """The loss of each step: the mean negative log-likelihood of a batch."""
    torch.manual_seed(0)
    training, validation = random_split(curve(320), [256, 64])
    batches, others = DataLoader(training, batch_size=64, shuffle=True), DataLoader(validation, batch_size=64)
    model = MixtureDensity()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100, eta_min=1e-4)
    step = 0
    while step < steps:
        model.train()
        for x, y in batches:
            loss = -model(x).log_prob(y).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            yield loss.item()
            step += 1
            if step == steps:
                return
        model.eval()
        print("         validation: loss {:.4f}, distance {:.4f}".format(*validate(model, others)))


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
