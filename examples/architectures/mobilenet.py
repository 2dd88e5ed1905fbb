"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) learns the colours of balls."""
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

SIZE, CLASSES = 16, 4
STAGES = (1, 8, 1, 1), (6, 8, 2, 2), (6, 12, 2, 1)     # expansion, channels, blocks, stride of the first


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution that keeps the image's size but for the stride, and its normalisation."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]


class InvertedResidual(nn.Module):
    """Widen, look around each channel by itself, narrow again; the narrow ends are connected where their shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.connected = stride == 1 and inputs == outputs
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [*convolution(inputs, hidden, 1), nn.ReLU6(inplace=True)]
        layers += [*convolution(hidden, hidden, 3, stride, groups=hidden), nn.ReLU6(inplace=True)]
        layers += convolution(hidden, outputs, 1)                      # no activation: it would lose too much of so few channels
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.connected else self.conv(x)


class MobileNetV2(nn.Module):
    """(N, 3, H, W) -> (N, classes)"""

    def __init__(self, classes: int, last: int = 64) -> None:
        super().__init__()
        channels = 16
        layers = [*convolution(3, channels, 3, stride=2), nn.ReLU6(inplace=True)]
        for expansion, outputs, blocks, stride in STAGES:
            for index in range(blocks):
                layers.append(InvertedResidual(channels, outputs, stride if index == 0 else 1, expansion))
                channels = outputs
        layers += [*convolution(channels, last, 1), nn.ReLU6(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.1)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean([2, 3]))


def balls(count: int) -> TensorDataset:
    """A ball somewhere on a noisy ground; the label tells its colour: red, green, blue or white."""
    labels = torch.randint(CLASSES, (count,))
    colours = torch.cat([torch.eye(3), torch.full((1, 3), 0.6)])[labels]
    row, column = torch.empty(2, count, 1, 1, 1).uniform_(4, 12)
    grid = torch.arange(SIZE)
    distance = (grid.view(-1, 1) - row) ** 2 + (grid - column) ** 2
    images = colours.view(count, 3, 1, 1) * torch.exp(-distance / 10) + 0.1 * torch.randn(count, 3, SIZE, SIZE)
    return TensorDataset(images, labels)


def train(steps: int) -> Iterator[float]:
    torch.manual_seed(0)
    batch_size = 16
    loader = DataLoader(balls(steps * batch_size), batch_size, shuffle=True, drop_last=True)
    model = MobileNetV2(CLASSES)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=4e-5)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.04, total_steps=steps, pct_start=0.25)
    for images, labels in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
