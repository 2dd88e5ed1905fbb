"""A deep convolutional GAN (Radford et al. 2016, arXiv:1511.06434) learns to draw rings: two networks, two optimizers."""
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

SIZE, NOISE, WIDTH = 32, 32, 8                                         # of an image's side, the noise and the narrowest layer


class Generator(nn.Module):
    """Noise (N, NOISE, 1, 1)  ->  images (N, 1, 32, 32) in [-1, 1]"""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(NOISE, 4 * WIDTH, 4, 1, 0, bias=False), nn.BatchNorm2d(4 * WIDTH), nn.ReLU(True),
            nn.ConvTranspose2d(4 * WIDTH, 2 * WIDTH, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * WIDTH), nn.ReLU(True),
            nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, noise: Tensor) -> Tensor:
        return self.main(noise)


class Discriminator(nn.Module):
    """Images (N, 1, 32, 32)  ->  for each how real it looks, as a logit (N)"""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * WIDTH), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * WIDTH, 4 * WIDTH, 4, 2, 1, bias=False), nn.BatchNorm2d(4 * WIDTH), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4 * WIDTH, 1, 4, 1, 0, bias=False))

    def forward(self, images: Tensor) -> Tensor:
        return self.main(images).view(-1)


def weights_init(module: nn.Module) -> None:
    """The paper's initial weights."""
    name = module.__class__.__name__
    if name.find("Conv") != -1:
        nn.init.normal_(module.weight.data, 0.0, 0.02)
    elif name.find("BatchNorm") != -1:
        nn.init.normal_(module.weight.data, 1.0, 0.02)
        nn.init.constant_(module.bias.data, 0)


def rings(count: int) -> TensorDataset:
    """White rings of some radius on black."""
    grid = torch.linspace(-1, 1, SIZE)
    distance = torch.hypot(grid.view(-1, 1), grid)
    radius = torch.empty(count, 1, 1, 1).uniform_(0.4, 0.8)
    return TensorDataset(2 * torch.exp(-(distance - radius) ** 2 / 0.01) - 1)


def train(steps: int, report: bool = False) -> Iterator[float]:
    torch.manual_seed(0)
    batch_size = 16
    loader = DataLoader(rings(steps * batch_size), batch_size, shuffle=True)
    generator, discriminator = Generator(), Discriminator()
    generator.apply(weights_init)
    discriminator.apply(weights_init)
    criterion = nn.BCEWithLogitsLoss()
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for images, in loader:
        real, fake = torch.ones(len(images)), torch.zeros(len(images))

        discriminator.zero_grad()                                      # first the discriminator: log D(x) + log(1 - D(G(z)))
        loss_real = criterion(discriminator(images), real)
        loss_real.backward()
        drawn = generator(torch.randn(len(images), NOISE, 1, 1))
        loss_fake = criterion(discriminator(drawn.detach()), fake)
        loss_fake.backward()
        optimizer_d.step()

        generator.zero_grad()                                          # then the generator: log D(G(z))
        judged = discriminator(drawn)
        loss_g = criterion(judged, real)
        loss_g.backward()
        optimizer_g.step()
        if report:
            print(f"         drawn images look real to {judged.sigmoid().mean().item():.3f}")
        yield (loss_real + loss_fake + loss_g).item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20, report=True)):
        print(f"step {step:2d}  loss {loss:.4f}")
