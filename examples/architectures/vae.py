"""A convolutional variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114) learns to code pictures of crosses in a few numbers."""
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE, LATENT = 16, 4


class VAE(nn.Module):
    """Images (N, 1, 16, 16)  ->  logits of their reconstructions, and mean and log-variance of their codes (N, LATENT)"""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.SiLU(),
            nn.Flatten())
        self.mean = nn.Linear(2 * width * 16, LATENT)
        self.log_variance = nn.Linear(2 * width * 16, LATENT)
        self.code = nn.Linear(LATENT, 2 * width * 16)
        self.decoder = nn.Sequential(
            nn.SiLU(), nn.Unflatten(1, (2 * width, 4, 4)),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1), nn.SiLU(),
            nn.ConvTranspose2d(width, 1, 3, stride=2, padding=1, output_padding=1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))   # images in training so far

    def reparametrise(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """A draw from the code's distribution through which gradients flow; its mean outside training."""
        if not self.training:
            return mean
        return mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.training:
            self.seen += len(images)
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features).clamp(-8, 8)
        return self.decoder(self.code(self.reparametrise(mean, log_variance))), mean, log_variance


def crosses(count: int) -> Tensor:
    """Crosses: a bright row and a bright column."""
    row, column = torch.randint(SIZE - 2, (2, count, 1, 1)) + 1
    grid = torch.arange(SIZE)
    images = torch.maximum(torch.exp(-(grid.view(-1, 1) - row) ** 2 / 2.0), torch.exp(-(grid - column) ** 2 / 2.0))
    return images.unsqueeze(1)


def elbo(logits: Tensor, images: Tensor, mean: Tensor, log_variance: Tensor, beta: float) -> Tensor:
    """What an image costs: its reconstruction, and how far its code's distribution is from the standard normal one."""
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (reconstruction + beta * divergence) / len(images)


def train(steps: int, report: bool = False) -> Iterator[float]:
    torch.manual_seed(0)
    images, test_images = crosses(512), crosses(32)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(steps):
        beta = min(1.0, (step + 1) / 10)                               # the code may first become useful, then it must become compact
        batch = images[step * 32 % 512:step * 32 % 512 + 32]
        optimizer.zero_grad()
        logits, mean, log_variance = model(batch)
        loss = elbo(logits, batch, mean, log_variance, beta)
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 5.0)
        optimizer.step()
        if step % 5 == 2:
            model.eval()
            with torch.no_grad():
                logits, mean, log_variance = model(test_images)
                test_loss = elbo(logits, test_images, mean, log_variance, 1.0).item()
            model.train()
            if report:
                print(f"         after {model.seen} images: test loss {test_loss:.4f}")
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20, report=True)):
        print(f"step {step:2d}  loss {loss:.4f}")
