"""VGG-11 (Simonyan & Zisserman 2015, arXiv:1409.1556) with dropout learns to tell how finely a cloth is chequered."""
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS = 64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"   # channels of each convolution; M: pooling
NARROWER, CLASSES, SIZE = 8, 4, 32


class VGG(nn.Module):
    """Eight 3x3 convolutions with five poolings between, then three dense layers: (N, 3, 32, 32) -> (N, classes)."""

    def __init__(self, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for layer in LAYERS:
            if layer == "M":
                layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            else:
                layers += [nn.Conv2d(channels, layer // NARROWER, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
                channels = layer // NARROWER
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels, 128), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(128, 128), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(128, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def weaves(count: int) -> tuple[Tensor, Tensor]:
    """Noisy chequered cloth; the label tells how large the squares are: 1, 2, 4 or 8 pixels."""
    labels = torch.arange(count) % CLASSES
    cell = (2 ** labels).view(-1, 1, 1)
    y = torch.arange(SIZE).view(1, -1, 1) + torch.randint(8, (count, 1, 1))
    x = torch.arange(SIZE).view(1, 1, -1) + torch.randint(8, (count, 1, 1))
    dark = ((y // cell + x // cell) % 2 == 0).unsqueeze(1)
    cloth = torch.where(dark, -1.0, 1.0)
    return cloth + 0.2 * torch.randn(count, 3, SIZE, SIZE), labels


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images that are recognised, without dropout."""
    model.eval()
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).sum()
    model.train()
    return right.item() / len(labels)


def train(steps: int, report: bool = False) -> Iterator[float]:
    torch.manual_seed(0)
    images, labels = weaves(160)
    test_images, test_labels = weaves(32)
    model = VGG(CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9, weight_decay=5e-4)
    order = torch.randperm(len(images))
    for step in range(steps):
        if step == steps // 4 * 3:
            for group in optimizer.param_groups:
                group["lr"] /= 10
        batch = order[torch.arange(step * 16, (step + 1) * 16) % len(order)]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=2.0)
        optimizer.step()
        if step % 5 == 4:
            share = accuracy(model, test_images, test_labels)
            if report:
                print(f"         accuracy {share:.4f}")
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20, report=True)):
        print(f"step {step:2d}  loss {loss:.4f}")
