"""A generative adversarial network that draws handwritten digits of 8x8 pixels.

A generator turns noise into images, a discriminator tells images from drawings; two optimizers take turns.
detach() keeps the discriminator's step out of the generator.
"""
import torch
import torch.nn as nn
import torch.optim as optim

import argparse
import pathlib
import time
from collections.abc import Iterator

import matplotlib
from tensorboardX import SummaryWriter

from digit_data import digits

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first

NOISE = 16


class Discriminator(nn.Module):
    """How likely each image is a real one: (N, 1, 8, 8) -> (N)."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1), nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * channels, 1, 2), nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x).view(-1, 1).squeeze(dim=1)


class Generator(nn.Module):
    """Images from noise: (N, NOISE, 1, 1) -> (N, 1, 8, 8)."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(NOISE, 2 * channels, 2), nn.BatchNorm2d(2 * channels), nn.ReLU(),
            nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1), nn.Sigmoid(),
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.net(noise)


def batches(images: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Shuffled batches without end."""
    while True:
        order = torch.randperm(len(images))
        for start in range(0, len(images) - size + 1, size):
            yield images[order[start:start + size]]


def draw(path: pathlib.Path, images: torch.Tensor) -> None:
    """64 images as one picture."""
    picture = images[:64, 0].view(8, 8, 8, 8).permute(0, 2, 1, 3).reshape(64, 64)
    plt.imsave(path, picture.repeat_interleave(4, dim=0).repeat_interleave(4, dim=1).cpu().numpy(), cmap="gray_r", vmin=0, vmax=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/small_gan"))
    parser.add_argument("--quick", action="store_true", help="40 iterations")
    args = parser.parse_args()
    device = torch.device(args.device)
    iterations = 40 if args.quick else args.iterations
    report_every = iterations // 10
    args.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(1)
    images, _ = digits()
    discriminator, generator = Discriminator().to(device), Generator().to(device)
    objective = nn.BCELoss()
    generator_optimizer = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    discriminator_optimizer = optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    real_labels, fake_labels = torch.ones(args.batch_size, device=device), torch.zeros(args.batch_size, device=device)

    writer = SummaryWriter(str(args.out / "tensorboard"))
    generator_losses, discriminator_losses = [], []
    start = time.perf_counter()
    for iteration, batch in zip(range(1, iterations + 1), batches(images, args.batch_size)):
        batch = batch.to(device)
        fake = generator(torch.randn(args.batch_size, NOISE, 1, 1).to(device))

        discriminator_optimizer.zero_grad()
        discriminator_loss = objective(discriminator(batch), real_labels) + objective(discriminator(fake.detach()), fake_labels)
        discriminator_loss.backward()
        discriminator_optimizer.step()
        discriminator_losses.append(discriminator_loss.item())

        generator_optimizer.zero_grad()
        generator_loss = objective(discriminator(fake), real_labels)
        generator_loss.backward()
        generator_optimizer.step()
        generator_losses.append(generator_loss.item())

        if iteration % report_every == 0:
            means = sum(discriminator_losses) / report_every, sum(generator_losses) / report_every
            print(f"iteration {iteration}  discriminator {means[0]:.3f}  generator {means[1]:.3f}")
            print(f"  {report_every / (time.perf_counter() - start):.0f} steps/s")
            writer.add_scalars("loss", {"discriminator": means[0], "generator": means[1]}, iteration)
            writer.add_image("drawn", fake[0].detach().cpu(), iteration)
            generator_losses, discriminator_losses, start = [], [], time.perf_counter()
    writer.close()
    draw(args.out / "drawn.png", fake.detach())
    draw(args.out / "real.png", batch)
    print(f"wrote {args.out / 'drawn.png'}")


if __name__ == "__main__":
    main()
