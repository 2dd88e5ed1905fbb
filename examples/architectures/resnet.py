"""ResNet-18 (He et al. 2015, arXiv:1512.03385) learns to tell striped textures apart by their direction."""
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

CLASSES, SIZE = 4, 16


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around which the input passes, projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A stem, four stages of blocks that halve the image and double the channels, and a linear classifier."""

    def __init__(self, blocks: list[int], width: int, classes: int) -> None:
        super().__init__()
        self.inputs = width
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)    # small images: no 7x7 kernel with stride, no pooling
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self.stage(width, blocks[0], stride=1)
        self.layer2 = self.stage(2 * width, blocks[1], stride=2)
        self.layer3 = self.stage(4 * width, blocks[2], stride=2)
        self.layer4 = self.stage(8 * width, blocks[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if isinstance(module, BasicBlock):
                nn.init.zeros_(module.bn2.weight)                      # every block begins as the identity

    def stage(self, outputs: int, blocks: int, stride: int) -> nn.Sequential:
        layers = []
        for index in range(blocks):
            layers.append(BasicBlock(self.inputs, outputs, stride if index == 0 else 1))
            self.inputs = outputs
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def textures(count: int) -> TensorDataset:
    """Noisy stripes; the class is their direction."""
    labels = torch.randint(CLASSES, (count,))
    angle = labels * math.pi / CLASSES
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    along = angle.cos().view(-1, 1, 1) * x + angle.sin().view(-1, 1, 1) * y
    phase = 2 * torch.rand(count, 3, 1, 1)
    images = torch.sin(8 * along.unsqueeze(1) + phase) + 0.3 * torch.randn(count, 3, SIZE, SIZE)
    return TensorDataset(images, labels)


def train(steps: int) -> Iterator[float]:
    torch.manual_seed(0)
    batch_size = 16
    loader = DataLoader(textures(steps * batch_size // 2), batch_size, shuffle=True)
    model = ResNet([2, 2, 2, 2], width=8, classes=CLASSES)
    model.train()
    decayed = [p for p in model.parameters() if p.ndim > 1]            # no weight decay for biases and norms
    plain = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    step = 0
    while step < steps:
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            yield loss.item()
            step += 1
            if step == steps:
                break


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
