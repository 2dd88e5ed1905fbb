"""A vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) learns which quarter of a picture is the brightest.

With a class token, learned positions, a running average of the weights, and activations that are computed again instead of kept.
"""
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint

CLASSES, SIZE, PATCH = 4, 16, 4


class Attention(nn.Module):
    """Self-attention with several heads.    (N, tokens, width)  ->  the same"""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        return self.out(seen.transpose(1, 2).reshape(n, tokens, width))


class Block(nn.Module):
    """Attention and a two-layer network, each normalised before and added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, dropout)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * width, width), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """(N, 3, SIZE, SIZE)  ->  (N, classes)"""

    def __init__(self, classes: int, width: int = 32, depth: int = 3, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, kernel_size=PATCH, stride=PATCH)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, (SIZE // PATCH) ** 2 + 1, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.apply(self.begin)

    @staticmethod
    def begin(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        x = self.dropout(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.training else block(x)
        return self.head(self.norm(x)[:, 0])


def pictures(count: int) -> tuple[Tensor, Tensor]:
    """Noise, brighter in one quarter, whose number is the label."""
    labels = torch.randint(CLASSES, (count,))
    quarters = F.one_hot(labels, CLASSES).float().view(count, 1, 2, 2)
    return 1.5 * F.interpolate(quarters, size=SIZE, mode="nearest") + torch.randn(count, 3, SIZE, SIZE), labels


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Matrices decay; biases, norms, positions and the class token do not."""
    plain = {name for name, p in model.named_parameters() if p.ndim == 1 or name in ("positions", "class_token")}
    return [{"params": [p for name, p in model.named_parameters() if name not in plain], "weight_decay": weight_decay},
            {"params": [p for name, p in model.named_parameters() if name in plain], "weight_decay": 0.0}]


def train(steps: int, report: bool = False) -> Iterator[float]:
    torch.manual_seed(0)
    images, labels = pictures(256)
    test_images, test_labels = pictures(64)
    model = ViT(CLASSES)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.05), lr=3e-3, betas=(0.9, 0.98))
    warm = steps // 5

    def rate(step: int) -> float:
        """Linear warm-up, then half a cosine."""
        return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))

    scheduler = LambdaLR(optimizer, rate)
    for step in range(steps):
        batch = torch.randint(len(images), (32,))
        loss = F.cross_entropy(model(images[batch]), labels[batch], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        averaged.update_parameters(model)
        if step % 5 == 4:
            averaged.eval()
            with torch.no_grad():
                share = (averaged(test_images).argmax(1) == test_labels).float().mean().item()
            if report:
                print(f"         accuracy of the averaged model {share:.4f}")
        yield loss.item()


if __name__ == "__main__":
    for step, loss in enumerate(train(20, report=True)):
        print(f"step {step:2d}  loss {loss:.4f}")
