"""Style transfer (Gatys et al. 2016, arXiv:1508.06576): an image takes the contents of one picture and the texture of another.

The features are those of a small fixed network with random weights, which suffices for simple textures (Ustyuzhaninov et al. 2017, arXiv:1606.00021).
Adam takes the first steps, then L-BFGS takes over.
"""
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE, STYLE_WEIGHT, VARIATION_WEIGHT = 32, 1.0, 0.05


class Features(nn.Module):
    """Three stages of fixed random filters; the features after each."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1, padding_mode="reflect") for a, b in ((3, 16), (16, 24), (24, 32))])
        for stage in self.stages:
            nn.init.orthogonal_(stage.weight, gain=1.5)
            nn.init.uniform_(stage.bias, -0.1, 0.1)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        self.requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        x, found = (image - self.mean) / self.std, []
        for stage in self.stages:
            x = F.softplus(stage(x))
            found.append(x)
            x = F.avg_pool2d(x, 2)
        return found


def gram(features: Tensor) -> Tensor:
    """How channels go together, wherever they do.    (N, C, H, W)  ->  (N, C, C)"""
    flat = features.flatten(2)
    return torch.bmm(flat, flat.transpose(1, 2)) / flat.shape[2]


def pictures() -> tuple[Tensor, Tensor]:
    """A disc on a gradient, and coloured stripes."""
    grid = torch.linspace(-1, 1, SIZE)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    disc = torch.sigmoid(20 * (0.5 - torch.sqrt(x * x + y * y)))
    content = torch.stack([disc, 0.5 + 0.3 * y, 0.5 - 0.3 * x])
    stripes = torch.sin(math.pi * 5 * (x + y)) * 0.5 + 0.5
    style = torch.stack([stripes, stripes * 0.5, 1 - stripes]) + 0.05 * torch.randn(3, SIZE, SIZE)
    return content.unsqueeze(0), style.clamp(0, 1).unsqueeze(0)


class StyleLoss(nn.Module):
    """How far an image is from the contents of one picture and from the style of another."""

    def __init__(self, content: Tensor, style: Tensor) -> None:
        super().__init__()
        self.features = Features()
        with torch.no_grad():
            self.register_buffer("content", self.features(content)[-1])
            for k, found in enumerate(self.features(style)):
                self.register_buffer(f"style{k}", gram(found))

    def forward(self, image: Tensor) -> Tensor:
        found = self.features(image)
        style = sum(F.mse_loss(gram(f), self.get_buffer(f"style{k}")) for k, f in enumerate(found))
        variation = image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean()
        return F.mse_loss(found[-1], self.content) + STYLE_WEIGHT * style + VARIATION_WEIGHT * variation


def train(steps: int) -> Iterator[float]:
    torch.manual_seed(0)
    content, style = pictures()
    criterion = StyleLoss(content, style)
    image = content.clone().requires_grad_()
    first = steps // 10
    adam = torch.optim.Adam([image], lr=0.02)
    for _ in range(first):
        adam.zero_grad()
        loss = criterion(image)
        loss.backward()
        adam.step()
        with torch.no_grad():
            image.clamp_(0, 1)
        yield loss.item()

    lbfgs = torch.optim.LBFGS([image], lr=0.15, max_iter=3, history_size=4)

    def closure() -> Tensor:
        lbfgs.zero_grad()
        loss = criterion(image)
        loss.backward()
        return loss

    for _ in range(steps - first):
        yield lbfgs.step(closure).item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
