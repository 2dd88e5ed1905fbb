"""What a large training run needs, on a small one: mixed precision, accumulated gradients, recomputed activations, averaged weights, a schedule.

A convolution and residual blocks tell rings from crosses.
"""
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

from collections.abc import Iterator

SIDE, MICRO_BATCH, ACCUMULATED = 16, 32, 2


class Figures(Dataset):
    """Noisy pictures (1, SIDE, SIDE) of a ring (0) or a cross (1), somewhere near the middle."""

    def __init__(self, count: int) -> None:
        rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        self.labels = torch.randint(2, (count,))
        middle = torch.randint(6, 10, (2, count, 1, 1))
        away = torch.stack([rows, columns]).unsqueeze(1) - middle
        ring = ((away ** 2).sum(dim=0).float().sqrt() - 4).abs() < 1
        cross = (away[0].abs() == away[1].abs()) & (away[0].abs() < 5)
        pictures = torch.where(self.labels.view(-1, 1, 1) == 0, ring, cross).float()
        self.pictures = (pictures + 0.6 * torch.randn(count, SIDE, SIDE)).unsqueeze(1)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.pictures[index], self.labels[index]


class Residual(nn.Module):
    """A perceptron on the normalised features, added to them: (N, W) -> (N, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Dropout(0.1), nn.Linear(2 * width, width))
        nn.init.normal_(self.layers[-1].weight, std=0.01)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class Classifier(nn.Module):
    """Scores of the two figures: (N, 1, SIDE, SIDE) -> (N, 2).  The blocks compute in bfloat16, and their activations again in the backward pass."""

    def __init__(self, channels: int = 8, width: int = 64, blocks: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, stride=2, padding=1), nn.GroupNorm(4, channels), nn.ReLU(), nn.MaxPool2d(2),
                                  nn.Flatten(), nn.Linear(channels * (SIDE // 4) ** 2, width))
        self.blocks = nn.ModuleList(Residual(width) for _ in range(blocks))
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for block in self.blocks:
                x = checkpoint(block, x, use_reentrant=False)
        return self.head(x.float())                          # the scores in single precision


def endless(loader: DataLoader) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches, epoch after epoch."""
    while True:
        yield from loader


def train(steps: int) -> Iterator[float]:
    """The loss of each step: the mean over its micro-batches."""
    torch.manual_seed(0)
    micro_batches = endless(DataLoader(Figures(256), batch_size=MICRO_BATCH, shuffle=True, drop_last=True))
    validation = Figures(64)
    model = Classifier()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        (decayed if name.endswith("weight") and parameter.dim() > 1 else others).append(parameter)
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 1e-3}, {"params": others}], lr=0.005, momentum=0.9, nesterov=True)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[5])
    for step in range(steps):
        total = torch.zeros(())
        for _ in range(ACCUMULATED):
            pictures, labels = next(micro_batches)
            loss = nn.functional.cross_entropy(model(pictures), labels) / ACCUMULATED
            loss.backward()
            total += loss.detach()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        averaged.update_parameters(model)
        yield total.item()
        if step % 5 == 0:
            averaged.eval()
            with torch.no_grad():
                right = (averaged(validation.pictures).argmax(dim=1) == validation.labels).float().mean()
            print(f"         right, by the averaged weights: {right.item():.4f}")


if __name__ == "__main__":
    for step, loss in enumerate(train(20)):
        print(f"step {step:2d}  loss {loss:.4f}")
