"""A normalizing flow of coupling layers (RealNVP, Dinh et al. 2017) learns the density of two moons.

The learning rate follows one cycle; samples come from an exponential moving average of the weights.
"""
import torch
from torch import nn
from torch.distributions import Independent, Normal
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import math
from collections.abc import Iterator


def moons(count: int) -> torch.Tensor:
    """Points on two half circles that reach into each other, with some noise: (count, 2)."""
    angle = torch.rand(count) * math.pi
    upper = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    lower = torch.stack([1 - torch.cos(angle), 0.5 - torch.sin(angle)], dim=1)
    return torch.where(torch.rand(count, 1) < 0.5, upper, lower) + 0.05 * torch.randn(count, 2)


class Coupling(nn.Module):
    """Keeps the coordinates in `mask`; scales and shifts the others by what the kept ones say."""

    def __init__(self, mask: torch.Tensor, width: int = 32) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.scale = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(), nn.Linear(width, 2), nn.Tanh())
        self.shift = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(), nn.Linear(width, 2))

    def parts(self, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logarithm of the scale, and the shift, of the coordinates that change."""
        free = 1 - self.mask
        return self.scale(kept) * free, self.shift(kept) * free

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """To the latent space: (N, 2) -> (N, 2), and the logarithm of the volume's change (N)."""
        scale, shift = self.parts(x * self.mask)
        return (x - shift) * torch.exp(-scale), -scale.sum(dim=1)

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        """Back again."""
        scale, shift = self.parts(z * self.mask)
        return z * torch.exp(scale) + shift


class RealNVP(nn.Module):
    """The density of points: log-likelihoods (N) of (N, 2)."""

    def __init__(self, layers: int = 6) -> None:
        super().__init__()
        masks = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
        self.couplings = nn.ModuleList(Coupling(masks[k % 2]) for k in range(layers))
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("deviation", torch.ones(2))

    def latent(self) -> Independent:
        """The distribution of latent points."""
        return Independent(Normal(self.mean, self.deviation), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = torch.zeros(len(x))
        for coupling in self.couplings:
            x, more = coupling(x)
            change = change + more
        return self.latent().log_prob(x) + change

    @torch.no_grad()
    def sample(self, count: int) -> torch.Tensor:
        """New points: (count, 2)."""
        z = self.latent().sample((count,))
        for coupling in reversed(self.couplings):
            z = coupling.inverse(z)
        return z


def train(steps: int) -> Iterator[float]:
    """The loss of each step: the mean negative log-likelihood."""
    torch.manual_seed(0)
    validation = moons(128)
    flow = RealNVP()
    averaged = AveragedModel(flow, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=100)
    for step in range(steps):
        loss = -flow(moons(256)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        averaged.update_parameters(flow)
        yield loss.item()
        if step % 5 == 0:
            with torch.no_grad():
                print(f"         of the average {-averaged(validation).mean().item():.4f}, a point", averaged.module.sample(1))


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
