"""A siamese network (Chopra et al. 2005; triplets as in FaceNet, arXiv:1503.03832) learns a space where signatures of one hand lie close together."""
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HANDS, SIZE, MARGIN = 8, 24, 0.5


class Encoder(nn.Module):
    """Images (N, 1, SIZE, SIZE)  ->  points (N, features) on the unit sphere"""

    def __init__(self, features: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2), nn.GroupNorm(2, 8), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.Tanh(), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
            nn.Dropout(0.1), nn.Linear(32 * 9, features))

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.layers(images), dim=1)


class Siamese(nn.Module):
    """One encoder for both of two images: the distance of their points (N), and the points."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, b = self.encoder(left), self.encoder(right)
        return F.pairwise_distance(a, b), a, b


def contrastive_loss(distance: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Pulls pairs of one hand together, and others apart until they are `margin` away (Hadsell et al. 2006)."""
    return (same * distance.pow(2) + (1 - same) * F.relu(margin - distance).pow(2)).mean()


class Signatures:
    """Each hand draws its own curve, each time a little different."""

    def __init__(self) -> None:
        self.shapes = torch.randn(HANDS, 2, 4)
        self.frequencies = torch.arange(1, 5).float()

    def draw(self, hands: Tensor) -> Tensor:
        """(N)  ->  images (N, 1, SIZE, SIZE)"""
        shapes = self.shapes[hands] + 0.15 * torch.randn(len(hands), 2, 4)
        time = torch.linspace(0, math.pi, 32)
        points = (shapes.unsqueeze(-1) * torch.sin(self.frequencies.unsqueeze(-1) * time)).sum(2)          # (N, 2, times)
        grid = torch.linspace(-3, 3, SIZE)
        rows = torch.exp(-10 * (grid.view(-1, 1) - points[:, :1]) ** 2)                                    # (N, SIZE, times)
        columns = torch.exp(-10 * (grid.view(-1, 1) - points[:, 1:]) ** 2)
        return torch.bmm(rows, columns.transpose(1, 2)).clamp(max=1).unsqueeze(1)

    def triplets(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Images of a hand, others of the same, and images of other hands."""
        hands = torch.randint(HANDS, (count,))
        others = (hands + torch.randint(1, HANDS, (count,))) % HANDS
        return self.draw(hands), self.draw(hands), self.draw(others)


def train(steps: int, report: bool = False) -> Iterator[float]:
    torch.manual_seed(0)
    signatures = Signatures()
    test = signatures.triplets(32)
    model = Siamese()
    triplet_loss = nn.TripletMarginLoss(margin=MARGIN)
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.97)
    for step in range(steps):
        anchor, positive, negative = signatures.triplets(16)
        near, a, p = model(anchor, positive)
        far, _, n = model(anchor, negative)
        distances, same = torch.cat([near, far]), torch.cat([torch.ones_like(near), torch.zeros_like(far)])
        loss = contrastive_loss(distances, same) + triplet_loss(a, p, n)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 5 == 4:
            model.eval()
            with torch.no_grad():
                right = (model(test[0], test[1])[0] < model(test[0], test[2])[0]).float().mean().item()
            model.train()
            if report:
                print(f"         the same hand is closer in {right:.3f} of the cases")
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20, report=True)):
        print(f"step {step:2d}  loss {loss:.4f}")
