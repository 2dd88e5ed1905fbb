"""U-Net (Ronneberger et al. 2015, arXiv:1505.04597) learns to outline discs and squares in noisy pictures."""
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

CLASSES, SIZE, IGNORED = 3, 24, 255                                    # ground, disc, square


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Up(nn.Module):
    """Twice the size, joined with what the way down saw at that size.    x: (N, C, H, W), skip: (N, C/2, 2H, 2W)  ->  (N, C/2, 2H, 2W)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, channels // 2, kernel_size=2, stride=2)
        self.conv = double_convolution(channels, channels // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    """(N, inputs, H, W)  ->  scores (N, classes, H, W); H and W multiples of 8"""

    def __init__(self, inputs: int, classes: int, width: int) -> None:
        super().__init__()
        self.begin = double_convolution(inputs, width)
        self.down = nn.ModuleList([double_convolution(width << level, width << level + 1) for level in range(3)])
        self.up = nn.ModuleList([Up(width << level) for level in (3, 2, 1)])
        self.head = nn.Conv2d(width, classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.begin(x)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(F.max_pool2d(x, 2))
        for up in self.up:
            x = up(x, skips.pop())
        return self.head(x)


def dice_loss(scores: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """One minus the overlap of prediction and truth, averaged over the classes, where the truth is known."""
    share = scores.softmax(1) * valid.unsqueeze(1)
    truth = F.one_hot(target.masked_fill(~valid, 0), CLASSES).permute(0, 3, 1, 2) * valid.unsqueeze(1)
    both = (share * truth).sum((0, 2, 3))
    return 1 - (2 * both / (share.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1e-6)).mean()


def pictures(count: int) -> tuple[Tensor, Tensor]:
    """Pictures with a disc and a square each, and their classes by pixel; those at the borders of the picture are not known."""
    place = torch.empty(count, 4, 1, 1).uniform_(6, SIZE - 6)
    grid = torch.arange(SIZE)
    rows, columns = grid.view(1, -1, 1), grid.view(1, 1, -1)
    disc = (rows - place[:, 0]) ** 2 + (columns - place[:, 1]) ** 2 < 36
    square = torch.maximum((rows - place[:, 2]).abs(), (columns - place[:, 3]).abs()) < 5
    target = torch.zeros(count, SIZE, SIZE, dtype=torch.long)
    target[disc] = 1
    target[square] = 2
    images = torch.stack([disc * 1.0, square * 1.0, torch.zeros(count, SIZE, SIZE)], 1)
    images = images + 0.5 * torch.randn(count, 3, SIZE, SIZE)
    target[:, [0, -1]] = IGNORED
    target[:, :, [0, -1]] = IGNORED
    return images, target


@torch.no_grad()
def agreement(model: nn.Module, images: Tensor, target: Tensor) -> float:
    """The share of known pixels that get the right class."""
    model.eval()
    valid = target != IGNORED
    right = (model(images).argmax(1) == target) & valid
    model.train()
    return (right.sum() / valid.sum()).item()


def train(steps: int) -> Iterator[float]:
    torch.manual_seed(0)
    images, target = pictures(48)
    test_images, test_target = pictures(8)
    model = UNet(3, CLASSES, width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=1)
    for step in range(steps):
        batch = torch.randperm(len(images))[:8]
        scores = model(images[batch])
        loss = F.cross_entropy(scores, target[batch], ignore_index=IGNORED) + dice_loss(scores, target[batch], target[batch] != IGNORED)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 5 == 4:
            scheduler.step(agreement(model, test_images, test_target))
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
